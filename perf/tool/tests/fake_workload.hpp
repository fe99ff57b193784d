#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "workloads/workload.hpp"

namespace tool {

/// A workload whose tasks call a function.
class fake_workload final : public workload {
 public:
  fake_workload(std::size_t tasks, std::function<std::uint64_t(std::size_t)> run)
      : tasks_(tasks), run_(std::move(run)) {}

  std::string_view name() const override { return "fake"; }
  std::string summary() const override { return summary_; }
  void set_summary(std::string summary) { summary_ = std::move(summary); }
  parameters description() const override { return {{"number", std::uint64_t{7}}, {"text", "name \xff"}}; }
  std::size_t task_count() const override { return tasks_; }
  std::string task_name(std::size_t index) const override { return "task " + std::to_string(index); }
  std::uint64_t run(std::size_t index, const std::stop_token& /*stop*/) const override { return run_(index); }

 private:
  std::size_t tasks_;
  std::function<std::uint64_t(std::size_t)> run_;
  std::string summary_ = "some tasks, \"quoted\"";
};

}  // namespace tool
