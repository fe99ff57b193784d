#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>

#include "fanout/limits.hpp"

namespace fanout {

/// What a batch does when one of its tasks throws.
enum class error_policy {
  stop,     ///< No further task starts; the call throws `task_error` for the first failure in time.
  run_all,  ///< Every task runs; then the call throws one `aggregate_error` with all failures.
};

/// How one batch runs. A plain aggregate for designated initialisers; each default changes nothing:
///
///     fanout::execute_in_parallel(tasks, {.concurrency = 8, .on_error = fanout::error_policy::run_all});
struct run_options {
  /// Tasks of this batch in flight at once, the calling thread's included: 1 … `max_concurrency()`, `automatic`
  /// or `unlimited`. A named number is a promise that blocking tasks reach even beyond the cores, unless the application
  /// holds a `tbb::global_control` below the number of cores. On an executor
  /// `automatic` means the executor's own limit, and whatever is more is capped by it.
  concurrency_limit concurrency = automatic;

  /// See `error_policy`. Ignored by `settle_in_parallel`, where a failure is data.
  error_policy on_error = error_policy::stop;

  /// Called with the number of tasks that have ended, however they ended, and the size of the batch. Calls
  /// never overlap, `completed` strictly grows, the last call of a batch that succeeds is `(total, total)`, and
  /// an empty batch makes none. It runs on whichever thread of the batch ended a task, and holds up that one
  /// only. If it throws, the batch stops and the exception reaches the caller as it is.
  std::function<void(std::size_t completed, std::size_t total)> on_progress{};

  /// The least time between two calls of `on_progress`; the last one always comes. 0: whenever tasks end.
  std::chrono::nanoseconds progress_interval{0};

  /// Once it is requested no task starts, running ones see it in their `task_context`, and the call throws
  /// `operation_cancelled` when they have ended.
  std::stop_token stop{};
};

}  // namespace fanout
