#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "fanout/executor.hpp"
#include "tuning/sweep.hpp"

namespace fanout::detail {

/// Runs a workload on real executors, and measures each run with the clock and the system's counters.
///
/// One executor exists at a time. If those of all sizes existed together, the process would need the threads of all
/// of them. (The idle threads of a larger executor end only after some seconds, so they may still exist while a small
/// size is measured, but they sleep.)
class proving_ground {
 public:
  explicit proving_ground(const std::function<void(executor&)>& workload) : workload_(workload) {}

  /// Creates an executor of this size and runs a batch of empty tasks on it, so that its threads are warm. Does
  /// nothing if the current executor has this size.
  void prepare(std::size_t concurrency);

  run_figures run();

  std::chrono::nanoseconds elapsed() const { return std::chrono::steady_clock::now() - start_; }

 private:
  const std::function<void(executor&)>& workload_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::optional<executor> executor_;
  std::size_t prepared_ = 0;
};

}  // namespace fanout::detail
