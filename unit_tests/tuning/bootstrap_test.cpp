#include "tuning/bootstrap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tuning/random.hpp"

namespace {

using fanout::detail::bootstrap_median;
using fanout::detail::bootstrapped_median;
using fanout::detail::random_numbers;

/// A sample of a known distribution: the sum of four even ones, about normal, around 10.
std::vector<double> sample_of(std::size_t size, std::uint64_t seed) {
  random_numbers random(seed);
  std::vector<double> sample(size);
  for (double& value : sample) {
    value = 8;
    for (int i = 0; i != 4; ++i) value += static_cast<double>(random.below(1'000'001)) / 1e6;
  }
  return sample;
}

TEST(TuningBootstrap, OfOneValueKnowsNothingElse) {
  const bootstrapped_median result = bootstrap_median({3.5}, 1);
  EXPECT_EQ(result.median, 3.5);
  EXPECT_EQ(result.low, 3.5);
  EXPECT_EQ(result.high, 3.5);
  EXPECT_EQ(result.relative_half_width(), 0);
}

TEST(TuningBootstrap, TakesTheMiddleOfTwoForAnEvenSize) {
  EXPECT_EQ(bootstrap_median({1, 2, 4, 100}, 1).median, 3);
  EXPECT_EQ(bootstrap_median({100, 1, 2}, 1).median, 2);
}

TEST(TuningBootstrap, DrawsMediansThatSamplesOfTheSampleCanHave) {
  const bootstrapped_median result = bootstrap_median({1, 2, 4}, 1);
  const std::set<double> seen(result.resamples.begin(), result.resamples.end());
  EXPECT_EQ(seen, (std::set<double>{1, 2, 4}));  // of three with replacement: each value can be the middle one
  EXPECT_EQ(result.resamples.size(), fanout::detail::resample_count);
}

// Of three values the middle one is the median of a resample with probability 13/27, the others with 7/27 each.
TEST(TuningBootstrap, DrawsEachMedianAsOftenAsTheoryHasIt) {
  const bootstrapped_median result = bootstrap_median({1, 2, 4}, 5);
  const auto count = std::count(result.resamples.begin(), result.resamples.end(), 2.0);
  EXPECT_NEAR(static_cast<double>(count) / 2000.0, 13.0 / 27, 0.04);
}

TEST(TuningBootstrap, IsTheSameForTheSameSeed) {
  const auto sample = sample_of(20, 3);
  EXPECT_EQ(bootstrap_median(sample, 9).resamples, bootstrap_median(sample, 9).resamples);
  EXPECT_NE(bootstrap_median(sample, 9).resamples, bootstrap_median(sample, 10).resamples);
}

TEST(TuningBootstrap, HoldsTheTrueMedianAboutNineteenTimesOfTwenty) {
  int held = 0;
  for (std::uint64_t seed = 0; seed != 400; ++seed) {
    const bootstrapped_median result = bootstrap_median(sample_of(25, seed), seed);
    held += result.low <= 10 && 10 <= result.high ? 1 : 0;
  }
  EXPECT_GE(held, 364);  // 91 %
  EXPECT_LE(held, 396);  // 99 %
}

TEST(TuningBootstrap, GrowsNarrowWithTheSample) {
  const double of_few = bootstrap_median(sample_of(10, 1), 1).relative_half_width();
  const double of_many = bootstrap_median(sample_of(200, 1), 1).relative_half_width();
  EXPECT_LT(of_many, of_few / 2);
}

TEST(TuningBootstrap, IsNotMovedByOneRunThatWasDisturbed) {
  std::vector<double> sample(15, 1.0);
  sample[7] = 50;
  const bootstrapped_median result = bootstrap_median(sample, 1);
  EXPECT_EQ(result.median, 1);
  EXPECT_EQ(result.high, 1);
}

}  // namespace
