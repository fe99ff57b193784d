#include "fanout/execute_with_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "calls/with_pool.hpp"
#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/limits.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// How many tasks hold a resource at once, and when each gives it back.
namespace {

using namespace support;
using fanout::aggregate_error;
using fanout::error_policy;
using fanout::execute_with_pool;
using fanout::executor;
using fanout::pool_options;
using fanout::resource_pool;
using fanout::run_options;
using fanout::task_context;

// ── The limit ───────────────────────────────────────────────────────────────────────────────────────────────────

struct limits {
  std::size_t pool;
  std::size_t named;
  std::size_t executor;  // 0: a free call
  std::size_t expected;
};

class ExecuteWithPoolLimit : public testing::TestWithParam<limits> {};

TEST_P(ExecuteWithPoolLimit, IsReachedAndNeverExceeded) {
  const limits at = GetParam();
  const watchdog dog;
  resource_pool<int> pool(zero, at.pool);
  rendezvous all(at.expected);
  gauge in_flight;
  std::atomic<int> missed = 0;
  const std::vector<pool_task> tasks(5 * at.expected, [&](int&, const task_context& context) {
    const gauge::visit here(in_flight);
    if (context.index() < at.expected) {
      if (!all.meet()) ++missed;
    } else {  // gives one too many the time to come
      const auto end = std::chrono::steady_clock::now() + 1ms;
      while (in_flight.most() <= static_cast<int>(at.expected) && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(50us);
    }
  });
  if (at.executor == 0) {
    execute_with_pool(tasks, pool, {.concurrency = at.named});
  } else {
    executor({.concurrency = at.executor}).execute_with_pool(tasks, pool, {.concurrency = at.named});
  }
  EXPECT_EQ(missed, 0);
  EXPECT_EQ(in_flight.most(), static_cast<int>(at.expected));
  EXPECT_EQ(pool.statistics().longest_wait, 0ns) << "a thread waited for a resource";
}

INSTANTIATE_TEST_SUITE_P(OfAFreeCall, ExecuteWithPoolLimit,
                         testing::Values(limits{1, fanout::automatic, 0, 1}, limits{3, fanout::automatic, 0, 3},
                                         limits{8, fanout::automatic, 0, 8}, limits{8, fanout::unlimited, 0, 8},
                                         limits{8, 1, 0, 1}, limits{8, 3, 0, 3}, limits{3, 16, 0, 3}));
INSTANTIATE_TEST_SUITE_P(OfAnExecutor, ExecuteWithPoolLimit,
                         testing::Values(limits{3, fanout::automatic, 8, 3}, limits{8, fanout::automatic, 3, 3},
                                         limits{8, fanout::unlimited, 3, 3}, limits{8, 2, 5, 2}, limits{2, 5, 8, 2},
                                         limits{8, 8, 1, 1}));

TEST_F(ExecuteWithPool, ReachesTheSizesOfTwoPoolsAtOnce) {
  resource_pool<int> one(zero, 8);
  resource_pool<int> other(zero, 8);
  rendezvous all(16);
  const std::vector tasks(8, [&](int&) { EXPECT_TRUE(all.meet()); });
  on_threads(2, [&](std::size_t number) { execute_with_pool(tasks, number == 0 ? one : other); });
}

TEST_F(ExecuteWithPool, StartsTheNextTaskWhenOneEndsNotWhenAllHave) {
  resource_pool<int> pool(zero, 2);
  event last_ran;
  const std::vector<pool_task> tasks(20, [&](int&, const task_context& context) {
    if (context.index() == 19) last_ran.set();
    if (context.index() != 0) return;
    EXPECT_TRUE(last_ran.wait());
  });
  execute_with_pool(tasks, pool);
}

TEST_F(ExecuteWithPool, TakesAPoolThatIsLargerThanAnyLimit) {
  resource_pool<int> pool(zero, fanout::max_concurrency() + 10);
  const std::size_t count = 100;  // no more threads than tasks
  EXPECT_EQ(execute_with_pool(std::vector(count, index_of_task), pool), numbers(count));
}

TEST_F(ExecuteWithPool, KeepsTheLimitOfAnExecutorThatSeveralThreadsCall) {
  executor three({.concurrency = 3});
  resource_pool<desk> pool(make_desk, 2);
  gauge in_flight;
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != 50; ++round) {
      three.execute_with_pool(std::vector(7,
                                          [&](desk& mine) {
                                            const gauge::visit here(in_flight);
                                            const gauge::visit there(mine.users);
                                          }),
                              pool);
    }
  });
  EXPECT_LE(in_flight.most(), 2);
  EXPECT_EQ(pool.statistics().acquired_total, 4U * 50 * 7);
  for (const auto& each : all_leases(pool)) EXPECT_LE(each->users.most(), 1);
}

// ── Giving back ─────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, GivesALeaseBackBeforeTheNextTaskStarts) {
  std::string story;
  resource_pool<int> pool(zero, 1, {.reset = [&](int&) { story += "reset "; }});
  executor one({.concurrency = 1});
  const std::vector<pool_task> tasks(2, [&](int&, const task_context& context) {
    story += std::to_string(context.index()) + ' ';
    if (context.index() == 1) throw 42;
  });
  const run_options options{.on_error = error_policy::run_all};
  EXPECT_THROW(execute_with_pool(tasks, pool, options), aggregate_error);
  EXPECT_THROW(one.execute_with_pool(tasks, pool, options), aggregate_error);
  EXPECT_EQ(story, "0 reset 1 reset 0 reset 1 reset ");
}

TEST_F(ExecuteWithPool, GivesALeaseBackBeforeItsTaskCountsAsCompleted) {
  resource_pool<int> pool(zero, 1);
  int calls = 0;
  run_options options;
  options.on_progress = [&](std::size_t, std::size_t) {
    ++calls;
    EXPECT_EQ(pool.idle(), 1U);
  };
  execute_with_pool(std::vector(5, [&](int&) { EXPECT_EQ(pool.idle(), 0U); }), pool, options);
  EXPECT_EQ(calls, 5);
}

TEST_F(ExecuteWithPool, ResetsTheResourceOnceForEachTask) {
  std::atomic<std::size_t> resets = 0;
  resource_pool<int> pool(zero, 3, {.reset = [&](int&) { ++resets; }});
  const std::vector<pool_task> tasks(100, [](int&, const task_context& context) {
    if (context.index() % 3 == 0) throw 42;
  });
  EXPECT_THROW(execute_with_pool(tasks, pool, {.on_error = error_policy::run_all}), aggregate_error);
  EXPECT_EQ(resets, 100U);
  EXPECT_EQ(pool.idle(), 3U);
}

TEST_F(ExecuteWithPool, ReplacesAResourceWhoseResetThrows) {
  pool_options<int> options;
  options.reset = [](int& number) {
    if (number % 2 == 1) throw std::domain_error("odd");
  };
  resource_pool<int> pool(numbered(), 1, options);
  EXPECT_EQ(execute_with_pool(std::vector(4, [](int& number) { return number; }), pool), (ints{1, 2, 2, 2}));
  EXPECT_EQ(pool.statistics().discarded, 1U);
}

TEST_F(ExecuteWithPool, ReplacesAResourceThatFailsItsValidation) {
  resource_pool<int> pool(numbered(), 1, {.validate = [](int& number) { return number > 0; }});
  const std::vector tasks(5, [](int& number) { return std::exchange(number, -1); });
  EXPECT_EQ(execute_with_pool(tasks, pool), (ints{1, 2, 3, 4, 5}));
  EXPECT_EQ(pool.statistics().discarded, 4U);
}

}  // namespace
