#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: what does running a task cost, over the task itself? Batches of very many tasks that are empty or
/// take 20 ns, 200 ns and 2 µs, on as many threads as there are cores. The tasks are lambdas, or `std::function`
/// where the workload is called so.
///
/// Who starts a thread for each task runs those of 2 µs only: 200,000 threads take seconds.
namespace overhead {

inline const bool asked = perf::ask({.repetitions = 15, .min_time = 0.03});

struct workload {
  const char* name;
  std::size_t tasks;
  std::chrono::nanoseconds time;
};

inline constexpr workload empty{"empty", 200'000, std::chrono::nanoseconds(0)};
inline constexpr workload chains[] = {
    {"20ns", 200'000, std::chrono::nanoseconds(20)},
    {"200ns", 50'000, std::chrono::nanoseconds(200)},
    {"2us", 10'000, std::chrono::microseconds(2)},
};

template <class Competitor>
void enter() {
  const std::size_t cores = fanout::available_concurrency();
  if (!perf::starts_thread_per_task<Competitor>) {
    const auto expected = [](std::size_t i) { return static_cast<long>(i); };
    perf::measure<Competitor>(
        empty.name, cores, empty.tasks, [](std::size_t i) { return perf::empty_task(i); }, expected);
  }
  for (const workload& work : chains) {
    if (perf::starts_thread_per_task<Competitor> && work.tasks > 10'000) continue;
    perf::measure_chains<Competitor>(work.name, cores, work.tasks, work.time);
  }
}

using functions = std::vector<std::function<long()>>;

template <class Competitor>
void run_functions(std::vector<long>& results, Competitor& competitor, const functions& tasks) {
  if constexpr (requires { competitor.execute(tasks); }) {
    results = competitor.execute(tasks);
  } else {
    perf::run_into(results, competitor, [&tasks](std::size_t i) { return tasks[i](); });
  }
}

/// Registers a competitor for the same tasks, empty and of 20 ns, as functions of type `std::function<long()>`, which
/// lie in a vector. fanout looks through it for empty ones before it starts any.
template <class Competitor>
void enter_functions() {
  for (const workload& each : {empty, chains[0]}) {
    const auto repetition = [work = each](benchmark::State& state) {
      const std::size_t cores = fanout::available_concurrency();
      const long links = perf::links_in(work.time);
      functions tasks;
      for (std::size_t i = 0; i < work.tasks; ++i) {
        if (links == 0) {
          tasks.emplace_back([i] { return perf::empty_task(i); });
        } else {
          tasks.emplace_back([i, links] { return perf::chain(static_cast<long>(i), links); });
        }
      }
      Competitor competitor(cores);
      perf::warm_up(competitor, cores);
      std::vector<long> results(work.tasks, -1);
      for (auto _ : state) run_functions(results, competitor, tasks);
      perf::check(state, results, [links](std::size_t i) { return perf::end_of_chain(static_cast<long>(i), links); });
    };
    const std::string name = std::string("functions_") + each.name + "/" + Competitor::name;
    benchmark::RegisterBenchmark(name.c_str(), repetition)->UseRealTime();
  }
}

}  // namespace overhead
