#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "fanout/detail/call.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/executor.hpp"
#include "fanout/tuning_profile.hpp"
#include "fanout/tuning_report.hpp"

/// @file
/// Measures how many threads a workload needs. Link the target `fanout::tuning`, the component `tuning` of the
/// package; `<fanout/fanout.hpp>` does not include this header. docs/tuning.md explains how to read the result.
namespace fanout {

/// The state of a measurement, for a progress bar with an estimate of the remaining time.
struct tuning_progress {
  std::size_t concurrency = 0;            ///< The size that runs next; at the end, the last one that ran.
  bool warming_up = false;                ///< True for the first run of a size, which is not counted.
  std::size_t measurements = 0;           ///< Counted runs so far.
  std::size_t sizes = 0;                  ///< The planned sizes, including those added meanwhile.
  std::size_t contenders = 0;             ///< How many of these may still be the best.
  std::chrono::nanoseconds elapsed{0};    ///< Time since the call.
  std::chrono::nanoseconds remaining{0};  ///< An estimate, at most the rest of the budget; 0 at the end.
  std::chrono::nanoseconds budget{0};     ///< As in the options.
};

/// The options of a measurement. A plain aggregate for designated initialisers.
struct tuning_options {
  /// The sizes to measure, in any order, each from 1 to `max_concurrency()`; duplicates are measured once. If any are
  /// given, no others are measured. If empty, measures `available_concurrency()` and 1, 2, 3, 4, 6, 8, 12, 16 … up to
  /// four times that. Adds larger sizes as long as the largest one is clearly faster than the one before it. Above
  /// `available_concurrency()`, measures no further size once the throughput at two sizes in a row is clearly below
  /// the best.
  ///
  /// Leaves out sizes for which the process may not create the threads, and says so in the reason.
  std::vector<std::size_t> sizes{};

  /// The maximum duration of the measurement. It ends earlier when all intervals are narrow enough. A counted run
  /// that is in progress at the end of the budget is not interrupted, and each size that has begun gets one counted
  /// run even after that. `tune(n, …)` stops a first run of a size at the end of the budget, and refuses the budget.
  std::chrono::nanoseconds budget = std::chrono::seconds(30);

  /// After a stop is requested, no further run starts, and the call returns a report of the measurements so far. A
  /// workload that takes long should watch the token as well; `tune(n, …)` passes it to the batch.
  std::stop_token stop{};

  /// Called on the calling thread before each run of the workload, outside the measured time, and once at the end. If
  /// it throws, the measurement ends and the exception reaches the caller.
  std::function<void(const tuning_progress&)> on_progress{};

  /// The name of the workload in the report, and the key in a profile. UTF-8.
  std::string workload{};

  /// How much slower than the best a size may be to count as equally good: 0.02 for 2 %. At least 0, below 1.
  double tolerance = 0.02;

  /// A size is measured until half the width of the confidence interval of its median is at most this fraction of the
  /// median. Above 0, below 1.
  double precision = 0.02;

  /// The minimum number of counted runs of each size, unless the budget or a stop ends the measurement earlier. At
  /// least 3.
  std::size_t min_repetitions = 5;

  /// The maximum number of counted runs of each size. At most 10,000, and at least `min_repetitions`.
  std::size_t max_repetitions = 200;

  /// The seed for the order within each round and for the bootstrap resamples. The report contains it.
  std::uint64_t seed = 1;
};

/// The budget is too small for three runs of each size. `what()` names one that is sufficient, if it is known.
class FANOUT_EXPORT budget_error : public std::invalid_argument {
 public:
  /// For the library.
  budget_error(const std::string& what, std::optional<std::chrono::nanoseconds> sufficient);

  /// How long the runs take, and which budget is sufficient for them.
  const char* what() const noexcept override;

  /// A budget that is accepted for the same sizes if the workload takes as long as it did this time; it has a margin
  /// of a quarter. Empty if no task ended within the budget, so that nothing is known about the time that a run
  /// takes.
  std::optional<std::chrono::nanoseconds> sufficient() const noexcept { return sufficient_; }

 private:
  std::optional<std::chrono::nanoseconds> sufficient_;
};

namespace detail {

/// How the measurement controls a run of the workload.
struct tuning_run {
  /// Ends the run. It is the stop of the options; in the first run of a size, also the end of the budget.
  std::stop_token stop;

  /// In the first run of a size: counts the tasks that ended before the stop. Null in runs that count, because
  /// counting would slow them down. The tasks write it; it is read after the run, which joins them.
  std::atomic<std::size_t>* ended = nullptr;
};

/// Each call is one run, on the executor that it gets.
using tuning_workload = std::function<void(executor&, const tuning_run&)>;

/// `tasks`: how many tasks a run has, or 0 if that is not known.
FANOUT_EXPORT tuning_report run_tuning(const tuning_workload& workload, std::size_t tasks,
                                       const tuning_options& options);

[[noreturn]] FANOUT_EXPORT void throw_empty_workload();
[[noreturn]] FANOUT_EXPORT void throw_no_tasks_to_tune();

template <class F>
concept workload = std::invocable<F&, executor&>;

template <class F, class N>
concept task_by_index = callable_in_batch<F&, N>;

template <class F>
void refuse_empty_workload(const F& workload) {
  if constexpr (nullable_callable<F>) {
    if (!static_cast<bool>(workload)) throw_empty_workload();
  }
}

}  // namespace detail

/// Runs the workload repeatedly on executors of several sizes, and recommends the smallest size that is as good as
/// the best, because threads have a cost.
///
///     auto report = fanout::tune([&](fanout::executor& executor) { executor.map(files, compress); });
///     fanout::executor executor({.concurrency = report.recommended()});
///
/// The workload should do the same work in each run, all of it on the executor that it gets, and take at least a few
/// milliseconds. It is called on the calling thread. Each executor is created outside the measured time, and no two
/// of them exist at the same time. The workload's result is ignored.
///
/// The sizes are measured in rounds. Each round runs every size that may still be the best, in a new random order, so
/// that a temporary disturbance of the machine affects all sizes. Sizes with fewer than `min_repetitions` runs catch
/// up first, in rounds of their own. The first run of a size is not counted. Medians, their 95 % confidence intervals
/// and the decision are computed by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap,
/// 1993, chapter 13), with a fixed seed: the same times give the same report.
///
/// | if …                                                     | you get …                                             |
/// |----------------------------------------------------------|-------------------------------------------------------|
/// | all intervals are narrow enough, or the budget is spent  | the report                                            |
/// | a stop is requested after a counted run                  | a report of the runs so far, `complete() == false`    |
/// | a stop is requested earlier                              | `operation_cancelled`                                 |
/// | the workload or the callback throws                      | its exception, unchanged                              |
/// | the budget is too small for three runs of each size      | `budget_error`, which names a sufficient one          |
/// | an option is out of bounds, or the workload empty        | `std::invalid_argument`, which names it; nothing runs |
/// | the process may not create the threads of any size       | `resource_error`                                      |
///
/// If the workload throws `operation_cancelled` after a stop was requested, that counts as the stop and not as a
/// failure.
template <detail::workload Workload>
tuning_report tune(Workload&& workload, const tuning_options& options = {}) {
  detail::refuse_empty_workload(workload);
  return detail::run_tuning(
      [&](executor& on, const detail::tuning_run&) { static_cast<void>(std::invoke(workload, on)); }, 0, options);
}

/// The same for `n` tasks. One run calls `run_task(i)` or `run_task(i, const task_context&)` for each i below `n`. A
/// stop ends the run after the tasks that have started. An exception of a task arrives as `task_error`. Throws
/// `std::invalid_argument` if `n` is not positive.
///
/// If the budget ends during the first run of a size, that run is stopped as well, and the budget is refused. Tasks
/// that take long should watch their `task_context`. A thread that sleeps requests this stop; it exists during first
/// runs only, which are not counted.
template <detail::number N, detail::task_by_index<N> F>
tuning_report tune(N n, F&& run_task, const tuning_options& options = {}) {
  detail::refuse_empty_workload(run_task);
  if (n <= N{0}) detail::throw_no_tasks_to_tune();
  const auto run_all = [&](executor& on, const detail::tuning_run& run) {
    const auto discard = [&](N i, const task_context& context) {
      if constexpr (std::invocable<F&, N>) {
        static_cast<void>(std::invoke(run_task, i));
      } else {
        static_cast<void>(std::invoke(run_task, i, context));
      }
      // Relaxed: the end of the batch orders the count. A task that ended after the stop may have ended early.
      if (run.ended != nullptr && !run.stop.stop_requested()) run.ended->fetch_add(1, std::memory_order_relaxed);
    };
    on.map(n, discard, {.stop = run.stop});
  };
  return detail::run_tuning(run_all, static_cast<std::size_t>(n), options);
}

}  // namespace fanout
