#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// What is counted and told of unequal tasks that end without having been called.
namespace {

using namespace support;
using namespace std::chrono_literals;

// A batch never counts more ends than starts.
TEST(UnequalEnds, CountATaskThatIsRefusedAsStarted) {
  const fanout::admission never([](std::size_t) { return fanout::admission_answer::never("no"); });
  fanout::batch<void> handle = fanout::submit_map(4, [](int) {},
      {.concurrency = 2, .on_error = fanout::error_policy::run_all, .admit = {never}});
  handle.wait();
  const fanout::batch_progress counts = handle.progress();
  EXPECT_EQ(counts.started, 4U);
  EXPECT_EQ(counts.completed, 4U);
  EXPECT_EQ(counts.failed, 4U);
  EXPECT_THROW(handle.get(), fanout::aggregate_error);
}

// The failure of the refusal, and not that of the attempt before once more.
TEST(UnequalEnds, TellOnceThatATaskWasRefusedWhenTheBatchWasStopped) {
  std::stop_source stop;
  int asked = 0;
  const fanout::admission once([&](std::size_t) {
    if (++asked == 1) return fanout::admission_answer::yes();
    stop.request_stop();
    return fanout::admission_answer::never("once is enough");
  });
  const auto error = thrown_by<fanout::operation_cancelled>([&] {
    fanout::map_in_parallel(2, [](int) { throw std::runtime_error("at first"); },
        {.concurrency = 1, .on_error = fanout::error_policy::run_all, .stop = stop.get_token(), .admit = {once},
         .retry = {.again = 1}});
  });
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(error.completed(), 1U);
  ASSERT_EQ(error.errors().size(), 1U);
  EXPECT_THROW(error.errors()[0].rethrow_nested(), fanout::task_refused);
}

using pooled_tasks = std::vector<std::function<void(int&)>>;

TEST(UnequalEnds, DoNotCountATaskThatWaitedForAResourceWhenTheBatchWasStopped) {
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  const fanout::lease<int> held = pool.acquire();
  std::stop_source stop;
  std::atomic<int> ran{0};
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(50ms);  // mostly, the task waits by then
    stop.request_stop();
  });
  const pooled_tasks tasks(3, [&](int&) { ++ran; });
  const auto error = thrown_by<fanout::operation_cancelled>([&] {
    fanout::execute_with_pool(tasks, pool, {.stop = stop.get_token(), .priority = [](std::size_t) { return 0; }});
  });
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(error.completed(), 0U);
}

TEST(UnequalEnds, TellTheFailureBeforeIfATaskWaitedForAResourceWhenTheBatchWasStopped) {
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  std::optional<fanout::lease<int>> held;
  std::stop_source stop;
  std::jthread stopper;
  const auto take_the_resource = [&](const std::exception_ptr&) {
    held = pool.acquire();
    stopper = std::jthread([&] {
      std::this_thread::sleep_for(50ms);
      stop.request_stop();
    });
    return true;
  };
  const pooled_tasks tasks(1, [](int&) { throw std::runtime_error("at first"); });
  const auto error = thrown_by<fanout::operation_cancelled>([&] {
    fanout::execute_with_pool(tasks, pool,
                              {.on_error = fanout::error_policy::run_all, .stop = stop.get_token(),
                               .retry = {.again = 1, .when = take_the_resource}});
  });
  EXPECT_EQ(error.completed(), 1U);
  ASSERT_EQ(error.errors().size(), 1U);
  EXPECT_EQ(error.errors()[0].attempts(), 1U);
}

}  // namespace
