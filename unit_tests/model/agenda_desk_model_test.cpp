// The desk of an unequal batch, with every interleaving of a few threads: see agenda_desk.hpp, and search.hpp for
// what that means.

#include <gtest/gtest.h>

#include "model/agenda_desk_scenarios.hpp"
#include "model/search.hpp"

namespace {

using namespace model;
using fanout::detail::basic_agenda_desk;

void expect_holds(const finding& found) { EXPECT_TRUE(found.holds()) << found; }

TEST(AgendaDeskModel, RunsEachTaskOnce) {
  expect_holds(every_execution<running<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, ComesBackWithItsTicketIfTheSlotIsWanted) {
  expect_holds(every_execution<running<basic_agenda_desk, true>>());
}
TEST(AgendaDeskModel, SendsASecondTicketOut) { expect_holds(every_execution<meeting<basic_agenda_desk>>()); }
TEST(AgendaDeskModel, TriesAgainWhenAPauseIsOver) {
  expect_holds(every_execution<retrying<basic_agenda_desk, 1>>());
  expect_holds(every_execution<retrying<basic_agenda_desk, 2>>());
}
TEST(AgendaDeskModel, AsksAgainWhenAGateOpens) {
  expect_holds(every_execution<told_by_a_gate<basic_agenda_desk, 2, 1>>());
  expect_holds(every_execution<told_by_a_gate<basic_agenda_desk, 2, 2>>());
}
TEST(AgendaDeskModel, AsksAgainWhenATaskGivesBack) {
  expect_holds(every_execution<sharing_a_budget<basic_agenda_desk, 2>>());
}
TEST(AgendaDeskModel, AsksAgainWhenATaskHasEnded) {
  expect_holds(every_execution<becoming_fewer<basic_agenda_desk, 3>>());
}
TEST(AgendaDeskModel, AsksAgainAtATime) { expect_holds(every_execution<told_by_the_time<basic_agenda_desk>>()); }
TEST(AgendaDeskModel, LetsATaskThatPausedOvertakeOneAtAGate) {
  expect_holds(every_execution<overtaken_after_a_pause<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, LooksAgainAfterARefusal) {
  expect_holds(every_execution<refused_beside_a_pause<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, EndsATaskOnceThatIsRefusedWhenTriedAgain) {
  expect_holds(every_execution<refused_when_tried_again<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, EndsWhenAGateThrows) {
  expect_holds(every_execution<broken_off_by_a_gate<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, EndsWhenItIsStoppedInAPause) {
  expect_holds(every_execution<stopped_in_a_pause<basic_agenda_desk, 2, false>>());
  expect_holds(every_execution<stopped_in_a_pause<basic_agenda_desk, 2, true>>());
}
TEST(AgendaDeskModel, EndsWhenItIsStoppedAtAGate) {
  expect_holds(every_execution<stopped_at_a_gate<basic_agenda_desk, 2>>());
  expect_holds(every_execution<stopped_at_a_gate<basic_agenda_desk, 2, true>>());
}
TEST(AgendaDeskModel, EndsWhenATaskStopsIt) { expect_holds(every_execution<stopped_by_a_task<basic_agenda_desk>>()); }

// With three threads: one works or keeps the time, and one opens a gate or stops the batch.

TEST(AgendaDeskModel, AsksAgainWhenAGateOpensBesideARunner) {
  expect_holds(every_execution<told_by_a_gate<basic_agenda_desk, 3, 1>>());
}
TEST(AgendaDeskModel, AsksAgainWhenAGateOpensAsAPauseEnds) {
  expect_holds(every_execution<told_as_time_passes<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, AsksAgainWhenItHasSteppedAside) {
  expect_holds(every_execution<stepping_aside<basic_agenda_desk, false>>());
}
TEST(AgendaDeskModel, EndsWhenItIsStoppedAsAGateOpens) {
  expect_holds(every_execution<stopped_at_a_gate<basic_agenda_desk, 3>>());
  expect_holds(every_execution<stopped_at_a_gate<basic_agenda_desk, 3, true>>());
}
TEST(AgendaDeskModel, EndsWhenItIsStoppedAsAPauseEnds) {
  expect_holds(every_execution<stopped_as_time_passes<basic_agenda_desk>>());
}
TEST(AgendaDeskModel, EndsWhenItIsStoppedBesideARunner) {
  expect_holds(every_execution<stopped_in_a_pause<basic_agenda_desk, 3, false>>());
  expect_holds(every_execution<stopped_in_a_pause<basic_agenda_desk, 3, true>>());
}

TEST(AgendaDeskModel, HoldsInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  expect_holds(some_executions<all_at_once<basic_agenda_desk>>(executions));
  expect_holds(some_executions<retrying_together<basic_agenda_desk>>(executions));
  expect_holds(some_executions<meeting_after_a_pause<basic_agenda_desk>>(executions));
  expect_holds(some_executions<told_by_a_gate<basic_agenda_desk, 3, 2>>(executions));
  expect_holds(some_executions<stepping_aside<basic_agenda_desk, true>>(executions / 10));
}

}  // namespace
