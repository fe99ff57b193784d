#pragma once

#include <benchmark/benchmark.h>
#include <fanout/fanout.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "harness/chain.hpp"
#include "harness/median.hpp"

/// The question: what does a task cost more where somebody wants to know how far the batch is?
///
/// The difference is some nanoseconds in a batch of a millisecond, less than what the machine changes from one second to
/// the next. So each batch has a twin that tells nobody, right before it or right after it in turn, and the counter
/// `more_ns` is the median of the differences, a task. The table's ratios say the same, less exactly.
namespace progress {

using clock = std::chrono::steady_clock;

inline constexpr std::size_t size = 200'000;

struct workload {
  const char* name;
  std::chrono::nanoseconds time;
};

inline constexpr workload workloads[] = {{"empty", std::chrono::nanoseconds(0)},
                                         {"20ns", std::chrono::nanoseconds(20)}};

struct task {
  long seed;
  long links;

  long operator()() const { return perf::chain(seed, links); }
};

/// Runs the tasks, calls `ended()` after each, and returns how long it took. `sum` gets the sum of the results.
template <class Ended>
double seconds(fanout::executor& executor, const std::vector<task>& tasks, const fanout::run_options& options,
               Ended&& ended, unsigned long& sum) {
  const auto begin = clock::now();
  const std::vector<long> results = executor.map(
      tasks,
      [&ended](const task& each) {
        const long result = each();
        ended();
        return result;
      },
      options);
  const double took = std::chrono::duration<double>(clock::now() - begin).count();
  sum = 0;
  for (const long result : results) sum += static_cast<unsigned long>(result);
  return took;
}

/// A competitor is a way to know: `options()` for the batch, `ended()` for each task, `begin()` before a batch, and
/// `knows(size)` after it, whether it knows that all tasks have ended.
template <class Way>
void measure(benchmark::State& state, const workload& work) {
  const long links = perf::links_in(work.time);
  std::vector<task> tasks;
  unsigned long expected = 0;
  for (std::size_t i = 0; i != size; ++i) {
    tasks.push_back({static_cast<long>(i), links});
    expected += static_cast<unsigned long>(perf::end_of_chain(tasks.back().seed, links));
  }
  fanout::executor executor;
  Way way;
  unsigned long first_sum = 0;
  seconds(
      executor, tasks, {}, [] {}, first_sum);  // which would else be dearer than its twin, cold as the machine is
  std::vector<double> more;
  bool way_first = false;
  for (auto _ : state) {
    unsigned long sums[2] = {};
    double times[2] = {};  // of the twin, of the way
    for (const bool with : {way_first, !way_first}) {
      if (with) {
        way.begin();
        times[1] = seconds(
            executor, tasks, way.options(), [&way] { way.ended(); }, sums[1]);
      } else {
        times[0] = seconds(
            executor, tasks, {}, [] {}, sums[0]);
      }
    }
    way_first = !way_first;
    if (sums[0] != expected || sums[1] != expected) state.SkipWithError("wrong results");
    if (!way.knows(size)) state.SkipWithError("it was not told that all tasks had ended");
    state.SetIterationTime(times[1]);
    more.push_back(times[1] - times[0]);
  }
  if (more.empty()) return;
  state.counters["more_ns"] = 1e9 * perf::median(more) / static_cast<double>(size);
}

template <class Way>
void enter(const std::string& name) {
  for (const workload& work : workloads) {
    benchmark::RegisterBenchmark((std::string(work.name) + "/" + name).c_str(), [&work](benchmark::State& state) {
      measure<Way>(state, work);
    })->UseManualTime();
  }
}

}  // namespace progress
