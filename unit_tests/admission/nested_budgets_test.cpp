#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"
#include "support.hpp"

// Tasks that hold some of a budget and run batches that need more of it. The entries of the tasks are on this thread,
// one inside the other, though the tasks need not be: what counts is which task started a batch.

namespace {

using admission_tests::batch;
using admission_tests::running_task;
using fanout::resource_budget;

fanout::admission by_index(const resource_budget& budget) {
  return budget.by([](std::size_t index) { return std::uint64_t{index} % 11; });
}

/// A task of a batch of its own, which holds so much.
class holder {
 public:
  holder(const resource_budget& budget, std::size_t amount) : outer_(by_index(budget)), amount_(amount) {
    EXPECT_TRUE(outer_.starts(amount));
    std::thread([this] {
      task_.emplace();
      outer_.begin(amount_);
      entry_ = task_->entry();
      begun_.set();
      EXPECT_TRUE(over_.wait());
      task_.reset();
    }).swap(thread_);
    EXPECT_TRUE(begun_.wait());
  }
  ~holder() {
    give_back();
    over_.set();
    thread_.join();
  }
  holder(const holder&) = delete;
  holder& operator=(const holder&) = delete;

  /// For a batch that the task starts.
  const fanout::detail::scope_entry* entry() const { return entry_; }

  void give_back() {
    outer_.end(amount_);
  }

 private:
  batch outer_;
  const std::size_t amount_;
  std::optional<running_task> task_;  // on the thread of the task
  const fanout::detail::scope_entry* entry_ = nullptr;
  support::event begun_;
  support::event over_;
  std::thread thread_;
};

std::string refusal(batch& asking, std::size_t index) {
  return support::message_of<std::logic_error>([&] { static_cast<void>(asking.reply_to(index)); });
}

TEST(NestedBudgets, RefuseABatchThatNeedsWhatTheTaskAroundItHolds) {
  const resource_budget budget(10);
  holder outer(budget, 6);
  batch inner(by_index(budget), outer.entry());
  EXPECT_EQ(refusal(inner, 5),
            "this batch would wait forever for 5 of a resource_budget of 10, because it is held by tasks that wait for "
            "this batch or for others in the line: let the outer task hold what its inner batches need, or make the "
            "budget larger");
  EXPECT_EQ(budget.waiting(), 0U);
  EXPECT_TRUE(inner.starts(4)) << "so much is left";
  EXPECT_TRUE(inner.waits(3)) << "its own task will give back";
  inner.end(4);
  EXPECT_TRUE(inner.starts(3));
  inner.end(3);
}

TEST(NestedBudgets, RefuseItAtOnceAlsoWhileOthersHoldSome) {
  const resource_budget budget(10);
  holder outer(budget, 6);
  batch other(by_index(budget));
  ASSERT_TRUE(other.starts(2));
  batch inner(by_index(budget), outer.entry());
  EXPECT_THROW(inner.waits(5), std::logic_error) << "when the others have given back, 4 are free";
  EXPECT_TRUE(inner.waits(4));
  other.end(2);
  EXPECT_TRUE(inner.was_told());
  EXPECT_TRUE(inner.starts(4));
  inner.end(4);
}

TEST(NestedBudgets, RefuseABatchInsideABatchInsideOfTheTask) {
  const resource_budget budget(10);
  holder outer(budget, 6);
  const running_task between(outer.entry());
  batch innermost(by_index(budget), between.entry());
  EXPECT_THROW(innermost.waits(5), std::logic_error);
  EXPECT_TRUE(innermost.starts(4));
  innermost.end(4);
}

TEST(NestedBudgets, RefuseTheSecondOfTwoTasksThatWaitForEachOther) {
  const resource_budget budget(10);
  holder one(budget, 5);
  holder other(budget, 5);
  batch inside_one(by_index(budget), one.entry());
  batch inside_other(by_index(budget), other.entry());
  EXPECT_TRUE(inside_one.waits(1)) << "the other may give back";
  EXPECT_THROW(inside_other.waits(1), std::logic_error);
  EXPECT_EQ(budget.waiting(), 1U);
  other.give_back();
  EXPECT_TRUE(inside_one.was_told());
  EXPECT_TRUE(inside_one.starts(1));
  inside_one.end(1);
}

TEST(NestedBudgets, LetTwoTasksWaitIfOneCanGoOnAfterTheOther) {
  const resource_budget budget(10);
  holder one(budget, 4);
  holder other(budget, 4);
  batch third(by_index(budget));
  ASSERT_TRUE(third.starts(2));
  batch inside_one(by_index(budget), one.entry());
  batch inside_other(by_index(budget), other.entry());
  EXPECT_TRUE(inside_one.waits(6)) << "when the other and the third have given back";
  EXPECT_TRUE(inside_other.waits(2)) << "when the third has";
  third.end(2);
  EXPECT_TRUE(inside_other.was_told()) << "it passes one that cannot be served before";
  EXPECT_FALSE(inside_one.was_told());
  EXPECT_TRUE(inside_other.starts(2));
  inside_other.end(2);
  EXPECT_FALSE(inside_one.was_told());
  other.give_back();
  EXPECT_TRUE(inside_one.was_told());
  EXPECT_TRUE(inside_one.starts(6));
  inside_one.end(6);
}

TEST(NestedBudgets, LetATaskWaitThatCanGoOnWhenOneThatWaitsAlreadyHasGoneOn) {
  const resource_budget budget(10);
  holder one(budget, 4);
  holder other(budget, 4);
  batch third(by_index(budget));
  ASSERT_TRUE(third.starts(2));
  batch inside_one(by_index(budget), one.entry());
  batch inside_other(by_index(budget), other.entry());
  EXPECT_TRUE(inside_other.waits(2)) << "when the third has given back";
  EXPECT_TRUE(inside_one.waits(6)) << "when the third and the other have";
  inside_one.leave();
  inside_other.leave();
  third.end(2);
}

TEST(NestedBudgets, CountWhatATaskHoldsOnceHoweverManyBatchesItHasStarted) {
  const resource_budget budget(10);
  holder outer(budget, 4);
  batch other(by_index(budget));
  ASSERT_TRUE(other.starts(6));
  batch inner(by_index(budget), outer.entry());
  batch second_inner(by_index(budget), outer.entry());
  EXPECT_TRUE(inner.waits(3));
  EXPECT_TRUE(second_inner.waits(6));
  other.end(6);
  EXPECT_TRUE(inner.was_told());
  EXPECT_TRUE(inner.starts(3));
  EXPECT_FALSE(second_inner.was_told());
  inner.end(3);
  EXPECT_TRUE(second_inner.was_told());
  EXPECT_TRUE(second_inner.starts(6));
  second_inner.end(6);
}

// When the third of three is served, the two others are stuck for good, so it must not be counted as a way out.
TEST(NestedBudgets, RefuseAWaitThatOnlySeemsToEndBecauseAnotherOneDoes) {
  const resource_budget budget(10);
  holder one(budget, 4);
  holder other(budget, 4);
  batch third(by_index(budget));
  batch fourth(by_index(budget));
  ASSERT_TRUE(third.starts(2));
  ASSERT_TRUE(fourth.waits(2));
  batch inside_one(by_index(budget), one.entry());
  batch inside_other(by_index(budget), other.entry());
  EXPECT_TRUE(inside_one.waits(3));
  EXPECT_THROW(inside_other.waits(3), std::logic_error);
  EXPECT_EQ(budget.waiting(), 2U);
  fourth.leave();
  inside_one.leave();
  third.end(2);
}

TEST(NestedBudgets, LetAnInnerBatchPassThoseThatWaitForWhatItsTaskHolds) {
  const resource_budget budget(10);
  holder outer(budget, 4);
  batch all(by_index(budget));
  ASSERT_TRUE(all.waits(10));
  batch inner(by_index(budget), outer.entry());
  EXPECT_TRUE(inner.starts(3)) << "the first in line waits for it anyway";
  EXPECT_TRUE(inner.starts(2));
  EXPECT_TRUE(inner.waits(5));
  inner.end(3);
  EXPECT_FALSE(all.was_told());
  EXPECT_FALSE(inner.was_told()) << "4 are free";
  inner.end(2);
  EXPECT_TRUE(inner.was_told());
  EXPECT_TRUE(inner.starts(5));
  inner.end(5);
  EXPECT_FALSE(all.was_told());
  outer.give_back();
  EXPECT_TRUE(all.was_told());
  EXPECT_TRUE(all.starts(10));
  all.end(10);
}

TEST(NestedBudgets, LetNoOtherBatchPass) {
  const resource_budget budget(10);
  holder outer(budget, 4);
  batch all(by_index(budget));
  ASSERT_TRUE(all.waits(10));
  batch inner(by_index(budget), outer.entry());
  batch stranger(by_index(budget));
  const running_task plain;
  batch nested_elsewhere(by_index(budget), plain.entry());
  EXPECT_TRUE(stranger.waits(1));
  EXPECT_TRUE(nested_elsewhere.waits(1));
  ASSERT_TRUE(inner.starts(6) && inner.waits(6));
  inner.end(6);
  EXPECT_TRUE(inner.was_told()) << "though it came last";
  EXPECT_FALSE(stranger.was_told());
  EXPECT_FALSE(nested_elsewhere.was_told());
  EXPECT_TRUE(stranger.waits(1));
  EXPECT_TRUE(nested_elsewhere.waits(1));
  EXPECT_TRUE(inner.starts(6));
  inner.end(6);
  for (batch* each : {&all, &stranger, &nested_elsewhere}) each->leave();
}

TEST(NestedBudgets, KeepNothingForATaskThatHasGivenBack) {
  const resource_budget budget(10);
  holder outer(budget, 6);
  outer.give_back();
  batch inner(by_index(budget), outer.entry());
  EXPECT_TRUE(inner.starts(10));
  inner.end(10);
}

TEST(NestedBudgets, TakeAShareBackOnAnotherThreadThanItsTaskBeganOn) {
  const resource_budget budget(10);
  batch one(by_index(budget));
  ASSERT_TRUE(one.starts(7));
  std::thread([&] {
    const running_task here;
    one.begin(7);
  }).join();
  batch other(by_index(budget));
  ASSERT_TRUE(other.waits(4));
  std::thread([&] { one.end(7); }).join();
  EXPECT_TRUE(other.was_told());
  EXPECT_TRUE(other.starts(4));
  other.end(4);
}

TEST(NestedBudgets, AreNoneOfTheBusinessOfABatchOutsideOfTasks) {
  const resource_budget budget(10);
  holder outer(budget, 6);
  batch inner(by_index(budget), outer.entry());
  ASSERT_TRUE(inner.starts(4));
  batch outside(by_index(budget));
  EXPECT_TRUE(outside.waits(10)) << "the tasks will end";
  outside.leave();
  inner.end(4);
}

}  // namespace
