#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "fanout/detail/accept.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/error.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// What `first_in_parallel` returns: which task was the first to return, and what.
template <class T>
struct first_result {
  std::size_t index;  ///< The place of the task in the input, from 0.
  T value;            ///< What it returned.
};

/// For tasks that return nothing.
template <>
struct first_result<void> {
  std::size_t index;  ///< The place of the task in the input, from 0.
};

namespace detail {

// Constants for the reason given in accept.hpp.
template <class Range>
inline constexpr bool gives_movable_result = is_movable<task_result<item_t<Range>>>;

/// A range of tasks of which one gives the result.
template <class Range>
concept tasks_for_first = tasks<Range> &&
    gives_movable_result<Range>;  // the result must be movable: only one is kept, and it is not known which

/// The place of the only result that is kept. Another task may return at the same time, or a little later.
template <class T>
class place_of_first {
 public:
  void keep(std::size_t index, T&& result) {
    const std::lock_guard lock(mutex_);
    if (kept_) return;
    kept_.emplace(std::move(result));
    index_ = index;
  }

  // Require that all tasks have ended:
  bool is_taken() const { return kept_.has_value(); }
  first_result<T> take() { return {index_, *std::move(kept_)}; }

 private:
  std::mutex mutex_{};  // guards the rest while tasks run
  std::optional<T> kept_{};
  std::size_t index_ = 0;
};
template <>
class place_of_first<void> {
 public:
  void keep(std::size_t index) {
    const std::lock_guard lock(mutex_);
    if (!kept_) kept_ = index;
  }
  bool is_taken() const { return kept_.has_value(); }
  first_result<void> take() const { return {*kept_}; }

 private:
  std::mutex mutex_{};
  std::optional<std::size_t> kept_{};
};

/// Throws `std::invalid_argument`.
[[noreturn]] FANOUT_EXPORT void throw_no_tasks();

template <class Range>
auto first_on(executor_core* executor, Range&& range, const run_options& options) {
  using T = std::remove_cv_t<task_result<item_t<Range>>>;
  const auto tasks = detail::accepted_tasks<Range>(executor, range, options);
  if (tasks.size() == 0) throw_no_tasks();
  place_of_first<T> first;
  auto run_one = [tasks = input_view(tasks), &first](const started_task& started) {
    const std::size_t index = started.index;
    if constexpr (std::is_void_v<T>) {
      detail::call_task(started, tasks[index]);
      if (started.batch.stopped()) return;  // something else came before the first value
      first.keep(index);
    } else {
      T result = detail::call_task(started, tasks[index]);
      if (started.batch.stopped()) return;
      first.keep(index, std::move(result));
    }
    started.batch.have_enough();
  };
  const auto unless_there_is_one = [&] {
    if (!first.is_taken()) throw;
  };
  try {
    run_batch(executor, {.size = tasks.size(), .tasks = block_of(run_one), .options = options, .one_is_enough = true});
  } catch (const operation_cancelled&) {
    unless_there_is_one();
  } catch (const aggregate_error&) {
    unless_there_is_one();
  }
  return first.take();
}

}  // namespace detail
}  // namespace fanout
