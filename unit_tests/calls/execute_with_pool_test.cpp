#include "fanout/execute_with_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "calls/with_pool.hpp"
#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// Batches whose tasks each hold a resource: results, which resource a task gets, and several batches on one pool.
namespace {

using namespace support;
using fanout::execute_with_pool;
using fanout::executor;
using fanout::lease;
using fanout::map_with_pool;
using fanout::resource_pool;
using fanout::run_options;
using fanout::task_context;
using fanout::task_error;

// ── Tasks and results ───────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, ReturnsResultsInInputOrderWhateverEndsFirst) {
  resource_pool<int> pool(zero, 2);
  event second_ended;
  const std::vector<std::function<int(int&)>> tasks{[&](int&) { return second_ended.wait() ? 10 : 0; },
                                                    [&](int&) {
                                                      second_ended.set();
                                                      return 20;
                                                    }};
  EXPECT_EQ(execute_with_pool(tasks, pool), (ints{10, 20}));
}

TEST_F(ExecuteWithPool, ReturnsEveryResultOfAnyNumberOfTasks) {
  executor two({.concurrency = 2});
  for (const std::size_t size : {1U, 2U, 4U}) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, size - 1, size, size + 1, std::size_t{5'000}}) {
      resource_pool<int> pool(zero, size);
      const std::vector tasks(count, index_of_task);
      EXPECT_EQ(execute_with_pool(tasks, pool), numbers(count)) << count << " tasks, pool of " << size;
      EXPECT_EQ(two.execute_with_pool(tasks, pool), numbers(count)) << count << " tasks, pool of " << size;
      EXPECT_EQ(pool.statistics().acquired_total, 2 * count);
      EXPECT_EQ(pool.idle(), size);
    }
  }
}

TEST_F(ExecuteWithPool, ReturnsNothingForTasksThatReturnVoid) {
  resource_pool<std::atomic<int>> pool([] { return std::atomic<int>(0); }, 1);
  const std::vector tasks(10, [](std::atomic<int>& calls) { ++calls; });
  static_assert(std::is_void_v<decltype(execute_with_pool(tasks, pool))>);
  execute_with_pool(tasks, pool);
  EXPECT_EQ(*pool.acquire(), 10);
}

TEST_F(ExecuteWithPool, ReturnsMoveOnlyAndBoolResults) {
  resource_pool<int> pool(numbered(), 2);
  const auto moved = execute_with_pool(std::vector(100, [](int& made) { return move_only(made); }), pool);
  EXPECT_TRUE(std::ranges::all_of(moved, [](const move_only& each) { return each.value == 1 || each.value == 2; }));
  const std::vector odd(100, [](int&, const task_context& context) { return context.index() % 2 == 1; });
  const std::vector<bool> flags = execute_with_pool(odd, pool);
  for (std::size_t i = 0; i != flags.size(); ++i) EXPECT_EQ(flags[i], i % 2 == 1);
}

TEST_F(ExecuteWithPool, PrefersToCallWithoutAContextWhereBothWork) {
  struct both {
    int operator()(int&) const { return 1; }
    int operator()(int&, const task_context&) const { return 2; }
  };
  resource_pool<int> pool(zero, 2);
  EXPECT_EQ(execute_with_pool(std::vector<both>(2), pool), (ints{1, 1}));
}

struct runs_once {
  std::unique_ptr<int> held;
  std::unique_ptr<int> operator()(int&) && { return std::move(held); }
};

TEST_F(ExecuteWithPool, RunsMoveOnlyTasksThatCanBeCalledOnlyAsRvalues) {
  resource_pool<int> pool(zero, 2);
  std::vector<runs_once> tasks;
  for (int i = 0; i != 10; ++i) tasks.push_back({std::make_unique<int>(i)});
  const auto results = execute_with_pool(std::move(tasks), pool);
  for (std::size_t i = 0; i != 10; ++i) EXPECT_EQ(results[i] ? *results[i] : -1, static_cast<int>(i));
}

TEST_F(ExecuteWithPool, RunsTasksThatLieScatteredOrAreMadeOnTheFly) {
  resource_pool<int> pool([] { return 1; }, 2);
  const std::list<std::function<int(int&)>> list{[](int& one) { return one; }, [](int& one) { return one + 1; }};
  EXPECT_EQ(execute_with_pool(list, pool), (ints{1, 2}));
  const auto made =
      std::views::iota(0, 3) | std::views::transform([](int i) { return [i](int& one) { return one + i; }; });
  EXPECT_EQ(execute_with_pool(made, pool), (ints{1, 2, 3}));
}

TEST_F(ExecuteWithPool, CallsTheTasksOfAnLvalueRangeThemselvesNotCopies) {
  resource_pool<int> pool(zero, 2);
  std::vector tasks(3, [calls = 0](int&) mutable { return ++calls; });
  execute_with_pool(tasks, pool);
  EXPECT_EQ(execute_with_pool(tasks, pool), (ints{2, 2, 2}));
}

struct fails_when_made {
  explicit fails_when_made(int v) : value(v) {
    if (v == 3) throw std::domain_error("three");
  }
  int value;
};

struct fails_when_made_but_has_a_default : std::vector<int> {
  fails_when_made_but_has_a_default() noexcept = default;
  explicit fails_when_made_but_has_a_default(int v) {
    if (v == 3) throw std::domain_error("three");
  }
};

template <class Result>
constexpr auto make_of_index =
    [](int&, const task_context& context) { return Result(static_cast<int>(context.index())); };

TEST_F(ExecuteWithPool, NamesTheTaskWhoseResultThrewWhenItWasMade) {
  resource_pool<int> pool(zero, 2);
  const std::vector slotted(5, make_of_index<fails_when_made>);
  const std::vector in_place(5, make_of_index<fails_when_made_but_has_a_default>);
  EXPECT_EQ(message_of<task_error>([&] { execute_with_pool(slotted, pool); }), "task 3 failed: three");
  EXPECT_EQ(message_of<task_error>([&] { execute_with_pool(in_place, pool); }), "task 3 failed: three");
  EXPECT_EQ(pool.idle(), 2U);
}

TEST_F(ExecuteWithPool, PassesOnTheExceptionOfAResultsMoveWithAllLeasesBack) {
  resource_pool<int> pool(zero, 2);
  const std::vector tasks(3, [](int&) { return throws_when_moved(1); });
  throws_when_moved::armed = true;
  EXPECT_THROW(execute_with_pool(tasks, pool), std::domain_error);
  throws_when_moved::armed = false;
  EXPECT_EQ(pool.idle(), 2U);
}

// ── One resource a task ─────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, GivesEachTaskAResourceThatNobodyElseHas) {
  resource_pool<desk> pool(make_desk, 4);
  std::atomic<std::size_t> too_many_leases = 0;
  execute_with_pool(std::vector(2'000,
                                [&](desk& mine) {
                                  const gauge::visit here(mine.users);
                                  if (pool.in_use() > 4) ++too_many_leases;
                                }),
                    pool);
  for (const auto& each : all_leases(pool)) EXPECT_LE(each->users.most(), 1);
  EXPECT_EQ(too_many_leases, 0U);
}

TEST_F(ExecuteWithPool, SharesAPoolWithThreadsThatAcquireForThemselves) {
  resource_pool<desk> pool(make_desk, 2);
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != 200; ++round) {
      if (number == 0) {
        const std::vector tasks(10, [](desk& mine) { const gauge::visit here(mine.users); });
        execute_with_pool(tasks, pool);
      } else {
        const lease<desk> mine = pool.acquire();
        const gauge::visit here(mine->users);
      }
    }
  });
  EXPECT_EQ(pool.statistics().acquired_total, 200U * 10 + 3 * 200);
  EXPECT_EQ(pool.idle(), 2U);
  for (const auto& each : all_leases(pool)) EXPECT_LE(each->users.most(), 1);
}

TEST_F(ExecuteWithPool, NamesTheTasksThatHoldLeases) {
  resource_pool<int> pool(zero, 4, {.track_leases = true});
  const lease<int> outside = pool.acquire();
  rendezvous begun(3);
  rendezvous seen(3);
  const std::vector tasks(3, [&](int&) {
    EXPECT_TRUE(begun.meet());
    std::vector<std::optional<std::size_t>> holders;
    for (const auto& each : pool.outstanding()) holders.push_back(each.task);
    EXPECT_TRUE(seen.meet());
    std::ranges::sort(holders);
    return holders;
  });
  for (const auto& holders : execute_with_pool(tasks, pool))
    EXPECT_EQ(holders, (std::vector<std::optional<std::size_t>>{std::nullopt, 0, 1, 2}));
  ASSERT_EQ(pool.outstanding().size(), 1U);
  EXPECT_EQ(pool.outstanding()[0].task, std::nullopt);
}

// ── Several batches ─────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, LetsABatchWaitForLeasesThatTasksOfAnotherHold) {
  resource_pool<int> pool(zero, 2);
  rendezvous both_held(3);
  event others_wait;
  const std::vector<pool_task> first(10, [&](int&, const task_context& context) {
    if (context.index() >= 2) return;
    EXPECT_TRUE(both_held.meet());
    EXPECT_TRUE(others_wait.wait());
  });
  auto holding = std::async(std::launch::async, [&] { execute_with_pool(first, pool); });
  EXPECT_TRUE(both_held.meet());
  auto waiting =
      std::async(std::launch::async, [&] { return execute_with_pool(std::vector(10, index_of_task), pool); });
  EXPECT_TRUE(soon([&] { return pool.waiting() == 2; }));
  others_wait.set();
  EXPECT_EQ(waiting.get(), numbers(10));
  holding.get();
  EXPECT_EQ(pool.statistics().acquired_total, 20U);
  EXPECT_EQ(pool.idle(), 2U);
}

TEST_F(ExecuteWithPool, OnTheWholePoolThatItsTaskHoldsIsAnErrorNotAHang) {
  resource_pool<int> pool(zero, 1);
  executor two({.concurrency = 2});
  const std::vector inner(3, [](int&) { ADD_FAILURE() << "started"; });
  const auto none = [](int, int&) { ADD_FAILURE() << "started"; };
  int refused = 0;
  for (const auto& call :
       std::vector<action>{[&] { execute_with_pool(inner, pool); }, [&] { two.execute_with_pool(inner, pool); },
                           [&] {
                             map_with_pool(ints{1, 2}, pool, none);
                           }}) {
    const std::vector outer(2, [&](int&) {
      const auto error = caught<task_error>(call);
      EXPECT_EQ(error.index(), 0U);
      EXPECT_THROW(error.rethrow_nested(), std::logic_error);
      ++refused;
    });
    execute_with_pool(outer, pool);
    two.execute_with_pool(outer, pool);
  }
  EXPECT_EQ(refused, 3 * 4);
  EXPECT_EQ(pool.idle(), 1U);
}

TEST_F(ExecuteWithPool, UsesTheRestOfThePoolOfWhichItsTaskHoldsAPart) {
  resource_pool<int> pool(zero, 3);
  const std::vector outer(1, [&](int&) { return execute_with_pool(std::vector(100, index_of_task), pool); });
  EXPECT_EQ(execute_with_pool(outer, pool)[0], numbers(100));
  EXPECT_EQ(pool.idle(), 3U);
}

TEST_F(ExecuteWithPool, WorksInATaskThatHoldsALeaseOfAnotherPool) {
  resource_pool<int> outer_pool(zero, 4);
  resource_pool<int> inner_pool(zero, 2);
  executor three({.concurrency = 3});
  const std::vector inner(20, index_of_task);
  const std::vector by_free_calls(20, [&](int&) { return execute_with_pool(inner, inner_pool); });
  const std::vector by_the_executor(20, [&](int&) { return three.execute_with_pool(inner, inner_pool); });
  const std::vector expected(20, numbers(20));
  EXPECT_EQ(execute_with_pool(by_free_calls, outer_pool), expected);
  EXPECT_EQ(three.execute_with_pool(by_free_calls, outer_pool), expected);
  EXPECT_EQ(three.execute_with_pool(by_the_executor, outer_pool), expected);
  EXPECT_EQ(outer_pool.idle(), 4U);
  EXPECT_EQ(inner_pool.idle(), 2U);
}

TEST_F(ExecuteWithPool, TellsTheProgressOfItsTasks) {
  resource_pool<int> pool(zero, 3);
  executor two({.concurrency = 2});
  std::vector<std::size_t> seen;
  run_options options;
  options.on_progress = [&](std::size_t completed, std::size_t total) {
    EXPECT_EQ(total, 50U);
    seen.push_back(completed);
  };
  const std::vector tasks(50, [](int&) {});
  for (const auto& call : std::vector<action>{[&] { execute_with_pool(tasks, pool, options); },
                                              [&] { two.execute_with_pool(tasks, pool, options); },
                                              [&] {
                                                map_with_pool(
                                                    numbers(50), pool, [](int, int&) {}, options);
                                              }}) {
    seen.clear();
    call();
    EXPECT_EQ(std::ranges::adjacent_find(seen, std::greater_equal()), seen.end());
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.back(), 50U);
  }
}

}  // namespace
