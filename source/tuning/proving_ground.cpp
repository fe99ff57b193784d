#include "tuning/proving_ground.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "fanout/error.hpp"
#include "tuning/deadline.hpp"

namespace fanout::detail {
namespace {

using clock = std::chrono::steady_clock;

double seconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void proving_ground::prepare(std::size_t concurrency) {
  if (prepared_ == concurrency) return;
  prepared_ = 0;
  executor_.reset();  // before the next one is created, so that the process never needs the threads of both
  executor_.emplace(executor_options{.concurrency = concurrency});
  executor_->map(std::vector<char>(concurrency), [](char) {});
  prepared_ = concurrency;
}

warm_up_figures proving_ground::warm_up(std::chrono::nanoseconds limit) {
  if (tasks_ == 0) {
    const auto start = clock::now();
    workload_(*executor_, {.stop = stop_});
    return {.seconds = seconds_of(clock::now() - start)};
  }
  const deadline end(stop_, limit);
  std::atomic<std::size_t> ended{0};
  const auto start = clock::now();
  try {
    workload_(*executor_, {.stop = end.token(), .ended = &ended});
    return {.seconds = seconds_of(clock::now() - start)};
  } catch (const operation_cancelled&) {
    if (!end.passed() || stop_.stop_requested()) throw;
  }
  // The tasks that ended after the stop do not count, so the time until they ended does not count either.
  return {.seconds = seconds_of(*end.passed()), .share = static_cast<double>(ended) / static_cast<double>(tasks_)};
}

run_figures proving_ground::run() {
  const bool peak_is_known = forget_peak_memory();
  const auto waits_before = waits_of_threads();
  const auto cpus_before = times_of_cpus();
  const resource_use before = resource_use_of_process();
  const auto start = clock::now();
  workload_(*executor_, {.stop = stop_});
  const double took = seconds_of(clock::now() - start);
  const resource_use after = resource_use_of_process();
  const auto waits = waits_of_threads();
  const auto cpus = times_of_cpus();
  return {.seconds = took,
          .cpu_seconds = after.cpu_seconds - before.cpu_seconds,
          .voluntary_switches = after.voluntary_switches - before.voluntary_switches,
          .involuntary_switches = after.involuntary_switches - before.involuntary_switches,
          .peak_memory_bytes = peak_is_known ? peak_memory_bytes() : std::nullopt,
          .core_wait_seconds =
              waits_before && waits ? std::optional(seconds_waited(*waits_before, *waits)) : std::nullopt,
          .steal_seconds =
              cpus_before && cpus ? std::optional(std::max(0.0, cpus->stolen - cpus_before->stolen)) : std::nullopt};
}

core_use proving_ground::use_by_others() const {
  const resource_use now = resource_use_of_process();
  return use_between(cpus_at_start_, times_of_cpus(),
                     {.cpu_seconds = now.cpu_seconds - own_at_start_.cpu_seconds,
                      .child_cpu_seconds = now.child_cpu_seconds - own_at_start_.child_cpu_seconds});
}

}  // namespace fanout::detail
