#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"

// The line of a budget, as one thread sees it. What the costs may be: budget_costs_test.cpp; several threads:
// budget_threads_test.cpp.

namespace {

using admission_tests::batch;
using fanout::resource_budget;

/// The cost of each task is its index, up to 10.
fanout::admission by_index(const resource_budget& budget) {
  return budget.by([](std::size_t index) { return std::uint64_t{index} % 11; });
}

TEST(ResourceBudget, LetsTasksStartWhileTheirCostsFit) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  EXPECT_TRUE(one.starts(4));
  EXPECT_TRUE(one.starts(5));
  EXPECT_EQ(budget.in_use(), 9U);
  EXPECT_TRUE(one.waits(2));
  EXPECT_EQ(budget.in_use(), 9U);
  EXPECT_TRUE(one.starts(1));
  EXPECT_EQ(budget.in_use(), 10U);
  EXPECT_EQ(budget.capacity(), 10U);
  for (const std::size_t each : {5U, 1U, 4U}) one.end(each);
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(ResourceBudget, TellsABatchWhenWhatItWantsIsFreeAndNotBefore) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  batch other(by_index(budget));
  ASSERT_TRUE(one.starts(3) && one.starts(4));
  ASSERT_TRUE(other.waits(7));
  EXPECT_EQ(budget.waiting(), 1U);
  one.end(3);
  EXPECT_FALSE(other.was_told()) << "6 are free, and it wants 7";
  one.end(4);
  EXPECT_TRUE(other.was_told());
  EXPECT_EQ(budget.waiting(), 1U) << "it has not taken yet";
  EXPECT_TRUE(other.starts(7));
  EXPECT_EQ(budget.waiting(), 0U);
  other.end(7);
}

TEST(ResourceBudget, NeedsNoTimeToAskAgain) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  batch other(by_index(budget));
  ASSERT_TRUE(one.starts(10));
  EXPECT_EQ(other.reply_to(1).until, std::chrono::steady_clock::time_point::max());
  other.leave();
  one.end(10);
}

TEST(ResourceBudget, ServesFirstWhoCameFirst) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  ASSERT_TRUE(holder.starts(10));
  std::deque<batch> line;
  for (int i = 0; i != 5; ++i) ASSERT_TRUE(line.emplace_back(by_index(budget)).waits(6));
  holder.end(10);
  for (std::size_t turn = 0; turn != line.size(); ++turn) {
    for (std::size_t each = 0; each != line.size(); ++each) EXPECT_EQ(line[each].was_told(), each == turn);
    for (std::size_t each = turn + 1; each != line.size(); ++each) EXPECT_TRUE(line[each].waits(6));
    for (batch& each : line) each.told = 0;  // an early question reminds the first
    EXPECT_TRUE(line[turn].starts(6));
    line[turn].end(6);
  }
}

TEST(ResourceBudget, TellsTheNextWhenTheFirstHasTakenAndMoreIsFree) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  batch third(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(4) && second.waits(4) && third.waits(4));
  holder.end(10);
  EXPECT_TRUE(first.was_told());
  EXPECT_FALSE(second.was_told());
  EXPECT_TRUE(first.starts(4));
  EXPECT_TRUE(second.was_told());
  EXPECT_FALSE(third.was_told());
  EXPECT_TRUE(second.starts(4));
  EXPECT_FALSE(third.was_told()) << "2 are free";
  third.leave();
  first.end(4);
  second.end(4);
}

TEST(ResourceBudget, IsGivenAsAWholeUnderAStreamOfSmallTasks) {
  const resource_budget budget(10);
  batch small(by_index(budget));
  batch large(by_index(budget));
  for (std::size_t each = 0; each != 4; ++each) ASSERT_TRUE(small.starts(11 * each + 2));
  ASSERT_TRUE(large.waits(10));
  for (std::size_t each = 0; each != 4; ++each) {
    small.end(11 * each + 2);
    EXPECT_TRUE(small.waits(11 * each + 57)) << "free, but not for it";
  }
  EXPECT_TRUE(large.was_told());
  EXPECT_TRUE(large.starts(10));
  large.end(10);
  EXPECT_TRUE(small.was_told());
  EXPECT_TRUE(small.starts(2));
  small.end(2);
}

TEST(ResourceBudget, LetsThoseBehindPassWhenTheFirstLeavesWithoutTaking) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch large(by_index(budget));
  batch small(by_index(budget));
  ASSERT_TRUE(holder.starts(5) && large.waits(9) && small.waits(3));
  EXPECT_FALSE(small.was_told());
  large.leave();
  EXPECT_EQ(budget.in_use(), 5U);
  EXPECT_TRUE(small.was_told());
  EXPECT_TRUE(small.starts(3));
  small.end(3);
  holder.end(5);
}

TEST(ResourceBudget, LetsThoseBehindPassWhenTheFirstIsDestroyed) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  ASSERT_TRUE(holder.starts(5));
  batch small(by_index(budget));
  {
    batch large(by_index(budget));
    ASSERT_TRUE(large.waits(9) && small.waits(3));
  }
  EXPECT_TRUE(small.was_told());
  EXPECT_TRUE(small.starts(3));
  small.end(3);
  holder.end(5);
}

TEST(ResourceBudget, LetsThoseBehindGoOnWhenOneThatWasToldLeaves) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(10) && second.waits(10));
  holder.end(10);
  ASSERT_TRUE(first.was_told());
  first.leave();
  EXPECT_TRUE(second.was_told());
  EXPECT_TRUE(second.starts(10));
  second.end(10);
}

TEST(ResourceBudget, DoesNothingWhenABatchLeavesThatDoesNotWait) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  one.leave();
  ASSERT_TRUE(one.starts(3));
  one.leave();
  EXPECT_EQ(budget.in_use(), 3U);
  one.end(3);
}

TEST(ResourceBudget, LetsABatchAskForAnotherTaskWhileItWaits) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  ASSERT_TRUE(holder.starts(5) && first.waits(9) && second.waits(4));
  EXPECT_TRUE(first.waits(8)) << "at its old place";
  EXPECT_TRUE(second.waits(4));
  EXPECT_TRUE(first.starts(2));
  EXPECT_FALSE(second.was_told()) << "3 are free";
  first.end(2);
  EXPECT_TRUE(second.starts(4));
  second.end(4);
  holder.end(5);
}

// ── To step aside ───────────────────────────────────────────────────────────────────────────────────────────────

TEST(ResourceBudget, LetsThoseBehindPassABatchThatCannotAskSoon) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(6) && second.waits(6));
  first.can_ask = false;
  holder.end(10);
  EXPECT_TRUE(first.was_told());
  EXPECT_TRUE(second.was_told());
  EXPECT_TRUE(second.starts(6));
  second.end(6);
}

TEST(ResourceBudget, TakesABatchThatSteppedAsideBackAtItsOldPlace) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  batch third(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(6) && second.waits(6) && third.waits(6));
  first.can_ask = false;
  holder.end(10);
  ASSERT_TRUE(second.starts(6));
  EXPECT_EQ(budget.waiting(), 1U) << "the third, because the first waits for something else";
  first.can_ask = true;
  EXPECT_TRUE(first.waits(6));
  EXPECT_EQ(budget.waiting(), 2U);
  first.told = third.told = 0;
  second.end(6);
  EXPECT_TRUE(first.was_told());
  EXPECT_FALSE(third.was_told());
  EXPECT_TRUE(third.waits(6));
  EXPECT_TRUE(first.starts(6));
  EXPECT_TRUE(third.waits(6));
  first.end(6);
  EXPECT_TRUE(third.starts(6));
  third.end(6);
}

TEST(ResourceBudget, MayBeTakenByABatchThatSteppedAsideBeforeOneThatWasToldMeanwhile) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(6) && second.waits(6));
  first.can_ask = false;
  holder.end(10);
  ASSERT_TRUE(second.was_told());
  EXPECT_TRUE(first.starts(6));
  EXPECT_TRUE(second.waits(6));
  first.end(6);
  EXPECT_TRUE(second.was_told());
  EXPECT_TRUE(second.starts(6));
  second.end(6);
}

TEST(ResourceBudget, MakesABatchThatLeftTheLineAsItSteppedAsideComeAsANewOne) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(6) && second.waits(10));
  first.can_ask = false;
  holder.end(10);
  first.leave();
  first.can_ask = true;
  EXPECT_TRUE(first.waits(6)) << "the second is before it now";
  EXPECT_TRUE(second.starts(10));
  first.leave();
  second.end(10);
}

TEST(ResourceBudget, IsFreeForNewcomersWhenAllInLineHaveSteppedAside) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  batch newcomer(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(6) && second.waits(6));
  first.can_ask = second.can_ask = false;
  holder.end(10);
  EXPECT_EQ(budget.waiting(), 0U);
  EXPECT_TRUE(newcomer.starts(6));
  newcomer.end(6);
}

}  // namespace
