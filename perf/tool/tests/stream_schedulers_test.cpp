#include "stream_schedulers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <fanout/limits.hpp>
#include <fanout/tuning_comparison.hpp>
#include <latch>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

/// Each stream alone, in the two runs that a comparison has at least.
namespace tool {
namespace {

struct entry {
  std::string name;
  std::size_t concurrency;
};

class StreamSchedulers : public testing::TestWithParam<entry> {
 protected:
  static fanout::comparison_options options(std::stop_token stop = {}) {
    const auto& [name, concurrency] = GetParam();
    fanout::comparison_options chosen{.concurrency = {concurrency}, .baselines = {}, .repetitions = 1, .stop = stop};
    for (const auto& each : stream_schedulers(2 * concurrency)) {
      if (each.name() == name) chosen.baselines.push_back(each);
    }
    return chosen;
  }

  static std::size_t allowed() { return GetParam().name == "serial" ? 1 : GetParam().concurrency; }
};

TEST_P(StreamSchedulers, RunEachTaskOnceInEachRun) {
  std::vector<std::atomic<int>> runs(1000);
  static_cast<void>(fanout::compare(runs.size(), [&](std::size_t index) { ++runs[index]; }, options()));
  for (const auto& count : runs) EXPECT_EQ(count, 2);
}

TEST_P(StreamSchedulers, NeverRunMoreTasksAtOnceThanTheyMay) {
  std::atomic<std::size_t> running = 0;
  std::atomic<std::size_t> most = 0;
  static_cast<void>(fanout::compare(
      500,
      [&](int) {
        const std::size_t now = ++running;
        for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        --running;
      },
      options()));
  EXPECT_LE(most, allowed());
}

TEST_P(StreamSchedulers, RunAsManyTasksAtOnceAsTheyMay) {
  if (GetParam().name == "tbb-pipeline" && GetParam().concurrency > fanout::available_concurrency())
    GTEST_SKIP() << "oneTBB has a worker for each core but one";
  std::latch first(static_cast<std::ptrdiff_t>(allowed()));
  std::latch second(static_cast<std::ptrdiff_t>(allowed()));
  std::atomic<std::size_t> started = 0;
  static_cast<void>(fanout::compare(
      allowed(), [&](std::size_t) { (started++ < allowed() ? first : second).arrive_and_wait(); }, options()));
}

TEST_P(StreamSchedulers, StartFewTasksOnceATaskHasRequestedAStop) {
  std::atomic<std::size_t> started = 0;
  std::stop_source stop;
  EXPECT_THROW(static_cast<void>(fanout::compare(
                   10'000,
                   [&](int) {
                     ++started;
                     stop.request_stop();
                   },
                   options(stop.get_token()))),
               fanout::operation_cancelled);
  EXPECT_LE(started, allowed());
}

std::vector<entry> all_entries() {
  std::vector<entry> entries;
  for (const char* name : {"serial", "fanout", "tbb-pipeline", "thread-queue"}) {
    for (const std::size_t concurrency : {std::size_t{1}, std::size_t{2}, std::size_t{7}})
      entries.push_back({name, concurrency});
  }
  return entries;
}

INSTANTIATE_TEST_SUITE_P(All, StreamSchedulers, testing::ValuesIn(all_entries()), [](const auto& instance) {
  std::string name = instance.param.name + "_" + std::to_string(instance.param.concurrency);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(StreamSchedulersAhead, TakeNoMoreThanTheyMayBeforeTheOutcomesAreTaken) {
  for (const std::size_t ahead : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    for (const auto& each : stream_schedulers(ahead)) {
      // The first task holds back the outcomes of all others.
      std::atomic<std::size_t> started = 0;
      std::atomic<std::size_t> most = 0;
      const auto task = [&](int index) {
        ++started;
        if (index != 0) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        most = std::max(most.load(), started.load());
      };
      fanout::comparison_options options{.concurrency = {2}, .baselines = {each}, .repetitions = 1};
      options.on_progress = [&](const auto&) { started = 0; };
      static_cast<void>(fanout::compare(50, task, options));
      EXPECT_LE(most, ahead) << each.name();
    }
  }
}

}  // namespace
}  // namespace tool
