#include "pool/slot_stack.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "support.hpp"

namespace {

using namespace support;
using fanout::detail::slot_stack;

TEST(SlotStack, ThatIsNewIsEmpty) {
  slot_stack stack(3);
  std::size_t slot = 7;
  EXPECT_FALSE(stack.try_pop(slot));
  EXPECT_EQ(slot, 7U);
}

TEST(SlotStack, GivesWhatCameLastFirst) {
  slot_stack stack(3);
  for (std::size_t each : {1U, 0U, 2U}) stack.push(each);
  for (std::size_t expected : {2U, 0U, 1U}) {
    std::size_t slot = 7;
    EXPECT_TRUE(stack.try_pop(slot));
    EXPECT_EQ(slot, expected);
  }
  std::size_t slot = 7;
  EXPECT_FALSE(stack.try_pop(slot));
}

TEST(SlotStack, HasEachSlotOnceWhenManyPushAndPop) {
  constexpr std::size_t slots = 5;
  constexpr int rounds = 20'000;
  slot_stack left(slots);
  slot_stack right(slots);
  for (std::size_t each = 0; each != slots; ++each) left.push(each);
  std::vector<int> uses(slots, 0);  // not atomic: the thread that popped a slot has it alone
  std::atomic<int> used = 0;
  on_threads(6, [&](std::size_t number) {
    slot_stack& from = number % 2 == 0 ? left : right;
    slot_stack& to = number % 2 == 0 ? right : left;
    for (int round = 0; round != rounds; ++round) {
      std::size_t slot = slots;
      if (!from.try_pop(slot)) {
        std::this_thread::yield();
        continue;
      }
      ++uses[slot];
      ++used;
      to.push(slot);
    }
  });
  int sum = 0;
  for (const int each : uses) sum += each;
  EXPECT_EQ(sum, used);
  EXPECT_GT(sum, 0);
  std::vector<int> seen(slots, 0);
  for (std::size_t slot = 0; left.try_pop(slot) || right.try_pop(slot);) ++seen[slot];
  EXPECT_EQ(seen, std::vector<int>(slots, 1));
}

}  // namespace
