#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "harness/chain.hpp"

/// How a competitor is measured, the same for all.
///
/// A competitor is a class of `competitors/`: it has a `name`, its constructor takes the concurrency and makes
/// threads and arenas, and `run(size, body)` calls `body(i)` once for each i < size and returns when all have ended.
///
/// A task returns a number. Most competitors return nothing, so their body writes it to the task's place in a vector
/// that is made before the clock starts and used again and again. fanout hands results back, so its competitor has
/// `map(size, task)`, too, and its vector is made and freed inside the clock: that is part of what it does for a
/// caller. Nobody writes a result twice.
namespace perf {

/// Of a competitor that says so: a question asks it for fewer tasks.
template <class Competitor>
inline constexpr bool starts_thread_per_task = requires { Competitor::thread_per_task; };

/// Of a competitor that takes no other concurrency than the cores.
template <class Competitor>
inline constexpr bool knows_only_the_cores = requires { Competitor::only_the_cores; };

/// Whether a competitor can have that concurrency. If not, it is said on stderr that it is missing, and why.
template <class Competitor>
bool can_have(const std::string& workload, std::size_t concurrency) {
  if constexpr (requires { Competitor::most(); }) {
    if (concurrency > Competitor::most()) {
      std::fprintf(stderr, "skipping %s/%s: a concurrency of %zu is more than the %zu that it can have\n",
                   workload.c_str(), Competitor::name, concurrency, Competitor::most());
      return false;
    }
  }
  return true;
}

template <class Competitor, class Task>
concept hands_results_back = requires(Competitor& competitor, const Task& task) {
  { competitor.map(std::size_t{1}, task) } -> std::same_as<std::vector<long>>;
};

template <class Competitor, class Task>
void run_into(std::vector<long>& results, Competitor& competitor, const Task& task) {
  if constexpr (hands_results_back<Competitor, Task>) {
    results = competitor.map(results.size(), task);
  } else if constexpr (requires { competitor.map_into(results, task); }) {
    competitor.map_into(results, task);
  } else {
    competitor.run(results.size(), [places = results.data(), &task](std::size_t i) { places[i] = task(i); });
  }
}

/// The same where every competitor has to make a vector.
template <class Competitor, class Task>
std::vector<long> results_of(Competitor& competitor, std::size_t size, const Task& task) {
  if constexpr (hands_results_back<Competitor, Task>) {
    return competitor.map(size, task);
  } else {
    std::vector<long> results(size);
    run_into(results, competitor, task);
    return results;
  }
}

/// Lets a competitor start the threads that it starts late: as many tasks as it may run at once, which sleep, so that
/// each needs a thread of its own.
template <class Competitor>
void warm_up(Competitor& competitor, std::size_t concurrency) {
  competitor.run(concurrency, [](std::size_t) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
}

/// Tells two results that changed places from two that did not.
inline long checksum(const std::vector<long>& results) {
  unsigned long sum = 0;
  for (std::size_t i = 0; i < results.size(); ++i) sum += static_cast<unsigned long>(results[i]) * (2 * i + 1);
  return static_cast<long>(sum);
}

/// Stops the measurement unless result i is `expected(i)`.
template <class Expected>
void check(benchmark::State& state, const std::vector<long>& results, const Expected& expected) {
  std::vector<long> right(results.size());
  for (std::size_t i = 0; i < right.size(); ++i) right[i] = expected(i);
  if (checksum(results) != checksum(right)) state.SkipWithError("wrong results");
}

/// Registers `<workload>/<competitor>`: batches of `task(i)` for each i < size, on a competitor that is ready for
/// them.
template <class Competitor, class Task, class Expected>
void measure(const std::string& workload, std::size_t concurrency, std::size_t size, Task task, Expected expected) {
  if (!can_have<Competitor>(workload, concurrency)) return;
  const auto repetition = [=](benchmark::State& state) {
    Competitor competitor(concurrency);
    warm_up(competitor, concurrency);
    std::vector<long> results(size, -1);
    for (auto _ : state) run_into(results, competitor, task);
    check(state, results, expected);
    state.SetItemsProcessed(state.iterations() * static_cast<long>(size));
  };
  benchmark::RegisterBenchmark((workload + "/" + Competitor::name).c_str(), repetition)->UseRealTime();
}

/// The same with tasks that are chains of this length in time.
template <class Competitor>
void measure_chains(const std::string& workload, std::size_t concurrency, std::size_t size,
                    std::chrono::nanoseconds time) {
  measure<Competitor>(
      workload, concurrency, size,
      [links = links_in(time)](std::size_t i) { return chain(static_cast<long>(i), links); },
      [links = links_in(time)](std::size_t i) { return end_of_chain(static_cast<long>(i), links); });
}

/// Registers `<workload>/<name>`: a time in seconds that nobody can beat, to stand beside the competitors.
template <class Bound>
void measure_bound(const std::string& workload, const char* name, Bound seconds) {
  const auto repetition = [=](benchmark::State& state) {
    for (auto _ : state) state.SetIterationTime(seconds());
  };
  benchmark::RegisterBenchmark((workload + "/" + name).c_str(), repetition)->UseManualTime()->Iterations(1);
}

}  // namespace perf
