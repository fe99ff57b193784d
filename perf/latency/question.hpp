#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"
#include "harness/median.hpp"

/// The question: how long does a small batch take from the call to its end? `warm_N` is a batch of N empty tasks on a
/// competitor that has just run one, `cold_2` makes the competitor, runs a batch of two on it and destroys it again.
/// `warm_named_N` has N threads for its N tasks even on fewer cores: with fanout, free calls that name the number.
/// `make_destroy_8` runs no batch: it creates a competitor of 8 threads, as another one did before, and destroys it.
/// `make_destroy_8_used` is the same, except that the other one has run a batch, so its threads were at work. Tasks
/// this small do not run faster on a second thread. The time is that of waking it, and the cost of the batch itself.
///
/// A repetition lasts about 10 ms. Its result is the median over rounds of about 10 µs, because now and then the
/// machine gives a core to another process. It counts its rounds itself: Google Benchmark would run as many batches
/// in each repetition as the first one had time for. OpenMP's threads, which spin, need 1 µs for a batch while they
/// have their cores, and 15 ms when they share them (measured).
namespace latency {

using clock = std::chrono::steady_clock;

/// Seconds that a batch takes.
template <class Batch>
double median_time(const Batch& batch) {
  using nanoseconds = std::chrono::duration<double, std::nano>;
  const auto time_of = [&batch](int batches) {
    const clock::time_point start = clock::now();
    for (int i = 0; i < batches; ++i) batch();
    return nanoseconds(clock::now() - start).count() / batches;
  };
  const clock::time_point end = clock::now() + std::chrono::milliseconds(10);
  const int batches = static_cast<int>(std::clamp(10'000 / time_of(1), 1.0, 1'000.0));
  std::vector<double> rounds;
  do {
    rounds.push_back(time_of(batches));
  } while (clock::now() < end);
  return 1e-9 * perf::median(rounds);
}

template <class Repetition>
void add(const std::string& workload, const char* competitor, Repetition repetition) {
  benchmark::RegisterBenchmark((workload + "/" + competitor).c_str(), repetition)->UseManualTime()->Iterations(1);
}

inline void check(benchmark::State& state, const std::vector<long>& results) {
  perf::check(state, results, [](std::size_t i) { return static_cast<long>(i); });
}

template <class Competitor>
void enter() {
  for (const std::size_t size : {1U, 2U, 16U}) {
    add("warm_" + std::to_string(size), Competitor::name, [size](benchmark::State& state) {
      const std::size_t cores = fanout::available_concurrency();
      Competitor competitor(cores);
      perf::warm_up(competitor, cores);
      std::vector<long> results(size, -1);
      for (auto _ : state) state.SetIterationTime(median_time([&] { perf::run_into(results, competitor, perf::empty_task); }));
      check(state, results);
    });
  }
}

template <class Competitor>
void enter_named() {
  for (const std::size_t size : {2U, 8U}) {
    add("warm_named_" + std::to_string(size), Competitor::name, [size](benchmark::State& state) {
      Competitor competitor(size);
      perf::warm_up(competitor, size);
      std::vector<long> results(size, -1);
      for (auto _ : state) state.SetIterationTime(median_time([&] { perf::run_into(results, competitor, perf::empty_task); }));
      check(state, results);
    });
  }
}

template <class Competitor>
void enter_making() {
  constexpr std::size_t concurrency = 8;
  for (const bool used : {false, true}) {
    add(used ? "make_destroy_8_used" : "make_destroy_8", Competitor::name, [used](benchmark::State& state) {
      {
        Competitor first(concurrency);
        if (used) perf::warm_up(first, concurrency);
      }
      for (auto _ : state) state.SetIterationTime(median_time([] { Competitor competitor(concurrency); }));
    });
  }
}

/// For those that have something to make besides threads: an executor, an arena. The threads are oneTBB's and stay.
template <class Competitor>
void enter_cold() {
  add("cold_2", Competitor::name, [](benchmark::State& state) {
    std::vector<long> results(2, -1);
    const auto batch = [&results] {
      Competitor competitor(fanout::available_concurrency());
      perf::run_into(results, competitor, perf::empty_task);
    };
    for (auto _ : state) state.SetIterationTime(median_time(batch));
    check(state, results);
  });
}

}  // namespace latency
