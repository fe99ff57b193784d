// The claims of a batch, with every interleaving of a few runners: see claims.hpp, and search.hpp for what that means.

#include "claims.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include "model/search.hpp"

namespace {

using namespace model;
using fanout::detail::bite;
using claims = fanout::detail::basic_claims<primitives>;

/// Runners that take all tasks, in blocks of which each has been told beforehand how large. Thread number `runners`, if
/// there is one, only looks whether all have been taken.
template <class Scenario, std::size_t runners, std::size_t watchers, std::size_t tasks>
struct batch_scenario : rl::test_suite<Scenario, int{runners + watchers}> {
  struct runner {
    claims::claimant claim;
  };

  fresh_start fresh_;
  std::unique_ptr<claims> claims_ = std::make_unique<claims>(tasks, runners, 1);
  std::array<runner, runners> all_;
  std::array<int, tasks> taken_{};
  flag none_is_left_;

  explicit batch_scenario(std::size_t block) {
    for (runner& each : all_) each.claim.pace.wanted = each.claim.pace.least = block;
  }

  /// Takes what there is. Who begins after somebody was told that nothing is left must find nothing.
  void take(unsigned me) {
    for (;;) {
      const bool none_was_left = none_is_left_.look();
      const bite mine = claims_->next(all_[me].claim, all_);
      if (mine.empty()) break;
      RL_ASSERT(!none_was_left);
      for (std::size_t each = mine.first; each != mine.last; ++each) RL_ASSERT(++taken_[each] == 1);
    }
    none_is_left_.raise();
  }

  void look_around() {
    if (claims_->all_taken(all_)) none_is_left_.raise();
  }

  void after() {
    for (const int times : taken_) RL_ASSERT(times == 1);
  }
};

template <std::size_t runners, std::size_t tasks, std::size_t block>
struct taking : batch_scenario<taking<runners, tasks, block>, runners, 0, tasks> {
  taking() : batch_scenario<taking, runners, 0, tasks>(block) {}
  void thread(unsigned me) { this->take(me); }
};

template <std::size_t runners, std::size_t tasks, std::size_t block>
struct watching : batch_scenario<watching<runners, tasks, block>, runners, 1, tasks> {
  watching() : batch_scenario<watching, runners, 1, tasks>(block) {}
  void thread(unsigned me) {
    if (me < runners) {
      this->take(me);
    } else {
      this->look_around();
    }
  }
};

/// The open rest alone: its owner takes one task after the other from the front, and each thief once from the back.
template <std::size_t thieves, std::size_t tasks>
struct stealing : rl::test_suite<stealing<thieves, tasks>, int{thieves + 1}> {
  fresh_start fresh_;
  std::unique_ptr<claims::open_rest> rest_ = std::make_unique<claims::open_rest>();
  std::array<int, tasks> taken_{};

  void before() { rest_->open({0, tasks}); }

  void thread(unsigned me) {
    if (me != 0) return count(rest_->take_back());
    for (;;) {
      const bite mine = rest_->take_front([](std::size_t) { return std::size_t{1}; });
      if (mine.empty()) return;
      count(mine);
    }
  }

  void count(bite mine) {
    for (std::size_t each = mine.first; each != mine.last; ++each) RL_ASSERT(++taken_[each] == 1);
  }

  void after() {
    for (const int times : taken_) RL_ASSERT(times == 1);
  }
};

TEST(ClaimsModel, TwoRunnersTakeEachTaskOnceAndLeaveWhenNoneIsLeft) {
  const finding one_by_one = every_execution<taking<2, 3, 1>>();
  EXPECT_TRUE(one_by_one.holds()) << one_by_one;
  const finding all_at_once = every_execution<taking<2, 2, 2>>();
  EXPECT_TRUE(all_at_once.holds()) << all_at_once;
  const finding two_blocks = every_execution<taking<2, 3, 2>>();
  EXPECT_TRUE(two_blocks.holds()) << two_blocks;
}

TEST(ClaimsModel, AnOwnerAndTwoThievesTakeEachTaskOfARestOnce) {
  const finding two_tasks = every_execution<stealing<2, 2>>();
  EXPECT_TRUE(two_tasks.holds()) << two_tasks;
  const finding four_tasks = every_execution<stealing<2, 4>>();
  EXPECT_TRUE(four_tasks.holds()) << four_tasks;
}

TEST(ClaimsModel, AWatcherIsNotToldTooEarlyThatAllAreTaken) {
  const finding found = every_execution<watching<1, 2, 2>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ClaimsModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  const finding small = some_executions<taking<3, 4, 4>>(executions);
  EXPECT_TRUE(small.holds()) << small;
  const finding large = some_executions<taking<3, 9, 4>>(executions);
  EXPECT_TRUE(large.holds()) << large;
  const finding watched = some_executions<watching<2, 4, 4>>(executions);
  EXPECT_TRUE(watched.holds()) << watched;
}

TEST(ClaimsModel, LongTwoRunnersStealFromALargerBlock) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<taking<2, 3, 3>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ClaimsModel, LongThreeRunnersMeetAtTheCursor) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<taking<3, 1, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

TEST(ClaimsModel, FindsThatARunnerLeavesTooEarlyIfBlocksAreNotAnnounced) {
  const finding found = every_execution_with<taking<2, 2, 2>>({"announce", operation::store, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

// A thief has to get more than it binds to itself, its victim to take the rest before the third looks at it.
TEST(ClaimsModel, FindsThatARunnerLeavesTooEarlyIfTheftsAreNotCounted) {
  const finding found = some_executions_with<taking<3, 4, 4>>({"take_from_others", operation::add, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ClaimsModel, FindsThatAWatcherIsToldTooEarlyIfTheftsAreNotCounted) {
  const finding found = some_executions_with<watching<2, 4, 4>>({"take_from_others", operation::add, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ClaimsModel, FindsThatARunnerLeavesTooEarlyIfTheCursorDoesNotCarryTheAnnouncements) {
  const finding found = some_executions_with<taking<2, 2, 2>>({"claim_block", operation::add, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ClaimsModel, FindsThatATaskIsTakenTwiceIfAThiefLooksAndThenStores) {
  const finding found = every_execution_with<taking<2, 3, 3>>({"take_back", operation::exchange, kind::torn});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(ClaimsModel, FindsThatATaskIsTakenTwiceIfItsOwnerLooksAndThenStores) {
  const finding found = every_execution_with<taking<2, 3, 3>>({"take_front", operation::exchange, kind::torn});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

}  // namespace
