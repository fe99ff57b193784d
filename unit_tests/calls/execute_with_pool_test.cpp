#include "fanout/execute_with_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/limits.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// Batches whose tasks each hold a lease: who gets which resource, how many at once, and that every lease comes back.
namespace {

using namespace support;
using fanout::aggregate_error;
using fanout::error_policy;
using fanout::execute_with_pool;
using fanout::executor;
using fanout::lease;
using fanout::map_with_pool;
using fanout::operation_cancelled;
using fanout::pool_closed;
using fanout::pool_options;
using fanout::resource_pool;
using fanout::run_options;
using fanout::task_context;
using fanout::task_error;

using ints = std::vector<int>;
using action = std::function<void()>;
using task = std::function<void(int&, const task_context&)>;

/// What goes wrong with leases is mostly a hang.
class ExecuteWithPool : public testing::Test {
 private:
  watchdog dog_;
};

int zero() { return 0; }

/// Makes 1, 2, 3, …
auto numbered() {
  return [last = 0]() mutable { return ++last; };
}

/// A resource that knows how many use it at once.
struct desk {
  gauge users;
};
desk make_desk() { return {}; }

ints numbers(std::size_t count) {
  ints values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

constexpr auto index_of_task = [](int&, const task_context& context) { return static_cast<int>(context.index()); };

template <class Condition>
[[nodiscard]] bool soon(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(50us);  // leaves the core to those who make it true
  }
  return true;
}

template <class Exception, class Call>
Exception caught(Call&& call) {
  try {
    call();
  } catch (const Exception& e) {
    return e;
  }
  throw std::runtime_error("the call did not throw");
}

template <class Cause>
std::string cause_of(const std::nested_exception& error) {
  return message_of<Cause>([&] { error.rethrow_nested(); });
}

template <class T>
std::vector<lease<T>> all_leases(resource_pool<T>& pool) {
  std::vector<lease<T>> leases;
  for (std::size_t i = 0; i != pool.size(); ++i) leases.push_back(pool.acquire());
  return leases;
}

std::stop_token requested() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

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

// ── Mappers ─────────────────────────────────────────────────────────────────────────────────────────────────────

class MapWithPool : public ExecuteWithPool {};

TEST_F(MapWithPool, HandsEachItemAndAResourceToTheMapper) {
  resource_pool<int> pool([] { return 5; }, 2);
  executor two({.concurrency = 2});
  const auto sum = [](int item, int& five) { return item + five; };
  EXPECT_EQ(map_with_pool(ints{1, 2, 3}, pool, sum), (ints{6, 7, 8}));
  EXPECT_EQ(map_with_pool(std::views::iota(0, 2), pool, sum), (ints{5, 6}));
  EXPECT_EQ(two.map_with_pool(std::list{1, 2, 3}, pool, sum), (ints{6, 7, 8}));
  EXPECT_TRUE(map_with_pool(ints(), pool, sum).empty());
  EXPECT_EQ(pool.idle(), 2U);
}

TEST_F(MapWithPool, GivesTheContextToAMapperThatTakesOne) {
  resource_pool<int> pool(zero, 3);
  executor two({.concurrency = 2});
  const auto difference = [](int item, int&, const task_context& context) {
    return item - static_cast<int>(context.index());
  };
  EXPECT_EQ(map_with_pool(numbers(1'000), pool, difference), ints(1'000));
  EXPECT_EQ(two.map_with_pool(numbers(1'000), pool, difference), ints(1'000));
}

TEST_F(MapWithPool, GivesTheItemsOfAnRvalueAwayAndThoseOfAnLvalueNot) {
  resource_pool<int> pool(zero, 2);
  std::vector<move_only> items;
  for (int i = 0; i != 3; ++i) items.emplace_back(i);
  const ints seen = map_with_pool(items, pool, [](const move_only& item, int&) { return item.value; });
  EXPECT_EQ(seen, numbers(3));
  map_with_pool(items, pool, [](move_only& item, int&) { ++item.value; });
  items = map_with_pool(std::move(items), pool, [](move_only&& item, int&) { return std::move(item); });
  EXPECT_EQ(map_with_pool(std::move(items), pool, [](move_only item, int&) { return item.value; }), (ints{1, 2, 3}));

  std::vector<std::string> words(10, "a text that is too long to be kept inside");
  map_with_pool(words, pool, [](std::string word, int&) { return word.size(); });
  EXPECT_EQ(std::ranges::count(words, std::string()), 0);
}

TEST_F(MapWithPool, CallsTheMapperItselfAndNoCopy) {
  struct mapper {
    std::atomic<int> calls{0};
    void operator()(int, int&) { ++calls; }
  } counting;
  resource_pool<int> pool(zero, 2);
  map_with_pool(numbers(100), pool, counting);
  EXPECT_EQ(counting.calls, 100);
}

TEST_F(MapWithPool, NamesTheItemThatFailed) {
  resource_pool<int> pool(zero, 2);
  const auto reciprocal = [](int i, int&) { return i != 0 ? 1. / i : throw std::domain_error("zero"); };
  EXPECT_EQ(message_of<task_error>([&] { map_with_pool(ints{1, 0}, pool, reciprocal); }), "task 1 failed: zero");
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
  const std::vector<task> tasks(5 * at.expected, [&](int&, const task_context& context) {
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
  const std::vector<task> tasks(20, [&](int&, const task_context& context) {
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
  const std::vector<task> tasks(2, [&](int&, const task_context& context) {
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
  const std::vector<task> tasks(100, [](int&, const task_context& context) {
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

// ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, NamesTheTaskThatThrewAndGivesItsLeaseBack) {
  resource_pool<int> pool(zero, 2);
  executor two({.concurrency = 2});
  rendezvous* both = nullptr;
  const std::vector<task> tasks{[&](int&, const task_context& context) {
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
  const std::vector<task> tasks(1'000, [](int&, const task_context& context) {
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
  const std::vector<task> tasks(5, [&](int&, const task_context& context) {
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

// ── Stopping ────────────────────────────────────────────────────────────────────────────────────────────────────

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
  const std::vector<task> tasks(100, [&](int&, const task_context& context) {
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
  const std::vector<task> tasks(10, [&](int&, const task_context& context) {
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

TEST_F(MapWithPool, RefusesAnEmptyMapperBeforeAnythingRuns) {
  resource_pool<int> pool(zero, 2);
  executor two({.concurrency = 2});
  const std::function<int(int, int&)> empty;
  int (*const nothing)(int, int&) = nullptr;
  EXPECT_THROW(map_with_pool(ints{1, 2}, pool, empty), std::invalid_argument);
  EXPECT_THROW(map_with_pool(ints(), pool, empty), std::invalid_argument);
  EXPECT_THROW(map_with_pool(ints{1, 2}, pool, nothing), std::invalid_argument);
  EXPECT_THROW(two.map_with_pool(ints{1, 2}, pool, empty), std::invalid_argument);
  EXPECT_EQ(pool.statistics().acquired_total, 0U);
}

// ── Several batches ─────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecuteWithPool, LetsABatchWaitForLeasesThatTasksOfAnotherHold) {
  resource_pool<int> pool(zero, 2);
  rendezvous both_held(3);
  event others_wait;
  const std::vector<task> first(10, [&](int&, const task_context& context) {
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
