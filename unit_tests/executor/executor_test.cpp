#include "fanout/executor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/execute.hpp"
#include "fanout/execute_with_pool.hpp"
#include "support.hpp"

/// An executor as an object, and as something that many threads share.
namespace {

using namespace support;
using fanout::executor;
using fanout::executor_options;
using fanout::task_context;

using action = std::function<void()>;

executor of(std::size_t limit) { return executor({.concurrency = limit}); }

// ── The object ──────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Executor, HasTheLimitThatWasNamed) {
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{8}, std::size_t{1'000}})
    EXPECT_EQ(of(limit).concurrency(), limit);
}

TEST(Executor, HasTheCoresAsItsLimitByDefault) {
  EXPECT_EQ(executor().concurrency(), fanout::available_concurrency());
  EXPECT_EQ(of(fanout::automatic).concurrency(), fanout::available_concurrency());
}

TEST(Executor, HasALimitOf1024WhereItIsUnlimited) {
  EXPECT_EQ(of(fanout::unlimited).concurrency(), 1'024U);
}

TEST(Executor, RefusesALimitThatCannotBe) {
  const std::string most = std::to_string(fanout::max_concurrency());
  EXPECT_EQ(message_of<std::invalid_argument>([] { of(0); }),
            "concurrency must be between 1 and " + most + ", automatic or unlimited; got 0");
  EXPECT_THROW(of(fanout::max_concurrency() + 1), std::invalid_argument);
}

TEST(Executor, KeepsItsLimitWhileOthersComeAndGo) {
  const executor kept = of(5);
  { const executor other = of(20); }
  EXPECT_EQ(kept.concurrency(), 5U);
}

TEST(Executor, ExecutesMapsAndSettles) {
  executor two = of(2);
  EXPECT_EQ(two.execute(std::vector(2, [] { return 1; })), (std::vector{1, 1}));
  EXPECT_EQ(two.map(std::vector{1, 2}, [](int i) { return -i; }), (std::vector{-1, -2}));
  EXPECT_EQ(two.settle(std::vector(2, [] { return 3; })).at(1).value(), 3);
  EXPECT_TRUE(two.execute(std::vector<std::function<int()>>()).empty());
}

TEST(Executor, IsCalledInConstFunctions) {
  const executor two = of(2);
  EXPECT_EQ(two.execute(std::vector(2, [] { return 1; })), (std::vector{1, 1}));
  EXPECT_EQ(two.map(std::vector{1, 2}, [](int i) { return -i; }), (std::vector{-1, -2}));
  EXPECT_EQ(two.settle(std::vector(2, [] { return 3; })).at(1).value(), 3);
  EXPECT_EQ(two.invoke([] { return 1; }, [] { return 'c'; }), std::tuple(1, 'c'));
  fanout::resource_pool<int> pool([] { return 5; }, 1);
  EXPECT_EQ(two.execute_with_pool(std::vector(1, [](int& lent) { return lent; }), pool), std::vector{5});
  EXPECT_EQ(two.map_with_pool(std::vector{1}, pool, [](int item, int& lent) { return item + lent; }), std::vector{6});
}

TEST(Executor, TakesTheConcurrencyOfABatchInShort) {
  const executor four = of(4);
  gauge running;
  const auto work = [&] { const gauge::visit here(running); };
  four.execute(std::vector(20, work), 1);
  four.settle(std::vector(20, work), 1U);
  four.map(std::vector(20, 0), [&](int) { work(); }, std::int8_t{1});
  EXPECT_EQ(running.most(), 1);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { four.map(std::vector{1}, [](int) {}, -1); }),
            message_of<std::invalid_argument>([&] { fanout::execute_in_parallel(std::vector(1, [] {}), -1); }));
}

TEST(Executor, InvokesDifferentFunctionsWithinItsLimit) {
  const executor one = of(1);
  std::vector<int> order;
  const auto add = [&](int value) { return [&order, value] { order.push_back(value); }; };
  one.invoke(add(1), add(2), add(3));
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_THROW(one.invoke({.on_error = fanout::error_policy::run_all}, []() -> int { throw std::domain_error("bad"); }),
               fanout::aggregate_error);
}

TEST(Executor, MovesWithItsArena) {
  static_assert(std::is_nothrow_move_constructible_v<executor> && std::is_nothrow_move_assignable_v<executor>);
  static_assert(!std::is_copy_constructible_v<executor> && !std::is_copy_assignable_v<executor>);
  executor first = of(2);
  first.execute(std::vector(10, [] {}));
  executor second = std::move(first);
  EXPECT_EQ(second.concurrency(), 2U);
  EXPECT_EQ(second.map(std::vector{4}, [](int i) { return i; }).at(0), 4);
  first = of(3);
  EXPECT_EQ(first.concurrency(), 3U);
  second = std::move(first);
  EXPECT_EQ(second.concurrency(), 3U);
}

TEST(Executor, SaysThatItWasMovedFrom) {
  executor first = of(2);
  const executor second = std::move(first);
  EXPECT_EQ(first.concurrency(), 0U);  // NOLINT: what is moved from is what is tested
  EXPECT_EQ(message_of<std::logic_error>([&] { first.execute(std::vector(1, [] {})); }),
            "the executor has been moved from");
}

TEST(Executor, CanBeMadeAndDestroyedByATask) {
  of(2).execute(std::vector(8, [] {
    executor inner = of(3);
    inner.execute(std::vector(9, [] {}));
  }));
}

TEST(Executor, CanBeMadeOnOneThreadAndDestroyedOnAnother) {
  auto held = std::make_unique<executor>(executor_options{.concurrency = 3});
  held->execute(std::vector(9, [] {}));
  std::thread([&] { held.reset(); }).join();
  EXPECT_EQ(of(2).concurrency(), 2U);
}

TEST(Executor, WorksAfterManyOthersHaveComeAndGone) {
  for (int round = 0; round != 200; ++round) {
    executor some = of(static_cast<std::size_t>(round) % 7 + 1);
    std::atomic<int> ran = 0;
    some.execute(std::vector(20, [&] { ++ran; }));
    ASSERT_EQ(ran, 20);
  }
}

// ── Options of a batch ──────────────────────────────────────────────────────────────────────────────────────────

int most_at_once(executor& on, std::size_t concurrency) {
  gauge at_work;
  on.execute(std::vector(40,
                         [&] {
                           const gauge::visit here(at_work);
                           std::this_thread::sleep_for(1ms);
                         }),
             {.concurrency = concurrency});
  return at_work.most();
}

TEST(Executor, CapsABatchThatAsksForMore) {
  executor three = of(3);
  EXPECT_LE(most_at_once(three, 200), 3);
  EXPECT_LE(most_at_once(three, fanout::unlimited), 3);
  EXPECT_LE(most_at_once(three, fanout::automatic), 3);
}

TEST(Executor, KeepsTheLowerLimitOfABatch) {
  executor eight = of(8);
  EXPECT_LE(most_at_once(eight, 2), 2);
  EXPECT_EQ(most_at_once(eight, 1), 1);
}

TEST(Executor, ReachesItsOwnLimitWhereABatchIsAutomatic) {
  executor eight = of(8);
  rendezvous all(8);
  eight.execute(std::vector(8, [&] { EXPECT_TRUE(all.meet()); }));
}

// ── Shared by threads ───────────────────────────────────────────────────────────────────────────────────────────

TEST(Executor, GivesEachOfManyCallersItsOwnResults) {
  executor two = of(2);
  on_threads(6, [&](std::size_t number) {
    for (std::size_t round = 0; round != 200; ++round) {
      const auto results = two.map(std::vector<std::size_t>{1, 2, 3}, [&](std::size_t i) { return 10 * number + i; });
      ASSERT_EQ(results, (std::vector{10 * number + 1, 10 * number + 2, 10 * number + 3}));
    }
  });
}

TEST(Executor, OfOneIsSharedByCallersThatTakeTurns) {
  executor one = of(1);
  gauge at_work;
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != 1'000; ++round)
      one.execute(std::vector(3, [&] { const gauge::visit here(at_work); }));
  });
  EXPECT_EQ(at_work.most(), 1);
}

TEST(Executor, OfOneLetsItsTasksCallItAgain) {
  executor one = of(1);
  const watchdog guard;
  int depth_reached = 0;
  const std::function<void(int)> descend = [&](int depth) {
    depth_reached = std::max(depth_reached, depth);
    if (depth != 10) one.execute(std::vector(1, [&] { descend(depth + 1); }));
  };
  for (int round = 0; round != 1'000; ++round) descend(0);
  EXPECT_EQ(depth_reached, 10);
}

TEST(Executor, ServesOtherCallersWhileOneBatchHasALongTail) {
  executor two = of(2);
  event tail_begun;
  event others_done;
  std::jthread long_batch([&] {
    std::vector<action> tasks(10, [] {});
    tasks.push_back([&] {
      tail_begun.set();
      EXPECT_TRUE(others_done.wait());
    });
    two.execute(tasks);
  });
  ASSERT_TRUE(tail_begun.wait());
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != 50; ++round) two.execute(std::vector(4, [] {}));
  });
  others_done.set();
}

TEST(Executor, ServesOtherCallersWhileSeveralBatchesHaveLongTails) {
  executor three = of(3);
  rendezvous tails(3);
  event others_done;
  const auto long_batch = [&] {
    three.execute(std::vector<action>{[] {},
                                      [&] {
                                        EXPECT_TRUE(tails.meet());
                                        EXPECT_TRUE(others_done.wait());
                                      }});
  };
  std::jthread first(long_batch);
  std::jthread second(long_batch);
  ASSERT_TRUE(tails.meet());
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != 50; ++round) three.execute(std::vector(4, [] {}));
  });
  others_done.set();
}

TEST(Executor, StopsWaitingForItsTurnWhenTheStopIsRequested) {
  executor one = of(1);
  event busy;
  event go_on;
  std::jthread holder([&] {
    one.execute(std::vector<action>{[&] {
      busy.set();
      EXPECT_TRUE(go_on.wait());
    }});
  });
  ASSERT_TRUE(busy.wait());
  std::stop_source source;
  event cancelled;
  std::atomic<int> ran = 0;
  std::jthread waiter([&] {
    try {
      one.execute(std::vector(3, [&] { ++ran; }), {.stop = source.get_token()});
    } catch (const fanout::operation_cancelled& e) {
      EXPECT_EQ(e.completed(), 0U);
      EXPECT_EQ(e.total(), 3U);
      cancelled.set();
    }
  });
  std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(cancelled.happened());
  source.request_stop();
  EXPECT_TRUE(cancelled.wait());
  go_on.set();
  waiter.join();
  EXPECT_EQ(ran, 0);
}

TEST(Executor, ServesTheNextInLineWhenOneThatWaitedWasStopped) {
  executor one = of(1);
  for (int round = 0; round != 300; ++round) {
    std::stop_source source;
    std::atomic<int> served = 0;
    {
      std::jthread stopped([&] {
        try {
          one.execute(std::vector(2, [] {}), {.stop = source.get_token()});
        } catch (const fanout::operation_cancelled&) {
        }
      });
      std::jthread next([&] { one.execute(std::vector(2, [&] { ++served; })); });
      std::jthread requester([&] { source.request_stop(); });
      one.execute(std::vector(2, [&] { ++served; }));
    }
    ASSERT_EQ(served, 4);
  }
}

TEST(Executor, WorksAfterABatchFailed) {
  executor two = of(2);
  for (int round = 0; round != 100; ++round) {
    EXPECT_THROW(two.execute(std::vector<action>(4, [] { throw 42; })), fanout::task_error);
    EXPECT_EQ(two.execute(std::vector(4, [] { return 1; })).size(), 4U);
  }
}

TEST(Executor, GivesItsPlacesBackWhenACallThrows) {
  executor one = of(1);
  std::stop_source source;
  source.request_stop();
  fanout::run_options breaking;
  breaking.on_progress = [](std::size_t, std::size_t) { throw 42; };
  EXPECT_THROW(one.execute(std::vector<action>(1, [] { throw 42; })), fanout::task_error);
  EXPECT_THROW(one.execute(std::vector(1, [] {}), {.stop = source.get_token()}), fanout::operation_cancelled);
  EXPECT_THROW(one.execute(std::vector(1, [] {}), breaking), int);
  EXPECT_THROW(one.execute(std::vector(1, action())), std::invalid_argument);
  event served;
  std::jthread other([&] { one.execute(std::vector(1, [&] { served.set(); })); });
  EXPECT_TRUE(served.wait());
}

TEST(Executor, LetsAProgressCallbackUseIt) {
  executor one = of(1);
  const watchdog guard;
  int inner = 0;
  fanout::run_options options;
  options.on_progress = [&](std::size_t, std::size_t) { one.execute(std::vector(1, [&] { ++inner; })); };
  one.execute(std::vector(3, [] {}), options);
  EXPECT_EQ(inner, 3);
}

TEST(Executor, LetsTheLastProgressCallbackUseIt) {
  executor two = of(2);
  const watchdog guard;
  std::atomic<int> inner = 0;
  fanout::run_options options{.progress_interval = 1h};
  options.on_progress = [&](std::size_t, std::size_t) { two.execute(std::vector(4, [&] { ++inner; })); };
  two.execute(std::vector(30, [] {}), options);
  EXPECT_EQ(inner, 4);
}

}  // namespace
