#include "engine/adaptation.hpp"

#include <gtest/gtest.h>

#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/limits.hpp"
#include "support.hpp"

namespace fanout::detail {
namespace {

using namespace std::chrono_literals;

/// Lets time pass in steps of a millisecond, in which as many tasks end as there are runners times `tasks_a_runner`,
/// until more helpers are called for or that many milliseconds are over.
struct simulation {
  adaptation& adapting;
  std::size_t runners;
  std::size_t limit = 8;
  adaptation::clock::time_point now{1h};
  std::size_t completed = 0;

  std::size_t run(int milliseconds, std::size_t tasks_a_runner) {
    for (; milliseconds != 0; --milliseconds) {
      now += 1ms;
      completed += runners * tasks_a_runner;
      if (const std::size_t more = adapting.update(limit, now, [this] { return completed; })) return more;
    }
    return 0;
  }
};

TEST(Adaptation, LetsInAsManyHelpersAsAreWantedBesideTheLeader) {
  adaptation adapting(3, 8);
  EXPECT_TRUE(adapting.enter());
  EXPECT_TRUE(adapting.enter());
  EXPECT_FALSE(adapting.enter());
  EXPECT_FALSE(adapting.leave_if_too_many());
}

TEST(Adaptation, CallsForHelpersAndSendsThemAwayAsTheWantedNumberMoves) {
  adaptation adapting(2, 8);
  ASSERT_TRUE(adapting.enter());
  simulation world{adapting, 2};
  EXPECT_EQ(world.run(100, 10), 2u) << "twice as many are tried";
  EXPECT_EQ(adapting.wanted(), 4u);
  EXPECT_TRUE(adapting.enter());
  EXPECT_TRUE(adapting.enter());
  world.run(100, 10);  // as much as before: the two more were no use
  EXPECT_LT(adapting.wanted(), 4u);
  EXPECT_TRUE(adapting.leave_if_too_many());
}

TEST(Adaptation, MeasuresAlthoughAHelperDoesNotCome) {
  adaptation adapting(4, 8);
  simulation world{adapting, 1};
  world.run(200, 20);
  EXPECT_NE(adapting.wanted(), 4u);
}

TEST(Adaptation, WaitsForEnoughTasksBeforeItDecides) {
  adaptation adapting(2, 8);
  ASSERT_TRUE(adapting.enter());
  simulation world{adapting, 2};
  world.run(22, 10);
  EXPECT_EQ(adapting.wanted(), 4u) << "many tasks: one window, after a first look";
  adaptation patient(2, 8);
  ASSERT_TRUE(patient.enter());
  simulation slow{patient, 2};
  slow.run(100, 0);
  EXPECT_EQ(patient.wanted(), 2u);
}

TEST(Adaptation, SeeksAnewWithinALimitThatChanges) {
  adaptation adapting(4, 8);
  for (int helper = 0; helper != 3; ++helper) ASSERT_TRUE(adapting.enter());
  simulation world{adapting, 4};
  world.limit = 2;
  EXPECT_EQ(world.run(2, 10), 0u);
  EXPECT_EQ(adapting.wanted(), 2u);
  EXPECT_TRUE(adapting.leave_if_too_many());
  adapting.leave();  // the executor had no slot for it
  EXPECT_FALSE(adapting.leave_if_too_many());
  world.runners = 2;
  world.run(1'000, 10);
  EXPECT_LE(adapting.wanted(), 2u);
  world.limit = 8;
  EXPECT_NE(world.run(200, 10), 0u);
  EXPECT_GT(adapting.wanted(), 2u);
}

TEST(Adaptation, KeepsThePlaceOfALeaderThatStepsAside) {
  adaptation adapting(3, 3);
  ASSERT_TRUE(adapting.enter());
  adapting.leader_steps_aside();
  EXPECT_TRUE(adapting.enter());
  EXPECT_FALSE(adapting.enter());
  adapting.leader_comes_back();
  EXPECT_FALSE(adapting.enter());
  EXPECT_FALSE(adapting.leave_if_too_many());
}

executor adaptive(std::size_t limit) { return executor({.concurrency = limit, .adaptive = true}); }

TEST(AdaptiveExecutor, GivesAllResultsInInputOrder) {
  executor adapting = adaptive(16);
  for (const std::size_t size : {0u, 1u, 2u, 15u, 16u, 17u, 1'000u, 300'000u}) {
    const std::vector<std::size_t> results =
        adapting.map(std::views::iota(std::size_t{0}, size), [](std::size_t i) { return 3 * i; });
    ASSERT_EQ(results.size(), size);
    for (std::size_t i = 0; i != size; ++i) ASSERT_EQ(results[i], 3 * i);
  }
}

TEST(AdaptiveExecutor, NeverExceedsItsLimitAndUsesMoreThanTheCoresWhereTasksWait) {
  const std::size_t limit = 2 * available_concurrency() + 2;
  executor adapting = adaptive(limit);
  std::atomic<std::size_t> in_flight{0};
  std::atomic<std::size_t> most{0};
  adapting.map(std::views::iota(0, 2'000), [&](int) {
    const std::size_t now = ++in_flight;
    std::size_t seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::sleep_for(1ms);
    --in_flight;
  });
  EXPECT_LE(most, limit);
  EXPECT_GT(most, available_concurrency());
}

TEST(AdaptiveExecutor, BeginsABatchWithWhatTheOneBeforeCameTo) {
  const std::size_t limit = 4 * available_concurrency();
  executor adapting = adaptive(limit);
  const auto wait = [](int) { std::this_thread::sleep_for(1ms); };
  adapting.map(std::views::iota(0, 3'000), wait);
  std::atomic<std::size_t> in_flight{0};
  std::atomic<bool> many{false};
  adapting.map(std::views::iota(std::size_t{0}, 2 * limit), [&](std::size_t) {  // too few to adapt on
    if (++in_flight > available_concurrency()) many = true;
    for (int i = 0; i != 2'000 && !many; ++i) std::this_thread::sleep_for(1ms);
    --in_flight;
  });
  EXPECT_TRUE(many);
}

/// An executor that has learned that its tasks wait.
class AdaptiveExecutorThatHasLearned : public testing::Test {
 protected:
  AdaptiveExecutorThatHasLearned() {
    adapting_.map(std::views::iota(0, 3'000), [](int) { std::this_thread::sleep_for(2ms); });
  }

  /// How many tasks a batch begins with at once, as far as is asked: its tasks wait for that many. There are as many
  /// as the limit, too few to adapt on.
  std::size_t begins_with(std::size_t asked, std::chrono::milliseconds patience) {
    std::atomic<std::size_t> in_flight{0};
    std::atomic<std::size_t> most{0};
    adapting_.map(std::views::iota(std::size_t{0}, limit_), [&](std::size_t) {
      const std::size_t now = ++in_flight;
      std::size_t seen = most;
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      const auto end = std::chrono::steady_clock::now() + patience;
      while (most < asked && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
      --in_flight;
    });
    return most;
  }

  /// Runs a batch that shows nothing of how many threads are best, and expects the next one to begin as before.
  template <class Batch>
  void expect_to_keep_it_over(Batch batch) {
    for (int round = 0; round != 5; ++round) {
      const std::size_t learned = begins_with(limit_, 20ms);
      if (learned <= 2 * available_concurrency()) GTEST_SKIP() << "the machine is too busy: it learned " << learned;
      batch();
      ASSERT_GE(begins_with(learned / 2, 200ms), learned / 2) << "in round " << round;
    }
  }

  const std::size_t limit_ = 8 * available_concurrency();
  executor adapting_ = adaptive(limit_);
};

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchOfTwoTasks) {
  expect_to_keep_it_over([&] { adapting_.map(std::views::iota(0, 2), [](int) {}); });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchOfOneTask) {
  expect_to_keep_it_over([&] { adapting_.map(std::views::iota(0, 1), [](int) {}); });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverAnEmptyBatch) {
  expect_to_keep_it_over([&] { adapting_.map(std::views::iota(0, 0), [](int) {}); });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverManyEmptyFunctions) {
  const std::vector<std::function<void()>> cheap(16'384, [] {});
  expect_to_keep_it_over([&] { adapting_.execute(cheap); });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchOfOneLongTask) {
  expect_to_keep_it_over(
      [&] { adapting_.map(std::views::iota(0, 1), [](int) { std::this_thread::sleep_for(300ms); }); });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchThatIsStoppedBeforeItsFirstTask) {
  std::stop_source stop;
  stop.request_stop();
  expect_to_keep_it_over([&] {
    EXPECT_THROW(adapting_.map(std::views::iota(0, 1'000), [](int) {}, {.stop = stop.get_token()}),
                 operation_cancelled);
  });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchThatIsStoppedByItsFirstTask) {
  expect_to_keep_it_over([&] {
    std::stop_source stop;
    EXPECT_THROW(
        adapting_.map(std::views::iota(0, 1'000), [&](int) { stop.request_stop(); }, {.stop = stop.get_token()}),
        operation_cancelled);
  });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchThatFailsAtOnce) {
  expect_to_keep_it_over([&] {
    EXPECT_THROW(adapting_.map(std::views::iota(0, 1'000), [](int) { throw std::runtime_error("no"); }), task_error);
  });
}

TEST_F(AdaptiveExecutorThatHasLearned, KeepsItOverABatchOfALowerLimit) {
  expect_to_keep_it_over([&] { adapting_.map(std::views::iota(0, 100), [](int) {}, {.concurrency = 1}); });
}

TEST(AdaptiveExecutor, EndsABatchThatFailsOrIsStopped) {
  executor adapting = adaptive(8);
  for (int round = 0; round != 50; ++round) {
    EXPECT_THROW(adapting.map(std::views::iota(0, 1'000),
                              [&](int i) {
                                if (i == 10 * round) throw std::runtime_error("no");
                              }),
                 task_error);
    std::stop_source stop;
    EXPECT_THROW(adapting.map(std::views::iota(0, 1'000),
                              [&](int i) {
                                if (i == 10 * round) stop.request_stop();
                              },
                              {.stop = stop.get_token()}),
                 operation_cancelled);
  }
}

// It calls for helpers again and again, and none comes: the leader must not wait for one.
TEST(AdaptiveExecutor, EndsWhileAllWorkersAreBusyElsewhere) {
  const int threads = tbb::info::default_concurrency();
  support::event over;
  std::atomic<int> busy{0};
  std::jthread elsewhere([&] {
    tbb::task_arena arena(threads);
    arena.execute([&] {
      tbb::parallel_for(
          0, threads,
          [&](int) {
            ++busy;
            EXPECT_TRUE(over.wait());
          },
          tbb::simple_partitioner());
    });
  });
  while (busy != threads) std::this_thread::sleep_for(1ms);
  executor adapting({.adaptive = true});
  for (int round = 0; round != 2; ++round)
    adapting.map(std::views::iota(0, 300), [](int) { std::this_thread::sleep_for(1ms); });
  over.set();
}

TEST(AdaptiveExecutor, ServesItsOwnTasksAndSeveralThreads) {
  executor adapting = adaptive(4);
  std::vector<std::jthread> callers;
  std::atomic<int> ended{0};
  for (int caller = 0; caller != 4; ++caller) {
    callers.emplace_back([&] {
      adapting.map(std::views::iota(0, 20), [&](int) {
        adapting.map(std::views::iota(0, 50), [&](int) {
          std::this_thread::sleep_for(20us);
          ++ended;
        });
      });
    });
  }
  callers.clear();
  EXPECT_EQ(ended, 4 * 20 * 50);
}

}  // namespace
}  // namespace fanout::detail
