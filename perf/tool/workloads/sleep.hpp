#pragma once

#include <chrono>

#include "workloads/workload.hpp"

namespace tool {

/// Waits so long, or until `stop` is requested.
void wait_for(std::chrono::nanoseconds time, const std::stop_token& stop);

/// Tasks that block and compute nothing, as calls to a slow service do: here a concurrency beyond the cores pays.
class sleep_workload final : public workload {
 public:
  sleep_workload(std::size_t tasks, std::chrono::milliseconds duration);

  std::string_view name() const override { return "sleep"; }
  std::string summary() const override;
  parameters description() const override;
  std::size_t task_count() const override { return tasks_; }
  std::string task_name(std::size_t index) const override;
  std::uint64_t run(std::size_t index, const std::stop_token& stop) const override;

 private:
  std::size_t tasks_;
  std::chrono::milliseconds duration_;
};

}  // namespace tool
