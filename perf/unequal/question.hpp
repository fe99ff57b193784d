#pragma once

#include <chrono>
#include <cstddef>

#include <fanout/limits.hpp>

#include "balance/question.hpp"
#include "harness/measure.hpp"

/// The question: what does it cost to hand out tasks by an agenda, and what is it worth?
///
/// Tasks of 0, 20 ns and 1 µs, 100,000 in a batch, on the cores: plain, with a priority, with a budget, with a retry,
/// and with all three. Divided by the number of tasks, the difference from the plain batch is what a task costs more.
///
/// And the batches of the question `balance`, whose tasks differ in length, with that length as their priority:
/// `fanout_longest_first`, beside the plain batch, the lower bound, and the best that a start in input order can do.
namespace unequal {

inline constexpr std::size_t tasks = 100'000;

template <class Competitor>
void enter_cheap() {
  const std::size_t cores = fanout::available_concurrency();
  perf::measure_chains<Competitor>("empty", cores, tasks, std::chrono::nanoseconds(0));
  perf::measure_chains<Competitor>("20ns", cores, tasks, std::chrono::nanoseconds(20));
  perf::measure_chains<Competitor>("1us", cores, tasks, std::chrono::microseconds(1));
}

/// A batch of `balance` on a competitor that is told the length of each task.
template <class Competitor>
void enter_lengths() {
  for (const balance::shape& each : balance::shapes()) {
    const auto repetition = [&each](benchmark::State& state) {
      Competitor competitor(each);
      perf::warm_up(competitor, each.concurrency);
      std::vector<long> results;
      for (auto _ : state)
        results = competitor.map(each.links.size(),
                                 [&each](std::size_t i) { return perf::chain(static_cast<long>(i), each.links[i]); });
      perf::check(state, results,
                  [&each](std::size_t i) { return perf::end_of_chain(static_cast<long>(i), each.links[i]); });
    };
    benchmark::RegisterBenchmark((each.name + "/" + Competitor::name).c_str(), repetition)->UseRealTime();
  }
}

}  // namespace unequal
