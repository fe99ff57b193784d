#include "engine/progress.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace fanout::detail {
namespace {

using namespace std::chrono_literals;

TEST(Progress, IsNotWantedWithoutACallback) {
  const progress::callback none;
  EXPECT_FALSE(progress(none, 0ns, 10).wanted());
}

TEST(Progress, TellsWhatWasCountedSinceTheLastCall) {
  std::vector<std::size_t> told;
  const progress::callback record = [&](std::size_t completed, std::size_t) { told.push_back(completed); };
  progress report(record, 0ns, 10);
  report.update([] { return std::size_t{3}; });
  report.update([] { return std::size_t{3}; });
  report.update([] { return std::size_t{5}; });
  report.finish();
  report.finish();
  EXPECT_EQ(told, (std::vector<std::size_t>{3, 5, 10}));
}

TEST(Progress, LooksAgainForWhatEndedDuringACall) {
  std::size_t count = 1;
  std::vector<std::size_t> told;
  const progress::callback record = [&](std::size_t completed, std::size_t) {
    told.push_back(completed);
    if (completed < 3) ++count;
  };
  progress report(record, 0ns, 3);
  report.update([&] { return count; });
  EXPECT_EQ(told, (std::vector<std::size_t>{1, 2, 3}));
}

TEST(Progress, KeepsTheIntervalButForTheLastCall) {
  std::vector<std::size_t> told;
  const progress::callback record = [&](std::size_t completed, std::size_t) { told.push_back(completed); };
  progress report(record, 1h, 100);
  for (std::size_t i = 1; i <= 100; ++i) report.update([i] { return i; });
  EXPECT_TRUE(told.empty());
  report.finish();
  EXPECT_EQ(told, (std::vector<std::size_t>{100}));
}

TEST(Progress, NeverCallsAgainAfterAThrow) {
  int calls = 0;
  const progress::callback fail = [&](std::size_t, std::size_t) {
    ++calls;
    throw std::runtime_error("full");
  };
  progress report(fail, 0ns, 10);
  EXPECT_THROW(report.update([] { return std::size_t{1}; }), std::runtime_error);
  report.update([] { return std::size_t{2}; });
  EXPECT_EQ(calls, 1);
}

TEST(Progress, NeverOverlapsNeverGoesBackAndMissesNoEnd) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each_ends = 20'000;
  for (int round = 0; round != 5; ++round) {
    std::atomic<std::size_t> ended{0};
    std::atomic<int> inside{0};
    std::size_t last = 0;
    bool ok = true;
    const progress::callback check = [&](std::size_t completed, std::size_t total) {
      ok = ok && inside.fetch_add(1) == 0 && completed > last && completed <= total;
      last = completed;
      inside.fetch_sub(1);
    };
    progress report(check, 0ns, threads * each_ends);
    {
      std::vector<std::jthread> workers;
      for (std::size_t t = 0; t != threads; ++t) {
        workers.emplace_back([&] {
          for (std::size_t i = 0; i != each_ends; ++i) {
            ended.fetch_add(1, std::memory_order_release);
            report.update([&] { return ended.load(std::memory_order_acquire); });
          }
        });
      }
    }
    EXPECT_TRUE(ok);
    EXPECT_EQ(last, threads * each_ends) << "the last end was told by the one who ended it or the one reporting";
  }
}

}  // namespace
}  // namespace fanout::detail
