#include "pool/slot_stack.hpp"

#include <gtest/gtest.h>

#include <cstddef>

#include "pool/slot_store.hpp"
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

TEST(SlotStack, HasEachSlotOnceWhenManyPushAndPop) { moves_each_slot_whole<slot_stack>(5, 6, 20'000); }

}  // namespace
