#pragma once

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: how near does an adaptive executor come to the best fixed size, which nobody tells it? Batches of two
/// seconds or more, each on a new executor with a limit of 16. `compute` needs the cores and no more; in `mostly_wait` a
/// task waits three quarters of its time; in `crowded` tasks share a lock which slows down when more than three want it.
///
/// `fanout` in the table is the adaptive one, `fixed_N` has N threads.
namespace adaptive {

inline const bool asked = perf::ask({.repetitions = 3, .min_time = 0.001});

inline constexpr std::size_t limit = 16;

inline long compute(std::size_t i) {
  static const long links = perf::links_in(std::chrono::microseconds(500));
  return perf::chain(static_cast<long>(i), links);
}

inline long mostly_wait(std::size_t i) {
  std::this_thread::sleep_for(std::chrono::microseconds(1'500));
  return compute(i);
}

/// The lock is held for a quarter of a task's time, so four would just keep it busy; from the fourth on each adds half as
/// much again to the time that it is held.
inline long crowded(std::size_t i) {
  static std::mutex mutex;
  static std::atomic<int> crowd{0};
  const int present = ++crowd;
  std::this_thread::sleep_for(std::chrono::microseconds(1'500));
  {
    const std::lock_guard lock(mutex);
    std::this_thread::sleep_for(std::chrono::microseconds(present <= 3 ? 500 : 500 + 250 * (present - 3)));
  }
  --crowd;
  return static_cast<long>(i);
}

template <class Competitor>
void enter() {
  const std::size_t cores = fanout::available_concurrency();
  const auto measure = [](const char* workload, std::size_t tasks, auto task) {
    benchmark::RegisterBenchmark((std::string(workload) + "/" + Competitor::name).c_str(),
                                 [=](benchmark::State& state) {
                                   std::vector<long> results(tasks, -1);
                                   for (auto _ : state) {
                                     Competitor competitor(limit);
                                     perf::run_into(results, competitor, task);
                                   }
                                 })
        ->UseRealTime();
  };
  const std::size_t part = perf::for_a_moment() ? 20 : 1;
  measure("compute", 4'000 * cores / part, compute);
  measure("mostly_wait", 4'000 * cores / part, mostly_wait);
  measure("crowded", 3'000 / part, crowded);
}

}  // namespace adaptive
