#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Handles that are used at the moments that one does not think of, by the threads that one does not think of.
namespace {

using namespace support;
using fanout::batch;
using fanout::submit_map;

/// The batches that a test submits in turn: free ones, and on an executor whose place is taken or free.
class submitting {
 public:
  batch<int> submit(int number, const fanout::run_options& options = {}) {
    const auto mapper = [this](int k) {
      running_.fetch_add(1);
      running_.fetch_sub(1);
      return k;
    };
    return number % 3 == 0   ? submit_map(5, mapper, {.concurrency = 2, .stop = options.stop})
           : number % 3 == 1 ? one_.submit_map(5, mapper, options)
                             : automatic_.submit_map(5, mapper, options);
  }
  int running() const { return running_; }

 private:
  fanout::executor one_{{.concurrency = 1}};
  fanout::executor automatic_;
  std::atomic<int> running_ = 0;
};

void expect_all_or_a_stop(batch<int>& handle) {
  try {
    EXPECT_EQ(handle.get().size(), 5U);
  } catch (const fanout::operation_cancelled& stopped) {
    EXPECT_EQ(stopped.completed(), handle.progress().completed);
  }
}

TEST(OddMoments, AStopWhileSubmitIsOnItsWay) {
  const watchdog guard;
  submitting all;
  for (int i = 0; i != 3'000; ++i) {
    std::stop_source stop;
    std::atomic<bool> goes = false;
    const std::jthread stopping([&] {
      while (!goes) std::this_thread::yield();
      stop.request_stop();
    });
    goes = true;
    for (int k = 0; k != i % 50; ++k) std::atomic_signal_fence(std::memory_order_seq_cst);
    auto handle = all.submit(i, {.stop = stop.get_token()});
    expect_all_or_a_stop(handle);
  }
}

TEST(OddMoments, AHandleEndsWhileAnotherThreadRequestsItsStop) {
  const watchdog guard;
  submitting all;
  for (int i = 0; i != 3'000; ++i) {
    std::stop_source stop;
    rendezvous both(2);
    std::optional<batch<int>> handle = all.submit(i, {.stop = stop.get_token()});
    const std::jthread stopping([&] {
      EXPECT_TRUE(both.meet());
      stop.request_stop();
    });
    EXPECT_TRUE(both.meet());
    handle.reset();
    ASSERT_EQ(all.running(), 0);
  }
}

TEST(OddMoments, ManyHandlesEndByOneStop) {
  const watchdog guard;
  submitting all;
  for (int round = 0; round != 20; ++round) {
    std::stop_source stop;
    std::vector<batch<int>> handles;
    for (int i = 0; i != 200; ++i) handles.push_back(all.submit(i, {.stop = stop.get_token()}));
    const std::jthread stopping([&] { stop.request_stop(); });
    for (auto& each : handles) expect_all_or_a_stop(each);
  }
}

TEST(OddMoments, TheProgressCallbackOfABatchEndsAnother) {
  const watchdog guard;
  submitting all;
  for (int i = 0; i != 300; ++i) {
    std::optional<batch<int>> other = all.submit(i);
    fanout::run_options options{.concurrency = 2};
    options.on_progress = [&](std::size_t, std::size_t) { other.reset(); };
    EXPECT_EQ(submit_map(
                  10, [](int k) { return k; }, options)
                  .get()
                  .size(),
              10U);
    EXPECT_FALSE(other.has_value());
  }
}

/// A batch whose callback does something with the handle of the batch itself: in the first call, or in the last one, which
/// comes when the last task has ended.
class callback_of_itself {
 public:
  template <class Use>
  callback_of_itself(bool in_the_last, Use use) {
    fanout::run_options options{.concurrency = 1};
    options.on_progress = [this, in_the_last, use](std::size_t completed, std::size_t total) {
      ASSERT_TRUE(made_.wait());
      if (in_the_last == (completed == total)) use(handle_);
    };
    if (in_the_last) options.progress_interval = 1h;  // there is only that call
    handle_.emplace(submit_map(
        3, [](int) {}, options));
    made_.set();
  }
  batch<void>& handle() { return *handle_; }

 private:
  event made_;
  std::optional<batch<void>> handle_;
};

TEST(OddMoments, TheProgressCallbackCannotWaitForItsOwnBatch) {
  const watchdog guard;
  for (const bool in_the_last : {false, true}) {
    callback_of_itself batch_of(in_the_last, [](const auto& itself) { itself->wait(); });
    ASSERT_TRUE(batch_of.handle().wait_for(patience)) << in_the_last;
    EXPECT_THROW(batch_of.handle().get(), std::logic_error) << in_the_last;
  }
}

TEST(OddMoments, TheProgressCallbackMayStopItsOwnBatch) {
  for (const bool in_the_last : {false, true}) {
    callback_of_itself batch_of(in_the_last, [](auto& itself) { itself->request_stop(); });
    batch_of.handle().wait();
    EXPECT_EQ(batch_of.handle().progress().completed, in_the_last ? 3U : 1U);
  }
}

using OddMomentsDeathTest = testing::Test;
TEST(OddMomentsDeathTest, TheProgressCallbackCannotDestroyItsOwnHandle) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const bool in_the_last : {false, true}) {
    EXPECT_DEATH(
        {
          callback_of_itself batch_of(in_the_last, [](auto& itself) { itself.reset(); });
          std::this_thread::sleep_for(patience);
        },
        "destroyed by one of the batch's own tasks or callbacks");
  }
}

TEST(OddMoments, TasksSettleAndUsePools) {
  const watchdog guard;
  const fanout::executor two({.concurrency = 2});
  fanout::resource_pool<int> pool([] { return 1; }, 2);
  std::vector<batch<int>> handles;
  for (int i = 0; i != 20; ++i) {
    handles.push_back(two.submit_map(3, [&](int k) {
      int sum = 0;
      const auto even = [](int m) { return m % 2 == 0 ? m : throw std::runtime_error("odd"); };
      for (const auto& each : two.settle_map(3, even)) sum += each.has_value() ? *each : 100;
      const std::vector<int> lent =
          fanout::map_with_pool(std::vector{1, 2, 3}, pool, [](int item, int& resource) { return item * resource; });
      return k + sum + lent.back();
    }));
  }
  for (auto& each : handles) EXPECT_EQ(each.get(), (std::vector{105, 106, 107}));
}

/// A result that cannot be moved out of its task.
struct sticky {
  explicit sticky(int made_of) : number(made_of) {}
  sticky(sticky&& other) : number(other.number) {
    if (number == 2) throw std::runtime_error("stuck");
  }
  sticky& operator=(sticky&&) = delete;
  ~sticky() = default;
  int number;
};

TEST(OddMoments, AMoveOfAResultThatThrowsFailsAsInACall) {
  // Named, so that it must be moved, unless the compiler leaves out the move: then there is nothing to throw.
  const auto mapper = [](int k) {
    sticky made(k);
    return sticky(std::move(made));
  };
  const auto called = thrown_by<fanout::task_error>([&] { static_cast<void>(fanout::map_in_parallel(5, mapper)); });
  auto handle = submit_map(5, mapper);
  const auto got = thrown_by<fanout::task_error>([&] { static_cast<void>(handle.get()); });
  EXPECT_EQ(got.index(), called.index());
  EXPECT_EQ(got.index(), 2U);
  EXPECT_GE(handle.progress().failed, 1U);
}

TEST(OddMoments, AnExecutorMayEndAsSoonAsAnyThreadHasSeenTheEnd) {
  const watchdog guard;
  for (int i = 0; i != 1'500; ++i) {
    auto executor = std::make_unique<fanout::executor>(fanout::executor_options{.concurrency = i % 2 == 0 ? 1U : 2U});
    auto first = executor->submit_map(2, [](int k) { return k; });
    auto second = executor->submit_map(2, [](int k) { return k; });
    std::jthread waiting([&] { first.wait(); });
    const auto see_the_end = [i](batch<int>& each) {
      if (i % 3 == 0) return each.wait();
      if (i % 3 == 1) return static_cast<void>(each.get());
      while (!each.ready()) std::this_thread::yield();
    };
    see_the_end(second);
    see_the_end(first);
    executor.reset();  // aborts if something still runs on it
    waiting.join();
    EXPECT_TRUE(first.ready() && second.ready());
  }
}

}  // namespace
