#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: how long does a small batch take from the call to its end? `warm_N` is a batch of N empty tasks on a
/// competitor that has just run one, `cold_2` makes the competitor, runs a batch of two on it and destroys it again.
/// With tasks this small nobody gains by a second thread; what can be lost is the waking of one, and what a batch
/// costs by itself.
namespace latency {

inline const bool asked = perf::ask({.repetitions = 15, .min_time = 0.02});

inline long task(std::size_t i) {
  long index = static_cast<long>(i);
  asm volatile("" : "+r"(index));  // or the compiler would fill the results without running a task
  return index;
}

template <class Competitor>
void enter() {
  for (const std::size_t size : {1U, 2U, 16U}) {
    perf::measure<Competitor>(
        "warm_" + std::to_string(size), fanout::available_concurrency(), size, [](std::size_t i) { return task(i); },
        [](std::size_t i) { return static_cast<long>(i); });
  }
}

/// For those that have something to make besides threads: an executor, an arena. The threads are oneTBB's and stay.
template <class Competitor>
void enter_cold() {
  const auto repetition = [](benchmark::State& state) {
    std::vector<long> results(2, -1);
    for (auto _ : state) {
      Competitor competitor(fanout::available_concurrency());
      perf::run_into(results, competitor, [](std::size_t i) { return task(i); });
    }
    perf::check(state, results, [](std::size_t i) { return static_cast<long>(i); });
  };
  benchmark::RegisterBenchmark((std::string("cold_2/") + Competitor::name).c_str(), repetition)->UseRealTime();
}

}  // namespace latency
