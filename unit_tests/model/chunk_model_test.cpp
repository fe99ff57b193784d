// A chunk with every interleaving of its owner and a few thieves: see chunk.hpp, and search.hpp for what that means.

#include "fanout/detail/chunk.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "model/search.hpp"

namespace {

using namespace model;
using fanout::detail::task_range;

/// What a thief asks for.
enum class share { half, all };

/// How an owner starts the tasks of its chunk: each in its turn, or all as a whole; or the mistake that `start_all`
/// prevents, all of them with the first one published where the last one should be.
enum class starts { each, whole, whole_published_by_the_first };

/// Tasks that may start once at most, and those that must have started at the end.
template <class Scenario, int threads, std::size_t tasks, class Primitives = chunk_primitives>
struct chunk_scenario : rl::test_suite<Scenario, threads> {
  using chunk = fanout::detail::basic_chunk<Primitives>;
  static constexpr bool fenced = !std::is_same_v<Primitives, chunk_primitives>;

  chunk mine_;
  std::array<int, tasks> started_{};

  void start(std::size_t task) {
    RL_ASSERT(task < tasks);
    RL_ASSERT(++started_[task] == 1);
  }

  /// Of thread 0 for `mine_`.
  void run(chunk& own, task_range range, starts how = starts::each) {
    if (how == starts::each) {
      fanout::detail::run_chunk(range, own, fenced, [this](std::size_t task) { start(task); });
      return;
    }
    if (how == starts::whole) {
      range = fanout::detail::start_all(range, own, fenced);
    } else {
      while (!range.empty() && !own.may_start(range.first, fenced)) range.last = own.settle(range.first);
    }
    for (std::size_t each = range.first; each != range.last; ++each) start(each);
  }

  void open(chunk& own, task_range range) {
    own.announce(fenced);
    own.open(range);
  }

  task_range steal(chunk& victim, share wanted) {
    const task_range taken = victim.recall(wanted == share::all);
    for (std::size_t each = taken.first; each != taken.last; ++each) start(each);
    return taken;
  }
};

template <std::size_t tasks, share wanted, class Primitives = chunk_primitives>
struct one_thief : chunk_scenario<one_thief<tasks, wanted, Primitives>, 2, tasks, Primitives> {
  void before() { this->open(this->mine_, {0, tasks}); }
  void thread(unsigned me) {
    if (me == 0) {
      this->run(this->mine_, {0, tasks});
    } else {
      this->steal(this->mine_, wanted);
    }
  }
  void after() {
    for (const int times : this->started_) RL_ASSERT(times == 1);
  }
};

/// The same thief twice: the second time it may find its first answer unread.
template <std::size_t tasks>
struct thief_that_comes_again : chunk_scenario<thief_that_comes_again<tasks>, 2, tasks> {
  void before() { this->open(this->mine_, {0, tasks}); }
  void thread(unsigned me) {
    if (me == 0) {
      this->run(this->mine_, {0, tasks});
    } else {
      this->steal(this->mine_, share::half);
      this->steal(this->mine_, share::all);
    }
  }
  void after() {
    for (const int times : this->started_) RL_ASSERT(times == 1);
  }
};

template <std::size_t tasks>
struct two_thieves : chunk_scenario<two_thieves<tasks>, 3, tasks> {
  void before() { this->open(this->mine_, {0, tasks}); }
  void thread(unsigned me) {
    if (me == 0) this->run(this->mine_, {0, tasks});
    if (me == 1) this->steal(this->mine_, share::half);
    if (me == 2) this->steal(this->mine_, share::all);
  }
  void after() {
    for (const int times : this->started_) RL_ASSERT(times == 1);
  }
};

/// The owner's first chunk and its second one, with tasks between them that are in neither: whoever takes half of the
/// one for half of the other gets some of these. The thieves come at any moment. `lower`: the second has the lower
/// tasks.
template <bool lower, share wanted, int thieves = 1, class Primitives = chunk_primitives, starts how = starts::each>
struct next_chunk : chunk_scenario<next_chunk<lower, wanted, thieves, Primitives, how>, 1 + thieves, 7, Primitives> {
  static constexpr task_range low{0, 2};
  static constexpr task_range high{4, 7};
  static constexpr task_range first = lower ? high : low;
  static constexpr task_range second = lower ? low : high;

  void before() { this->open(this->mine_, first); }
  void thread(unsigned me) {
    if (me != 0) {
      this->steal(this->mine_, wanted);
      return;
    }
    this->run(this->mine_, first, how);
    this->open(this->mine_, second);
    this->run(this->mine_, second, how);
    this->mine_.announce(this->fenced);
    this->mine_.clear();
  }
  void after() {
    for (std::size_t task = 0; task != this->started_.size(); ++task)
      RL_ASSERT(this->started_[task] == (task == 2 || task == 3 ? 0 : 1));
  }
};

/// Thread 1 takes tasks of thread 0, which takes some of them back.
template <std::size_t tasks, share wanted>
struct stealing_back : chunk_scenario<stealing_back<tasks, wanted>, 2, tasks> {
  typename stealing_back::chunk other_;

  void before() { this->open(this->mine_, {0, tasks}); }
  void thread(unsigned me) {
    if (me == 0) {
      this->run(this->mine_, {0, tasks});
      take(this->mine_, other_);
    } else {
      take(other_, this->mine_);
    }
  }
  void take(typename stealing_back::chunk& own, typename stealing_back::chunk& victim) {
    own.announce(false);
    const task_range taken = victim.recall(wanted == share::all);
    if (taken.empty()) return own.clear();
    own.open(taken);
    this->run(own, taken);
  }
  void after() {
    for (const int times : this->started_) RL_ASSERT(times == 1);
  }
};

/// The batch is stopped at any moment. `thieves` may be 0. No task starts after a stop of which its runner knows,
/// none twice, and nobody waits for what does not come.
template <int thieves>
struct stopping : chunk_scenario<stopping<thieves>, 2 + thieves, 6> {
  atomic<std::uint32_t> stopped_;

  void before() { this->open(this->mine_, {0, 2}); }
  void thread(unsigned me) {
    if (me == 0) own();
    if (me == 1) {
      this->mine_.stop();
      stopped_.store(1, std::memory_order_release);
    }
    if (me >= 2) this->steal(this->mine_, share::all);
  }
  void own() {
    bool was_stopped = false;
    const auto start = [&](std::size_t task) {
      RL_ASSERT(!was_stopped);
      this->start(task);
      was_stopped = stopped_.load(std::memory_order_acquire) != 0;
    };
    fanout::detail::run_chunk({0, 2}, this->mine_, false, start);
    // An owner that did not look whether the batch is stopped before it takes other tasks: see basic_chunk::announce.
    this->open(this->mine_, {4, 6});
    fanout::detail::run_chunk({4, 6}, this->mine_, false, start);
  }
  void after() {
    RL_ASSERT(this->started_[2] == 0);  // which it got by no chunk
    RL_ASSERT(this->started_[3] == 0);
  }
};

/// The owner is asked to pause at any moment. `goes_on`: by itself; otherwise the tasks that it leaves are for
/// thieves, of which this thread is one. `thieves` may be 0.
template <bool goes_on, share wanted, int thieves>
struct pausing : chunk_scenario<pausing<goes_on, wanted, thieves>, 2 + thieves, 3> {
  void before() { this->open(this->mine_, {0, 3}); }
  void thread(unsigned me) {
    if (me == 0) own();
    if (me == 1) this->mine_.ask_to_pause();
    if (me >= 2) this->steal(this->mine_, wanted);
  }
  void own() {
    this->run(this->mine_, {0, 3});
    if (!this->mine_.has_paused()) return;
    if (goes_on) {
      const task_range rest = this->mine_.resume();
      if (!rest.empty()) this->run(this->mine_, rest);
      return;
    }
    // Another thief may be faster, or in its way.
    while (this->mine_.look().state != pausing::chunk::view::kind::empty) {
      if (this->steal(this->mine_, share::all).empty()) chunk_primitives::yield();
    }
  }
  void after() {
    for (const int times : this->started_) RL_ASSERT(times == 1);
  }
};

/// A look may combine two chunks: what it returns is a guess, but one of a number of tasks.
struct looking : chunk_scenario<looking, 2, 7> {
  void before() { open(mine_, {4, 7}); }
  void thread(unsigned me) {
    if (me == 0) {
      run(mine_, {4, 7});
      open(mine_, {0, 3});
      run(mine_, {0, 3});
    } else {
      const chunk::view seen = mine_.look();
      RL_ASSERT(seen.unstarted < 7);
      RL_ASSERT((seen.state == chunk::view::kind::open) == (seen.unstarted != 0));
    }
  }
};

template <bool lower, share wanted, int thieves = 1>
using next_whole = next_chunk<lower, wanted, thieves, chunk_primitives, starts::whole>;

TEST(ChunkModel, AnOwnerAndAThiefStartEachTaskOnce) {
  const finding half_of_two = every_execution<one_thief<2, share::half>>();
  EXPECT_TRUE(half_of_two.holds()) << half_of_two;
  const finding half_of_three = every_execution<one_thief<3, share::half>>();
  EXPECT_TRUE(half_of_three.holds()) << half_of_three;
  const finding all_of_two = every_execution<one_thief<2, share::all>>();
  EXPECT_TRUE(all_of_two.holds()) << all_of_two;
  const finding all_of_three = every_execution<one_thief<3, share::all>>();
  EXPECT_TRUE(all_of_three.holds()) << all_of_three;
}

TEST(ChunkModel, AnOwnerThatFencesAndAThiefStartEachTaskOnce) {
  const finding half = every_execution<one_thief<3, share::half, chunk_primitives_fenced>>();
  EXPECT_TRUE(half.holds()) << half;
  const finding next = every_execution<next_chunk<true, share::all, 1, chunk_primitives_fenced>>();
  EXPECT_TRUE(next.holds()) << next;
}

TEST(ChunkModel, AThiefMayComeAgainBeforeItsOwnerHasSeenTheFirstAnswer) {
  const finding found = every_execution<thief_that_comes_again<4>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ChunkModel, AnOwnerAndTwoThievesStartEachTaskOnce) {
  const finding three_tasks = every_execution<two_thieves<3>>();
  EXPECT_TRUE(three_tasks.holds()) << three_tasks;
  const finding four_tasks = every_execution<two_thieves<4>>();
  EXPECT_TRUE(four_tasks.holds()) << four_tasks;
}

TEST(ChunkModel, HalfOfAnOldChunkNeverMeetsHalfOfANewOne) {
  const finding lower_half = every_execution<next_chunk<true, share::half>>();
  EXPECT_TRUE(lower_half.holds()) << lower_half;
  const finding lower_all = every_execution<next_chunk<true, share::all>>();
  EXPECT_TRUE(lower_all.holds()) << lower_all;
  const finding higher_half = every_execution<next_chunk<false, share::half>>();
  EXPECT_TRUE(higher_half.holds()) << higher_half;
  const finding higher_all = every_execution<next_chunk<false, share::all>>();
  EXPECT_TRUE(higher_all.holds()) << higher_all;
}

TEST(ChunkModel, AChunkMayBeStartedAsAWholeWhileAThiefComes) {
  const finding lower_half = every_execution<next_whole<true, share::half>>();
  EXPECT_TRUE(lower_half.holds()) << lower_half;
  const finding lower_all = every_execution<next_whole<true, share::all>>();
  EXPECT_TRUE(lower_all.holds()) << lower_all;
  const finding higher_half = every_execution<next_whole<false, share::half>>();
  EXPECT_TRUE(higher_half.holds()) << higher_half;
  const finding higher_all = every_execution<next_whole<false, share::all>>();
  EXPECT_TRUE(higher_all.holds()) << higher_all;
}

TEST(ChunkModel, LongHalfOfAnOldChunkNeverMeetsHalfOfANewOneWithTwoThieves) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  const finding lower = every_execution<next_chunk<true, share::all, 2>>();
  EXPECT_TRUE(lower.holds()) << lower;
  const finding higher = every_execution<next_chunk<false, share::half, 2>>();
  EXPECT_TRUE(higher.holds()) << higher;
}

TEST(ChunkModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  const finding thieves = some_executions<two_thieves<9>>(executions);
  EXPECT_TRUE(thieves.holds()) << thieves;
  const finding lower = some_executions<next_chunk<true, share::half, 3>>(executions);
  EXPECT_TRUE(lower.holds()) << lower;
  const finding higher = some_executions<next_chunk<false, share::all, 3>>(executions);
  EXPECT_TRUE(higher.holds()) << higher;
  const finding wholes = some_executions<next_whole<true, share::half, 3>>(executions);
  EXPECT_TRUE(wholes.holds()) << wholes;
  const finding back = some_executions<stealing_back<9, share::half>>(executions);
  EXPECT_TRUE(back.holds()) << back;
  const finding stops = some_executions<stopping<2>>(executions);
  EXPECT_TRUE(stops.holds()) << stops;
}

TEST(ChunkModel, TasksMayBeStolenBack) {
  const finding half = every_execution<stealing_back<3, share::half>>();
  EXPECT_TRUE(half.holds()) << half;
  const finding all = every_execution<stealing_back<3, share::all>>();
  EXPECT_TRUE(all.holds()) << all;
}

TEST(ChunkModel, AStopAtAnyMomentKeepsTheLaterTasksFromStarting) {
  const finding found = every_execution<stopping<0>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ChunkModel, AStopAtAnyMomentOfARecallLosesNobodyAndStartsNoTaskTwice) {
  const finding found = every_execution<stopping<1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ChunkModel, AnOwnerMayPauseAtAnyMomentAndGoOn) {
  const finding alone = every_execution<pausing<true, share::all, 0>>();
  EXPECT_TRUE(alone.holds()) << alone;
  const finding half = every_execution<pausing<true, share::half, 1>>();
  EXPECT_TRUE(half.holds()) << half;
  const finding all = every_execution<pausing<true, share::all, 1>>();
  EXPECT_TRUE(all.holds()) << all;
}

TEST(ChunkModel, AnOwnerThatPausesMayLeaveItsTasksToThieves) {
  const finding alone = every_execution<pausing<false, share::all, 0>>();
  EXPECT_TRUE(alone.holds()) << alone;
  const finding half = every_execution<pausing<false, share::half, 1>>();
  EXPECT_TRUE(half.holds()) << half;
  const finding all = every_execution<pausing<false, share::all, 1>>();
  EXPECT_TRUE(all.holds()) << all;
}

TEST(ChunkModel, ALookWithoutAFenceSeesNoTasksThatAreNone) {
  const finding found = every_execution<looking>();
  EXPECT_TRUE(found.holds()) << found;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

constexpr std::uint32_t recalling = 2;  // of the flags of a chunk

TEST(ChunkModel, FindsThatATaskStartsTwiceWithoutTheFenceOfTheOwner) {
  const finding found =
      every_execution_with<one_thief<2, share::all>>({"fence_as_owner", operation::fence, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatATaskStartsTwiceWithoutTheFenceOfTheThief) {
  const finding found = every_execution_with<one_thief<2, share::all>>({"recall", operation::fence, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatATaskStartsTwiceIfTheOwnerDoesNotWaitForTheAnswer) {
  const finding found =
      every_execution_with<one_thief<2, share::all>>({"settle", operation::load, kind::unseen, recalling});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatATaskStartsTwiceIfTheAnswerCarriesNoEnd) {
  const finding found =
      every_execution_with<one_thief<2, share::all>>({"recall", operation::exchange, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

// The answer that is acquired has to be the last one.
TEST(ChunkModel, FindsThatATaskStartsTwiceIfTheOwnerDoesNotAcquireTheAnswer) {
  const finding found =
      every_execution_with<thief_that_comes_again<4>>({"settle", operation::exchange, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatHalvesOfTwoChunksMeetIfTheOwnerAnnouncesWithoutAFence) {
  const finding found =
      every_execution_with<next_chunk<false, share::all>>({"fence_as_owner", operation::fence, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatHalvesOfTwoChunksMeetIfTheOwnerAnnouncesWithoutALookAtTheFlags) {
  const finding found =
      every_execution_with<next_chunk<false, share::all>>({"announce", operation::load, kind::unseen});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatHalvesOfTwoChunksMeetIfANewChunkHasItsPositionFirst) {
  const finding found = every_execution_with<next_chunk<true, share::all>>({"open", operation::store, kind::swapped});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatHalvesOfTwoChunksMeetIfANewPositionDoesNotCarryItsEnd) {
  const finding found = every_execution_with<next_chunk<true, share::all>>({"open", operation::store, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatHalvesOfTwoChunksMeetIfAThiefMayReadTheEndFirst) {
  const finding found = every_execution_with<next_chunk<true, share::all>>({"look", operation::load, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

// As it was at first: a stop let the owner take other tasks while a thief was at the old ones.
TEST(ChunkModel, FindsThatHalvesOfTwoChunksMeetIfTheOwnerOfAStoppedBatchDoesNotWaitForTheThief) {
  const finding found = every_execution_with<stopping<1>>({"settle", operation::load, kind::unseen, recalling});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatATaskIsLostIfAnOwnerThatPausesHasPublishedIt) {
  const finding found =
      every_execution_with<pausing<false, share::all, 0>>({"settle", operation::store, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatATaskStartsTwiceIfTwoThievesComeAtATime) {
  const finding found = every_execution_with<two_thieves<3>>({"recall", operation::exchange, kind::torn});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ChunkModel, FindsThatATaskStartsTwiceIfAWholeChunkIsPublishedByItsFirstTask) {
  const finding found = every_execution<
      next_chunk<true, share::all, 1, chunk_primitives, starts::whole_published_by_the_first>>();
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

}  // namespace
