#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: what does the next thread bring, up to the cores and beyond them? The same batches, of tasks of
/// 200 ns and of 2 µs, at each concurrency; `200ns_at_4` has four threads.
namespace scaling {

inline const bool asked = perf::ask({.repetitions = 15, .min_time = 0.02});

struct workload {
  const char* name;
  std::size_t tasks;
  std::chrono::nanoseconds time;
};

inline constexpr workload workloads[] = {
    {"200ns", 20'000, std::chrono::nanoseconds(200)},
    {"2us", 5'000, std::chrono::microseconds(2)},
};

/// The powers of two below the cores, the cores, twice and four times as many.
inline std::vector<std::size_t> concurrencies() {
  const std::size_t cores = fanout::available_concurrency();
  std::vector<std::size_t> all;
  for (std::size_t threads = 1; threads < cores; threads *= 2) all.push_back(threads);
  all.insert(all.end(), {cores, 2 * cores, 4 * cores});
  return all;
}

template <class Competitor>
void enter() {
  for (const workload& work : workloads) {
    for (const std::size_t threads : concurrencies()) {
      perf::measure_chains<Competitor>(work.name + ("_at_" + std::to_string(threads)), threads, work.tasks, work.time);
    }
  }
}

}  // namespace scaling
