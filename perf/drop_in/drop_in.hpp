#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdlib>
#include <string>

#include <fanout/limits.hpp>

#include "harness/defaults.hpp"

/// The question: what does a library cost whose loops run on an executor of fanout's, in comparison with its own backend?
/// `<host>_<job>` is one job at a time. `<host>_<job>_nested` is a batch of fanout over many inputs, of which each is a job.
///
/// All competitors have as many threads as there are cores, or as FANOUT_BENCH_THREADS says: with more, a machine of few
/// cores shows what threads of the host's own cost in a batch. `fanout` is the adapter: nested, the host has the executor of
/// the batch. `own_<backend>` is the host's own backend, and others are backends that its manual gives. `serial` is the host
/// on the thread that calls it: nested, the least that is possible if there are many inputs.
namespace drop_in {

inline const bool asked = perf::ask({.repetitions = 15, .min_time = 0.1});

inline std::size_t threads() {
  const char* const said = std::getenv("FANOUT_BENCH_THREADS");
  const std::size_t number = said != nullptr ? std::strtoul(said, nullptr, 10) : 0;
  return number != 0 ? number : fanout::available_concurrency();
}

/// Registers `workload/competitor`. `begin()` gives the host its threads, and returns an object whose destructor takes them
/// away; `run()` is what is measured; `is_right()` looks at its results.
template <class Begin, class Run, class IsRight>
void enter(const std::string& workload, const char* competitor, Begin begin, Run run, IsRight is_right) {
  const auto repetition = [=](benchmark::State& state) {
    const auto threads_of_host = begin();
    run();  // starts the threads that are started late, and touches the memory
    for (auto _ : state) run();
    if (!is_right()) state.SkipWithError("wrong results");
  };
  benchmark::RegisterBenchmark((workload + "/" + competitor).c_str(), repetition)->UseRealTime();
}

}  // namespace drop_in
