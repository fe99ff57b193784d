#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: how near to the least possible time does a batch come whose tasks differ in length? About 50 ms of
/// work in each, which nobody is told the distribution of.
///
/// Two lines in the table are no competitors. `lower_bound` is the time that no schedule can beat. `in_order` is what
/// a schedule without any cost would take that starts the tasks in input order, the next one as soon as a thread is
/// free: where it lies above the bound, only who knows the lengths in advance, or starts in another order, comes
/// nearer.
///
/// Who starts a thread for each task is left out where there are 10,000 cheap ones: that would be the longest
/// measurement of all, and `overhead` tells what a thread costs.
namespace balance {

inline const bool asked = perf::ask({.repetitions = 11, .min_time = 0.005});

struct shape {
  std::string name;
  std::size_t concurrency;
  std::vector<long> links;  // the length of each task
};

/// Made once, from fixed seeds: the same in every run, but for the speed of the machine.
const std::vector<shape>& shapes();

template <class Competitor>
void enter() {
  for (const shape& each : shapes()) {
    if (perf::starts_thread_per_task<Competitor> && each.links.size() > 10'000) continue;
    if (perf::knows_only_the_cores<Competitor> && each.concurrency != fanout::available_concurrency()) continue;
    perf::measure<Competitor>(
        each.name, each.concurrency, each.links.size(),
        [&each](std::size_t i) { return perf::chain(static_cast<long>(i), each.links[i]); },
        [&each](std::size_t i) { return perf::end_of_chain(static_cast<long>(i), each.links[i]); });
  }
}

}  // namespace balance
