#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "set_concurrency_stage.hpp"
#include "support.hpp"

/// The limit of an executor is changed while its batches run.
namespace {

using namespace support;
using fanout::executor;

executor of(std::size_t limit) { return executor({.concurrency = limit}); }

class SetConcurrency : public testing::Test {
  const watchdog guard_{2 * patience};
};

// ── The call ────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrency, ChangesTheLimitAndNotTheGreatest) {
  executor eight = of(8);
  EXPECT_EQ(eight.greatest_concurrency(), 8U);
  eight.set_concurrency(3);
  EXPECT_EQ(eight.concurrency(), 3U);
  EXPECT_EQ(eight.greatest_concurrency(), 8U);
  eight.set_concurrency(8);
  EXPECT_EQ(eight.concurrency(), 8U);
  const executor moved = std::move(eight);
  EXPECT_EQ(moved.concurrency(), 8U);
  EXPECT_EQ(eight.greatest_concurrency(), 0U);  // NOLINT: what is moved from is what is tested
}

TEST_F(SetConcurrency, RefusesWhatTheExecutorWasNotMadeFor) {
  executor eight = of(8);
  eight.set_concurrency(5);
  const auto refusal = [&](auto named) {
    return message_of<std::invalid_argument>([&] { eight.set_concurrency(named); });
  };
  const std::string bounds = "concurrency must be between 1 and 8, with which the executor was made; got ";
  EXPECT_EQ(refusal(0), bounds + "0");
  EXPECT_EQ(refusal(9), bounds + "9");
  EXPECT_EQ(refusal(-1), bounds + "a negative number");
  EXPECT_EQ(refusal(fanout::automatic), bounds + "no number");
  EXPECT_EQ(refusal(fanout::unlimited), bounds + "no number");
  EXPECT_EQ(eight.concurrency(), 5U);
  executor moved = std::move(eight);
  EXPECT_THROW(eight.set_concurrency(1), std::logic_error);  // NOLINT: likewise
}

// ── One batch ───────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrency, LetsNoMoreComeThanTheLowerLimit) {
  executor eight = of(8);
  two_crowds tasks(8, /*together=*/3);
  std::jthread caller([&] { eight.execute(std::vector(100, [&] { tasks.run(); })); });
  tasks.wait_for_first();
  eight.set_concurrency(3);
  tasks.let_first_go();
  caller.join();
  EXPECT_FALSE(tasks.gave_up());
  EXPECT_EQ(tasks.later().most(), 3);
}

TEST_F(SetConcurrency, LetsAsManyComeAsTheHigherLimitWhileTasksRun) {
  executor eight = of(8);
  eight.set_concurrency(2);
  two_crowds tasks(2, /*together=*/6);
  std::jthread caller([&] { eight.execute(std::vector(50, [&] { tasks.run(); })); });
  tasks.wait_for_first();
  eight.set_concurrency(8);
  EXPECT_TRUE(comes_true([&] { return tasks.started() > 8; }));  // while the first two run
  tasks.let_first_go();
  caller.join();
  EXPECT_FALSE(tasks.gave_up());
}

TEST_F(SetConcurrency, WakesThoseThatMadeWay) {
  executor eight = of(8);
  for (int round = 0; round != 20; ++round) {
    two_crowds tasks(8, /*together=*/8);
    std::jthread caller([&] { eight.execute(std::vector(50, [&] { tasks.run(); })); });
    tasks.wait_for_first();
    eight.set_concurrency(1);
    tasks.let_first_go();
    ASSERT_TRUE(comes_true([&] { return tasks.later().inside() == 1; }));  // and waits for seven others
    EXPECT_EQ(tasks.later().most(), 1);
    eight.set_concurrency(8);
    caller.join();
    ASSERT_FALSE(tasks.gave_up());
  }
}

TEST_F(SetConcurrency, HoldsForBatchesThatBeginLater) {
  executor six = of(6);
  six.set_concurrency(2);
  two_crowds tasks(0, /*together=*/2);
  six.execute(std::vector(100, [&] { tasks.run(); }));
  EXPECT_FALSE(tasks.gave_up());
  EXPECT_EQ(tasks.later().most(), 2);
}

TEST_F(SetConcurrency, HoldsSoonForCheapTasks) {
  executor four = of(4);
  std::atomic<bool> over{false};
  std::atomic<gauge*> counted{nullptr};
  std::vector<std::unique_ptr<gauge>> windows;  // kept, because a task may be in one that is over
  std::jthread caller([&] {
    const auto cheap = [&](std::size_t) {
      if (gauge* const here = counted; here != nullptr) const gauge::visit inside(*here);
    };
    while (!over) four.map(std::size_t{100'000}, cheap);
  });
  const auto most_in_a_window = [&] {
    windows.push_back(std::make_unique<gauge>());
    counted = windows.back().get();
    std::this_thread::sleep_for(100ms);
    counted = nullptr;
    return windows.back()->most();
  };
  for (const int limit : {1, 4, 2}) {
    four.set_concurrency(limit);
    // A thread that has no core for a while is late.
    EXPECT_TRUE(comes_true([&] { return most_in_a_window() <= limit; }));
    EXPECT_LE(most_in_a_window(), limit);
  }
  over = true;
}

TEST_F(SetConcurrency, HoldsWhereTasksThatTakeLongAreBehindCheapOnesInTheHandsOfAThread) {
  executor four = of(4);
  for (int round = 0; round != 10; ++round) {
    two_crowds tasks(4);
    constexpr std::size_t cheap = 20'000;
    std::atomic<int> ran{0};
    std::jthread caller([&] {
      four.map(cheap + 200, [&](std::size_t index) {
        if (index >= cheap) tasks.run();
        ++ran;
      });
    });
    tasks.wait_for_first();
    four.set_concurrency(1);
    tasks.let_first_go();
    caller.join();
    ASSERT_FALSE(tasks.gave_up());
    ASSERT_EQ(tasks.later().most(), 1);
    ASSERT_EQ(ran, cheap + 200);
    four.set_concurrency(4);
  }
}

TEST_F(SetConcurrency, EndsTheCallWhenOthersHaveEndedItsTasksWhileItsThreadWaits) {
  for (int round = 0; round != 100; ++round) {
    executor two = of(2);
    rendezvous both(3);
    event lowered;
    std::atomic<int> of_caller{0};
    std::jthread caller([&] {
      const auto me = std::this_thread::get_id();
      two.map(std::size_t{20}, [&](std::size_t index) {
        if (std::this_thread::get_id() == me) ++of_caller;
        if (index < 2 && (!both.meet() || !lowered.wait())) ADD_FAILURE();
        // The caller is the first to see the new limit, and steps aside.
        if (index < 2 && std::this_thread::get_id() != me) std::this_thread::sleep_for(1ms);
      });
    });
    ASSERT_TRUE(both.meet());
    two.set_concurrency(1);
    lowered.set();
    caller.join();
    EXPECT_GE(of_caller, 1);
  }
}

TEST_F(SetConcurrency, HoldsForTheCoresAsALimit) {
  executor automatic;
  const std::size_t cores = automatic.greatest_concurrency();
  for (int round = 0; round != 10; ++round) {
    two_crowds tasks(1);
    std::jthread caller([&] { automatic.execute(std::vector(100, [&] { tasks.run(); })); });
    tasks.wait_for_first();
    automatic.set_concurrency(1);
    tasks.let_first_go();
    // A worker may have a task of the later ones by now, from when it was allowed.
    ASSERT_TRUE(comes_true([&] { return tasks.started() > 20; }));
    automatic.set_concurrency(cores);
    caller.join();
    EXPECT_FALSE(tasks.gave_up());
  }
  automatic.set_concurrency(1);
  two_crowds tasks(0);
  automatic.execute(std::vector(100, [&] { tasks.run(); }));
  EXPECT_EQ(tasks.later().most(), 1);
}

TEST_F(SetConcurrency, IsCalledByATaskOfTheExecutor) {
  executor four = of(4);
  event lowered;
  rendezvous together(4);
  four.map(std::size_t{60}, [&](std::size_t index) {
    if (index == 0) four.set_concurrency(1), lowered.set();
    if (index == 20 && lowered.wait()) four.set_concurrency(4);
    if (index > 20 && index < 25 && !together.meet()) ADD_FAILURE();
  });
  EXPECT_EQ(four.concurrency(), 4U);
}

TEST_F(SetConcurrency, IsCalledByThreadsAtOnceAndLosesNoSlot) {
  executor five = of(5);
  {
    const restless_limit one(five, 1);
    const restless_limit other(five, 2);
    on_threads(4, [&](std::size_t number) {
      for (int round = 0; round != 100; ++round) {
        std::atomic<int> ran = 0;
        five.execute(std::vector(50, [&] {
          ++ran;
          if (number % 2 == 0) std::this_thread::sleep_for(20us);
        }));
        ASSERT_EQ(ran, 50);
      }
    });
  }
  full_house<executor> all(five);
  EXPECT_TRUE(all.held_until_now());
  five.set_concurrency(2);
  two_crowds tasks(0);
  on_threads(4, [&](std::size_t) { five.execute(std::vector(20, [&] { tasks.run(); })); });
  EXPECT_LE(tasks.later().most(), 2);
}

// ── Several callers ─────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrency, LetsCallersWaitBetweenTheirTasks) {
  executor six = of(6);
  for (int round = 0; round != 20; ++round) {
    two_crowds tasks(6, /*together=*/2);
    std::vector<std::jthread> callers;
    for (int each = 0; each != 6; ++each)
      callers.emplace_back([&] { six.execute(std::vector(20, [&] { tasks.run(); }), 1); });
    tasks.wait_for_first();
    six.set_concurrency(2);
    tasks.let_first_go();
    callers.clear();
    ASSERT_FALSE(tasks.gave_up());
    ASSERT_EQ(tasks.later().most(), 2);
    six.set_concurrency(6);
  }
}

TEST_F(SetConcurrency, WakesCallersThatWaitBetweenTheirTasks) {
  executor six = of(6);
  two_crowds tasks(6, /*together=*/6);
  std::vector<std::jthread> callers;
  for (int each = 0; each != 6; ++each)
    callers.emplace_back([&] { six.execute(std::vector(20, [&] { tasks.run(); }), 1); });
  tasks.wait_for_first();
  six.set_concurrency(1);
  tasks.let_first_go();
  EXPECT_TRUE(comes_true([&] { return tasks.later().inside() == 1; }));
  six.set_concurrency(6);
  callers.clear();
  EXPECT_FALSE(tasks.gave_up());
}

TEST_F(SetConcurrency, DoesNotKeepACallerFromAStop) {
  executor two = of(2);
  rendezvous both(3);
  event one_goes;
  event other_goes;
  std::stop_source stop;
  std::jthread stays([&] {
    two.execute(std::vector(1, [&] {
      if (!both.meet() || !other_goes.wait()) ADD_FAILURE();
    }));
  });
  std::atomic<int> ran{0};
  std::atomic<bool> was_stopped{false};
  std::jthread waits([&] {
    const auto task = [&](std::size_t index) {
      if (index == 0 && (!both.meet() || !one_goes.wait())) ADD_FAILURE();
      ++ran;
    };
    try {
      two.map(std::size_t{5}, task, {.concurrency = 1, .stop = stop.get_token()});
    } catch (const fanout::operation_cancelled& cancelled) {
      was_stopped = cancelled.completed() == 1 && cancelled.total() == 5;
    }
  });
  ASSERT_TRUE(both.meet());
  two.set_concurrency(1);
  one_goes.set();
  EXPECT_TRUE(comes_true([&] { return ran == 1; }));
  stop.request_stop();
  waits.join();
  EXPECT_TRUE(was_stopped);
  EXPECT_EQ(ran, 1);
  other_goes.set();
}

TEST_F(SetConcurrency, DoesNotKeepACallerFromTheEndOfItsTime) {
  executor two = of(2);
  rendezvous both(2);
  event goes;
  std::jthread stays([&] {
    two.execute(std::vector(1, [&] {
      if (!both.meet() || !goes.wait()) ADD_FAILURE();
    }));
  });
  const auto lowers = [&](std::size_t index) {
    if (index != 0) return;
    if (!both.meet()) ADD_FAILURE();
    two.set_concurrency(1);
  };
  EXPECT_THROW(two.map(std::size_t{5}, lowers, {.concurrency = 1, .timeout = 100ms}), fanout::deadline_exceeded);
  goes.set();
}

}  // namespace
