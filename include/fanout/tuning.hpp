#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
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
/// How many threads? Measured instead of guessed. The target `fanout::tuning`, the component `tuning` of the package;
/// `<fanout/fanout.hpp>` does not include it.
///
/// docs/tuning.md says how to read the result.
namespace fanout {

/// Where a measurement stands, for a progress bar with an estimate of the time left.
struct tuning_progress {
  std::size_t concurrency = 0;            ///< The size that is about to be run; at the end, that was run last.
  bool warming_up = false;                ///< True for the first run of a size, which does not count.
  std::size_t measurements = 0;           ///< Runs so far that count.
  std::size_t sizes = 0;                  ///< Sizes so far.
  std::size_t contenders = 0;             ///< Of these, the sizes that may still turn out to be the best.
  std::chrono::nanoseconds elapsed{0};    ///< Since the call.
  std::chrono::nanoseconds remaining{0};  ///< An estimate, never more than what is left of the budget; 0 at the end.
  std::chrono::nanoseconds budget{0};     ///< As in the options.
};

/// How to measure. A plain aggregate for designated initialisers.
struct tuning_options {
  /// The sizes to measure, in any order; what occurs twice is measured once. Each between 1 and `max_concurrency()`.
  /// Sizes that were named are all measured, and no others. Empty: 1, 2, 3, 4, 6, 8, 12, 16 … up to four times
  /// `available_concurrency()`, further while the throughput still grows clearly at the end, and no further than where
  /// it clearly falls. Sizes of this ladder for which the machine cannot give the threads are left out.
  std::vector<std::size_t> sizes{};

  /// How long it may take. It ends earlier when all intervals are narrow enough. The run of the workload that is
  /// going on when it is spent is not interrupted.
  std::chrono::nanoseconds budget = std::chrono::seconds(30);

  /// Once it is requested no further run starts, and what was measured so far is returned. A workload that takes long
  /// should know it as well; `tune(n, …)` passes it on to the batch.
  std::stop_token stop{};

  /// Called on the calling thread before each run of the workload, outside of the clock, and once at the end. If it
  /// throws, the measurement ends and the exception reaches the caller.
  std::function<void(const tuning_progress&)> on_progress{};

  /// A name for the report, and the key in a profile. UTF-8.
  std::string workload{};

  /// How much slower than the best a size may be to count as as good: 0.02 for 2 %. From 0 to below 1.
  double tolerance = 0.02;

  /// A size has been measured enough when half the width of the confidence interval of its median is at most this
  /// share of the median. Above 0, below 1.
  double precision = 0.02;

  /// The fewest runs of a size that count, unless the budget or the stop ends it earlier. At least 3.
  std::size_t min_repetitions = 5;

  /// The most runs of a size that count. Up to 10,000, and no fewer than `min_repetitions`.
  std::size_t max_repetitions = 200;

  /// Decides the order within each round, and the resamples. The report has it.
  std::uint64_t seed = 1;
};

namespace detail {

/// `workload` runs once on the executor it is given.
FANOUT_EXPORT tuning_report run_tuning(const std::function<void(executor&)>& workload, const tuning_options& options);

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

/// Runs the workload again and again on executors of several sizes, and recommends the smallest size that is as good as
/// the best: threads are not free.
///
///     auto report = fanout::tune([&](fanout::executor& executor) { executor.map(files, compress); });
///     fanout::executor executor({.concurrency = report.recommended()});
///
/// The workload should do the same work each time, all of it on the executor it is given, and take some milliseconds at
/// least. It is called on the calling thread, once at a time, on one executor after the other: executors are made
/// outside of the clock, and no two of them live at one time. Its result is ignored.
///
/// The sizes take turns: rounds over all that are still in the race, each in a new random order, so that what disturbs
/// the machine for a while disturbs all. The first run of a size is not counted. Medians, their 95 % confidence
/// intervals and the decision are by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap,
/// 1993, chapter 13), with a fixed seed: the same times give the same report.
///
/// | what happens | what you get |
/// |---|---|
/// | all intervals are narrow enough, or the budget is spent | the report |
/// | the stop comes, and some run was counted | the report of what was measured, `complete() == false` |
/// | the stop comes earlier | `operation_cancelled` |
/// | the workload or the callback throws | its exception, as it is |
/// | the budget cannot hold three runs of each size | `std::invalid_argument` that names the least that would do |
/// | an option is out of its bounds, the workload empty | `std::invalid_argument` that names it, before anything runs |
/// | the machine cannot give the threads of a size that was named | `resource_error` |
///
/// After a stop was requested, an `operation_cancelled` that the workload throws is that stop and not a failure.
template <detail::workload Workload>
tuning_report tune(Workload&& workload, const tuning_options& options = {}) {
  detail::refuse_empty_workload(workload);
  return detail::run_tuning([&](executor& on) { static_cast<void>(std::invoke(workload, on)); }, options);
}

/// The same for `n` tasks: `run_task(i)` or `run_task(i, const task_context&)` for each i below `n` is one run. Between
/// tasks it sees the stop, so it ends within one task. An exception of a task arrives as `task_error`.
/// Throws `std::invalid_argument` for no tasks.
template <detail::number N, detail::task_by_index<N> F>
tuning_report tune(N n, F&& run_task, const tuning_options& options = {}) {
  detail::refuse_empty_workload(run_task);
  if (n <= N{0}) detail::throw_no_tasks_to_tune();
  const auto discard = [&](N i, const task_context& context) {
    if constexpr (std::invocable<F&, N>) {
      static_cast<void>(std::invoke(run_task, i));
    } else {
      static_cast<void>(std::invoke(run_task, i, context));
    }
  };
  return detail::run_tuning([&](executor& on) { on.map(n, discard, {.stop = options.stop}); }, options);
}

}  // namespace fanout
