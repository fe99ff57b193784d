#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/call.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/limits.hpp"
#include "fanout/tuning.hpp"
#include "fanout/tuning_comparison_report.hpp"

/// @file
/// Runs the same tasks on fanout, on schedulers written with `std::thread`, and on your own, and compares times and
/// results. Link the target `fanout::tuning`. docs/comparing.md explains how to use it.
namespace fanout {

namespace detail {
class comparison_run;
}  // namespace detail

/// The tasks that a scheduler has to run once. Cheap to copy; a copy refers to the same run, which ends when the
/// scheduler returns.
class FANOUT_EXPORT compared_run {
 public:
  /// For the library.
  explicit compared_run(detail::comparison_run& run) noexcept : run_(&run) {}

  /// The number of tasks, at least 1.
  std::size_t size() const noexcept;

  /// How many tasks the scheduler may run at once.
  std::size_t concurrency() const noexcept;

  /// Once it is requested, tasks that have not started do nothing, so a scheduler need not look.
  std::stop_token stop_token() const noexcept;

  /// Runs task `index` on the calling thread, and keeps its result or exception. A scheduler calls this exactly once
  /// for each index below `size()`, from any threads, and returns when all calls have ended. Costs about 10 ns in
  /// addition to the task.
  void operator()(std::size_t index) const noexcept;

 private:
  detail::comparison_run* run_;
};

namespace detail {

template <class F>
concept scheduler_function = std::invocable<F&, const compared_run&>;

template <class F>
concept scheduler_factory = !scheduler_function<F> && std::invocable<F&, std::size_t> &&
    scheduler_function<std::remove_cvref_t<std::invoke_result_t<F&, std::size_t>>>;

/// A function that can be copied, of a function object that perhaps cannot.
template <class F>
std::function<void(const compared_run&)> copyable_scheduler(F&& run) {
  if constexpr (nullable_callable<std::remove_cvref_t<F>>) {
    if (!static_cast<bool>(run)) return nullptr;
  }
  const auto shared = std::make_shared<std::remove_cvref_t<F>>(std::forward<F>(run));
  return [shared](const compared_run& tasks) { static_cast<void>(std::invoke(*shared, tasks)); };
}

}  // namespace detail

/// A way to run independent tasks, with a name.
class FANOUT_EXPORT comparison_scheduler {
 public:
  /// Runs all tasks once, on the calling thread.
  using run_function = std::function<void(const compared_run&)>;

  /// A scheduler of yours. `run(tasks)` calls `tasks(i)` once for each i below `tasks.size()`, on any threads, and
  /// returns when they have ended:
  ///
  ///     {"our pool", [&](const fanout::compared_run& tasks) { pool.parallel_for(tasks.size(), tasks); }}
  ///
  /// The function is called on the thread that called `compare()`.
  template <detail::scheduler_function F>
  comparison_scheduler(std::string name, F run)
      : name_(std::move(name)),
        make_([run = detail::copyable_scheduler(std::move(run))](std::size_t) { return run; }) {}

  /// A scheduler that is made for a concurrency: `make(n)` returns a function as above, which owns what it needs.
  /// What `make` does is not measured. The function is destroyed when all runs at that concurrency have ended.
  ///
  ///     {"our pool", [](std::size_t n) {
  ///        return [pool = std::make_unique<our_pool>(n)](const fanout::compared_run& tasks) { … };
  ///      }}
  template <detail::scheduler_factory F>
  comparison_scheduler(std::string name, F make)
      : name_(std::move(name)),
        make_([shared = std::make_shared<F>(std::move(make))](std::size_t concurrency) -> run_function {
          if constexpr (detail::nullable_callable<F>) {
            if (!static_cast<bool>(*shared)) return nullptr;
          }
          return detail::copyable_scheduler(std::invoke(*shared, concurrency));
        }) {}

  /// `serial`: one task after the other, on the calling thread.
  static comparison_scheduler serial();

  /// `fanout`: `executor::map`.
  static comparison_scheduler executor();

  /// `thread-rounds`: a `std::thread` for each task, in rounds of as many as may run at once.
  static comparison_scheduler thread_rounds();

  /// `thread-pool`: threads that take tasks from a queue under a mutex, with a condition variable.
  static comparison_scheduler thread_pool();

  /// `async`: `std::async` for each task, in rounds of as many as may run at once.
  static comparison_scheduler async();

  /// `task-arena`: `tbb::parallel_for` in a `tbb::task_arena`. It has no more threads than oneTBB has for the process:
  /// one for each core, unless a `tbb::global_control` allows more.
  static comparison_scheduler task_arena();

  /// All of these, in this order.
  static std::vector<comparison_scheduler> all();

  /// The name in the report.
  const std::string& name() const noexcept { return name_; }

  /// For the library. Makes the scheduler for a concurrency.
  run_function make(std::size_t concurrency) const { return make_(concurrency); }

 private:
  std::string name_;
  std::function<run_function(std::size_t)> make_;
};

/// The state of a comparison, for a progress bar.
struct comparison_progress {
  std::string_view scheduler{};           ///< The name of the one that runs next; at the end, of the last.
  std::size_t concurrency = 0;            ///< At which it runs.
  bool warming_up = false;                ///< True for its first run at a concurrency, which is not counted.
  std::size_t runs = 0;                   ///< The runs so far, with those that are not counted.
  std::size_t planned_runs = 0;           ///< As many as there are if the budget suffices.
  std::chrono::nanoseconds elapsed{0};    ///< Time since the call.
  std::chrono::nanoseconds remaining{0};  ///< An estimate, at most the rest of the budget; 0 at the end.
  std::chrono::nanoseconds budget{0};     ///< As in the options.
};

/// The options of a comparison. A plain aggregate for designated initialisers.
struct comparison_options {
  /// How many tasks may run at once, each from 1 to `max_concurrency()`; several are measured one after another, and
  /// duplicates once. If empty, `available_concurrency()`.
  std::vector<std::size_t> concurrency{};

  /// Which of the library's schedulers run. The first scheduler of all gives the expected results, and its time is
  /// what `speedup` refers to.
  std::vector<comparison_scheduler> baselines = comparison_scheduler::all();

  /// Your own schedulers, which follow.
  std::vector<comparison_scheduler> schedulers{};

  /// The counted runs of each scheduler at each concurrency, from 1 to 10,000. Another one before these warms up.
  std::size_t repetitions = 11;

  /// The maximum duration, shared equally by the concurrencies. After the first round at a concurrency, no other one
  /// begins that would not end in time if it takes as long as the longest so far. A run that warms up is asked to stop
  /// at the end of the budget: no further task starts, and tasks that take the token hear of it. A counted run is not
  /// interrupted.
  std::chrono::nanoseconds budget = std::chrono::seconds(30);

  /// After a stop is requested, no further task starts, and the call returns a report of the whole rounds so far.
  /// Tasks that take long should take the token: see `compare()`.
  std::stop_token stop{};

  /// Called on the calling thread before each run, outside the measured time, and once at the end. If it throws, the
  /// comparison ends and the exception reaches the caller.
  std::function<void(const comparison_progress&)> on_progress{};

  /// The name of the workload in the report. UTF-8, up to 1024 bytes.
  std::string workload{};

  /// The seed for the order within each round and for the bootstrap resamples.
  std::uint64_t seed = 1;

  /// False: results that differ do not end the comparison. They are in `comparison_row::differences` only.
  bool stop_at_difference = true;
};

namespace detail {

/// Tasks, and what is done with their results. The functions other than `run` are called while no task runs.
struct compared_tasks {
  std::size_t size = 0;
  std::function<void()> forget;                                    ///< Forgets the results of the last run.
  std::function<void(std::size_t, const std::stop_token&)> run;    ///< Runs a task and keeps its result.
  std::function<void()> expect;                                    ///< The results of the last run are the right ones.
  std::function<std::vector<std::size_t>()> differences;           ///< Where those of the last run differ from them.
};

FANOUT_EXPORT comparison_report run_comparison(const compared_tasks& tasks, const comparison_options& options);

/// `f(item)` or `f(item, stop_token)`.
template <class F, class Item>
concept compared_task = std::invocable<F&, Item> || std::invocable<F&, Item, std::stop_token>;

template <class F, class Item>
decltype(auto) call_compared(F& run_task, Item&& item, const std::stop_token& stop) {
  if constexpr (std::invocable<F&, Item>) {
    return std::invoke(run_task, std::forward<Item>(item));
  } else {
    return std::invoke(run_task, std::forward<Item>(item), stop);
  }
}

/// The result of a task that returns nothing.
struct no_result {
  friend bool operator==(const no_result&, const no_result&) = default;
};

template <class F, class Item>
using compared_result_of =
    decltype(detail::call_compared(std::declval<F&>(), std::declval<Item>(), std::declval<const std::stop_token&>()));

template <class T>
using kept_result = std::conditional_t<std::is_void_v<T>, no_result, std::remove_cvref_t<T>>;

/// The tasks `run(0, stop)` … `run(size - 1, stop)`, whose results are kept and compared by `equal`.
template <class Result, class Run, class Equal>
comparison_report compare_results(std::size_t size, Run& run, const comparison_options& options, Equal& equal) {
  static_assert(std::predicate<Equal&, const Result&, const Result&>,
                "the results of the tasks cannot be compared: give them an operator==, or compare() a function");
  std::vector<std::optional<Result>> expected;
  // Each element is written by the thread that runs its task, and read by the calling thread after the run.
  std::vector<std::optional<Result>> latest(size);
  const compared_tasks tasks{
      .size = size,
      .forget = [&] { for (auto& result : latest) result.reset(); },
      .run = [&](std::size_t i, const std::stop_token& stop) {
        if constexpr (std::is_void_v<decltype(run(i, stop))>) {
          run(i, stop);
          latest[i].emplace();
        } else {
          latest[i].emplace(run(i, stop));
        }
      },
      .expect = [&] {
        expected = std::move(latest);
        latest = std::vector<std::optional<Result>>(size);
      },
      .differences = [&] {
        std::vector<std::size_t> differences;
        for (std::size_t i = 0; i != size; ++i) {
          if (!std::invoke(equal, std::as_const(*expected[i]), std::as_const(*latest[i]))) differences.push_back(i);
        }
        return differences;
      }};
  return detail::run_comparison(tasks, options);
}

}  // namespace detail

/// Runs the tasks `run_task(i)` for each i below `n` on several schedulers, checks that all give the same results,
/// and measures how long each takes.
///
///     auto report = fanout::compare(inputs.size(), [&](std::size_t i) { return process(inputs[i]); });
///     std::fputs(report.to_table().c_str(), stdout);
///
/// `run_task(i, std::stop_token)` gets a token, which tasks that take long should watch. Several threads call it at
/// once. The tasks should do the same in each run, and take at least a few microseconds each.
///
/// At each concurrency, all schedulers are made first and each runs once, which is not counted; then they run in
/// rounds, in each round in a new random order, so that a temporary disturbance of the machine affects all of them. The
/// results of the first run of the first scheduler are the expected ones. After each other run, on the calling thread,
/// `equal(expected, result)` is called for each task in turn. By default, it is `operator==`. Results are kept until
/// the next run, so there is memory for two runs of them.
///
/// Medians and their 95 % confidence intervals are computed by the percentile bootstrap, as by `tune()`.
///
/// | if …                                                    | you get …                                              |
/// |---------------------------------------------------------|--------------------------------------------------------|
/// | all rounds are over, or the budget is spent             | the report                                             |
/// | a stop is requested after a whole round                 | a report of the rounds so far, `complete() == false`   |
/// | a stop is requested earlier                             | `operation_cancelled`                                  |
/// | a result differs                                        | `comparison_error`, which names scheduler and task     |
/// | a scheduler throws, or has no threads                   | `comparison_error` with the exception as its `cause()` |
/// | a scheduler omits a task or runs one twice              | `comparison_error`, which names it                     |
/// | a task throws                                           | `task_error`; tasks that have not started do not start |
/// | the callback or `equal` throws                          | its exception, unchanged                               |
/// | the budget is too small for two runs of each scheduler  | `budget_error`                                         |
/// | an option is out of bounds, `n` not positive, or a name | `std::invalid_argument`, which names it; nothing runs  |
/// | of a scheduler empty or used twice                      |                                                        |
///
/// Called in a task of an executor, its tasks must not use that executor: the threads of most schedulers are no
/// workers of it, so they would wait for the slot that the calling task holds, for ever.
///
/// If a task throws `operation_cancelled` after a stop was requested, that counts as the stop and not as a failure.
template <detail::number N, detail::compared_task<N> F, class Equal = std::equal_to<>>
comparison_report compare(N n, F&& run_task, const comparison_options& options = {}, Equal equal = {}) {
  detail::refuse_empty_workload(run_task);
  if (n <= N{0}) detail::throw_no_tasks_to_tune();
  using returned = detail::compared_result_of<F, N>;
  const auto run = [&](std::size_t i, const std::stop_token& stop) -> returned {
    return detail::call_compared(run_task, static_cast<N>(i), stop);
  };
  return detail::compare_results<detail::kept_result<returned>>(static_cast<std::size_t>(n), run, options, equal);
}

/// The same for the items of a range with random access: one run calls `run_task(item)` for each of them. Several
/// threads read the range at once.
template <std::ranges::random_access_range Items, class F, class Equal = std::equal_to<>>
  requires std::ranges::sized_range<Items> && detail::compared_task<F, std::ranges::range_reference_t<Items>>
comparison_report compare(Items&& items, F&& run_task, const comparison_options& options = {}, Equal equal = {}) {
  detail::refuse_empty_workload(run_task);
  const auto size = static_cast<std::size_t>(std::ranges::size(items));
  if (size == 0) detail::throw_no_tasks_to_tune();
  const auto first = std::ranges::begin(items);
  using returned = detail::compared_result_of<F, std::ranges::range_reference_t<Items>>;
  const auto run = [&](std::size_t i, const std::stop_token& stop) -> returned {
    return detail::call_compared(run_task, first[static_cast<std::ranges::range_difference_t<Items>>(i)], stop);
  };
  return detail::compare_results<detail::kept_result<returned>>(size, run, options, equal);
}

}  // namespace fanout
