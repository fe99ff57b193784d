// Mistakes in the line of the reserves, which its scenarios have to find.

#include <gtest/gtest.h>

#include "base/intrusive_list.hpp"
#include "model/reserve_line_scenarios.hpp"
#include "model/search.hpp"

// Copies of it with a mistake each: see CMakeLists.txt.
#define PLANTED(name) namespace name {
PLANTED(call_wakes_nobody)
#include "planted/call_wakes_nobody.hpp"
}
PLANTED(taker_wakes_nobody)
#include "planted/taker_wakes_nobody.hpp"
}
PLANTED(parks_without_a_look)
#include "planted/parks_without_a_look.hpp"
}
PLANTED(stays_on_the_way)
#include "planted/stays_on_the_way.hpp"
}
PLANTED(wakes_without_notifying)
#include "planted/wakes_without_notifying.hpp"
}
PLANTED(calls_without_a_flag)
#include "planted/calls_without_a_flag.hpp"
}
PLANTED(last_one_notifies_nobody)
#include "planted/last_one_notifies_nobody.hpp"
}
PLANTED(open_is_relaxed)
#include "planted/open_is_relaxed.hpp"
}
PLANTED(leaves_when_its_time_is_over)
#include "planted/leaves_when_its_time_is_over.hpp"
}
PLANTED(retires_without_notifying)
#include "planted/retires_without_notifying.hpp"
}
PLANTED(new_one_does_not_look)
#include "planted/new_one_does_not_look.hpp"
}
PLANTED(promise_ends_before_the_work)
#include "planted/promise_ends_before_the_work.hpp"
}
PLANTED(calls_off_who_is_needed)
#include "planted/calls_off_who_is_needed.hpp"
}
PLANTED(called_off_stays_on_the_way)
#include "planted/called_off_stays_on_the_way.hpp"
}
PLANTED(called_off_idles_nowhere)
#include "planted/called_off_idles_nowhere.hpp"
}
PLANTED(called_off_stays_called)
#include "planted/called_off_stays_called.hpp"
}
PLANTED(answers_stay_on_the_list)
#include "planted/answers_stay_on_the_list.hpp"
}
PLANTED(hesitates_on_no_way)
#include "planted/hesitates_on_no_way.hpp"
}
PLANTED(withdrawn_calls_stay)
#include "planted/withdrawn_calls_stay.hpp"
}

namespace {

using namespace model;

#define LINE(name) name::fanout::detail::basic_reserve_line<primitives_of_line, duty>

void expect_found(const finding& found) { EXPECT_FALSE(found.holds()); }

/// A call or a reserve waits for ever.
void expect_lost(const finding& found) { EXPECT_EQ(found.result, rl::test_result_deadlock) << found; }

TEST(ReserveLineModel, FindsThatACallIsLostIfNobodyIsWokenForIt) {
  expect_lost(every_execution<answering<LINE(call_wakes_nobody), 1, 1, 1>>());
}

TEST(ReserveLineModel, FindsThatReservesWakeEachOther) {
  struct meet : line_scenario<meet, LINE(taker_wakes_nobody), 1, 2> {
    void caller(unsigned) {
      line_->call(calls_[0], 2, 0);
      wait_until_served(0, 2);
      line_->withdraw(calls_[0], 0);
      wait(0);
    }
    void serve(unsigned batch, unsigned reserve) {
      line_scenario::serve(batch, reserve);
      wait_until_served(batch, 2);
    }
  };
  expect_lost(every_execution<meet>());
}

TEST(ReserveLineModel, FindsThatACallIsLostIfAReserveParksWithoutALook) {
  expect_lost(every_execution<answering<LINE(parks_without_a_look), 1, 1, 1>>());
}

TEST(ReserveLineModel, FindsThatACallIsLostIfAReserveCountsAsOnItsWayForEver) {
  expect_found(every_execution<answering<LINE(stays_on_the_way), 1, 1, 1, 2>>());
}

TEST(ReserveLineModel, FindsThatACallIsLostIfAReserveIsNotNotified) {
  expect_lost(every_execution<answering<LINE(wakes_without_notifying), 1, 1, 1>>());
}

TEST(ReserveLineModel, FindsThatACallIsLostIfAReserveIsNotToldThatItWasCalled) {
  expect_lost(every_execution<answering<LINE(calls_without_a_flag), 1, 1, 1>>());
}

TEST(ReserveLineModel, FindsThatACallerWaitsForEverIfTheLastReserveDoesNotNotifyIt) {
  expect_lost(every_execution<answering<LINE(last_one_notifies_nobody), 1, 1, 1>>());
}

TEST(ReserveLineModel, FindsThatACallerDoesNotSeeWhatAReserveDidWithoutTheReleaseOfOpen) {
  const finding found = every_execution<answering<LINE(open_is_relaxed), 1, 1, 1>>();
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(ReserveLineModel, FindsThatAReserveTakesTheEndOfItsTimeForACall) {
  expect_lost(every_execution<ending<LINE(leaves_when_its_time_is_over), true>>());
}

TEST(ReserveLineModel, FindsThatAReserveStaysIfItIsRetiredWithoutANotification) {
  expect_lost(every_execution<answering<LINE(retires_without_notifying), 1, 1, 1>>());
}

TEST(ReserveLineModel, FindsThatACallIsLostIfANewReserveDoesNotLookForIt) {
  expect_lost(every_execution<coming_to_a_call<LINE(new_one_does_not_look)>>());
}

TEST(ReserveLineModel, FindsThatAReserveIsPromisedThatIsStillAtWork) {
  expect_lost(every_execution<promising<LINE(promise_ends_before_the_work)>>());
}

TEST(ReserveLineModel, FindsThatCallsWhichStayWhenTheyAreWithdrawnAreAnswered) {
  expect_found(every_execution<withdrawing<LINE(withdrawn_calls_stay), 1, 1>>());
}

TEST(ReserveLineModel, FindsThatACallIsLostIfAReserveIsCalledOffThatAnotherCallNeeds) {
  expect_lost(some_executions<calling_off<LINE(calls_off_who_is_needed), 2, 1>>(50'000));
}

TEST(ReserveLineModel, FindsThatACallIsLostIfAReserveThatWasCalledOffCountsAsOnItsWay) {
  expect_found(every_execution<calling_off<LINE(called_off_stays_on_the_way), 1, 1>>());
}

TEST(ReserveLineModel, FindsThatAReserveThatWasCalledOffIsOnNoList) {
  expect_found(every_execution<calling_off<LINE(called_off_idles_nowhere), 1, 1>>());
}

TEST(ReserveLineModel, FindsThatAReserveThatWasCalledOffTakesItselfForCalled) {
  expect_found(every_execution<calling_off<LINE(called_off_stays_called), 1, 1>>());
}

TEST(ReserveLineModel, FindsThatAReserveThatComesIsStillOnTheListOfTheCalled) {
  expect_found(every_execution<calling_off<LINE(answers_stay_on_the_list), 1, 1>>());
}

TEST(ReserveLineModel, FindsThatAReserveIsLeftBehindIfItHesitatesWhenAllAreRetired) {
  expect_lost(every_execution<answering<LINE(hesitates_on_no_way), 1, 2, 2>>());
}

}  // namespace
