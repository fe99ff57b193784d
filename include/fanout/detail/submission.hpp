#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "fanout/batch_progress.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/run_options.hpp"

/// A batch beside its caller, below the types of its tasks and results.
namespace fanout::detail {

/// How a submitted batch is run: as a batch of the calling thread, with these arguments.
struct submitted_run {
  executor_core* executor;
  const run_options& options;
  batch_watch& watch;
  const batch_deadline* deadline;
};

/// A reference to the object that runs the batch and keeps its results or exception. Each function is called once, in
/// this order.
struct submitted_work {
  void* object;
  void (*run)(void* object, const submitted_run& how) noexcept;
  void (*end)(void* object) noexcept;      // destroys the tasks and the mapper
  void (*destroy)(void* object) noexcept;  // the object itself: see `submission::keep`
};

class submission_core;

/// Has a batch run by one of fanout's threads, or by the first thread that waits for it. Whoever comes first runs it.
class submission {
 public:
  /// Begins at once. `work` must be callable until the destructor has returned. Throws what a batch throws that
  /// cannot begin: then `work` has not been called and will not be. `stops` may be null.
  FANOUT_EXPORT submission(executor_core* on, std::size_t size, const run_options& options, submitted_work work,
                           const stop_functions* stops);
  submission(const submission&) = delete;
  submission& operator=(const submission&) = delete;

  /// Requests the stop, and waits for the end.
  FANOUT_EXPORT ~submission();

  FANOUT_EXPORT bool is_over() const noexcept;

  /// Runs the batch, or waits for the thread that runs it. Throws `std::logic_error` in one of its own tasks
  /// or callbacks.
  FANOUT_EXPORT void wait() const;

  /// Waits without running anything. Returns whether the batch is over.
  FANOUT_EXPORT bool wait_until(std::chrono::steady_clock::time_point limit) const;

  FANOUT_EXPORT void request_stop() const noexcept;

  /// For a handle that is about to be destroyed. True if the destructor of one of the batch's own tasks, its mapper
  /// or its callback does that, on the thread that has led the batch: then nothing may be destroyed now, because the
  /// thread still uses it, and `submitted_work::destroy` is called later.
  FANOUT_EXPORT bool keep() const noexcept;

  FANOUT_EXPORT batch_progress progress() const noexcept;

 private:
  struct core_deleter {
    FANOUT_EXPORT void operator()(submission_core* core) const noexcept;
  };
  const std::unique_ptr<submission_core, core_deleter> core_;
};

}  // namespace fanout::detail
