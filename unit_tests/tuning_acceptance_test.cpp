#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fanout/tuning.hpp"
#include "support.hpp"

// Workloads whose best size is known by construction. They measure the machine, so they want it quiet, and they take
// minutes: they run only where FANOUT_ACCEPTANCE says how often each, as in
//
//     FANOUT_ACCEPTANCE=10 ctest --preset dev -L acceptance
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How often: 0 where nobody asked.
int asked_repetitions() {
  const char* const asked = std::getenv("FANOUT_ACCEPTANCE");
  return asked == nullptr ? 0 : std::atoi(asked);
}

/// CPU time of the calling thread, so that a task computes as much wherever it runs and however often it is preempted.
void use_cpu_for(std::chrono::nanoseconds time) {
  const auto now = [] {
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
  };
  const auto end = now() + time;
  while (now() < end) {
  }
}

/// Whether two sizes are the same rung or neighbours.
bool within_one_step(std::size_t size, std::size_t best) {
  const std::vector<std::size_t> ladder = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256};
  const auto rung = [&](std::size_t of) {
    return std::lower_bound(ladder.begin(), ladder.end(), of) - ladder.begin();
  };
  return std::abs(rung(size) - rung(best)) <= 1;
}

template <class Task>
void expect_about(std::size_t best, std::size_t tasks, Task task) {
  if (asked_repetitions() == 0) GTEST_SKIP() << "takes minutes: FANOUT_ACCEPTANCE says how often";
  for (int run = 0; run != asked_repetitions(); ++run) {
    const auto report = fanout::tune(tasks, task, {.budget = 20s});
    EXPECT_TRUE(within_one_step(report.recommended(), best)) << report.to_table();
    std::printf("best by construction %zu, recommended %zu\n%s\n", best, report.recommended(),
                report.to_table().c_str());
  }
}

// While one computes three wait: four times the cores keep them busy.
TEST(TuningAcceptance, FindsFourTimesTheCoresForTasksThatWaitThreeQuarters) {
  expect_about(4 * fanout::available_concurrency(), 64 * fanout::available_concurrency(), [](std::size_t) {
    use_cpu_for(500us);
    std::this_thread::sleep_for(1500us);
  });
}

TEST(TuningAcceptance, FindsTheCoresForTasksThatCompute) {
  expect_about(fanout::available_concurrency(), 100, [](std::size_t) { use_cpu_for(500us); });
}

// A third of each task is under a lock, two thirds are waiting: three threads keep the lock busy. Every further one
// makes each hold of the lock longer, as threads that fight for a cache line or a disk do.
TEST(TuningAcceptance, FindsThreeWhereALockMakesMoreWorse) {
  static std::mutex lock;
  static std::atomic<int> inside{0};
  expect_about(3, 60, [](std::size_t) {
    const int threads = ++inside;
    std::this_thread::sleep_for(2ms);
    {
      const std::lock_guard holding(lock);
      std::this_thread::sleep_for(std::chrono::milliseconds(1) * (1 + 0.5 * std::max(0, threads - 3)));
    }
    --inside;
  });
}

}  // namespace
