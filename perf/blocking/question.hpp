#pragma once

#include <barrier>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include <fanout/limits.hpp>

#include "harness/chain.hpp"
#include "harness/defaults.hpp"
#include "harness/measure.hpp"

/// The question: do tasks that wait run as many at a time as was asked for, beyond the cores? `1000x10ms_at_100`,
/// `1000x100ms_at_1000` and `8x100ms_at_8` only sleep. In `half_wait` a task computes for 2 ms and then waits for
/// 2 ms, with four threads for each core, so that there is always somebody who computes.
///
/// In `cheap_then_slow` 8 tasks that sleep for 20 ms stand in the midst of 2,000 empty ones, at a limit of 8: who hands
/// out many tasks at a time lets the 8 wait for each other. `cheap_then_slow_on_cores` is the same with as many threads
/// as cores. In `meet_N` none of N tasks ends before all have begun; who lacks a thread hangs.
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
  std::size_t cheap = 0;  // empty tasks before these, and as many behind them
};

inline const workload workloads[] = {
    {"1000x10ms_at_100", 1'000, 100, std::chrono::milliseconds(0), std::chrono::milliseconds(10)},
    {"1000x100ms_at_1000", 1'000, 1'000, std::chrono::milliseconds(0), std::chrono::milliseconds(100)},
    {"8x100ms_at_8", 8, 8, std::chrono::milliseconds(0), std::chrono::milliseconds(100)},
    {"half_wait", 32 * fanout::available_concurrency(), 4 * fanout::available_concurrency(),
     std::chrono::milliseconds(2), std::chrono::milliseconds(2)},
    {"cheap_then_slow", 8, 8, std::chrono::milliseconds(0), std::chrono::milliseconds(20), 1'000},
    {"cheap_then_slow_on_cores", 8, fanout::available_concurrency(), std::chrono::milliseconds(0),
     std::chrono::milliseconds(20), 1'000},
};

template <class Competitor>
void enter() {
  for (const workload& work : workloads) {
    if (perf::knows_only_the_cores<Competitor> && work.concurrency != fanout::available_concurrency()) continue;
    const long links = perf::links_in(work.compute);
    perf::measure<Competitor>(
        work.name, work.concurrency, work.cheap + work.tasks + work.cheap,
        [links, wait = work.wait, first = work.cheap, end = work.cheap + work.tasks](std::size_t i) {
          if (i < first || i >= end) return perf::empty_task(i);
          const long result = perf::chain(static_cast<long>(i), links);
          std::this_thread::sleep_for(wait);
          return result;
        },
        [links, first = work.cheap, end = work.cheap + work.tasks](std::size_t i) {
          return perf::end_of_chain(static_cast<long>(i), i < first || i >= end ? 0 : links);
        });
  }
}

/// For those who run as many tasks at once as they have threads, one on each.
template <class Competitor>
void enter_meetings() {
  for (const std::size_t size : {8U, 64U}) {
    const auto place = std::make_shared<std::barrier<>>(static_cast<std::ptrdiff_t>(size));
    perf::measure<Competitor>(
        "meet_" + std::to_string(size), size, size,
        [place](std::size_t i) {
          place->arrive_and_wait();
          return perf::empty_task(i);
        },
        [](std::size_t i) { return static_cast<long>(i); });
  }
}

}  // namespace blocking
