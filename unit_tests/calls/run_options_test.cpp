#include "fanout/run_options.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "fanout/execute.hpp"
#include "fanout/execute_with_pool.hpp"
#include "fanout/executor.hpp"
#include "fanout/first.hpp"
#include "fanout/for_each_range.hpp"
#include "fanout/invoke.hpp"
#include "fanout/map.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/settle.hpp"
#include "fanout/submit.hpp"
#include "support.hpp"

/// The options of a batch: their defaults, what they refuse, and that they are only read.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::execute_in_parallel_with_progress;
using fanout::max_concurrency;
using fanout::run_options;

/// What a call says that refuses a concurrency; the task must not run.
template <class Call>
std::string refusal(Call call) {
  std::atomic<int> ran = 0;
  const std::vector<std::function<void()>> tasks(3, [&] { ++ran; });
  const std::string message = message_of<std::invalid_argument>([&] { call(tasks); });
  EXPECT_EQ(ran, 0);
  return message;
}

std::string bounds(const std::string& rest) {
  return "concurrency must be between 1 and " + std::to_string(max_concurrency()) + rest;
}

TEST(RunOptions, AreAnAggregateWhoseDefaultsChangeNothing) {
  static_assert(std::is_aggregate_v<run_options>);
  const run_options defaults;
  EXPECT_TRUE(defaults.concurrency == fanout::automatic);
  EXPECT_EQ(defaults.on_error, fanout::error_policy::stop);
  EXPECT_FALSE(defaults.on_progress);
  EXPECT_EQ(defaults.progress_interval, 0ns);
  EXPECT_FALSE(defaults.stop.stop_possible());
}

TEST(RunOptions, CanBeUsedForManyBatches) {
  std::atomic<int> calls = 0;
  run_options options{.concurrency = 2};
  options.on_progress = [&](std::size_t, std::size_t) { ++calls; };
  for (int round = 0; round != 10; ++round) execute_in_parallel(std::vector(1, [] {}), options);
  EXPECT_EQ(calls, 10);
  EXPECT_TRUE(options.concurrency == 2);
}

// ── Concurrency ─────────────────────────────────────────────────────────────────────────────────────────────────

TEST(RunOptions, RefuseAConcurrencyOfZero) {
  const std::string expected = bounds(", automatic or unlimited; got 0");
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel(tasks, {.concurrency = 0}); }), expected);
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel(tasks, 0); }), expected);
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel_with_progress(tasks, 0, nullptr); }), expected);
  EXPECT_EQ(refusal([](auto& tasks) { fanout::settle_in_parallel(tasks, {.concurrency = 0}); }), expected);
  EXPECT_EQ(refusal([](auto& tasks) { fanout::executor().execute(tasks, {.concurrency = 0}); }), expected);
  EXPECT_EQ(refusal([](auto& tasks) {
              fanout::map_in_parallel(tasks, [](const auto& task) { task(); }, {.concurrency = 0});
            }),
            expected);
}

TEST(RunOptions, RefuseAConcurrencyAboveTheMost) {
  const std::size_t most = max_concurrency();
  const std::string got = std::to_string(most + 1);
  EXPECT_EQ(refusal([&](auto& tasks) { execute_in_parallel(tasks, most + 1); }),
            bounds(", automatic or unlimited; got " + got));
  EXPECT_NE(refusal([&](auto& tasks) { execute_in_parallel(tasks, fanout::unlimited - 1); }), "no exception");
  EXPECT_NE(refusal([&](auto& tasks) { execute_in_parallel(tasks, fanout::automatic + 1); }), "no exception");
}

TEST(RunOptions, RefuseANegativeConcurrencyAsItWasWritten) {
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel(tasks, -1); }), bounds(", automatic or unlimited; got -1"));
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel(tasks, std::int8_t{-2}); }),
            bounds(", automatic or unlimited; got -2"));
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel(tasks, std::numeric_limits<long long>::min()); }),
            bounds(", automatic or unlimited; got -9223372036854775808"));
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel_with_progress(tasks, -1, nullptr); }),
            bounds(", automatic or unlimited; got -1"));
}

// Hosts have their numbers of threads as int, and compute them from sizes.
TEST(RunOptions, TakeAConcurrencyOfAnyIntegerType) {
  int ran = 0;
  const auto with = [&ran](const run_options& options) {
    execute_in_parallel(std::vector(1, [&ran] { ++ran; }), options);
  };
  const int number = 2;
  with({.concurrency = number});
  with({.concurrency = static_cast<unsigned short>(number)});
  with({.concurrency = static_cast<long long>(number)});
  with({.concurrency = number > 1 ? 4 : fanout::automatic});
  EXPECT_EQ(ran, 4);
  const fanout::executor executor({.concurrency = number});
  EXPECT_EQ(executor.concurrency(), 2U);
}

TEST(RunOptions, RefuseWhatASubtractionBelowZeroBecomes) {
  const std::vector<int> nothing;
  EXPECT_EQ(refusal([&](auto& tasks) { execute_in_parallel(tasks, {.concurrency = nothing.size() - 1}); }),
            bounds(", automatic or unlimited; got 18446744073709551615, which is what -1 becomes in an unsigned type of "
                   "64 bits"));
  EXPECT_THROW(fanout::executor({.concurrency = nothing.size() - 2}), std::invalid_argument);
  EXPECT_EQ(refusal([](auto& tasks) { execute_in_parallel(tasks, {.concurrency = -1}); }),
            bounds(", automatic or unlimited; got -1"));
}

// The results of so many items would not even fit into a vector.
TEST(RunOptions, RefuseABadConcurrencyBeforeMemoryIsAllocated) {
  const auto same = [](long long index) { return index; };
  EXPECT_THROW(fanout::map_in_parallel(std::numeric_limits<long long>::max(), same, 0), std::invalid_argument);
  EXPECT_THROW(fanout::settle_map(std::numeric_limits<long long>::max(), same, -1), std::invalid_argument);
}

TEST(RunOptions, RefuseABadConcurrencyEvenForAnEmptyBatch) {
  EXPECT_THROW(execute_in_parallel(std::vector<std::function<void()>>(), 0), std::invalid_argument);
  EXPECT_THROW(fanout::executor().execute(std::vector<std::function<void()>>(), {.concurrency = 0}),
               std::invalid_argument);
}

TEST(RunOptions, RefuseABadConcurrencyEvenWhereTheStopWasRequested) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(execute_in_parallel(std::vector(1, [] {}), {.concurrency = 0, .stop = source.get_token()}),
               std::invalid_argument);
}

TEST(RunOptions, AreCheckedByEveryCall) {
  for (const run_options& wrong : {run_options{.concurrency = 0}, run_options{.task_timeout = 0ms}}) {
    std::atomic<int> ran = 0;
    const auto count = [&ran] { return ++ran; };
    const auto count_item = [&ran](int) { return ++ran; };
    const auto count_with_resource = [&ran](int&) { return ++ran; };
    const std::vector tasks(3, count);
    std::vector<int> output(3);
    fanout::resource_pool<int> pool([] { return 1; }, 2);
    EXPECT_THROW(execute_in_parallel(tasks, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::map_in_parallel(3, count_item, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::map_in_parallel_into(output, 3, count_item, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::settle_in_parallel(tasks, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::settle_map(3, count_item, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::invoke_in_parallel(wrong, count, count), std::invalid_argument);
    EXPECT_THROW(fanout::for_each_range(3, [&](int, int) { count(); }, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::first_in_parallel(tasks, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::execute_with_pool(std::vector(3, count_with_resource), pool, wrong), std::invalid_argument);
    EXPECT_THROW(fanout::map_with_pool(3, pool, [&](int, int&) { return count(); }, wrong), std::invalid_argument);
    EXPECT_THROW((void)fanout::submit(tasks, wrong), std::invalid_argument);
    EXPECT_THROW((void)fanout::submit_map(3, count_item, wrong), std::invalid_argument);
    EXPECT_EQ(ran, 0);
  }
}

TEST(RunOptions, AcceptEveryLimitBetweenTheBounds) {
  for (std::size_t limit = 1; limit <= max_concurrency(); limit += 16) {
    std::atomic<int> ran = 0;
    execute_in_parallel(std::vector(20, [&] { ++ran; }), limit);
    ASSERT_EQ(ran, 20) << "at limit " << limit;
  }
}

TEST(RunOptions, AcceptTheLargestLimit) {
  std::atomic<int> ran = 0;
  execute_in_parallel(std::vector(1'000, [&] { ++ran; }), max_concurrency());
  EXPECT_EQ(ran, 1'000);
}

TEST(RunOptions, AcceptUnlimitedForMoreTasksThanThereCanBeThreads) {
  std::atomic<int> ran = 0;
  execute_in_parallel(std::vector(1'000, [&] { ++ran; }), fanout::unlimited);
  EXPECT_EQ(ran, 1'000);
}

// ── Progress interval ───────────────────────────────────────────────────────────────────────────────────────────

int progress_calls(std::chrono::nanoseconds interval, std::chrono::microseconds each_task) {
  int calls = 0;  // no two calls overlap
  run_options options{.concurrency = 2, .progress_interval = interval};
  options.on_progress = [&](std::size_t, std::size_t) { ++calls; };
  execute_in_parallel(std::vector(50, [=] { std::this_thread::sleep_for(each_task); }), options);
  return calls;
}

TEST(RunOptions, ReportOnlyTheEndWhereTheIntervalIsLong) { EXPECT_EQ(progress_calls(1h, 100us), 1); }

TEST(RunOptions, ReportOnlyTheEndWhereTheIntervalIsTheLongestThereIs) {
  EXPECT_EQ(progress_calls(std::chrono::nanoseconds::max(), 100us), 1);
}

TEST(RunOptions, ReportEveryNowAndThenWhereTheIntervalIsShort) {
  const auto begin = std::chrono::steady_clock::now();
  const int calls = progress_calls(10ms, 2'000us);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(calls, 2);
  EXPECT_LE(calls, took / 10ms + 1);
}

TEST(RunOptions, TakeANegativeIntervalAsNone) { EXPECT_GE(progress_calls(-1s, 10us), 2); }

}  // namespace
