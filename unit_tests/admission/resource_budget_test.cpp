#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"
#include "support.hpp"

namespace {

using admission_tests::admission_reply;
using admission_tests::batch;
using fanout::resource_budget;

/// The cost of each task is its index.
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

// ── Costs ───────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(ResourceBudget, LetsTasksThatCostNothingPassTheLine) {
  const resource_budget budget(10);
  batch holder(by_index(budget));
  batch first(by_index(budget));
  batch second(by_index(budget));
  ASSERT_TRUE(holder.starts(10) && first.waits(10));
  EXPECT_TRUE(second.starts(0));
  second.begin(0);
  EXPECT_EQ(budget.in_use(), 10U);
  second.end(0);
  EXPECT_EQ(budget.in_use(), 10U);
  EXPECT_TRUE(first.starts(0));
  EXPECT_EQ(budget.waiting(), 0U) << "with another reply it leaves the line";
  first.end(0);
  holder.end(10);
}

TEST(ResourceBudget, IsTakenAsAWhole) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  EXPECT_TRUE(one.starts(10));
  EXPECT_TRUE(one.waits(1));
  one.end(10);
  EXPECT_TRUE(one.was_told()) << "also if the batch itself gives back";
  EXPECT_TRUE(one.starts(1));
  one.end(1);
}

TEST(ResourceBudget, ComputesWithTheLargestNumbers) {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  const resource_budget budget(largest);
  batch one(budget.by([](std::size_t index) { return largest - index; }));
  ASSERT_TRUE(one.starts(0));
  EXPECT_EQ(budget.in_use(), largest);
  EXPECT_TRUE(one.waits(1));
  one.end(0);
  ASSERT_TRUE(one.starts(50));
  EXPECT_TRUE(one.waits(51)) << "the sum is more than 2^64";
  one.end(50);
  EXPECT_EQ(budget.in_use(), 0U);
  one.leave();
}

TEST(ResourceBudget, AsksForTheCostOfEachTaskOnceInOrderWhenABatchComes) {
  const resource_budget budget(10);
  std::vector<std::size_t> asked;
  batch one(budget.by([&](std::size_t index) {
    asked.push_back(index);
    return std::uint64_t{1};
  }));
  ASSERT_EQ(asked.size(), 100U);
  for (std::size_t each = 0; each != 100; ++each) EXPECT_EQ(asked[each], each);
  ASSERT_TRUE(one.starts(3));
  one.end(3);
  ASSERT_TRUE(one.starts(3)) << "another attempt";
  one.end(3);
  EXPECT_EQ(asked.size(), 100U);
}

TEST(ResourceBudget, RefusesACostAboveItsCapacityWithTheIndexAndBothNumbers) {
  const resource_budget budget(10);
  const auto cost = [](std::size_t index) { return std::uint64_t{index == 7 ? 11U : 1U}; };
  const auto open = [&] { batch one(budget.by(cost)); };
  EXPECT_EQ(support::message_of<std::invalid_argument>(open),
            "task 7 costs 11, more than the resource_budget of 10 has");
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(ResourceBudget, PassesOnWhatTheFunctionOfCostsThrows) {
  const resource_budget budget(10);
  const auto cost = [](std::size_t) -> std::uint64_t { throw std::domain_error("no cost"); };
  const auto open = [&] { batch one(budget.by(cost)); };
  EXPECT_EQ(support::message_of<std::domain_error>(open), "no cost");
  batch another(by_index(budget));
  EXPECT_TRUE(another.starts(10));
  another.end(10);
}

TEST(ResourceBudget, RefusesZeroAndEmptyFunctions) {
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { resource_budget(0); }),
            "the capacity of a resource_budget must be at least 1");
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { static_cast<void>(resource_budget(1).by(nullptr)); }),
            "the cost of a resource_budget is an empty function");
}

TEST(ResourceBudget, CannotBeUsedTwiceByOneBatch) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  EXPECT_THROW(static_cast<void>(by_index(budget).rule()->open(100, one)), std::invalid_argument);
  EXPECT_TRUE(one.starts(10)) << "the first use goes on";
  one.end(10);
}

TEST(ResourceBudget, IsSharedByItsCopiesAndLivesAsLongAsABatchUsesIt) {
  auto budget = std::make_unique<resource_budget>(10);
  const resource_budget copy = *budget;
  batch one(by_index(*budget));
  budget.reset();
  ASSERT_TRUE(one.starts(4));
  EXPECT_EQ(copy.in_use(), 4U);
  one.end(4);
}

TEST(ResourceBudget, GivesBackOnceWhenATaskEndsWithoutHavingBegun) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  ASSERT_TRUE(one.starts(4));
  one.end(4);
  EXPECT_EQ(budget.in_use(), 0U);
  one.end(4);
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(ResourceBudget, IsAskedInTheSameOrderByAllBatches) {
  const resource_budget first(1);
  const resource_budget second(1);
  const fanout::rate_limit rate(1, std::chrono::seconds(1));
  const fanout::admission own([](std::size_t) { return fanout::admission_answer::yes(); });
  const std::vector<std::uint64_t> orders = {
      own.rule()->order(), fanout::free_memory_above(1).rule()->order(), by_index(first).rule()->order(),
      by_index(second).rule()->order(), fanout::admission(rate).rule()->order(),
      fanout::admission(fanout::rate_limit(1, std::chrono::seconds(1))).rule()->order()};
  for (std::size_t each = 1; each != orders.size(); ++each) EXPECT_LT(orders[each - 1], orders[each]) << each;
  EXPECT_EQ(by_index(first).rule()->order(), by_index(first).rule()->order());
}

}  // namespace
