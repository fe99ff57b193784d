#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <latch>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "fanout/tuning_comparison.hpp"

/// Each scheduler of the library alone, in the two runs that a comparison has at least.
namespace {

struct entry {
  std::string name;
  std::size_t concurrency;

  friend void PrintTo(const entry& shown, std::ostream* stream) {
    *stream << shown.name << " at concurrency " << shown.concurrency;
  }
};

class ComparisonScheduler : public testing::TestWithParam<entry> {
 protected:
  static fanout::comparison_options options() {
    fanout::comparison_options chosen{
        .concurrency = {GetParam().concurrency}, .baselines = {}, .repetitions = 1};
    for (const auto& each : fanout::comparison_scheduler::all()) {
      if (each.name() == GetParam().name) chosen.baselines.push_back(each);
    }
    EXPECT_EQ(chosen.baselines.size(), 1U);
    return chosen;
  }

  static std::size_t allowed() { return GetParam().name == "serial" ? 1 : GetParam().concurrency; }
};

TEST_P(ComparisonScheduler, RunsEachTaskOnceInEachRun) {
  std::vector<std::atomic<int>> runs(1000);
  static_cast<void>(fanout::compare(runs.size(), [&](std::size_t i) { ++runs[i]; }, options()));
  EXPECT_TRUE(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 2; }));
}

TEST_P(ComparisonScheduler, RunsLessTasksThanItMayRunAtOnce) {
  std::atomic<int> runs = 0;
  static_cast<void>(fanout::compare(1, [&](int) { ++runs; }, options()));
  EXPECT_EQ(runs, 2);
}

TEST_P(ComparisonScheduler, NeverRunsMoreTasksAtOnceThanItMay) {
  std::atomic<std::size_t> running = 0;
  std::atomic<std::size_t> most = 0;
  static_cast<void>(fanout::compare(
      500,
      [&](int) {
        const std::size_t now = ++running;
        for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --running;
      },
      options()));
  EXPECT_LE(most, allowed());
}

TEST_P(ComparisonScheduler, RunsAsManyTasksAtOnceAsItMay) {
  if (GetParam().name == "task-arena" && GetParam().concurrency > fanout::available_concurrency()) {
    GTEST_SKIP() << "oneTBB has a worker for each core but one";
  }
  std::latch first(static_cast<std::ptrdiff_t>(allowed()));
  std::latch second(static_cast<std::ptrdiff_t>(allowed()));
  std::atomic<std::size_t> started = 0;
  static_cast<void>(fanout::compare(
      allowed(), [&](std::size_t) { (started++ < allowed() ? first : second).arrive_and_wait(); }, options()));
}

std::vector<entry> entries() {
  std::vector<entry> all;
  for (const auto& scheduler : fanout::comparison_scheduler::all()) {
    for (const std::size_t concurrency : {1U, 2U, 7U}) all.push_back({scheduler.name(), concurrency});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ComparisonScheduler, testing::ValuesIn(entries()), [](const auto& instance) {
  std::string name = instance.param.name + "_" + std::to_string(instance.param.concurrency);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
