#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: do tasks that wait run as many at a time as was asked for, beyond the cores? `1000x10ms_at_100` and
/// `8x100ms_at_8` only sleep. In `half_wait` a task computes for 2 ms and then waits for 2 ms, with four threads for
/// each core, so that there is always somebody who computes.
///
/// `ideal` in the table is no competitor but the time that nobody can beat. `serial` has no place here: ten seconds.
namespace blocking {

inline const bool asked = perf::ask({.repetitions = 9, .min_time = 0.005});

struct workload {
  const char* name;
  std::size_t tasks;
  std::size_t concurrency;
  std::chrono::milliseconds compute;
  std::chrono::milliseconds wait;
};

inline const workload workloads[] = {
    {"1000x10ms_at_100", 1'000, 100, std::chrono::milliseconds(0), std::chrono::milliseconds(10)},
    {"8x100ms_at_8", 8, 8, std::chrono::milliseconds(0), std::chrono::milliseconds(100)},
    {"half_wait", 32 * fanout::available_concurrency(), 4 * fanout::available_concurrency(),
     std::chrono::milliseconds(2), std::chrono::milliseconds(2)},
};

template <class Competitor>
void enter() {
  for (const workload& work : workloads) {
    const long links = perf::links_in(work.compute);
    perf::measure<Competitor>(
        work.name, work.concurrency, work.tasks,
        [links, wait = work.wait](std::size_t i) {
          const long result = perf::chain(static_cast<long>(i), links);
          std::this_thread::sleep_for(wait);
          return result;
        },
        [links](std::size_t i) { return perf::end_of_chain(static_cast<long>(i), links); });
  }
}

}  // namespace blocking
