#pragma once

#include <chrono>
#include <cstddef>
#include <numeric>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: what do batches cost whose tasks run batches of their own on the same competitor? 8,000 tasks of
/// 200 ns, in two levels or three. An inner batch returns the sum of its results.
///
/// Left out are the fixed pools (`std_thread_pool`, `std_thread_static`, `asio_thread_pool`): a task that waits for
/// others of its pool keeps a thread from them, and the pool hangs. `std_thread_rounds` would be `std_async` under
/// another name. OpenMP is what it is by default: an inner loop runs on the one thread that comes to it.
namespace nested {

inline const bool asked = perf::ask({.repetitions = 15, .min_time = 0.02});

/// The sum of `task(i)` for each i < size, run as a batch.
template <class Competitor, class Task>
long sum(Competitor& competitor, std::size_t size, const Task& task) {
  const std::vector<long> results = perf::results_of(competitor, size, task);
  return std::accumulate(results.begin(), results.end(), 0L, [](long a, long b) {
    return static_cast<long>(static_cast<unsigned long>(a) + static_cast<unsigned long>(b));
  });
}

template <class Competitor, class Task>
void measure_batches(const char* workload, std::size_t first_level, std::size_t tasks_below, Task task) {
  const std::size_t cores = fanout::available_concurrency();
  const auto repetition = [=](benchmark::State& state) {
    Competitor competitor(cores);
    perf::warm_up(competitor, cores);
    std::vector<long> results(first_level, -1);
    const long links = perf::links_in(std::chrono::nanoseconds(200));
    for (auto _ : state) {
      perf::run_into(results, competitor, [&](std::size_t i) { return task(competitor, i, links); });
    }
    perf::check(state, results, [&](std::size_t i) {
      unsigned long expected = 0;
      for (std::size_t below = i * tasks_below; below < (i + 1) * tasks_below; ++below) {
        expected += static_cast<unsigned long>(perf::end_of_chain(static_cast<long>(below), links));
      }
      return static_cast<long>(expected);
    });
  };
  benchmark::RegisterBenchmark((std::string(workload) + "/" + Competitor::name).c_str(), repetition)->UseRealTime();
}

template <class Competitor>
void enter() {
  measure_batches<Competitor>("8x1000", 8, 1'000, [](Competitor& competitor, std::size_t i, long links) {
    return sum(competitor, 1'000,
               [i, links](std::size_t j) { return perf::chain(static_cast<long>(1'000 * i + j), links); });
  });
  measure_batches<Competitor>("8x10x100", 8, 1'000, [](Competitor& competitor, std::size_t i, long links) {
    return sum(competitor, 10, [&competitor, i, links](std::size_t j) {
      return sum(competitor, 100, [i, j, links](std::size_t k) {
        return perf::chain(static_cast<long>(1'000 * i + 100 * j + k), links);
      });
    });
  });
}

}  // namespace nested
