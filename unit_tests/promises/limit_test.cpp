#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 2: never more than `concurrency` tasks in flight, also when batches nest and threads share an executor;
/// and nothing deadlocks by limits.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;

using action = std::function<void()>;
using actions = std::vector<action>;

constexpr int rounds = 1'000;

// ── One batch ───────────────────────────────────────────────────────────────────────────────────────────────────

class Promise2LimitOfABatch : public testing::TestWithParam<std::size_t> {};

TEST_P(Promise2LimitOfABatch, IsNeverExceeded) {
  const std::size_t limit = GetParam();
  gauge in_flight;
  const auto visit = [&] {
    const gauge::visit here(in_flight);
    std::this_thread::sleep_for(200us);
  };
  execute_in_parallel(std::vector(300, visit), limit);
  executor({.concurrency = limit}).execute(std::vector(300, visit));
  executor({.concurrency = 40}).execute(std::vector(300, visit), {.concurrency = limit});
  EXPECT_LE(in_flight.most(), static_cast<int>(limit));
}

INSTANTIATE_TEST_SUITE_P(Limits, Promise2LimitOfABatch, testing::Values(1, 2, 3, 7, 32));

TEST(Promise2Limit, IsNotExceededByEmptyTasks) {
  gauge in_flight;
  execute_in_parallel(std::vector(100'000, [&] { const gauge::visit here(in_flight); }), 2);
  EXPECT_LE(in_flight.most(), 2);
}

TEST(Promise2Limit, IsTheCoresForAnAutomaticBatch) {
  gauge in_flight;
  execute_in_parallel(std::vector(200, [&] {
    const gauge::visit here(in_flight);
    std::this_thread::sleep_for(200us);
  }));
  EXPECT_LE(in_flight.most(), static_cast<int>(fanout::available_concurrency()));
}

TEST(Promise2Limit, CountsTheCallingThreadAsOneOfItsWorkers) {
  const auto caller = std::this_thread::get_id();
  rendezvous all(4);
  std::atomic<int> by_the_caller = 0;
  execute_in_parallel(std::vector(4,
                                  [&] {
                                    if (std::this_thread::get_id() == caller) ++by_the_caller;
                                    EXPECT_TRUE(all.meet());
                                  }),
                      4);
  EXPECT_EQ(by_the_caller, 1);
}

// ── An executor that is shared ──────────────────────────────────────────────────────────────────────────────────

TEST(Promise2Limit, OfAnExecutorHoldsOverAllItsCallers) {
  executor two({.concurrency = 2});
  gauge in_flight;
  std::atomic<int> ran = 0;
  on_threads(6, [&](std::size_t) {
    for (int round = 0; round != rounds; ++round)
      two.execute(std::vector(4, [&] {
        const gauge::visit here(in_flight);
        ++ran;
      }));
  });
  EXPECT_LE(in_flight.most(), 2);
  EXPECT_EQ(ran, 6 * rounds * 4);
}

TEST(Promise2Limit, OfAnExecutorHoldsOverCallersWhoseTasksTakeTime) {
  executor three({.concurrency = 3});
  gauge in_flight;
  on_threads(6, [&](std::size_t number) {
    for (int round = 0; round != 20; ++round)
      three.execute(std::vector(1 + number, [&] {
        const gauge::visit here(in_flight);
        std::this_thread::sleep_for(200us);
      }));
  });
  EXPECT_LE(in_flight.most(), 3);
}

TEST(Promise2Limit, OfAnExecutorHoldsWhenTasksNest) {
  executor three({.concurrency = 3});
  const watchdog guard;
  gauge at_work;
  const auto leaf = [&] {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(50us);
  };
  on_threads(3, [&](std::size_t) {
    for (int round = 0; round != 20; ++round)
      three.execute(std::vector(4, [&] {
        leaf();
        three.execute(std::vector(5, leaf));
        leaf();
      }));
  });
  EXPECT_LE(at_work.most(), 3);
}

TEST(Promise2Limit, OfAnExecutorHoldsWhenOneOfItsBatchesHasALongTail) {
  executor two({.concurrency = 2});
  gauge in_flight;
  event tail_begun;
  event go_on;
  std::jthread long_batch([&] {
    two.execute(actions{[] {},
                        [&] {
                          const gauge::visit here(in_flight);
                          tail_begun.set();
                          EXPECT_TRUE(go_on.wait());
                        }});
  });
  ASSERT_TRUE(tail_begun.wait());
  on_threads(3, [&](std::size_t) {
    for (int round = 0; round != 100; ++round)
      two.execute(std::vector(3, [&] { const gauge::visit here(in_flight); }));
  });
  go_on.set();
  EXPECT_LE(in_flight.most(), 2);
}

TEST(Promise2Limit, OfAnExecutorOfOneHoldsForFourThreadsAndItsOwnTasks) {
  executor one({.concurrency = 1});
  const watchdog guard;
  gauge in_flight;
  std::atomic<int> ran = 0;
  const auto leaf = [&] {
    const gauge::visit here(in_flight);
    ++ran;
  };
  on_threads(4, [&](std::size_t) {
    for (int round = 0; round != rounds; ++round)
      one.execute(actions{leaf, [&] { one.execute(std::vector(2, leaf)); }, leaf});
  });
  EXPECT_EQ(in_flight.most(), 1);
  EXPECT_EQ(ran, 4 * rounds * 4);
}

// ── Waiting ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise2Limit, IsKeptByThreadsThatWaitForAnInnerBatch) {
  const watchdog guard;
  thread_local int depth = 0;
  std::atomic<int> taken_while_waiting = 0;
  const auto outer = [&](auto run_inner) {
    return [&, run_inner] {
      if (depth != 0) ++taken_while_waiting;
      ++depth;
      run_inner();
      --depth;
    };
  };
  executor two({.concurrency = 2});
  const std::vector leaves(4, [] { compute_for(5us); });
  execute_in_parallel(std::vector(200, outer([&] { execute_in_parallel(leaves); })));
  execute_in_parallel(std::vector(200, outer([&] { execute_in_parallel(leaves, 3); })), 2);
  two.execute(std::vector(200, outer([&] { two.execute(leaves); })));
  EXPECT_EQ(taken_while_waiting, 0);
}

// ── Nothing deadlocks by limits ─────────────────────────────────────────────────────────────────────────────────

TEST(Promise2Limit, NeverDeadlocksFreeCallsInEachOther) {
  const watchdog guard;
  std::atomic<int> leaves = 0;
  const std::vector inner(2, [&] { ++leaves; });
  const std::vector middle(3, [&] { execute_in_parallel(inner, 2); });
  for (int round = 0; round != rounds; ++round)
    execute_in_parallel(std::vector(2, [&] { execute_in_parallel(middle, 3); }), 2);
  EXPECT_EQ(leaves, rounds * 2 * 3 * 2);
}

TEST(Promise2Limit, HoldsForEachOfTheFreeCallsInEachOther) {
  const watchdog guard;
  std::atomic<int> exceeded = 0;
  const auto checked = [&](std::size_t limit, const action& body) {
    gauge in_flight;
    execute_in_parallel(std::vector(limit + 1,
                                    [&] {
                                      const gauge::visit here(in_flight);
                                      body();
                                    }),
                        limit);
    if (in_flight.most() > static_cast<int>(limit)) ++exceeded;
  };
  for (int round = 0; round != 100; ++round)
    checked(2, [&] { checked(3, [&] { checked(2, [] { compute_for(2us); }); }); });
  EXPECT_EQ(exceeded, 0);
}

TEST(Promise2Limit, NeverDeadlocksFreeCallsOfTheSameLimitInEachOther) {
  const watchdog guard;
  std::atomic<int> leaves = 0;
  const std::function<void(int)> descend = [&](int depth) {
    if (depth == 0) {
      ++leaves;
      return;
    }
    execute_in_parallel(std::vector(2, [&] { descend(depth - 1); }), 2);
  };
  for (int round = 0; round != 20; ++round) descend(7);
  EXPECT_EQ(leaves, 20 * 128);
}

TEST(Promise2Limit, NeverDeadlocksTwoExecutorsThatCallEachOther) {
  const watchdog guard;
  executor a({.concurrency = 2});
  executor b({.concurrency = 2});
  std::atomic<int> leaves = 0;
  const std::vector leaf(2, [&] { ++leaves; });
  const std::vector back_to_a(2, [&] { a.execute(leaf); });
  const std::vector to_b(2, [&] { b.execute(back_to_a); });
  for (int round = 0; round != rounds; ++round) a.execute(to_b);
  EXPECT_EQ(leaves, rounds * 8);
}

TEST(Promise2Limit, NeverDeadlocksThreeExecutorsThatCallEachOther) {
  const watchdog guard;
  executor a({.concurrency = 1});
  executor b({.concurrency = 2});
  executor c({.concurrency = 3});
  std::atomic<int> leaves = 0;
  const std::vector leaf(2, [&] { ++leaves; });
  const std::vector to_a(2, [&] { a.execute(leaf); });
  const std::vector to_c(2, [&] { c.execute(to_a); });
  const std::vector to_b(2, [&] { b.execute(to_c); });
  for (int round = 0; round != rounds; ++round) a.execute(to_b);
  EXPECT_EQ(leaves, rounds * 16);
}

class Promise2LimitOfExecutorsInACycle : public testing::TestWithParam<std::size_t> {};

TEST_P(Promise2LimitOfExecutorsInACycle, NeverDeadlocksWhenTheyAreCalledFromBothEnds) {
  const watchdog guard;
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  std::atomic<int> leaves = 0;
  const std::vector leaf(2, [&] { ++leaves; });
  const auto call = [&](executor& outer, executor& inner) {
    for (int round = 0; round != rounds; ++round)
      outer.execute(std::vector(2, [&] { inner.execute(std::vector(2, [&] { outer.execute(leaf); })); }));
  };
  on_threads(4, [&](std::size_t number) { number % 2 == 0 ? call(a, b) : call(b, a); });
  EXPECT_EQ(leaves, 4 * rounds * 8);
}

INSTANTIATE_TEST_SUITE_P(OfSeveralLimits, Promise2LimitOfExecutorsInACycle, testing::Values(1, 2, 3));

// A thread that waits for an inner batch does not work for the executor: it is out of the gauge meanwhile.
TEST(Promise2Limit, OfAnExecutorOfOneHoldsWhenItIsCalledBackByAnother) {
  const watchdog guard;
  executor one({.concurrency = 1});
  executor two({.concurrency = 2});
  gauge at_work;
  const auto work = [&] {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(1ms);
  };
  for (int round = 0; round != 20; ++round) {
    rendezvous both(2);
    const std::vector back(2, [&] {
      EXPECT_TRUE(both.meet());
      one.execute(std::vector(1, work));
    });
    one.execute(std::vector(1, [&] { two.execute(back); }));
  }
  EXPECT_EQ(at_work.most(), 1);
}

TEST(Promise2Limit, OfExecutorsHoldsWhenTheyCallEachOtherFromBothEnds) {
  const watchdog guard;
  struct measured {
    executor runs{{.concurrency = 2}};
    gauge at_work;
    void execute(std::size_t count, const action& body) {
      runs.execute(actions(count, [&] {
        const gauge::visit here(at_work);
        body();
      }));
    }
  } a, b;
  const auto work = [] { std::this_thread::sleep_for(200us); };
  const auto call = [&](measured& outer, measured& inner) {
    for (int round = 0; round != 50; ++round)
      outer.execute(3, [&] {
        work();
        const gauge::absence away(outer.at_work);
        inner.execute(3, work);
      });
  };
  on_threads(4, [&](std::size_t number) { number % 2 == 0 ? call(a, b) : call(b, a); });
  EXPECT_LE(a.at_work.most(), 2);
  EXPECT_LE(b.at_work.most(), 2);
}

TEST(Promise2Limit, OfAnExecutorHoldsWhenFreeCallsComeBetween) {
  const watchdog guard;
  executor two({.concurrency = 2});
  gauge at_work;
  const std::vector leaf(2, [&] {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(200us);
  });
  for (int round = 0; round != 50; ++round)
    two.execute(std::vector(2, [&] { execute_in_parallel(std::vector(3, [&] { two.execute(leaf); }), 3); }));
  EXPECT_LE(at_work.most(), 2);
}

// ── Automatic batches ───────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise2Limit, OfTheCoresHoldsForAutomaticBatchesInEachOther) {
  const watchdog guard;
  gauge at_work;
  const std::vector leaf(4, [&] {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(50us);
  });
  const std::vector middle(4, [&] { execute_in_parallel(leaf); });
  for (int round = 0; round != 20; ++round) execute_in_parallel(std::vector(4, [&] { execute_in_parallel(middle); }));
  EXPECT_LE(at_work.most(), static_cast<int>(fanout::available_concurrency()));
}

TEST(Promise2Limit, OfTheCoresHoldsWhereOneOfTheNestedBatchesHasASingleTask) {
  const watchdog guard;
  gauge at_work;
  const std::vector leaf(4, [&] {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(50us);
  });
  const std::vector single(1, [&] { execute_in_parallel(leaf); });
  for (int round = 0; round != 50; ++round)
    execute_in_parallel(std::vector(4, [&] { execute_in_parallel(single, 1); }));
  EXPECT_LE(at_work.most(), static_cast<int>(fanout::available_concurrency()));
}

TEST(Promise2Limit, OfTheCoresHoldsForAutomaticBatchesInAnAutomaticExecutor) {
  const watchdog guard;
  executor cores;
  gauge at_work;
  const std::vector leaf(4, [&] {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(50us);
  });
  for (int round = 0; round != 50; ++round) cores.execute(std::vector(4, [&] { execute_in_parallel(leaf); }));
  EXPECT_LE(at_work.most(), static_cast<int>(fanout::available_concurrency()));
}

}  // namespace
