#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <utility>

#include "fanout/executor.hpp"
#include "fanout/tuning.hpp"
#include "tuning/disturbance.hpp"
#include "tuning/machine_load.hpp"
#include "tuning/resource_use.hpp"
#include "tuning/sweep.hpp"

namespace fanout::detail {

/// Runs a workload on real executors, and measures each run with the clock and the system's counters.
///
/// One executor exists at a time. If those of all sizes existed together, the process would need the threads of all
/// of them. (The idle threads of a larger executor end only after some seconds, so they may still exist while a small
/// size is measured, but they sleep.)
class proving_ground {
 public:
  /// `tasks`: how many tasks a run has, or 0 if that is not known. `stop` ends any run.
  proving_ground(const tuning_workload& workload, std::size_t tasks, std::stop_token stop)
      : workload_(workload), tasks_(tasks), stop_(std::move(stop)) {}

  /// Creates an executor of this size and runs a batch of empty tasks on it, so that its threads are warm. Does
  /// nothing if the current executor has this size.
  void prepare(std::size_t concurrency);

  /// A workload of unknown tasks is not stopped after the limit.
  warm_up_figures warm_up(std::chrono::nanoseconds limit);

  run_figures run();

  /// Who else used the cores since the construction.
  core_use use_by_others() const;

  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

 private:
  const tuning_workload& workload_;
  const std::size_t tasks_;
  const std::stop_token stop_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  const std::optional<cpu_times> cpus_at_start_ = times_of_cpus();
  const resource_use own_at_start_ = resource_use_of_process();
  std::optional<executor> executor_;
  std::size_t prepared_ = 0;
};

}  // namespace fanout::detail
