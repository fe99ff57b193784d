#include "pool/slot_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "pool/slot_store.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::detail::page_store;
using fanout::detail::slot_queue;

/// A queue that runs out of pages hangs.
class SlotQueue : public testing::TestWithParam<std::size_t> {
 protected:
  static std::size_t popped(slot_queue& queue) {
    std::size_t slot = GetParam();
    EXPECT_TRUE(queue.try_pop(slot));
    return slot;
  }

 private:
  watchdog guard_;
};

// Around a page of 32 items, around 8 micro-queues, and around the two together.
INSTANTIATE_TEST_SUITE_P(OfSize, SlotQueue, testing::Values(1, 2, 7, 8, 9, 16, 31, 32, 33, 255, 256, 257, 100'000),
                         testing::PrintToStringParamName());

TEST_P(SlotQueue, GivesWhatCameFirstFirst) {
  const std::size_t size = GetParam();
  slot_queue queue(size);
  std::size_t slot = size;
  EXPECT_FALSE(queue.try_pop(slot)) << "new";
  for (int round = 0; round != 3; ++round) {
    for (std::size_t each = 0; each != size; ++each) queue.push(each);
    for (std::size_t each = 0; each != size; ++each) ASSERT_EQ(popped(queue), each);
    ASSERT_FALSE(queue.try_pop(slot));
  }
}

// Each micro-queue has room for 32 items in a page, so the places in the pages repeat after 8 * 32 pushes.
TEST_P(SlotQueue, HasPagesEnoughWhereverItIsFilledAndEmptied) {
  const std::size_t size = GetParam();
  slot_queue queue(size);
  std::vector<std::size_t> out(size);
  std::iota(out.begin(), out.end(), std::size_t{0});
  const std::size_t places = size < 1'000 ? 8 * 32 + 1 : 3;
  for (std::size_t place = 0; place != places; ++place) {
    for (const std::size_t each : out) queue.push(each);
    for (std::size_t& each : out) each = popped(queue);
    queue.push(out.front());  // the next round begins one place further on
    out.front() = popped(queue);
  }
  std::vector<int> seen(size, 0);
  for (const std::size_t each : out) ++seen[each];
  EXPECT_EQ(seen, std::vector<int>(size, 1));
}

TEST_P(SlotQueue, HasEachSlotOnceWhenManyPushAndPop) { moves_each_slot_whole<slot_queue>(GetParam(), 8, 5'000); }

TEST(PageStore, WaitsForAPageThatComesBack) {
  const watchdog guard;
  page_store pages(2);
  void* const one = pages.take();
  void* const other = pages.take();
  EXPECT_NE(one, other);
  std::atomic<bool> waits = false;
  std::atomic<void*> taken = nullptr;
  std::jthread waiter([&] {
    waits = true;
    taken = pages.take();
  });
  while (!waits) std::this_thread::yield();
  for (int i = 0; i != 100; ++i) std::this_thread::yield();
  EXPECT_EQ(taken, nullptr);
  pages.give_back(one);
  waiter.join();
  EXPECT_EQ(taken, one);
}

}  // namespace
