#pragma once

#include <chrono>

#include "workloads/workload.hpp"

namespace tool {

/// Tasks that compute for a part of their time and wait for the rest, as those do that fetch something and work on it.
/// With w of their time spent waiting, cores / (1 - w) of them at once keep all cores busy.
class mixed_workload final : public workload {
 public:
  /// `waiting` is a share in per cent, 100 at most. Computing is counted in CPU time: a task that loses its core for a
  /// while computes as much as one that does not.
  mixed_workload(std::size_t tasks, std::chrono::milliseconds duration, std::size_t waiting);

  std::string_view name() const override { return "mixed"; }
  std::string summary() const override;
  parameters description() const override;
  std::size_t task_count() const override { return tasks_; }
  std::string task_name(std::size_t index) const override;
  std::uint64_t run(std::size_t index, const std::stop_token& stop) const override;

 private:
  std::size_t tasks_;
  std::chrono::milliseconds duration_;
  std::size_t waiting_;
};

}  // namespace tool
