#include "fanout/execute_with_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <future>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "calls/with_pool.hpp"
#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// Batches on a pool that are stopped.
namespace {

using namespace support;
using fanout::error_policy;
using fanout::execute_with_pool;
using fanout::executor;
using fanout::lease;
using fanout::map_with_pool;
using fanout::operation_cancelled;
using fanout::resource_pool;
using fanout::run_options;
using fanout::task_context;

TEST_F(ExecuteWithPool, TakesNoLeaseWhenTheStopWasRequestedBefore) {
  resource_pool<int> pool(zero, 2, {.lazy = true});
  executor two({.concurrency = 2});
  const std::vector tasks(10, [](int&) { ADD_FAILURE() << "started"; });
  const auto fail = [](int, int&) { ADD_FAILURE() << "started"; };
  for (const auto& call :
       std::vector<action>{[&] { execute_with_pool(tasks, pool, {.stop = requested()}); },
                           [&] { two.execute_with_pool(tasks, pool, {.stop = requested()}); },
                           [&] { map_with_pool(numbers(10), pool, fail, {.stop = requested()}); },
                           [&] { two.map_with_pool(numbers(10), pool, fail, {.stop = requested()}); }}) {
    const auto error = caught<operation_cancelled>(call);
    EXPECT_EQ(error.completed(), 0U);
    EXPECT_EQ(error.total(), 10U);
  }
  EXPECT_EQ(pool.statistics().acquired_total, 0U);
  EXPECT_EQ(pool.statistics().created, 0U);
}

TEST_F(ExecuteWithPool, IsCancelledWhileItWaitsForLeasesThatStayOutside) {
  resource_pool<int> pool(zero, 3);
  executor five({.concurrency = 5});
  const auto outside = all_leases(pool);
  const std::vector tasks(10, [](int&) { ADD_FAILURE() << "started"; });
  std::stop_source source;
  int calls = 0;
  run_options options;
  options.on_progress = [&](std::size_t, std::size_t) { ++calls; };
  for (const auto& call : std::vector<action>{[&] { execute_with_pool(tasks, pool, options); },
                                              [&] { five.execute_with_pool(tasks, pool, options); },
                                              [&] {
                                                map_with_pool(
                                                    numbers(10), pool, [](int, int&) { ADD_FAILURE(); }, options);
                                              }}) {
    for (const auto policy : {error_policy::stop, error_policy::run_all}) {
      source = std::stop_source();
      options.on_error = policy;
      options.stop = source.get_token();
      auto batch = std::async(std::launch::async, call);
      EXPECT_TRUE(soon([&] { return pool.waiting() == 3; }));
      source.request_stop();
      const auto error = caught<operation_cancelled>([&] { batch.get(); });
      EXPECT_EQ(error.completed(), 0U);
      EXPECT_EQ(error.total(), 10U);
      EXPECT_TRUE(error.errors().empty());
      EXPECT_EQ(pool.waiting(), 0U);
    }
  }
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(pool.statistics().acquired_total, 3U);
}

TEST_F(ExecuteWithPool, CountsOnlyTheTasksThatRanWhenItIsCancelledWhileAnotherWaits) {
  resource_pool<int> pool(zero, 2);
  const lease<int> outside = pool.acquire();
  std::stop_source source;
  event sixth;
  std::atomic<std::size_t> ran = 0;
  const std::vector<pool_task> tasks(100, [&](int&, const task_context& context) {
    if (++ran != 6) return;
    sixth.set();
    EXPECT_TRUE(soon([&] { return context.stop_requested(); }));
  });
  auto batch = std::async(std::launch::async, [&] { execute_with_pool(tasks, pool, {.stop = source.get_token()}); });
  EXPECT_TRUE(sixth.wait());
  EXPECT_TRUE(soon([&] { return pool.waiting() == 1; }));
  source.request_stop();
  const auto error = caught<operation_cancelled>([&] { batch.get(); });
  EXPECT_EQ(ran, 6U);
  EXPECT_EQ(error.completed(), 6U);
  EXPECT_EQ(error.total(), 100U);
  EXPECT_EQ(pool.idle(), 1U);
}

TEST_F(ExecuteWithPool, StartsNoTaskWhenTheStopComesWhileItsResourceIsMade) {
  std::stop_source source;
  const auto factory = [&] { return source.request_stop() ? 1 : 2; };
  resource_pool<int> pool(factory, 1, {.lazy = true});
  const std::vector tasks(3, [](int&) { ADD_FAILURE() << "started"; });
  const auto error =
      caught<operation_cancelled>([&] { execute_with_pool(tasks, pool, {.stop = source.get_token()}); });
  EXPECT_EQ(error.completed(), 0U);
  EXPECT_EQ(pool.idle(), 1U);
}

TEST_F(ExecuteWithPool, TellsRunningTasksOfTheStop) {
  resource_pool<int> pool(zero, 2);
  std::stop_source source;
  const std::vector<pool_task> tasks(10, [&](int&, const task_context& context) {
    if (source.request_stop()) {
      EXPECT_TRUE(context.stop_requested());
    } else {  // the other task may still be telling the batch of its request
      EXPECT_TRUE(soon([&] { return context.stop_requested(); }));
    }
    EXPECT_TRUE(context.stop_token().stop_requested());
  });
  const auto error =
      caught<operation_cancelled>([&] { execute_with_pool(tasks, pool, {.stop = source.get_token()}); });
  EXPECT_GE(error.completed(), 1U);
  EXPECT_LE(error.completed(), 2U);
  EXPECT_EQ(pool.idle(), 2U);
}

// With and without a lease outside, so that also those who wait are stopped.
TEST_F(ExecuteWithPool, HasAllLeasesBackWheneverTheStopComes) {
  resource_pool<int> pool(zero, 3);
  for (int round = 0; round != 200; ++round) {
    std::optional<lease<int>> outside;
    if (round % 2 == 1) outside.emplace(pool.acquire());
    std::stop_source source;
    std::atomic<std::size_t> ran = 0;
    const std::vector tasks(100, [&](int&) {
      compute_for(1us);
      return ++ran != 0 ? 1 : 0;
    });
    std::jthread requester([&] {
      compute_for(std::chrono::microseconds(round));
      source.request_stop();
    });
    try {
      ASSERT_EQ(execute_with_pool(tasks, pool, {.stop = source.get_token()}), ints(100, 1));
    } catch (const operation_cancelled& e) {
      ASSERT_EQ(e.completed(), ran);
      ASSERT_EQ(e.total(), 100U);
      ASSERT_TRUE(e.errors().empty());
    }
    outside.reset();
    ASSERT_EQ(pool.idle(), 3U);
    ASSERT_EQ(pool.waiting(), 0U);
  }
}

}  // namespace
