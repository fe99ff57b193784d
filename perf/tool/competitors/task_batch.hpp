#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <utility>

#include "workloads/workload.hpp"

namespace tool {

/// What a competitor has to run once: each task of a workload. The same object for each of them.
class task_batch {
 public:
  /// Requires that `tasks` outlives it. `on_task_ended` is called after each task, by whichever thread ran it.
  task_batch(const workload& tasks, std::stop_token stop, std::function<void()> on_task_ended = {})
      : tasks_(tasks), stop_(std::move(stop)), on_task_ended_(std::move(on_task_ended)) {}

  std::size_t size() const { return tasks_.task_count(); }

  /// Runs one task; throws what it throws. Several threads may call it at once.
  std::uint64_t run(std::size_t index) const {
    const ended_notice notice{on_task_ended_};
    return tasks_.run(index, stop_);
  }

  /// Once it is requested, no further task should start.
  const std::stop_token& stop() const { return stop_; }

 private:
  struct ended_notice {
    const std::function<void()>& call;
    ~ended_notice() {
      if (call) call();
    }
  };

  const workload& tasks_;
  std::stop_token stop_;
  std::function<void()> on_task_ended_;
};

/// How one task ended.
struct task_outcome {
  std::uint64_t checksum = 0;
  std::exception_ptr failure;  // null if the task returned
};

/// Runs one task and keeps whatever it returns or throws: what a scheduler of bare threads has to do by hand.
inline task_outcome settle(const task_batch& batch, std::size_t index) noexcept {
  try {
    return {.checksum = batch.run(index), .failure = nullptr};
  } catch (...) {
    return {.checksum = 0, .failure = std::current_exception()};
  }
}

}  // namespace tool
