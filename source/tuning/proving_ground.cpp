#include "tuning/proving_ground.hpp"

#include <vector>

#include "tuning/resource_use.hpp"

namespace fanout::detail {

void proving_ground::prepare(std::size_t concurrency) {
  if (prepared_ == concurrency) return;
  prepared_ = 0;
  executor_.reset();  // before the next one is created, so that the process never needs the threads of both
  executor_.emplace(executor_options{.concurrency = concurrency});
  executor_->map(std::vector<char>(concurrency), [](char) {});
  prepared_ = concurrency;
}

run_figures proving_ground::run() {
  const bool peak_is_known = forget_peak_memory();
  const resource_use before = resource_use_of_process();
  const auto start = std::chrono::steady_clock::now();
  workload_(*executor_);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const resource_use after = resource_use_of_process();
  return {.seconds = took.count(),
          .cpu_seconds = after.cpu_seconds - before.cpu_seconds,
          .voluntary_switches = after.voluntary_switches - before.voluntary_switches,
          .involuntary_switches = after.involuntary_switches - before.involuntary_switches,
          .peak_memory_bytes = peak_is_known ? peak_memory_bytes() : std::nullopt};
}

}  // namespace fanout::detail
