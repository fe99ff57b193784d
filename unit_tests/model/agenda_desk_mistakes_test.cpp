// Mistakes in the desk of an unequal batch, each planted in a copy of it. The search must find them all.

#include <gtest/gtest.h>

#include "model/agenda_desk_scenarios.hpp"
#include "model/search.hpp"

// Copies of the desk with a mistake each: see CMakeLists.txt.
#define PLANTED(name) namespace name {
PLANTED(forgets_the_word_of_a_gate)
#include "planted/forgets_the_word_of_a_gate.hpp"
}
PLANTED(clears_after_the_answer)
#include "planted/clears_after_the_answer.hpp"
}
PLANTED(forgets_that_it_rang)
#include "planted/forgets_that_it_rang.hpp"
}
PLANTED(keeps_the_time_that_has_come)
#include "planted/keeps_the_time_that_has_come.hpp"
}
PLANTED(gives_back_after_a_gap)
#include "planted/gives_back_after_a_gap.hpp"
}
PLANTED(sends_no_other_ticket)
#include "planted/sends_no_other_ticket.hpp"
}
PLANTED(sets_no_alarm)
#include "planted/sets_no_alarm.hpp"
}
PLANTED(sets_no_alarm_for_a_gate)
#include "planted/sets_no_alarm_for_a_gate.hpp"
}
PLANTED(wakes_no_task_after_the_answer)
#include "planted/wakes_no_task_after_the_answer.hpp"
}
PLANTED(leaves_without_a_word_to_who_asks)
#include "planted/leaves_without_a_word_to_who_asks.hpp"
}
PLANTED(asks_beside_another)
#include "planted/asks_beside_another.hpp"
}
PLANTED(takes_after_the_stop)
#include "planted/takes_after_the_stop.hpp"
}
PLANTED(tries_again_after_the_stop)
#include "planted/tries_again_after_the_stop.hpp"
}
PLANTED(does_not_give_up_what_it_asked_for)
#include "planted/does_not_give_up_what_it_asked_for.hpp"
}
PLANTED(gives_up_beside_who_asks)
#include "planted/gives_up_beside_who_asks.hpp"
}
PLANTED(gives_up_without_leaving)
#include "planted/gives_up_without_leaving.hpp"
}
PLANTED(gives_up_with_what_gates_gave)
#include "planted/gives_up_with_what_gates_gave.hpp"
}
PLANTED(is_refused_with_what_gates_gave)
#include "planted/is_refused_with_what_gates_gave.hpp"
}
PLANTED(ends_what_has_ended)
#include "planted/ends_what_has_ended.hpp"
}
PLANTED(is_over_while_one_gives_up)
#include "planted/is_over_while_one_gives_up.hpp"
}
PLANTED(sends_a_ticket_without_a_word)
#include "planted/sends_a_ticket_without_a_word.hpp"
}
PLANTED(gives_up_without_a_word)
#include "planted/gives_up_without_a_word.hpp"
}
PLANTED(steps_aside_too_late)
#include "planted/steps_aside_too_late.hpp"
}
#undef PLANTED

namespace {

using namespace model;

#define DESK(name) name::fanout::detail::basic_agenda_desk

void expect_lost(const finding& found) { EXPECT_EQ(found.result, rl::test_result_deadlock) << found; }
void expect_wrong(const finding& found) { EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found; }
void expect_race(const finding& found) { EXPECT_EQ(found.result, rl::test_result_data_race) << found; }

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfTheWordOfAGateIs) {
  expect_lost(every_execution<told_by_a_gate<DESK(forgets_the_word_of_a_gate), 2, 1>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfTheWordOfAGateIsClearedAfterItsAnswer) {
  expect_lost(every_execution<told_by_a_gate<DESK(clears_after_the_answer), 2, 1>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfWhoAsksDoesNotLearnThatTheAlarmHasRung) {
  expect_lost(every_execution<overtaken_after_a_pause<DESK(forgets_that_it_rang)>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfTheAlarmSeemsToBeSetStill) {
  expect_lost(every_execution<retrying<DESK(keeps_the_time_that_has_come), 1>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfATicketIsNotGivenBackAtOnce) {
  expect_lost(every_execution<retrying<DESK(gives_back_after_a_gap), 1>>());
  expect_lost(every_execution<told_by_a_gate<DESK(gives_back_after_a_gap), 2, 1>>());
}

TEST(AgendaDeskMistakes, FindsThatNoSecondRunnerComes) {
  expect_lost(every_execution<meeting<DESK(sends_no_other_ticket)>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfNoAlarmIsSetForItsPause) {
  expect_lost(every_execution<retrying<DESK(sets_no_alarm), 1>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfNoAlarmIsSetForAGate) {
  expect_lost(every_execution<told_by_the_time<DESK(sets_no_alarm_for_a_gate)>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfItsPauseEndsWhileAGateRefusesAnother) {
  expect_lost(every_execution<refused_beside_a_pause<DESK(wakes_no_task_after_the_answer)>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfItsPauseEndsWhileAGateAdmitsAnother) {
  expect_lost(every_execution<meeting_after_a_pause<DESK(wakes_no_task_after_the_answer)>>());
}

TEST(AgendaDeskMistakes, FindsThatATaskIsForgottenIfARunnerLeavesAfterItsTaskAndWhoAsksDoesNotKnow) {
  expect_lost(every_execution<becoming_fewer<DESK(leaves_without_a_word_to_who_asks), 3>>());
}

TEST(AgendaDeskMistakes, FindsTwoWhoAsk) {
  expect_race(every_execution<sharing_a_budget<DESK(asks_beside_another), 2>>());
}

TEST(AgendaDeskMistakes, FindsATaskThatStartsAfterTheStop) {
  // A data race with the one that gives up the rest.
  expect_race(every_execution<stopped_by_a_task<DESK(takes_after_the_stop)>>());
}

TEST(AgendaDeskMistakes, FindsATaskThatDoesNotEndIfItWaitsToBeTriedAgainAfterTheStop) {
  // A data race with the one that gives up the rest, or else too late for it.
  expect_race(every_execution<stopped_in_a_pause<DESK(tries_again_after_the_stop), 2, false>>());
}

TEST(AgendaDeskMistakes, FindsThatWhoAsksDoesNotGiveUpAtTheStop) {
  expect_wrong(every_execution<stopped_at_a_gate<DESK(does_not_give_up_what_it_asked_for), 2>>());
}

TEST(AgendaDeskMistakes, FindsThatTheStopGivesUpWhatIsAskedFor) {
  expect_race(every_execution<stopped_at_a_gate<DESK(gives_up_beside_who_asks), 2>>());
}

TEST(AgendaDeskMistakes, FindsABatchThatStaysInTheLineOfAGate) {
  expect_wrong(every_execution<stopped_at_a_gate<DESK(gives_up_without_leaving), 2>>());
}

TEST(AgendaDeskMistakes, FindsWhatAGateHasGivenInVain) {
  expect_wrong(every_execution<stopped_at_a_gate<DESK(gives_up_with_what_gates_gave), 2>>());
  expect_wrong(every_execution<refused_beside_a_pause<DESK(is_refused_with_what_gates_gave)>>());
}

TEST(AgendaDeskMistakes, FindsATaskThatEndsTwice) {
  expect_wrong(every_execution<refused_when_tried_again<DESK(ends_what_has_ended)>>());
}

TEST(AgendaDeskMistakes, FindsThatTheCallerLeavesWhileAnotherThreadGivesUp) {
  expect_wrong(every_execution<stopped_in_a_pause<DESK(is_over_while_one_gives_up), 2, false>>());
}

TEST(AgendaDeskMistakes, FindsThatTheCallerSleepsOnBesideATicket) {
  expect_lost(every_execution<retrying<DESK(sends_a_ticket_without_a_word), 1>>());
}

TEST(AgendaDeskMistakes, FindsThatTheCallerSleepsOnWhenAllIsGivenUp) {
  expect_lost(every_execution<stopped_in_a_pause<DESK(gives_up_without_a_word), 2, false>>());
}

TEST(AgendaDeskMistakes, FindsThatItStepsAsideThoughNobodyAsksAgain) {
  expect_lost(every_execution<stepping_aside<DESK(steps_aside_too_late), false>>());
}

}  // namespace
