// The line of the reserves, with every interleaving of a few callers and reserves: see reserve_line.hpp, and search.hpp for
// what that means.

#include "threads/reserve_line.hpp"

#include <gtest/gtest.h>

#include "model/reserve_line_scenarios.hpp"
#include "model/search.hpp"

namespace {

using namespace model;

using sound = fanout::detail::basic_reserve_line<primitives_of_line, duty>;

TEST(ReserveLineModel, EachCallIsAnswered) {
  const finding one = every_execution<answering<sound, 1, 1, 1>>();
  EXPECT_TRUE(one.holds()) << one;
  const finding again = every_execution<answering<sound, 1, 1, 1, 2>>();
  EXPECT_TRUE(again.holds()) << again;
  const finding both_by_one = every_execution<answering<sound, 1, 1, 2>>();
  EXPECT_TRUE(both_by_one.holds()) << both_by_one;
  const finding both = every_execution<answering<sound, 1, 2, 2>>();
  EXPECT_TRUE(both.holds()) << both;
}

TEST(ReserveLineModel, ACallIsAnsweredByAReserveThatComesLater) {
  const finding found = every_execution<coming_to_a_call<sound>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ReserveLineModel, EachCallIsAnsweredByReservesThatSpin) {
  const finding found = every_execution<meeting_after_a_spin<sound, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ReserveLineModel, EachCallIsAnsweredOnOneCore) {
  const finding one = every_execution<on_one_core<meeting_after_a_spin<sound, 1>>>();
  EXPECT_TRUE(one.holds()) << one;
  const finding two = some_executions<on_one_core<meeting_after_a_spin<sound, 2>>>(20'000);
  EXPECT_TRUE(two.holds()) << two;
  const finding called_off = some_executions<on_one_core<calling_off<sound, 2, 2>>>(20'000);
  EXPECT_TRUE(called_off.holds()) << called_off;
  const finding ends = some_executions<on_one_core<ending<sound, true>>>(20'000);
  EXPECT_TRUE(ends.holds()) << ends;
}

TEST(ReserveLineModel, EachCallOfTwoCallersIsAnswered) {
  const finding found = every_execution<answering<sound, 2, 1, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ReserveLineModel, WithdrawnCallsAreAnsweredByNobodyAndLaterOnesAre) {
  const finding one = every_execution<withdrawing<sound, 1, 1>>();
  EXPECT_TRUE(one.holds()) << one;
  const finding two = every_execution<withdrawing<sound, 1, 2>>();
  EXPECT_TRUE(two.holds()) << two;
}

TEST(ReserveLineModel, AReserveThatIsCalledOffAnswersLaterCallsAndThoseOfOthers) {
  const finding found = every_execution<calling_off<sound, 1, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ReserveLineModel, AReserveThatWasPromisedDoesNotEnd) {
  const finding with_the_call = every_execution<ending<sound, false>>();
  EXPECT_TRUE(with_the_call.holds()) << with_the_call;
  const finding before_it = every_execution<ending<sound, true>>();
  EXPECT_TRUE(before_it.holds()) << before_it;
}

TEST(ReserveLineModel, AReserveThatIsAtWorkIsPromisedToNobodyElse) {
  const finding found = every_execution<promising<sound>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ReserveLineModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  const finding callers = some_executions<answering<sound, 2, 2, 2>>(executions);
  EXPECT_TRUE(callers.holds()) << callers;
  const finding withdrawn = some_executions<withdrawing<sound, 2, 3>>(executions);
  EXPECT_TRUE(withdrawn.holds()) << withdrawn;
  const finding ends = some_executions<ending<sound, true>>(executions);
  EXPECT_TRUE(ends.holds()) << ends;
  const finding meet = some_executions<meeting_after_a_spin<sound, 2>>(executions);
  EXPECT_TRUE(meet.holds()) << meet;
  const finding called_off = some_executions<calling_off<sound, 2, 1>>(executions);
  EXPECT_TRUE(called_off.holds()) << called_off;
  const finding two_called_off = some_executions<calling_off<sound, 2, 2>>(executions);
  EXPECT_TRUE(two_called_off.holds()) << two_called_off;
}

TEST(ReserveLineModel, LongWithdrawnCallsAreAnsweredByNoneOfTwo) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  const finding found = every_execution<withdrawing<sound, 2, 2>>();
  EXPECT_TRUE(found.holds()) << found;
}

}  // namespace
