#include "tuning/ladder.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "support.hpp"

namespace {

using fanout::detail::checked_sizes;
using fanout::detail::default_ladder;
using fanout::detail::next_rung;
using sizes = std::vector<std::size_t>;

TEST(TuningLadder, ClimbsByPowersOfTwoAndHalfwayBetweenThem) {
  EXPECT_EQ(default_ladder(4, 16), (sizes{1, 2, 3, 4, 6, 8, 12, 16}));
  EXPECT_EQ(default_ladder(1, 4), (sizes{1, 2, 3, 4}));
}

TEST(TuningLadder, HoldsTheCoresWhereverTheyLie) {
  EXPECT_EQ(default_ladder(5, 20), (sizes{1, 2, 3, 4, 5, 6, 8, 12, 16}));
  EXPECT_EQ(default_ladder(7, 7), (sizes{1, 2, 3, 4, 6, 7}));
}

TEST(TuningLadder, GoesOnFromAnySize) {
  EXPECT_EQ(next_rung(0), 1u);
  EXPECT_EQ(next_rung(1), 2u);
  EXPECT_EQ(next_rung(2), 3u);
  EXPECT_EQ(next_rung(5), 6u);
  EXPECT_EQ(next_rung(7), 8u);
  EXPECT_EQ(next_rung(8), 12u);
  EXPECT_EQ(next_rung(256), 384u);
}

TEST(TuningLadder, PutsNamedSizesInOrderEachOnce) { EXPECT_EQ(checked_sizes({8, 1, 8, 2}, 257), (sizes{1, 2, 8})); }

TEST(TuningLadder, RefusesSizesOutOfBoundsByName) {
  EXPECT_EQ(support::message_of<std::invalid_argument>([] {
              checked_sizes({1, 0}, 257);
            }),
            "sizes must be between 1 and 257, got 0");
  EXPECT_EQ(support::message_of<std::invalid_argument>([] {
              checked_sizes({1, 258}, 257);
            }),
            "sizes must be between 1 and 257, got 258");
}

}  // namespace
