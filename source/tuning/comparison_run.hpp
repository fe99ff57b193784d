#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "fanout/tuning_comparison.hpp"

namespace fanout::detail {

/// The runs of the tasks of a comparison, one after another: which tasks have run, and what went wrong.
class comparison_run {
 public:
  /// `stop` ends each run. Requires that `tasks` outlives it.
  comparison_run(const compared_tasks& tasks, std::stop_token stop)
      : tasks_(tasks), caller_stop_(std::move(stop)), states_(tasks.size) {}

  /// Prepares for the next run. `stop`, which the stop of the caller requests, ends it.
  void begin(std::size_t concurrency, const std::stop_token& stop);

  /// As `compared_run` says. Called by the threads of a scheduler.
  void run(std::size_t index) noexcept;

  std::size_t size() const noexcept { return tasks_.size; }
  std::size_t concurrency() const noexcept { return concurrency_; }
  std::stop_token stop_token() const noexcept { return stop_->get_token(); }

  // ---- When the scheduler has returned ----

  /// Throws the `task_error` of the failed task with the lowest index, if one has failed.
  void rethrow_failure() const;

  /// What the scheduler did wrong.
  struct misuse {
    std::size_t index;
    std::string what;
  };

  /// None if each task ran exactly once.
  std::optional<misuse> find_misuse() const;

 private:
  enum step : std::uint8_t { waiting, started, ended };
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  void note_failure(std::size_t index, const std::exception_ptr& failure) noexcept;

  const compared_tasks& tasks_;
  // Looked at as well: the thread that requests it may be suspended before it has passed that on to the next one.
  const std::stop_token caller_stop_;
  std::size_t concurrency_ = 0;
  std::optional<std::stop_source> stop_;  // of this run: requested by the caller's stop, and by a failure
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;

  // The thread that runs a task exchanges its state, so a second one sees that it came second. It writes `ended` with
  // release after the result, and the calling thread reads with acquire: the result is visible to it even if the
  // scheduler's own way of waiting orders nothing.
  std::vector<std::atomic<std::uint8_t>> states_;

  mutable std::mutex mutex_;  // guards the rest
  std::optional<std::size_t> repeated_;  // a task that was run twice, or is none; any of them will do
  std::size_t failed_index_ = none;
  std::exception_ptr failure_;
};

}  // namespace fanout::detail
