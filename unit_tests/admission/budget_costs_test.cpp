#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"
#include "support.hpp"

namespace {

using admission_tests::batch;
using fanout::resource_budget;

/// The cost of each task is its index, up to 10.
fanout::admission by_index(const resource_budget& budget) {
  return budget.by([](std::size_t index) { return std::uint64_t{index} % 11; });
}

TEST(BudgetCosts, OfNothingPassTheLine) {
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

TEST(BudgetCosts, MayBeAllOfTheBudget) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  EXPECT_TRUE(one.starts(10));
  EXPECT_TRUE(one.waits(1));
  one.end(10);
  EXPECT_TRUE(one.was_told()) << "also if the batch itself gives back";
  EXPECT_TRUE(one.starts(1));
  one.end(1);
}

TEST(BudgetCosts, MayBeTheLargestNumbers) {
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

TEST(BudgetCosts, AreAskedForOnceInOrderWhenABatchComes) {
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

TEST(BudgetCosts, AboveTheCapacityAreRefusedWithTheIndexAndBothNumbers) {
  const resource_budget budget(10);
  const auto cost = [](std::size_t index) { return std::uint64_t{index == 7 ? 11U : 1U}; };
  const auto open = [&] { batch one(budget.by(cost)); };
  EXPECT_EQ(support::message_of<std::invalid_argument>(open),
            "task 7 costs 11, more than the resource_budget of 10 has");
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(BudgetCosts, ThatCannotBeSaidReachTheCallerAsWhatTheFunctionThrew) {
  const resource_budget budget(10);
  const auto cost = [](std::size_t) -> std::uint64_t { throw std::domain_error("no cost"); };
  const auto open = [&] { batch one(budget.by(cost)); };
  EXPECT_EQ(support::message_of<std::domain_error>(open), "no cost");
  batch another(by_index(budget));
  EXPECT_TRUE(another.starts(10));
  another.end(10);
}

TEST(BudgetCosts, AreNoEmptyFunctionAndACapacityIsNotZero) {
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { resource_budget(0); }),
            "the capacity of a resource_budget must be at least 1");
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { static_cast<void>(resource_budget(1).by(nullptr)); }),
            "the cost of a resource_budget is an empty function");
}

TEST(BudgetCosts, OfOneBudgetCannotBeTwoForABatch) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  EXPECT_THROW(static_cast<void>(by_index(budget).rule()->open(100, one)), std::invalid_argument);
  EXPECT_TRUE(one.starts(10)) << "the first use goes on";
  one.end(10);
}

TEST(BudgetCosts, AreTakenFromABudgetThatLivesAsLongAsABatchUsesIt) {
  auto budget = std::make_unique<resource_budget>(10);
  const resource_budget copy = *budget;
  batch one(by_index(*budget));
  budget.reset();
  ASSERT_TRUE(one.starts(4));
  EXPECT_EQ(copy.in_use(), 4U);
  one.end(4);
}

TEST(BudgetCosts, AreGivenBackOnceAlsoWithoutABegin) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  ASSERT_TRUE(one.starts(4));
  one.end(4);
  EXPECT_EQ(budget.in_use(), 0U);
  one.end(4);
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(BudgetCosts, AreAskedForAfterRulesAndMemoryAndBeforeRates) {
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
