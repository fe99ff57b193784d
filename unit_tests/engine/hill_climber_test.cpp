#include "engine/hill_climber.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <random>
#include <vector>

namespace fanout::detail {
namespace {

using curve = std::function<double(std::size_t runners)>;

/// Throughput with so many runners, of tasks that wait three quarters of their time on two cores.
double mostly_waiting(std::size_t runners) { return std::min(static_cast<double>(runners) / 4, 2.0); }

double pure_compute(std::size_t runners) { return std::min(static_cast<double>(runners), 2.0); }

/// More than three are in each other's way.
double crowded_beyond_three(std::size_t runners) {
  const double count = static_cast<double>(runners);
  return runners <= 3 ? count : 3 / (1 + 0.5 * (count - 3));
}

/// What was wanted in each of so many windows.
std::vector<std::size_t> climb(hill_climber& climber, const curve& throughput, std::size_t windows) {
  std::vector<std::size_t> wanted;
  for (std::size_t window = 0; window != windows; ++window) {
    wanted.push_back(climber.wanted());
    climber.measured(throughput(climber.wanted()));
  }
  return wanted;
}

TEST(HillClimber, FindsThePlateauOfTasksThatWait) {
  hill_climber climber(2, 64);
  climb(climber, mostly_waiting, 12);
  EXPECT_TRUE(climber.settled());
  EXPECT_GE(climber.best(), 7u);
  EXPECT_LE(climber.best(), 9u);
}

TEST(HillClimber, StaysAtTheCoresForPureCompute) {
  hill_climber climber(2, 16);
  const auto wanted = climb(climber, pure_compute, 200);
  EXPECT_EQ(climber.best(), 2u);
  EXPECT_LE(*std::max_element(wanted.begin(), wanted.end()), 4u);
}

TEST(HillClimber, FindsThePeakBeyondWhichRunnersAreInEachOthersWay) {
  for (const std::size_t start : {1u, 2u, 3u, 4u}) {
    hill_climber climber(start, 16);
    climb(climber, crowded_beyond_three, 40);
    EXPECT_EQ(climber.best(), 3u) << "from " << start;
  }
}

TEST(HillClimber, GoesDownToOneWhereOneIsBest) {
  hill_climber climber(4, 16);
  climb(
      climber, [](std::size_t runners) { return 1.0 / static_cast<double>(runners); }, 100);
  EXPECT_EQ(climber.best(), 1u);
}

TEST(HillClimber, GoesUpToTheLimitAndNoFarther) {
  hill_climber climber(2, 13);
  const auto wanted = climb(
      climber, [](std::size_t runners) { return static_cast<double>(runners); }, 100);
  EXPECT_EQ(climber.best(), 13u);
  EXPECT_EQ(*std::max_element(wanted.begin(), wanted.end()), 13u);
}

TEST(HillClimber, MovesByOneStepAtMostOnceItHasSettled) {
  hill_climber climber(2, 64);
  std::mt19937 random(1);
  std::normal_distribution<double> noise(1.0, 0.02);
  std::size_t before = 0;
  std::size_t windows_settled = 0;
  for (int window = 0; window != 2'000; ++window) {
    if (climber.settled()) {
      if (windows_settled++ > 0) {
        ASSERT_LE(std::max(before, climber.wanted()) - std::min(before, climber.wanted()), 1u);
      }
      before = climber.wanted();
    }
    climber.measured(mostly_waiting(climber.wanted()) * noise(random));
  }
  EXPECT_GT(windows_settled, 1'900u);
}

TEST(HillClimber, TriesEverMoreRarelyWhereNothingIsBetter) {
  hill_climber climber(2, 16);
  climb(climber, pure_compute, 100);
  const auto wanted = climb(climber, pure_compute, 650);
  EXPECT_LE(std::count_if(wanted.begin(), wanted.end(), [](std::size_t runners) { return runners != 2; }), 10);
}

TEST(HillClimber, FollowsTasksThatBecomeOthers) {
  hill_climber climber(2, 16);
  climb(climber, pure_compute, 20);
  EXPECT_EQ(climber.best(), 2u);
  climb(climber, mostly_waiting, 600);
  EXPECT_GE(climber.best(), 6u);
}

TEST(HillClimber, GivesUpATrialEarlyWhereItIsClearlyWorse) {
  hill_climber climber(2, 16);
  EXPECT_FALSE(climber.hopeless(0)) << "nothing to compare with yet";
  climber.measured(100);
  EXPECT_EQ(climber.wanted(), 4u);
  EXPECT_TRUE(climber.hopeless(79));
  EXPECT_FALSE(climber.hopeless(81));
}

TEST(HillClimber, HasNothingToTryWithALimitOfOne) {
  hill_climber climber(1, 1);
  const auto wanted = climb(climber, pure_compute, 100);
  EXPECT_EQ(*std::max_element(wanted.begin(), wanted.end()), 1u);
}

TEST(HillClimber, SurvivesWindowsInWhichNothingEnded) {
  hill_climber climber(2, 16);
  climb(
      climber, [](std::size_t) { return 0.0; }, 100);
  EXPECT_GE(climber.wanted(), 1u);
  EXPECT_LE(climber.wanted(), 16u);
}

}  // namespace
}  // namespace fanout::detail
