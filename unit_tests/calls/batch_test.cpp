#include "fanout/batch.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/submit.hpp"
#include "support.hpp"

/// What a handle does: asking, waiting, fetching, moving, dropping.
namespace {

using namespace support;
using fanout::submit_map;

/// A batch of one task that waits until it is told to go on.
struct held_batch {
  event started;
  event go_on;
  fanout::batch<int> handle = submit_map(1, [this](int) {
    started.set();
    EXPECT_TRUE(go_on.wait());
    return 7;
  });

  void wait_until_it_runs() const { ASSERT_TRUE(started.wait()); }
};

TEST(Batch, IsReadyWhenItHasEnded) {
  held_batch held;
  held.wait_until_it_runs();
  EXPECT_FALSE(held.handle.ready());
  held.go_on.set();
  held.handle.wait();
  EXPECT_TRUE(held.handle.ready());
  EXPECT_EQ(held.handle.get().front(), 7);
  EXPECT_TRUE(held.handle.ready());
}

TEST(Batch, IsReadyHoweverItHasEnded) {
  auto failed = submit_map(1, [](int) { throw std::runtime_error("failed"); });
  failed.wait();
  EXPECT_TRUE(failed.ready());
  EXPECT_THROW(failed.get(), fanout::task_error);

  std::stop_source stop;
  stop.request_stop();
  auto stopped = submit_map(1, [](int) {}, {.stop = stop.get_token()});
  stopped.wait();
  EXPECT_TRUE(stopped.ready());
  EXPECT_THROW(stopped.get(), fanout::operation_cancelled);
}

TEST(Batch, TimedWaitsEndAtTheirLimit) {
  held_batch held;
  held.wait_until_it_runs();
  EXPECT_FALSE(held.handle.wait_for(1ms));
  EXPECT_FALSE(held.handle.wait_for(-1h));
  EXPECT_FALSE(held.handle.wait_for(std::chrono::duration<double>(1e-3)));
  EXPECT_FALSE(held.handle.wait_until(std::chrono::steady_clock::now() + 1ms));
  EXPECT_FALSE(held.handle.wait_until(std::chrono::system_clock::now() - 24h));
  held.go_on.set();
  EXPECT_TRUE(held.handle.wait_for(std::chrono::hours::max()));
  EXPECT_TRUE(held.handle.wait_until(std::chrono::system_clock::time_point::max()));
  EXPECT_TRUE(held.handle.wait_for(0s));
}

TEST(Batch, TimedWaitsRunNothing) {
  const auto here = std::this_thread::get_id();
  for (int i = 0; i != 200; ++i) {
    auto batch = submit_map(1, [](int) { return std::this_thread::get_id(); });
    ASSERT_TRUE(batch.wait_for(patience));
    ASSERT_NE(batch.get().front(), here);
  }
}

TEST(Batch, SeveralThreadsMayWait) {
  held_batch held;
  std::atomic<int> saw_the_end = 0;
  std::vector<std::jthread> waiting;
  for (int i = 0; i != 4; ++i)
    waiting.emplace_back([&, i] {
      i % 2 == 0 ? held.handle.wait() : static_cast<void>(held.handle.wait_for(patience));
      if (held.handle.ready()) ++saw_the_end;
    });
  held.wait_until_it_runs();
  held.go_on.set();
  waiting.clear();
  EXPECT_EQ(saw_the_end, 4);
}

TEST(Batch, GivesItsResultsOnce) {
  auto batch = submit_map(2, [](int i) { return i; });
  EXPECT_EQ(batch.get().size(), 2U);
  EXPECT_THROW(batch.get(), std::logic_error);
  auto failed = submit_map(1, [](int) { throw std::runtime_error("failed"); });
  EXPECT_THROW(failed.get(), fanout::task_error);
  EXPECT_THROW(failed.get(), std::logic_error);
  batch.wait();
  EXPECT_TRUE(batch.wait_for(0s));
  batch.request_stop();
  EXPECT_EQ(batch.progress().completed, 2U);
}

TEST(Batch, CountsAddUp) {
  auto batch = submit_map(100, [](int i) { i % 10 == 0 ? throw std::runtime_error("every tenth") : void(); },
                          {.on_error = fanout::error_policy::run_all});
  batch.wait();
  const fanout::batch_progress at_end = batch.progress();
  EXPECT_EQ(at_end.started, 100U);
  EXPECT_EQ(at_end.completed, 100U);
  EXPECT_EQ(at_end.failed, 10U);
  EXPECT_EQ(at_end.total, 100U);
}

TEST(Batch, CountsOnlyGrowAndAgreeAtEveryMoment) {
  auto batch = submit_map(200'000, [](int) {}, 3);
  fanout::batch_progress before;
  for (bool over = false; !over;) {
    over = batch.ready();
    const fanout::batch_progress now = batch.progress();
    ASSERT_LE(now.failed, now.completed);
    ASSERT_LE(now.completed, now.started);
    ASSERT_LE(now.started, now.total);
    ASSERT_GE(now.started, before.started);
    ASSERT_GE(now.completed, before.completed);
    before = now;
  }
  EXPECT_EQ(before.completed, 200'000U);
}

TEST(Batch, CountsTheTasksThatRunNow) {
  rendezvous all_started(3);
  event go_on;
  auto batch = submit_map(5, [&](int) {
    if (!go_on.happened()) (void)all_started.meet();
    EXPECT_TRUE(go_on.wait());
  }, 2);
  ASSERT_TRUE(all_started.meet());
  const fanout::batch_progress now = batch.progress();
  EXPECT_EQ(now.started, 2U);
  EXPECT_EQ(now.completed, 0U);
  EXPECT_EQ(now.total, 5U);
  go_on.set();
  batch.get();
}

TEST(Batch, MayBeMoved) {
  held_batch held;
  fanout::batch<int> other = std::move(held.handle);
  EXPECT_TRUE(held.handle.ready());  // NOLINT(bugprone-use-after-move): what the documentation says of it
  EXPECT_THROW(held.handle.get(), std::logic_error);
  EXPECT_EQ(held.handle.progress().total, 0U);
  held.handle.wait();
  held.handle.request_stop();
  held.go_on.set();
  EXPECT_EQ(other.get().front(), 7);
}

TEST(Batch, StopsTheBatchThatAnAssignmentReplaces) {
  event started;
  std::atomic<bool> stopped = false;
  fanout::batch<void> batch = submit_map(1, [&](int, const fanout::task_context& context) {
    started.set();
    while (!context.stop_requested()) std::this_thread::yield();
    stopped = true;
  });
  ASSERT_TRUE(started.wait());
  batch = submit_map(1, [](int) {});
  EXPECT_TRUE(stopped);
  batch.get();
}

TEST(Batch, StopsAndJoinsWhenItIsDestroyed) {
  std::atomic<int> started = 0;
  std::atomic<int> ended = 0;
  {
    const auto batch = submit_map(1000, [&](int, const fanout::task_context& context) {
      ++started;
      while (!context.stop_requested()) std::this_thread::yield();
      ++ended;
    }, 2);
    while (started == 0) std::this_thread::yield();
  }
  EXPECT_EQ(started, ended);
  EXPECT_LE(started, 2);
}

TEST(Batch, MayBeDestroyedInAnotherThreadsTaskInAnyOrder) {
  std::vector<std::optional<fanout::batch<int>>> handles;
  for (int i = 0; i != 50; ++i) handles.emplace_back(submit_map(3, [](int k) { return k; }));
  auto destroying = submit_map(50, [&](int i) { handles[static_cast<std::size_t>((i * 7) % 50)].reset(); }, 4);
  destroying.get();
  for (const auto& each : handles) EXPECT_FALSE(each.has_value());
}

TEST(Batch, CannotBeAwaitedByItsOwnTask) {
  std::optional<fanout::batch<void>> batch;
  event made;
  batch.emplace(submit_map(1, [&](int) {
    ASSERT_TRUE(made.wait());
    batch->wait();
  }));
  made.set();
  const auto error = thrown_by<fanout::task_error>([&] { batch->get(); });
  EXPECT_THROW(error.rethrow_nested(), std::logic_error);
}

using BatchDeathTest = testing::Test;
TEST(BatchDeathTest, CannotBeDestroyedByItsOwnTask) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::optional<fanout::batch<void>> batch;
        event made;
        batch.emplace(submit_map(1, [&](int) {
          (void)made.wait();
          batch.reset();
        }));
        made.set();
        std::this_thread::sleep_for(patience);
      },
      "destroyed by one of the batch's own tasks");
}

std::unique_ptr<fanout::batch<void>> until_the_process_ends;

TEST(Batch, MayLiveUntilTheProcessEnds) {
  until_the_process_ends =
      std::make_unique<fanout::batch<void>>(submit_map(1'000'000'000, [](int) { std::this_thread::sleep_for(1ms); }));
}

/// An owner of a handle whose batch keeps it alive.
struct owner {
  explicit owner(std::shared_ptr<event> ended) : destroyed(std::move(ended)) {}
  owner(const owner&) = delete;
  owner& operator=(const owner&) = delete;
  ~owner() {
    handle.reset();
    destroyed->set();
  }
  const std::shared_ptr<event> destroyed;
  std::optional<fanout::batch<std::vector<int>>> handle;
};

enum class kept_by { mapper, item, callback };

class OwnerOfAHandle : public testing::TestWithParam<std::tuple<kept_by, bool>> {};

TEST_P(OwnerOfAHandle, MayBeDestroyedByTheBatch) {
  const auto [by, stopped] = GetParam();
  for (int i = 0; i != 50; ++i) {
    const auto destroyed = std::make_shared<event>();  // `set` may still use it when `wait` has returned
    event go_on;
    std::stop_source stop;
    {
      const auto kept = std::make_shared<owner>(destroyed);
      fanout::run_options options{.concurrency = 2, .stop = stop.get_token()};
      if (by == kept_by::callback) options.on_progress = [kept](std::size_t, std::size_t) {};
      std::vector<std::shared_ptr<owner>> items(3);
      if (by == kept_by::item) items[1] = kept;
      const auto mapper = [&go_on, kept = by == kept_by::mapper ? kept : nullptr](const std::shared_ptr<owner>&) {
        (void)go_on.wait();
        return std::vector<int>(100);
      };
      kept->handle.emplace(submit_map(std::move(items), mapper, options));
    }
    if (stopped) stop.request_stop();
    go_on.set();
    ASSERT_TRUE(destroyed->wait());
  }
}

INSTANTIATE_TEST_SUITE_P(All, OwnerOfAHandle,
                         testing::Combine(testing::Values(kept_by::mapper, kept_by::item, kept_by::callback),
                                          testing::Bool()));

}  // namespace
