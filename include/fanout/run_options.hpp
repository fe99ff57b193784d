#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <stop_token>
#include <vector>

#include "fanout/admission.hpp"
#include "fanout/detail/by_default.hpp"
#include "fanout/limits.hpp"
#include "fanout/retry_policy.hpp"
#include "fanout/stop_rule.hpp"

namespace fanout {

class task_context;

/// What a batch does when one of its tasks throws.
enum class error_policy {
  stop,     ///< No further task starts; the call throws `task_error` for the first failure in time.
  run_all,  ///< Every task runs; then the call throws one `aggregate_error` with all failures.
};

/// The `run_options::timeout` of a batch that may take as long as it likes.
inline constexpr std::chrono::nanoseconds no_limit = std::chrono::nanoseconds::max();

/// The options of one batch. A plain aggregate for designated initialisers. With the defaults, a batch runs on the
/// cores, stops at the first failure, reports no progress and cannot be stopped from outside:
///
///     fanout::execute_in_parallel(tasks, {.concurrency = 8, .on_error = fanout::error_policy::run_all});
struct run_options {
  /// How many tasks of this batch may be in flight at once, including the calling thread's: 1 … `max_concurrency()`,
  /// `automatic` or `unlimited`. A named number is a promise: blocking tasks reach it even beyond the number of
  /// cores, unless the application holds a `tbb::global_control` below the number of CPUs in the affinity mask of the
  /// process. On an executor, `automatic` means the executor's limit, and a larger limit is reduced to it.
  concurrency_limit concurrency = automatic;

  /// See `error_policy`. `settle_in_parallel` and `settle_map` ignore it: there a failure is data.
  error_policy on_error = detail::by_default(error_policy::stop);

  /// Called with two numbers: how many tasks have ended, with a result or a failure, and the size of the batch. Calls
  /// never overlap, and `completed` strictly increases. The last call of a batch that succeeds is `(total, total)`;
  /// an empty batch makes none. The callback runs on a thread that has just ended a task of the batch, and delays
  /// only that thread. With an interval, the last call may come on the calling thread, after all tasks have ended. If
  /// it throws, the batch stops and the exception reaches the caller unchanged.
  std::function<void(std::size_t completed, std::size_t total)> on_progress{};

  /// The minimum time between two calls of `on_progress`, except that the last call of a batch that succeeds does not
  /// wait for it. With 0, it is called whenever tasks end.
  std::chrono::nanoseconds progress_interval{0};

  /// After a stop is requested, no task starts. Running tasks see the request in their `task_context`. When they have
  /// ended, the call throws `operation_cancelled`, unless a failure or exception that came first decides what it
  /// throws. `settle_in_parallel` and `settle_map` return the outcomes instead.
  std::stop_token stop{};

  /// Of a `task_scope`: how many of its tasks may wait for a place, at least 1. More are refused by `try_add`, and
  /// `add` waits. The default is no bound. Calls that get all their tasks at once ignore it.
  std::size_t max_pending = detail::by_default(std::numeric_limits<std::size_t>::max());

  /// Which task starts next: the one with the highest number, and among equals the one with the lowest index. Called
  /// once for each index before any task starts, on the calling thread, or on the thread that leads a submitted
  /// batch; what it throws reaches the caller. With the expected time of a task as its priority, the longest starts
  /// first, which avoids that one long task is left at the end. It holds also where `admit` decides whether the next
  /// task may start. By default, tasks start in the order of their indices.
  ///
  /// This option, `admit` and `retry` give a batch another way to hand out its tasks: one at a time, under a mutex,
  /// to threads of fanout and the calling thread. perf/unequal measures what that costs. `for_each_range`, whose
  /// shares have no index that is known before, throws `std::invalid_argument` for them, and so does a `task_scope`.
  std::function<std::int64_t(std::size_t index)> priority{};

  /// Who may start: the next task starts when each of these has admitted it. See `admission`.
  std::vector<admission> admit{};

  /// How long the batch may take, from the call (of a `task_scope`: from its constructor) and with all waits. When
  /// the time is over, it ends as if a stop had been requested, but throws `deadline_exceeded`. Tasks that run are
  /// not interrupted: they see the stop in their `task_context`, and the call returns when they have ended. A time
  /// that is over at once, 0 or less, lets no task start. While it runs, one thread of the process keeps the time for
  /// all batches that have a limit; it also runs the `std::stop_callback`s of tasks whose time is over. If that
  /// thread cannot be created, the call throws `resource_error`, and nothing has run. Costs some microseconds a
  /// batch.
  std::chrono::nanoseconds timeout = no_limit;

  /// How long each task may take; more than 0. A task that takes longer is told: its `stop_requested()` becomes true,
  /// and its token is requested. It keeps its place until it has returned, so the limit of the batch holds. Then it
  /// has failed with `task_timed_out`, whatever it returned or threw. A task that never looks runs to its end. In
  /// `for_each_range`, a share counts as a task. Costs about a microsecond a task; see also `timeout`.
  std::chrono::nanoseconds task_timeout = no_limit;

  /// Whether and when a task that has failed is tried again. See `retry_policy`. No attempt begins after a stop, and
  /// a task that throws `operation_cancelled` was interrupted, and is not tried again (after a `deadline_exceeded` it
  /// is). A task has ended, for `on_progress` and `stop_when`, when no further attempt is made. Its failure is that
  /// of the last attempt; `task_error` tells how many there were. Items that are given away as rvalues cannot be
  /// given again: then the call throws `std::invalid_argument`, and nothing has run. (`submit_map` gives away the
  /// items of a range that it keeps: use `std::ref`.)
  retry_policy retry{};

  /// When the batch has seen enough: `failures(10)`, `failed_share(0.1)`, `successes(3)`. The rule is asked whenever
  /// a task has ended. Once it says so, no task starts, and running ones see the stop. The call then throws
  /// `aggregate_error` with the failures or, if there is none, `operation_cancelled`; `settle_in_parallel` and
  /// `settle_map` return the outcomes. With a rule, `on_error` is ignored: the rule alone decides after how many
  /// failures the batch ends. Costs a sum over the runners for each task.
  stop_rule stop_when{};

  /// Called in place of each task, on its thread, and must call `body` once, which runs the task: for contexts of
  /// tracing, logging, allocation or devices that tasks need around them. `body` throws what the task throws, unless
  /// failures are data. An exception that this function throws is the failure of the task. If it does not call
  /// `body`, or more than once, the task has failed with a `std::logic_error` that says so; if it swallows the
  /// exception of `body`, the task has failed with that. It must be callable by several threads at once. Of
  /// `for_each_range`, a share counts as a task. Costs a call, and chunks of a single task.
  ///
  ///     .around = [&](const fanout::task_context& context, const std::function<void()>& body) {
  ///       const span traced("task", context.index());
  ///       body();
  ///     }
  std::function<void(const task_context& context, const std::function<void()>& body)> around{};

  /// What `task_context::seed()` is computed from.
  std::uint64_t seed = detail::by_default(std::uint64_t{0});
};

}  // namespace fanout
