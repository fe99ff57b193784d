#pragma once

#include "workloads/workload.hpp"

namespace tool {

/// The Mandelbrot set, one image row a task. Rows through the set take up to a hundred times as long as rows at the
/// edge, and the long ones are neighbours: hard on schedules that deal out fixed shares.
class mandelbrot_workload final : public workload {
 public:
  /// An image of `size` × `size` pixels; `size` is at least 1.
  explicit mandelbrot_workload(std::size_t size);

  std::string_view name() const override { return "mandelbrot"; }
  std::string summary() const override;
  parameters description() const override;
  std::size_t task_count() const override { return size_; }
  std::string task_name(std::size_t index) const override;
  std::uint64_t run(std::size_t index, const std::stop_token& stop) const override;

 private:
  std::size_t size_;
};

}  // namespace tool
