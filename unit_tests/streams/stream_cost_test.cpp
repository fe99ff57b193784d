#include "fanout/detail/stream_cost.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>

/// How many workers a worker finds useful, of eight on four cores.
namespace {

using namespace std::chrono_literals;
using fanout::detail::stream_bounds;
using fanout::detail::stream_cost;

constexpr stream_bounds bounds{.most_workers = 8, .capacity = 256, .cores = 4};

std::size_t note(stream_cost& cost, std::chrono::nanoseconds took, std::size_t count) {
  return cost.note(took, count, /*is_awaited=*/true, bounds);
}

TEST(StreamCost, CheapItemsNeedOneWorker) {
  stream_cost cost;
  for (int turn = 0; turn != 100; ++turn) EXPECT_EQ(note(cost, 256 * 20ns, 256), 1U);
}

TEST(StreamCost, ItemsThatComeFastLeaveTheReaderItsCore) {
  stream_cost cost;
  for (int turn = 0; turn != 100; ++turn) EXPECT_EQ(note(cost, 40 * 500ns, 40), 3U);
}

TEST(StreamCost, LongItemsNeedAllWorkers) {
  stream_cost cost;
  for (int turn = 0; turn != 100; ++turn) EXPECT_EQ(note(cost, 1ms, 1), 8U);
}

TEST(StreamCost, AllWorkersAreOfUseUnlessTheReaderWaits) {
  stream_cost cost;
  for (int turn = 0; turn != 100; ++turn) EXPECT_EQ(cost.note(256 * 20ns, 256, /*is_awaited=*/false, bounds), 8U);
  EXPECT_EQ(note(cost, 256 * 20ns, 256), 1U);
}

// Its thread may have lost the core.
TEST(StreamCost, OneLongTurnAmongManyCheapOnesSaysNothing) {
  stream_cost cost;
  for (int turn = 0; turn != 1'000; ++turn) {
    const std::size_t useful = turn % 500 == 250 ? note(cost, 30us, 256) : note(cost, 256 * 20ns, 256);
    EXPECT_EQ(useful, 1U) << "turn " << turn;
  }
}

// One item in ten takes long, and the others nothing, such as the misses of a cache. A worker that looks at a few items
// at a time meets a long one in every tenth turn or so: turns that follow each other never agree that the items are long.
TEST(StreamCost, LongItemsAmongCheapOnesNeedAllWorkers) {
  for (const std::size_t count : {1U, 2U, 5U}) {
    stream_cost cost;
    std::size_t item = 0;
    for (int turn = 0; turn != 4'000; ++turn) {
      std::chrono::nanoseconds took = 0ns;
      for (std::size_t i = 0; i != count; ++i) took += item++ % 10 == 9 ? std::chrono::nanoseconds(1ms) : 20ns;
      const std::size_t useful = note(cost, took, count);
      EXPECT_TRUE(useful == 8 || item <= 10) << "turn " << turn << " of " << count;
    }
  }
}

TEST(StreamCost, ItemsThatBecomeCheapNeedFewerWorkersSoon) {
  stream_cost cost;
  for (int turn = 0; turn != 100; ++turn) note(cost, 1ms, 1);
  int turns = 0;
  while (note(cost, 256 * 20ns, 256) != 1U && turns != 100'000) ++turns;
  EXPECT_LT(turns, 5'000) << "of 5 us each";
}

}  // namespace
