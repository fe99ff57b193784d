#include "fanout/execute_with_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "calls/with_pool.hpp"
#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/limits.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// Failures of tasks and of the functions of a pool, pools that end before their batch, and bad input.
namespace {

using namespace support;
using fanout::aggregate_error;
using fanout::error_policy;
using fanout::execute_with_pool;
using fanout::executor;
using fanout::lease;
using fanout::map_with_pool;
using fanout::pool_closed;
using fanout::pool_options;
using fanout::resource_pool;
using fanout::run_options;
using fanout::task_context;
using fanout::task_error;

// ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, NamesTheTaskThatThrewAndGivesItsLeaseBack) {
  resource_pool<int> pool(zero, 2);
  executor two({.concurrency = 2});
  rendezvous* both = nullptr;
  const std::vector<pool_task> tasks{[&](int&, const task_context& context) {
                                       EXPECT_TRUE(both->meet());
                                       EXPECT_TRUE(soon([&] { return context.stop_requested(); }));
                                     },
                                     [&](int&, const task_context&) {
                                       EXPECT_TRUE(both->meet());
                                       throw std::domain_error("broken");
                                     },
                                     [](int&, const task_context&) { ADD_FAILURE() << "started after a failure"; }};
  for (const auto& call :
       std::vector<action>{[&] { execute_with_pool(tasks, pool); }, [&] { two.execute_with_pool(tasks, pool); }}) {
    rendezvous here(2);
    both = &here;
    const auto error = caught<task_error>(call);
    EXPECT_EQ(error.index(), 1U);
    EXPECT_EQ(cause_of<std::domain_error>(error), "broken");
    EXPECT_EQ(pool.idle(), 2U);
  }
}

TEST_F(ExecuteWithPool, TellsEveryFailureUnderRunAll) {
  resource_pool<int> pool(zero, 3);
  const std::vector<pool_task> tasks(1'000, [](int&, const task_context& context) {
    if (context.index() % 10 == 3) throw static_cast<int>(context.index());
  });
  const auto error =
      caught<aggregate_error>([&] { execute_with_pool(tasks, pool, {.on_error = error_policy::run_all}); });
  ASSERT_EQ(error.errors().size(), 100U);
  for (std::size_t i = 0; i != 100; ++i) EXPECT_EQ(error.errors()[i].index(), 10 * i + 3);
  EXPECT_EQ(pool.idle(), 3U);
  EXPECT_EQ(pool.statistics().acquired_total, 1'000U);
}

// The lease of the task that fails is what the other one waits for: it must not come as a reason to start.
TEST_F(ExecuteWithPool, StartsNoTaskThatWaitedForALeaseWhenAnotherFailed) {
  resource_pool<int> pool(zero, 2);
  const lease<int> outside = pool.acquire();
  for (int round = 0; round != 500; ++round) {
    std::atomic<int> ran = 0;
    const std::vector tasks(2, [&](int&) {
      EXPECT_TRUE(ran++ != 0 || soon([&] { return pool.waiting() == 1; }));
      throw std::domain_error("broken");
    });
    const auto error = caught<task_error>([&] { execute_with_pool(tasks, pool); });
    ASSERT_EQ(cause_of<std::domain_error>(error), "broken");
    ASSERT_EQ(ran, 1);
    ASSERT_EQ(pool.idle(), 1U);
    ASSERT_EQ(pool.waiting(), 0U);
  }
}

TEST_F(ExecuteWithPool, NamesTheTaskForWhichTheFactoryThrew) {
  std::atomic<bool> broken = true;
  const auto factory = [&] { return broken ? throw std::domain_error("no connection") : 7; };
  resource_pool<int> pool(factory, 2, {.lazy = true});
  std::atomic<int> ran = 0;
  const std::vector tasks(3, [&](int& seven) { return ++ran, seven; });
  const auto error = caught<task_error>([&] { execute_with_pool(tasks, pool, {.concurrency = 1}); });
  EXPECT_EQ(error.index(), 0U);
  EXPECT_EQ(cause_of<std::domain_error>(error), "no connection");
  const auto all =
      caught<aggregate_error>([&] { execute_with_pool(tasks, pool, {.on_error = error_policy::run_all}); });
  EXPECT_EQ(all.errors().size(), 3U);
  EXPECT_EQ(ran, 0);
  broken = false;
  EXPECT_EQ(execute_with_pool(tasks, pool), (ints{7, 7, 7}));
}

TEST_F(ExecuteWithPool, NamesTheTaskForWhichNoResourceWasFitForUse) {
  resource_pool<int> pool(zero, 2, {.validate = [](int&) { return false; }});
  const auto error =
      caught<task_error>([&] { execute_with_pool(std::vector(3, [](int&) {}), pool, {.concurrency = 1}); });
  EXPECT_EQ(error.index(), 0U);
  EXPECT_NE(cause_of<fanout::error>(error).find("validation"), std::string::npos) << error.what();
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST_F(ExecuteWithPool, FailsOnAPoolThatIsClosed) {
  resource_pool<int> pool(zero, 2);
  std::atomic<int> ran = 0;
  const std::vector tasks(3, [&](int&) { ++ran; });
  pool.close();
  const auto error = caught<task_error>([&] { execute_with_pool(tasks, pool); });
  EXPECT_EQ(cause_of<pool_closed>(error), pool_closed().what());
  const auto all =
      caught<aggregate_error>([&] { execute_with_pool(tasks, pool, {.on_error = error_policy::run_all}); });
  ASSERT_EQ(all.errors().size(), 3U);
  for (const task_error& each : all.errors()) EXPECT_EQ(cause_of<pool_closed>(each), pool_closed().what());
  EXPECT_EQ(ran, 0);
}

TEST_F(ExecuteWithPool, FailsWhenThePoolIsClosedWhileItWaits) {
  resource_pool<int> pool(zero, 2);
  const auto outside = all_leases(pool);
  auto batch = std::async(std::launch::async, [&] { execute_with_pool(std::vector(5, [](int&) {}), pool); });
  EXPECT_TRUE(soon([&] { return pool.waiting() == 2; }));
  pool.close();
  EXPECT_EQ(cause_of<pool_closed>(caught<task_error>([&] { batch.get(); })), pool_closed().what());
}

TEST_F(ExecuteWithPool, RunsTheTasksThatGotALeaseBeforeThePoolWasClosed) {
  resource_pool<int> pool(zero, 1);
  const std::vector<pool_task> tasks(5, [&](int&, const task_context& context) {
    if (context.index() == 2) pool.close();
  });
  const auto error =
      caught<aggregate_error>([&] { execute_with_pool(tasks, pool, {.on_error = error_policy::run_all}); });
  ASSERT_EQ(error.errors().size(), 2U);
  EXPECT_EQ(error.errors()[0].index(), 3U);
  EXPECT_EQ(error.errors()[1].index(), 4U);
}

// ── A pool that is destroyed meanwhile ──────────────────────────────────────────────────────────────────────────

/// Every call that takes a pool, with ten tasks that each call `what(index, resource)`.
template <class Pool, class Task>
std::vector<std::function<void(Pool&)>> calls_with(executor& two, Task what) {
  const auto mapper = [what](int item, auto& resource) { what(item, resource); };
  std::vector<std::function<void(int&)>> tasks;
  for (int i = 0; i != 10; ++i) tasks.emplace_back([what, i](int& resource) { what(i, resource); });
  const run_options all{.on_error = error_policy::run_all};
  return {[tasks, all](Pool& pool) { execute_with_pool(tasks, pool, all); },
          [tasks, all, &two](Pool& pool) { two.execute_with_pool(tasks, pool, all); },
          [mapper, all](Pool& pool) { map_with_pool(numbers(10), pool, mapper, all); },
          [mapper, all, &two](Pool& pool) { two.map_with_pool(numbers(10), pool, mapper, all); }};
}

TEST_F(ExecuteWithPool, FailsTheTasksThatHaveNoResourceYetWhenOneOfThemDestroysThePool) {
  executor two({.concurrency = 2});
  std::unique_ptr<resource_pool<int>> pool;
  std::atomic<int> used = 0;
  const auto use_and_destroy = [&](int item, int& resource) {
    if (item == 0) pool.reset();
    used += resource;
  };
  for (const auto& call : calls_with<resource_pool<int>>(two, use_and_destroy)) {
    used = 0;
    pool = std::make_unique<resource_pool<int>>([] { return 1; }, 2U);
    const auto error = caught<aggregate_error>([&] { call(*pool); });
    EXPECT_EQ(error.errors().size(), 10U - static_cast<std::size_t>(used));
    for (const task_error& each : error.errors()) EXPECT_EQ(cause_of<pool_closed>(each), pool_closed().what());
    EXPECT_GE(used, 1) << "the task that destroyed the pool keeps its resource";
  }
}

TEST_F(ExecuteWithPool, FailsTheTasksThatHaveNoResourceYetWhenAnotherThreadDestroysThePool) {
  executor two({.concurrency = 2});
  std::unique_ptr<event> both_run;
  std::unique_ptr<event> destroyed;
  std::atomic<int> used = 0;
  const auto use = [&](int, int& resource) {
    if (used.fetch_add(resource) == 1) both_run->set();
    EXPECT_TRUE(destroyed->wait());
  };
  for (const auto& call : calls_with<resource_pool<int>>(two, use)) {
    used = 0;
    both_run = std::make_unique<event>();
    destroyed = std::make_unique<event>();
    auto pool = std::make_unique<resource_pool<int>>([] { return 1; }, 2U);
    auto batch = std::async(std::launch::async, [&, &used_pool = *pool] { call(used_pool); });
    EXPECT_TRUE(both_run->wait());
    pool.reset();
    destroyed->set();
    EXPECT_EQ(caught<aggregate_error>([&] { batch.get(); }).errors().size(), 8U);
    EXPECT_EQ(used, 2);
  }
}

TEST_F(ExecuteWithPool, FailsWhenThePoolIsDestroyedWhileAllItsTasksWait) {
  executor two({.concurrency = 2});
  const auto none = [](int, int&) { ADD_FAILURE() << "started"; };
  for (const auto& call : calls_with<resource_pool<int>>(two, none)) {
    auto pool = std::make_unique<resource_pool<int>>(zero, 2U);
    auto outside = all_leases(*pool);
    auto batch = std::async(std::launch::async, [&, &used_pool = *pool] { call(used_pool); });
    EXPECT_TRUE(soon([&] { return pool->waiting() == 2; }));
    pool.reset();
    outside.clear();  // from here on the call alone keeps what it waits for
    EXPECT_EQ(caught<aggregate_error>([&] { batch.get(); }).errors().size(), 10U);
  }
}

TEST_F(ExecuteWithPool, MayHaveItsPoolDestroyedByThePoolsOwnFunctions) {
  std::unique_ptr<resource_pool<int>> pool;
  const auto destroy = [&] { pool.reset(); };
  const std::vector tasks(10, [](int&) {});
  const auto run = [&] { execute_with_pool(tasks, *pool, {.concurrency = 1}); };

  pool = std::make_unique<resource_pool<int>>([&] { return destroy(), 0; }, 1U, pool_options<int>{.lazy = true});
  EXPECT_EQ(caught<task_error>(run).index(), 0U);

  pool_options<int> options;
  options.validate = [&](int&) { return destroy(), true; };
  pool = std::make_unique<resource_pool<int>>(zero, 1U, options);
  EXPECT_EQ(caught<task_error>(run).index(), 0U);

  options = {};
  options.reset = [&](int&) { destroy(); };
  pool = std::make_unique<resource_pool<int>>(zero, 1U, options);
  EXPECT_EQ(caught<task_error>(run).index(), 1U);
}

TEST_F(ExecuteWithPool, MayHaveItsPoolDestroyedByTheRangeOfItsTasks) {
  auto pool = std::make_unique<resource_pool<int>>(zero, 2U);
  const auto making = std::views::iota(0, 3) | std::views::transform([&](int) {
                        pool.reset();
                        return [](int&) { ADD_FAILURE() << "started"; };
                      });
  EXPECT_EQ(cause_of<pool_closed>(caught<task_error>([&] { execute_with_pool(making, *pool); })),
            pool_closed().what());
}

TEST_F(ExecuteWithPool, DestroysTheResourcesOfADestroyedPoolBeforeItReturns) {
  counted::reset();
  auto pool = std::make_unique<resource_pool<counted>>([] { return counted(1); }, 2U);
  const std::vector tasks(1, [&](counted& mine) {
    pool.reset();
    EXPECT_EQ(counted::population.alive(), 1);
    return mine.value;
  });
  EXPECT_EQ(execute_with_pool(tasks, *pool), ints{1});
  EXPECT_EQ(counted::population.alive(), 0);
}

// ── Bad input ───────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, RefusesAConcurrencyOutOfBoundsBeforeAnythingRuns) {
  resource_pool<int> pool(zero, 2);
  executor two({.concurrency = 2});
  const std::vector tasks(3, [](int&) { ADD_FAILURE() << "started"; });
  const auto fail = [](int, int&) { ADD_FAILURE() << "started"; };
  const std::size_t negative = static_cast<std::size_t>(-3);
  for (const std::size_t wrong : {std::size_t{0}, fanout::max_concurrency() + 1, negative}) {
    const run_options options{.concurrency = wrong, .stop = requested()};
    for (const auto& call : std::vector<action>{[&] { execute_with_pool(tasks, pool, options); },
                                                [&] { two.execute_with_pool(tasks, pool, options); },
                                                [&] {
                                                  map_with_pool(ints{1, 2}, pool, fail, options);
                                                },
                                                [&] { two.map_with_pool(ints(), pool, fail, options); }}) {
      const std::string expected = "concurrency must be between 1 and " + std::to_string(fanout::max_concurrency());
      EXPECT_TRUE(message_of<std::invalid_argument>(call).starts_with(expected)) << wrong;
    }
  }
  EXPECT_EQ(pool.statistics().acquired_total, 0U);
}

TEST_F(ExecuteWithPool, RefusesAnEmptyFunctionAmongTheTasksBeforeAnythingRuns) {
  resource_pool<int> pool(zero, 2);
  executor two({.concurrency = 2});
  for (const std::size_t count : {std::size_t{100}, std::size_t{50'000}}) {
    std::vector<std::function<void(int&)>> tasks(count, [](int&) { ADD_FAILURE() << "started"; });
    tasks[77] = nullptr;
    tasks[count - 1] = nullptr;
    for (const auto& call :
         std::vector<action>{[&] { execute_with_pool(tasks, pool); }, [&] { two.execute_with_pool(tasks, pool); },
                             [&] { execute_with_pool(tasks, pool, {.stop = requested()}); }})
      EXPECT_EQ(message_of<std::invalid_argument>(call), "tasks[77] is an empty function");
  }
  EXPECT_EQ(pool.statistics().acquired_total, 0U);
}

}  // namespace
