#include "worker_budget.hpp"

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <memory>

#include "fanout/limits.hpp"

namespace fanout::detail {
namespace {

using tbb::global_control;
using worker_budget::current_limit;
using worker_budget::share;

std::size_t default_limit() { return static_cast<std::size_t>(tbb::info::default_concurrency()); }

TEST(WorkerBudget, IsTheSumOfAllPromisesOnTopOfTheDefault) {
  ASSERT_EQ(current_limit(), default_limit());
  const share eight(8, true);
  EXPECT_EQ(current_limit(), default_limit() + 8);
  {
    const share five(5, true);
    EXPECT_EQ(current_limit(), default_limit() + 13);
  }
  EXPECT_EQ(current_limit(), default_limit() + 8);
}

TEST(WorkerBudget, FallsBackToTheDefaultWithTheLastPromise) {
  auto first = std::make_unique<share>(3, true);
  auto second = std::make_unique<share>(4, true);
  first.reset();
  EXPECT_EQ(current_limit(), default_limit() + 4);
  second.reset();
  EXPECT_EQ(current_limit(), default_limit());
}

TEST(WorkerBudget, IsNotRaisedByWhatIsNoPromise) {
  const share cores(default_limit() - 1, false);
  EXPECT_EQ(current_limit(), default_limit());
}

TEST(WorkerBudget, NeverExceedsWhatTheSchedulerCanGive) {
  const share most(max_concurrency() - 1, true);
  const share more(100, true);
  EXPECT_EQ(current_limit(), max_concurrency());
}

TEST(WorkerBudget, YieldsToALowerLimitOfTheApplication) {
  const share eight(8, true);
  {
    const global_control own(global_control::max_allowed_parallelism, 2);
    EXPECT_EQ(current_limit(), 2u);
    const share more(8, true);
    EXPECT_EQ(current_limit(), 2u);
  }
  EXPECT_EQ(current_limit(), default_limit() + 8);
}

}  // namespace
}  // namespace fanout::detail
