#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "fanout/executor.hpp"
#include "tuning/sweep.hpp"

namespace fanout::detail {

/// Runs a workload on real executors, and asks the system what a run took.
///
/// One executor lives at a time. If those of all sizes did, the process would need as many threads as they have
/// together, and a small size would be measured with the idle workers of the large ones around it.
class proving_ground {
 public:
  explicit proving_ground(const std::function<void(executor&)>& workload) : workload_(workload) {}

  /// Makes the executor, unless it is there from the last time, and lets its threads run a batch of nothing.
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
