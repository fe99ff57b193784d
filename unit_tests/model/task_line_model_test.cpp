// The task line of a scope, with every interleaving of a few threads: see task_line.hpp, and search.hpp for what that
// means.

#include <gtest/gtest.h>

#include "engine/additions.hpp"
#include "engine/closure_list.hpp"
#include "engine/task_crew.hpp"
#include "model/search.hpp"
#include "model/task_line_scenarios.hpp"

// Copies of the line with a mistake each: see CMakeLists.txt.
#define PLANTED(name) namespace name {
PLANTED(adds_without_a_call)
#include "planted/adds_without_a_call.hpp"
}
PLANTED(pushes_without_a_call)
#include "planted/pushes_without_a_call.hpp"
}
PLANTED(leaves_as_if_it_attended)
#include "planted/leaves_as_if_it_attended.hpp"
}
PLANTED(leaves_additions)
#include "planted/leaves_additions.hpp"
}
PLANTED(leaves_the_collected)
#include "planted/leaves_the_collected.hpp"
}
PLANTED(closes_without_shutting)
#include "planted/closes_without_shutting.hpp"
}
PLANTED(closes_beside_a_task)
#include "planted/closes_beside_a_task.hpp"
}
PLANTED(stops_without_shutting)
#include "planted/stops_without_shutting.hpp"
}
PLANTED(leaves_without_a_look)
#include "planted/leaves_without_a_look.hpp"
}
PLANTED(looks_without_looking_again)
#include "planted/looks_without_looking_again.hpp"
}
PLANTED(looks_on_for_ever)
#include "planted/looks_on_for_ever.hpp"
}
PLANTED(ends_without_a_word)
#include "planted/ends_without_a_word.hpp"
}
PLANTED(makes_room_without_a_word)
#include "planted/makes_room_without_a_word.hpp"
}
PLANTED(stops_without_a_word)
#include "planted/stops_without_a_word.hpp"
}
PLANTED(arrives_without_a_call)
#include "planted/arrives_without_a_call.hpp"
}
PLANTED(stays_on_its_way)
#include "planted/stays_on_its_way.hpp"
}
PLANTED(sleeps_without_a_look)
#include "planted/sleeps_without_a_look.hpp"
}
PLANTED(calls_no_sleeper)
#include "planted/calls_no_sleeper.hpp"
}
PLANTED(leaves_it_to_a_looker)
#include "planted/leaves_it_to_a_looker.hpp"
}
PLANTED(calls_beyond_the_limit)
#include "planted/calls_beyond_the_limit.hpp"
}
PLANTED(closes_too_early)
#include "planted/closes_too_early.hpp"
}

namespace {

using namespace model;

#define LINE(name) name::fanout::detail::basic_task_line<primitives, task>
using line = fanout::detail::basic_task_line<primitives, task>;

// Those that are too many for every day.
constexpr rl::iteration_t sample = 30'000;

void expect_holds(const finding& found) { EXPECT_TRUE(found.holds()) << found; }
void expect_found(const finding& found) { EXPECT_FALSE(found.holds()); }
void expect_lost(const finding& found) { EXPECT_EQ(found.result, rl::test_result_deadlock) << found; }

TEST(TaskLineModel, RunsEachTaskThatIsAdded) {
  expect_holds(every_execution<adding<line, 1>>());
  expect_holds(some_executions<adding<line, 3>>(sample));
}
TEST(TaskLineModel, WakesWhoWaitsForRoom) { expect_holds(some_executions<adding_in_line<line>>(sample)); }
TEST(TaskLineModel, LetsTheOwnerTakeThePlaceOfARunner) { expect_holds(some_executions<working<line, 1>>(sample)); }
TEST(TaskLineModel, LetsTheOwnerWorkBesideARunner) { expect_holds(some_executions<working<line, 2>>(sample)); }
TEST(TaskLineModel, WakesAnOwnerThatCouldWork) { expect_holds(some_executions<needing_the_owner<line>>(sample)); }
TEST(TaskLineModel, EndsWhenItIsStoppedAtAnyMoment) { expect_holds(some_executions<stopping<line>>(sample)); }
TEST(TaskLineModel, EndsWhenItIsStoppedWhileTheOwnerWaits) {
  expect_holds(some_executions<stopping<line, true>>(sample));
}
TEST(TaskLineModel, CallsASecondRunner) { expect_holds(some_executions<meeting<line>>(sample)); }
TEST(TaskLineModel, RunsTasksOfTwoWhoAdd) { expect_holds(some_executions<adding_together<line>>(sample)); }
TEST(TaskLineModel, RunsATaskThatIsAddedLater) { expect_holds(some_executions<adding_later<line>>(sample)); }
TEST(TaskLineModel, RunsOrRefusesATaskAtTheEnd) { expect_holds(some_executions<adding_at_the_end<line>>(sample)); }
TEST(TaskLineModel, KeepsNothingAfterTheStop) { expect_holds(every_execution<adding_after_the_stop<line>>()); }

TEST(TaskLineModel, WakesOneForEachPlace) { expect_holds(some_executions<adding_in_turn<line>>(sample)); }

TEST(TaskLineModel, CallsARunnerBesidesALookerThatCannotSeeTheTask) {
  expect_holds(some_executions<on_one_core<adding_before_a_looker<line>>>(sample));
  expect_holds(some_executions<on_one_core<adding_before_a_looker<line, 1>>>(sample));
}

TEST(TaskLineModel, RunsNoMoreThanTheLimitAtOnce) {
  expect_holds(some_executions<one_by_one<line>>(sample));
  expect_holds(some_executions<on_one_core<one_by_one<line>>>(sample));
}

TEST(TaskLineModel, HoldsOnOneCore) {
  expect_holds(every_execution<on_one_core<adding<line, 1>>>());
  expect_holds(some_executions<on_one_core<adding<line, 3>>>(sample / 3));
  expect_holds(some_executions<on_one_core<adding_in_line<line>>>(sample / 3));
  expect_holds(some_executions<on_one_core<adding_later<line>>>(sample / 3));
  expect_holds(some_executions<on_one_core<needing_the_owner<line>>>(sample / 3));
  expect_holds(some_executions<on_one_core<stopping<line, true>>>(sample / 3));
  expect_holds(some_executions<on_one_core<meeting<line>>>(sample / 3));
}

TEST(TaskLineModel, LongHoldsInEveryExecutionOfTwoThreads) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  expect_holds(every_execution<adding<line, 2>>());
  expect_holds(every_execution<adding_in_line<line>>());
  expect_holds(every_execution<working<line, 1>>());
  expect_holds(every_execution<working<line, 2>>());
  expect_holds(every_execution<needing_the_owner<line>>());
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

TEST(TaskLineModel, FindsThatATaskIsForgottenIfNoRunnerIsCalledForIt) {
  expect_lost(every_execution<adding<LINE(pushes_without_a_call)>>());
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfNoRunnerIsCalledForItInABoundedLine) {
  expect_lost(some_executions<adding_in_line<LINE(adds_without_a_call)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfARunnerLeavesAsIfItAttended) {
  expect_lost(some_executions<adding_later<LINE(leaves_as_if_it_attended)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfItIsAddedJustBeforeARunnerLeaves) {
  expect_lost(some_executions<adding_later<LINE(leaves_additions)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfItIsCollectedByWhoLeaves) {
  expect_lost(some_executions<adding_later<LINE(leaves_the_collected)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfALineIsClosedButNotShut) {
  expect_found(some_executions<adding_at_the_end<LINE(closes_without_shutting)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfALineIsClosedBesideIt) {
  expect_found(some_executions<adding_at_the_end<LINE(closes_beside_a_task)>>(sample));
}

TEST(TaskLineModel, FindsThatALineKeepsTasksIfItIsStoppedButNotShut) {
  expect_found(every_execution<adding_after_the_stop<LINE(stops_without_shutting)>>());
}

using operation = mistake::operation;
using kind = mistake::kind;

TEST(TaskLineModel, FindsThatATaskIsNotOrderedAfterItsAdditionIfThatDoesNotRelease) {
  const finding found = every_execution_with<adding<line>>({"push", operation::exchange, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(TaskLineModel, FindsThatATaskIsNotOrderedAfterItsAdditionIfWhoCollectsDoesNotAcquire) {
  const finding found = every_execution_with<adding<line>>({"collect", operation::exchange, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(TaskLineModel, FindsThatATaskIsLostIfWhoAddsLooksAndThenStores) {
  expect_found(some_executions_with<adding_later<line>>({"push", operation::exchange, kind::torn}));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfARunnerLeavesWithoutALook) {
  expect_lost(every_execution<adding<LINE(leaves_without_a_look)>>());
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfARunnerLooksAndLeavesWithoutLookingAgain) {
  expect_lost(every_execution<adding<LINE(looks_without_looking_again)>>());
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfARunnerThatHasLeftCountsAsLooking) {
  expect_lost(every_execution<adding<LINE(looks_on_for_ever)>>());
}

TEST(TaskLineModel, FindsThatTheOwnerWaitsForEverIfTheLastRunnerDoesNotWakeIt) {
  expect_lost(every_execution<adding<LINE(ends_without_a_word)>>());
}

TEST(TaskLineModel, FindsThatWhoWaitsForRoomIsNotWoken) {
  expect_lost(some_executions<adding_in_line<LINE(makes_room_without_a_word)>>(sample));
}

TEST(TaskLineModel, FindsThatOneOfTwoWhoWaitForRoomIsNotWoken) {
  // Lost, or the one that waits until all have been added looks for ever, whichever the search meets first.
  expect_found(some_executions<adding_in_turn<LINE(makes_room_without_a_word)>>(sample));
}

TEST(TaskLineModel, FindsThatWhoWaitsForRoomIsNotWokenByTheStop) {
  expect_lost(some_executions<stopping<LINE(stops_without_a_word), true>>(sample));
}

TEST(TaskLineModel, FindsThatASecondRunnerIsNotCalled) {
  expect_lost(some_executions<meeting<LINE(arrives_without_a_call)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskIsForgottenIfARunnerThatHasArrivedCountsAsComing) {
  expect_found(every_execution<adding<LINE(stays_on_its_way)>>());
}

TEST(TaskLineModel, FindsThatAnOwnerFallsAsleepBesideATask) {
  expect_lost(some_executions<needing_the_owner<LINE(sleeps_without_a_look)>>(sample));
}

TEST(TaskLineModel, FindsThatAnOwnerThatCouldWorkIsNotWoken) {
  expect_lost(some_executions<needing_the_owner<LINE(calls_no_sleeper)>>(sample));
}

TEST(TaskLineModel, FindsThatATaskWaitsForALookerThatCannotSeeIt) {
  expect_lost(some_executions<on_one_core<adding_before_a_looker<LINE(leaves_it_to_a_looker)>>>(sample));
  expect_lost(some_executions<on_one_core<adding_before_a_looker<LINE(leaves_it_to_a_looker), 1>>>(sample));
}

TEST(TaskLineModel, FindsThatMoreThanTheLimitRunIfOneIsCalledBesidesALookerAnyway) {
  expect_found(some_executions<on_one_core<one_by_one<LINE(calls_beyond_the_limit)>>>(sample));
}

TEST(TaskLineModel, FindsThatALineIsClosedWhileARunnerWorks) {
  expect_found(every_execution<adding<LINE(closes_too_early)>>());
}

}  // namespace
