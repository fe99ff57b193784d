#include "statistics.hpp"

#include <gtest/gtest.h>

namespace tool {
namespace {

TEST(Statistics, TheMedianOfAnOddSampleIsItsMiddleValue) { EXPECT_DOUBLE_EQ(summarise({9, 1, 5}).median, 5); }

TEST(Statistics, TheMedianOfAnEvenSampleLiesBetweenTheMiddleValues) {
  EXPECT_DOUBLE_EQ(summarise({4, 1, 3, 2}).median, 2.5);
}

TEST(Statistics, QuartilesAreInterpolated) {
  const sample_summary summary = summarise({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(summary.lower_quartile, 1.75);
  EXPECT_DOUBLE_EQ(summary.upper_quartile, 3.25);
}

TEST(Statistics, ASingleValueIsAllOfItsSummary) {
  const sample_summary summary = summarise({7});
  EXPECT_DOUBLE_EQ(summary.minimum, 7);
  EXPECT_DOUBLE_EQ(summary.lower_quartile, 7);
  EXPECT_DOUBLE_EQ(summary.median, 7);
  EXPECT_DOUBLE_EQ(summary.upper_quartile, 7);
  EXPECT_DOUBLE_EQ(summary.maximum, 7);
  EXPECT_FALSE(summary.spread()) << "one run has none";
}

TEST(Statistics, TheSpreadIsHalfTheQuartileDistanceOverTheMedian) {
  EXPECT_DOUBLE_EQ(summarise({8, 9, 10, 11, 12}).spread().value_or(-1), 0.1);
}

TEST(Statistics, TheSpreadOfZerosIsZero) { EXPECT_EQ(summarise({0, 0}).spread(), 0); }

TEST(Statistics, OneOutlierMovesOnlyTheMaximum) {
  const sample_summary summary = summarise({10, 10, 10, 10, 1000});
  EXPECT_DOUBLE_EQ(summary.median, 10);
  EXPECT_DOUBLE_EQ(summary.upper_quartile, 10);
  EXPECT_DOUBLE_EQ(summary.maximum, 1000);
}

TEST(Statistics, AnEmptySampleIsRefused) { EXPECT_THROW(summarise({}), std::invalid_argument); }

}  // namespace
}  // namespace tool
