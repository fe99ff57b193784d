#include "budget_advice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "duration.hpp"

namespace tool {
namespace {

using namespace std::chrono_literals;

std::string advice(std::optional<std::chrono::nanoseconds> sufficient) {
  return budget_advice({.text = "1.0s", .whole = 1s, .for_sizes = 800ms}, fanout::budget_error("", sufficient), 400);
}

TEST(BudgetAdvice, NamesAWholeBudgetOfWhichThePartForTheSizesIsSufficient) {
  EXPECT_EQ(advice(8s),
            "--budget 1.0s is too small: use --budget 10s, or fewer --sizes, or about 40 of the 400 tasks");
  EXPECT_EQ(advice(8001ms),
            "--budget 1.0s is too small: use --budget 11s, or fewer --sizes, or about 39 of the 400 tasks");
}

TEST(BudgetAdvice, NamesNoNumberOfTasksIfNotOneFits) {
  EXPECT_EQ(advice(400s), "--budget 1.0s is too small: use --budget 9m, or fewer --sizes, or fewer tasks");
}

TEST(BudgetAdvice, NamesNoBudgetThatTheOptionDoesNotTake) {
  EXPECT_EQ(
      advice(40h),
      "--budget 1.0s is too small, and so is a day: use fewer --sizes, or --budget 24h and about 192 of the 400 "
      "tasks");
}

TEST(BudgetAdvice, NamesNothingIfNothingIsKnown) {
  EXPECT_EQ(
      advice(std::nullopt),
      "--budget 1.0s is too small: none of the 400 tasks ended within it. Use a much longer one, or shorter tasks");
}

TEST(BudgetAdvice, CountsOneTaskAsOne) {
  EXPECT_EQ(budget_advice({.text = "1ms", .whole = 1ms, .for_sizes = 1ms}, fanout::budget_error("", {}), 1),
            "--budget 1ms is too small: the task did not end within it. Use a much longer one, or shorter tasks");
}

TEST(DurationOption, IsReadAsATimeThatIsNotShorter) {
  const std::vector<std::chrono::nanoseconds> times{1ns, 1999999999ns, 2s, 119001ms, 120s, 7199s, 7201s, 24h};
  for (const std::chrono::nanoseconds time : times) {
    const std::chrono::nanoseconds read = parse_duration("--budget", duration_option(time));
    EXPECT_GE(read, time);
    EXPECT_LE(read, std::max<std::chrono::nanoseconds>(1ms, time * 3 / 2)) << duration_option(time);
  }
}

}  // namespace
}  // namespace tool
