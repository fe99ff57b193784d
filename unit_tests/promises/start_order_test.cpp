#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 11: tasks start in input order, and at concurrency 1 on the calling thread.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;
using fanout::task_context;

/// Writes down in which order tasks start.
class start_list {
 public:
  explicit start_list(std::size_t tasks) : order_(tasks) {}
  void note(std::size_t index) { order_[started_.fetch_add(1)] = index; }

  bool in_order() const { return std::ranges::is_sorted(order_); }

  /// How many tasks that come earlier in the input were missing when a task started, at worst. A thread that has
  /// taken a task may be held up before it notes the start: so one less than the limit is as good as order.
  std::size_t most_overtaken() const {
    std::vector<bool> noted(order_.size() + 1);
    std::size_t first_missing = 0;
    std::size_t worst = 0;
    for (const std::size_t index : order_) {
      noted[index] = true;
      const auto missing =
          std::count(noted.begin() + static_cast<std::ptrdiff_t>(first_missing),
                     noted.begin() + static_cast<std::ptrdiff_t>(std::max(index, first_missing)), false);
      worst = std::max(worst, static_cast<std::size_t>(missing));
      while (noted[first_missing]) ++first_missing;
    }
    return worst;
  }

 private:
  std::vector<std::size_t> order_;
  std::atomic<std::size_t> started_{0};
};

class Promise11StartOrder : public testing::TestWithParam<std::size_t> {};

TEST_P(Promise11StartOrder, IsTheInputOrderForTasksOfMoreThanATenthOfAMillisecond) {
  const std::size_t limit = GetParam();
  start_list starts(400);
  execute_in_parallel(std::vector(400,
                                  [&](const task_context& context) {
                                    starts.note(context.index());
                                    compute_for(150us);
                                  }),
                      limit);
  EXPECT_LT(starts.most_overtaken(), limit);
}

TEST_P(Promise11StartOrder, IsTheInputOrderForSleepingTasksOfAnExecutor) {
  executor some({.concurrency = GetParam()});
  start_list starts(200);
  some.execute(std::vector(200, [&](const task_context& context) {
    starts.note(context.index());
    std::this_thread::sleep_for(100us);
  }));
  EXPECT_LT(starts.most_overtaken(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(AtLimit, Promise11StartOrder, testing::Values(1, 2, 3, 8));

// 50, 200, 50, 50, 50 ms at limit 2: a fixed share for each runner would put a short task behind the long one.
TEST(Promise11StartOrderOfABatch, LetsNothingWaitBehindALongTask) {
  std::atomic<int> short_ones_ended = 0;
  event all_short_ones_ended;
  const auto short_one = [&] {
    std::this_thread::sleep_for(2ms);
    if (++short_ones_ended == 4) all_short_ones_ended.set();
  };
  const std::vector<std::function<void()>> tasks{short_one, [&] { EXPECT_TRUE(all_short_ones_ended.wait()); },
                                                 short_one, short_one, short_one};
  execute_in_parallel(tasks, 2);
}

// ── Concurrency 1 ───────────────────────────────────────────────────────────────────────────────────────────────

/// Runs a batch in some way that allows one task at a time, and sees where and in which order the tasks run.
template <class Run>
void expect_index_order_on_this_thread(Run run) {
  const auto caller = std::this_thread::get_id();
  std::size_t next = 0;  // no other thread may touch it
  int elsewhere = 0;
  run(std::vector<std::function<void(const task_context&)>>(50'000, [&](const task_context& context) {
    if (std::this_thread::get_id() != caller || context.index() != next++) ++elsewhere;
  }));
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(next, 50'000U);
}

TEST(Promise11StartOrderAtOne, IsTheIndexOrderOnTheCallingThread) {
  expect_index_order_on_this_thread([](auto tasks) { execute_in_parallel(tasks, 1); });
}

TEST(Promise11StartOrderAtOne, HoldsForAnExecutorOfOne) {
  executor one({.concurrency = 1});
  expect_index_order_on_this_thread([&](auto tasks) { one.execute(tasks); });
  expect_index_order_on_this_thread([&](auto tasks) { one.settle(tasks, {.concurrency = 7}); });
}

TEST(Promise11StartOrderAtOne, HoldsForABatchOfOneOnALargerExecutor) {
  executor four({.concurrency = 4});
  expect_index_order_on_this_thread([&](auto tasks) { four.execute(tasks, {.concurrency = 1}); });
}

TEST(Promise11StartOrderAtOne, HoldsWithProgress) {
  run_options options{.concurrency = 1, .progress_interval = 1ms};
  const auto caller = std::this_thread::get_id();
  options.on_progress = [&](std::size_t, std::size_t) { EXPECT_EQ(std::this_thread::get_id(), caller); };
  expect_index_order_on_this_thread([&](auto tasks) { execute_in_parallel(tasks, options); });
}

TEST(Promise11StartOrderAtOne, HoldsInsideATaskOfALargerBatch) {
  execute_in_parallel(
      std::vector(4, [] { expect_index_order_on_this_thread([](auto tasks) { execute_in_parallel(tasks, 1); }); }),
      2);
}

TEST(Promise11StartOrderAtOne, HoldsForEachOfManyCallersOfAnExecutorOfOne) {
  executor one({.concurrency = 1});
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != 5; ++round)
      expect_index_order_on_this_thread([&](auto tasks) { one.execute(tasks); });
  });
}

TEST(Promise11StartOrderAtOne, HoldsWhereATaskCallsTheExecutorAgain) {
  executor one({.concurrency = 1});
  std::vector<int> order;
  one.execute(std::vector(2, [&](const task_context& outer) {
    order.push_back(static_cast<int>(outer.index()));
    one.execute(
        std::vector(2, [&](const task_context& inner) { order.push_back(10 + static_cast<int>(inner.index())); }));
  }));
  EXPECT_EQ(order, (std::vector{0, 10, 11, 1, 10, 11}));
}

}  // namespace
