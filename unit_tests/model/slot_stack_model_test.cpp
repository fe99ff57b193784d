// The stacks of a pool's free slots, with every interleaving of a few owners: see slot_stack.hpp, and search.hpp for what
// that means.

#include "pool/slot_stack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <memory>

#include "model/search.hpp"

namespace {

using namespace model;
using slot_stack = fanout::detail::basic_slot_stack<primitives>;

/// Two slots, of which 0 is on top. Each has a plain variable that its owner writes, so that two owners at a time, or two
/// that are not ordered, would be a data race.
template <class Scenario, int threads>
struct stack_scenario : rl::test_suite<Scenario, threads> {
  static constexpr std::size_t slots = 2;

  std::unique_ptr<slot_stack> stack_ = std::make_unique<slot_stack>(slots);
  std::array<rl::var<int>, slots> resource_;
  std::array<int, slots> kept_{};

  void before() {
    stack_->push(1);
    stack_->push(0);
  }

  /// `slots` if there was none.
  std::size_t pop() {
    std::size_t slot = slots;
    if (stack_->try_pop(slot)) resource_[slot](RL_INFO) = 1;
    return slot;
  }

  void push(std::size_t slot) {
    if (slot == slots) return;
    resource_[slot](RL_INFO) = 2;
    stack_->push(slot);
  }

  void keep(std::size_t slot) {
    if (slot != slots) ++kept_[slot];
  }

  /// Nothing is lost, and nothing has come to be there twice.
  void after() {
    for (std::size_t slot = pop(); slot != slots; slot = pop()) {
      keep(slot);
      RL_ASSERT(kept_[slot] == 1);
    }
    for (const int times : kept_) RL_ASSERT(times == 1);
  }
};

/// Each pops one and pushes it again.
template <int threads>
struct borrowing : stack_scenario<borrowing<threads>, threads> {
  void thread(unsigned /*me*/) { this->push(this->pop()); }
};

/// Thread 0 borrows one, while thread 1 takes two and pushes the first: it is on top again, but what is below is gone.
struct changing_below : stack_scenario<changing_below, 2> {
  void thread(unsigned me) {
    if (me == 0) {
      push(pop());
    } else {
      const std::size_t first = pop();
      keep(pop());
      push(first);
    }
  }
};

TEST(SlotStackModel, HasEachSlotOnceWhenTwoPopAndPush) {
  const finding found = every_execution<borrowing<2>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(SlotStackModel, LongHasEachSlotOnceWhenThreePopAndPush) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<borrowing<3>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(SlotStackModel, NoticesThatTheTopIsTheSameButNotWhatIsBelow) {
  const finding found = every_execution<changing_below>();
  EXPECT_TRUE(found.holds()) << found;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

TEST(SlotStackModel, FindsThatASlotIsThereTwiceIfChangesAreNotCounted) {
  const finding found = every_execution_with<changing_below>({"try_pop", operation::exchange, kind::blind});
  EXPECT_FALSE(found.holds());
}

TEST(SlotStackModel, FindsThatASlotHasTwoOwnersIfPoppingLooksAndThenStores) {
  const finding found = every_execution_with<borrowing<2>>({"try_pop", operation::exchange, kind::torn});
  EXPECT_FALSE(found.holds());
}

TEST(SlotStackModel, FindsThatASlotIsLostIfPushingLooksAndThenStores) {
  const finding found = every_execution_with<borrowing<2>>({"push", operation::exchange, kind::torn});
  EXPECT_FALSE(found.holds());
}

TEST(SlotStackModel, FindsThatAnOwnerIsNotOrderedAfterTheOneBeforeIfPushingDoesNotRelease) {
  const finding found = every_execution_with<borrowing<2>>({"push", operation::exchange, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(SlotStackModel, FindsThatAnOwnerIsNotOrderedAfterTheOneBeforeIfPoppingDoesNotAcquire) {
  const finding found = every_execution_with<borrowing<2>>({"try_pop", operation::exchange, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

}  // namespace
