// The distributor of a batch, with every interleaving of a few runners: see work_distributor.hpp, and search.hpp for what
// that means.

#include "engine/work_distributor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "model/search.hpp"

namespace {

using namespace model;
using fanout::detail::task_range;
using distributor = fanout::detail::basic_work_distributor<primitives>;

/// How much a thief takes. (It decides by the time of its victim's tasks.)
enum class share { half, all };

/// Runners that take all tasks, in chunks of which each has been told beforehand how large.
template <class Scenario, int threads, std::size_t runners, std::size_t tasks, std::size_t chunk, share stolen>
struct batch_scenario : rl::test_suite<Scenario, threads> {
  struct runner {
    distributor::runner_work work;
  };

  distributor distributor_{tasks, runners, chunk, false};
  std::array<runner, runners> all_;
  std::array<int, tasks> started_{};
  flag none_is_left_;

  batch_scenario() {
    primitives::patience = std::chrono::nanoseconds(stolen == share::half ? 1 : 0);
    for (runner& each : all_) {
      each.work.pace.wanted = each.work.pace.least = chunk;
      each.work.pace.task_time = 1;
    }
  }

  /// As a runner of a batch does it.
  void work(std::size_t me) {
    for (std::size_t ended = 0;;) {
      bool none_was_left = none_is_left_.look();
      const task_range mine = distributor_.next(me, all_, ended);
      if (mine.empty()) break;
      const std::size_t end = run(me, mine, none_was_left);
      ended = end - mine.first;
    }
    none_is_left_.raise();
  }

  /// Whoever is about to start a task after another one was told that none is left has been forgotten.
  std::size_t run(std::size_t me, task_range mine, bool none_was_left) {
    return fanout::detail::run_chunk(mine, all_[me].work.mine, false, [&](std::size_t task) {
      RL_ASSERT(!none_was_left);
      RL_ASSERT(task < tasks);
      RL_ASSERT(++started_[task] == 1);
      none_was_left = none_is_left_.look();
    });
  }

  void watch() {
    if (distributor_.all_taken(all_)) none_is_left_.raise();
  }

  void after() {
    for (const int times : started_) RL_ASSERT(times == 1);
  }
};

template <std::size_t runners, std::size_t tasks, std::size_t chunk, share stolen>
struct taking : batch_scenario<taking<runners, tasks, chunk, stolen>, int{runners}, runners, tasks, chunk, stolen> {
  void thread(unsigned me) { this->work(me); }
};

/// The last thread only asks whether all have been taken.
template <std::size_t runners, std::size_t tasks, std::size_t chunk, share stolen>
struct watching
    : batch_scenario<watching<runners, tasks, chunk, stolen>, int{runners + 1}, runners, tasks, chunk, stolen> {
  void thread(unsigned me) { me < runners ? this->work(me) : this->watch(); }
};

/// The owner of the first chunk, runner 1, is inside a task that does not end; runner 0 takes what is behind it. Thread 1
/// is the third runner, which comes late. The chunk that runner 0 had before has higher tasks than what it gets: who takes
/// the one for the other sees an empty chunk.
template <share stolen>
struct being_late : batch_scenario<being_late<stolen>, 2, 3, 5, 3, stolen> {
  void before() {
    primitives::patience = std::chrono::nanoseconds(stolen == share::half ? 1 : 0);
    const task_range first = this->distributor_.next(1, this->all_, 0);
    this->all_[1].work.mine.may_start(first.first, false);
    RL_ASSERT(first.first == 0 && first.last == 3);
    ++this->started_[0];
    this->run(0, this->distributor_.next(0, this->all_, 0), false);
  }
  void thread(unsigned me) {
    if (me == 1) return this->watch();
    this->work(0);
  }
};

/// Runners and a stop at any moment: all leave, and none starts a task after a stop of which it knows.
template <std::size_t runners, std::size_t tasks, std::size_t chunk>
struct stopping
    : batch_scenario<stopping<runners, tasks, chunk>, int{runners + 1}, runners, tasks, chunk, share::all> {
  atomic<std::uint32_t> stopped_;

  void thread(unsigned me) {
    if (me == runners) return stop();
    bool was_stopped = false;
    while (!was_stopped) {
      const task_range mine = this->distributor_.next(me, this->all_, 0);
      if (mine.empty()) break;
      fanout::detail::run_chunk(mine, this->all_[me].work.mine, false, [&](std::size_t task) {
        RL_ASSERT(!was_stopped);
        RL_ASSERT(++this->started_[task] == 1);
        was_stopped = stopped_.load(std::memory_order_acquire) != 0;
      });
      was_stopped = stopped_.load(std::memory_order_acquire) != 0;
    }
  }
  void stop() {
    for (auto& each : this->all_) each.work.mine.stop();
    stopped_.store(1, std::memory_order_release);
  }
  void after() {}
};

/// Thread 0 has nothing to do but to watch a chunk whose owner is inside a task that does not end, too cheap to be
/// recalled. The stop is all that can end this.
struct stopping_a_thief : batch_scenario<stopping_a_thief, 2, 2, 3, 3, share::all> {
  void before() {
    primitives::patience = std::chrono::hours(1);
    const task_range first = distributor_.next(1, all_, 0);
    all_[1].work.mine.may_start(first.first, false);
  }
  void thread(unsigned me) {
    if (me == 0) {
      RL_ASSERT(distributor_.next(0, all_, 0).empty());
    } else {
      for (auto& each : all_) each.work.mine.stop();
    }
  }
  void after() {}
};

TEST(WorkDistributorModel, TwoRunnersStartEachTaskOnceAndLeaveWhenNoneIsLeft) {
  const finding found = every_execution<taking<2, 2, 1, share::all>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(WorkDistributorModel, LongTwoRunnersStealFromEachOther) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  const finding found = every_execution<taking<2, 2, 2, share::all>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(WorkDistributorModel, AThiefTakesWhatIsBehindATaskThatDoesNotEnd) {
  const finding all = every_execution<being_late<share::all>>();
  EXPECT_TRUE(all.holds()) << all;
  const finding half = every_execution<being_late<share::half>>();
  EXPECT_TRUE(half.holds()) << half;
}

TEST(WorkDistributorModel, AWatcherIsNotToldTooEarlyThatAllAreTaken) {
  const finding found = every_execution<watching<1, 3, 2, share::all>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(WorkDistributorModel, AStopAtAnyMomentLetsARunnerLeave) {
  const finding found = every_execution<stopping<1, 3, 2>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(WorkDistributorModel, AStopLetsAThiefLeaveThatHasNothingToTake) {
  const finding found = every_execution<stopping_a_thief>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(WorkDistributorModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  const finding two = some_executions<taking<2, 4, 3, share::half>>(executions);
  EXPECT_TRUE(two.holds()) << two;
  const finding all = some_executions<taking<3, 6, 4, share::all>>(executions);
  EXPECT_TRUE(all.holds()) << all;
  const finding half = some_executions<taking<3, 9, 4, share::half>>(executions);
  EXPECT_TRUE(half.holds()) << half;
  const finding watched = some_executions<watching<2, 4, 4, share::half>>(executions);
  EXPECT_TRUE(watched.holds()) << watched;
  const finding stopped = some_executions<stopping<3, 9, 4>>(executions);
  EXPECT_TRUE(stopped.holds()) << stopped;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

TEST(WorkDistributorModel, FindsThatARunnerLeavesTooEarlyIfChunksAreNotAnnounced) {
  const finding found =
      every_execution_with<taking<2, 2, 2, share::all>>({"announce", operation::store, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(WorkDistributorModel, FindsThatARunnerLeavesTooEarlyIfTheCursorDoesNotCarryTheAnnouncements) {
  const finding found = some_executions_with<taking<2, 2, 2, share::all>>({"claim", operation::add, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(WorkDistributorModel, FindsThatAWatcherIsToldTooEarlyIfTheftsAreNotCounted) {
  const finding found = every_execution_with<being_late<share::all>>({"take", operation::add, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(WorkDistributorModel, FindsThatAWatcherIsToldTooEarlyIfTheftsAreCountedAfterwards) {
  const finding found = every_execution_with<being_late<share::all>>({"take", operation::add, kind::swapped});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

// As it was at first: whoever sees a chunk that a theft has emptied has to see the theft.
TEST(WorkDistributorModel, FindsThatAWatcherIsToldTooEarlyIfALookDoesNotAcquire) {
  const finding found = every_execution_with<being_late<share::all>>({"look", operation::load, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(WorkDistributorModel, FindsThatARunnerLeavesTooEarlyIfTheftsAreNotCounted) {
  const finding found = some_executions_with<taking<3, 4, 4, share::half>>({"take", operation::add, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(WorkDistributorModel, FindsThatAThiefStaysInAStoppedBatchIfItDoesNotLookAtItsFlag) {
  const finding found = every_execution_with<stopping_a_thief>({"stopped", operation::load, kind::unseen});
  EXPECT_EQ(found.result, rl::test_result_livelock) << found;
}

}  // namespace
