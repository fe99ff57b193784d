#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <numeric>
#include <thread>
#include <vector>

#include "support.hpp"

namespace support {

/// Many threads move the slots of two stores from one to the other: each slot belongs to one thread at a time, and all are
/// there at the end.
template <class Store>
void moves_each_slot_whole(std::size_t slots, std::size_t threads, int rounds) {
  Store left(slots);
  Store right(slots);
  for (std::size_t each = 0; each != slots; ++each) left.push(each);
  std::vector<int> uses(slots, 0);  // not atomic: the thread that popped a slot has it alone
  std::atomic<int> used = 0;
  on_threads(threads, [&](std::size_t number) {
    Store& from = number % 2 == 0 ? left : right;
    Store& to = number % 2 == 0 ? right : left;
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
  EXPECT_EQ(std::accumulate(uses.begin(), uses.end(), 0), used);
  EXPECT_GT(used, 0);
  std::vector<int> seen(slots, 0);
  for (std::size_t slot = 0; left.try_pop(slot) || right.try_pop(slot);) ++seen[slot];
  EXPECT_EQ(seen, std::vector<int>(slots, 1));
}

}  // namespace support
