#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/input.hpp"
#include "fanout/task_context.hpp"

/// How tasks and mappers are called.
namespace fanout::detail {

/// `f(args…)` or `f(args…, context)`.
template <class F, class... Args>
concept callable_in_batch = std::invocable<F, Args...> || std::invocable<F, Args..., const task_context&>;

template <class F, class... Args>
requires callable_in_batch<F, Args...>
decltype(auto) call(const started_task& task, F&& f, Args&&... args) {
  if constexpr (std::invocable<F, Args...>) {
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  } else {
    const task_context context(task);
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)..., context);
  }
}

/// An item is passed with the value category in which the input gives it or, if that does not fit, as an lvalue. A
/// task is called as an lvalue first: see `call_task`.
template <class Item>
using as_lvalue = std::remove_reference_t<Item>&;

/// `Args` are the additional arguments of every task of the batch: a resource, or nothing.
template <class Item, class... Args>
concept task_item = callable_in_batch<as_lvalue<Item>, Args...> || callable_in_batch<Item, Args...>;

template <class F, class Item, class... Args>
concept mapper_of = callable_in_batch<F&, Item, Args...> || callable_in_batch<F&, as_lvalue<Item>, Args...>;

/// Calls the task that an input gives, as an lvalue if possible, because `operator() &&` is for functions that can
/// run only once.
template <class Item, class... Args>
  requires task_item<Item, Args&...>
decltype(auto) call_task(const started_task& started, Item&& task, Args&... args) {
  if constexpr (callable_in_batch<as_lvalue<Item>, Args&...>) {
    return detail::call(started, task, args...);
  } else {
    return detail::call(started, std::forward<Item>(task), args...);
  }
}

template <class F, class Item, class... Args>
  requires mapper_of<F, Item, Args&...>
decltype(auto) call_mapper(const started_task& started, F& mapper, Item&& item, Args&... args) {
  if constexpr (callable_in_batch<F&, Item, Args&...>) {
    return detail::call(started, mapper, std::forward<Item>(item), args...);
  } else {
    return detail::call(started, mapper, item, args...);
  }
}

template <class Item, class... Args>
using task_result = decltype(detail::call_task(std::declval<started_task>(), std::declval<Item>(),
                                               std::declval<Args>()...));

template <class F, class Item, class... Args>
using mapper_result = decltype(detail::call_mapper(std::declval<started_task>(), std::declval<F&>(),
                                                   std::declval<Item>(), std::declval<Args>()...));

/// A type of functions that can be empty: `std::function` and similar classes, which can be compared with `nullptr`
/// (a callable with a conversion to `bool` of its own need not be empty), and pointers to functions or members.
template <class F>
concept nullable_callable = std::is_pointer_v<F> || std::is_member_pointer_v<F> ||
    (std::is_class_v<F>&& requires(const F& f) {
      f.operator bool();
      f == nullptr;
    });

/// Throws if the task is an empty function. Costs a load if its type can be empty, otherwise nothing.
template <class F>
void refuse_if_empty(std::size_t index, const F& task) {
  if constexpr (nullable_callable<F>) {
    if (!static_cast<bool>(task)) throw_empty_task(index);
  }
}

template <class F>
void refuse_empty_mapper(const F& mapper) {
  if constexpr (nullable_callable<F>) {
    if (!static_cast<bool>(mapper)) throw_empty_mapper();
  }
}

/// Whether an item is moved to whoever is called with it, and may be gone after that.
template <class Item>
inline constexpr bool is_given_away = std::is_rvalue_reference_v<Item> &&
    !std::is_const_v<std::remove_reference_t<Item>> && !std::is_trivially_copyable_v<std::remove_reference_t<Item>>;

template <class Item, class... Args>
inline constexpr bool task_runs_once = is_given_away<Item> && !callable_in_batch<as_lvalue<Item>, Args&...>;
template <class F, class Item, class... Args>
inline constexpr bool mapper_takes_item = is_given_away<Item> && callable_in_batch<F&, Item, Args&...>;

/// Throws if tasks are to be tried again, but can be called only once.
template <bool CallableOnce>
void refuse_to_try_again(const run_options& options) {
  if constexpr (CallableOnce) {
    if (options.retry.again != 0) throw_callable_once();
  }
}

/// Records the exception that is being handled as that of task `index`.
inline void fail_task(batch_control& batch, std::size_t index) noexcept {
  require_exception();
  batch.fail(index);
}

/// The loop over a chunk of tasks, with the caller's own `run_one(started)` inlined. The engine calls it through one
/// pointer for each chunk, never for each task.
///
/// It works on a copy of the closure, so that the compiler keeps its members in registers. Each task begins with
/// atomic accesses, after which GCC reloads everything that is in memory; the copy reduced an empty task from 13
/// instructions to 7. So a closure must hold only pointers and small values.
template <class RunOne, bool Counted>
requires std::is_trivially_copyable_v<RunOne> std::size_t run_block(void* object, task_range tasks, chunk& mine,
                                                                    batch_control& batch)
noexcept {
  const tsan::tasks_of_batch here(object);
  RunOne run_one = *static_cast<RunOne*>(object);
  return run_chunk(tasks, mine, batch.fenced(), [&](std::size_t index) {
    if constexpr (Counted) mine.count_start();
    try {
      run_one(started_task{index, batch, mine});
    } catch (...) {
      fail_task(batch, index);
    }
    if constexpr (Counted) mine.count_end();
  });
}

/// Whether somebody looks at a batch while it runs. A type for each, so that a batch which nobody looks at counts
/// nothing.
struct unwatched {
  static constexpr bool counted = false;
  static constexpr batch_watch* who = nullptr;
  static constexpr const batch_deadline* deadline = nullptr;
};
struct watched {
  static constexpr bool counted = true;
  batch_watch* who;
  const batch_deadline* deadline;
};

template <class RunOne, class Watch = unwatched>
task_block block_of(RunOne& run_one, Watch = {}) {
  return {&run_one, &run_block<RunOne, Watch::counted>};
}

/// Like `run_block`, for a chunk that is started as a whole: one call of `run_share(started, last)`.
template <class RunShare>
std::size_t run_chunk_as_share(void* object, task_range tasks, chunk& mine, batch_control& batch) noexcept {
  const tsan::tasks_of_batch here(object);
  const task_range share = start_all(tasks, mine, batch.fenced());
  if (share.empty()) return share.first;
  try {
    (*static_cast<RunShare*>(object))(started_task{share.first, batch, mine}, share.last);
  } catch (...) {
    fail_task(batch, share.first);
  }
  return share.last;
}

template <class RunShare>
task_block share_of(RunShare& run_share) {
  return {&run_share, &run_chunk_as_share<RunShare>};
}

/// Runs the batch of a mapper. Afterwards, even if the batch throws, bits that the mapper has changed are written to
/// their range.
template <class Input>
void run_mapped(executor_core* executor, const Input& items, const batch_request& request) {
  if constexpr (requires { items.write_back(); }) {
    try {
      run_batch(executor, request);
    } catch (...) {
      try {
        items.write_back();
      } catch (...) {  // an iterator of the range threw; what ended the batch came first
      }
      throw;
    }
    items.write_back();
  } else {
    run_batch(executor, request);
  }
}

/// Throws for the first empty function among the tasks, before any of them runs, even if a stop has been requested.
///
/// All cores check a large number of tasks together, unless the options name a limit, a stop has been requested, the
/// executor's limit is 1, or the check may throw: on one thread, the check took a third of the time of 200,000 empty
/// tasks (perf/overhead). The check is a free automatic batch, which never waits for a slot, even if the tasks are an
/// executor's. On the executor it might wait, which would delay the exception or the response to a stop. Also, an
/// adaptive executor would learn from it how many threads check fastest.
template <class Input>
void refuse_empty_tasks(const executor_core* executor, const Input& tasks, const run_options& options) {
  using task = std::remove_cvref_t<decltype(tasks[std::size_t{}])>;
  if constexpr (nullable_callable<task>) {
    const std::size_t size = tasks.size();
    const auto is_empty = [](const task& each) { return !static_cast<bool>(each); };
    const auto first_empty = [&](std::size_t first, std::size_t last) {
      while (first != last && !is_empty(tasks[first])) ++first;
      return first;
    };
    constexpr std::size_t part = 4096;
    // An exception of the check would be reported as that of a task.
    constexpr bool cannot_throw = noexcept(static_cast<bool>(std::declval<const task&>()));
    const bool on_all_cores =
        !is_executor_of_one(executor) && options.concurrency == automatic && !options.stop.stop_requested();
    if (!cannot_throw || size < 4 * part || !on_all_cores) {
      const std::size_t found = first_empty(0, size);
      if (found != size) throw_empty_task(found);
      return;
    }
    std::atomic<std::size_t> found{size};
    auto look_through = [&](const started_task& started) {
      const std::size_t last = std::min(size, (started.index + 1) * part);
      const std::size_t empty = first_empty(started.index * part, last);
      // Relaxed: the end of the batch orders these accesses before the load that follows it.
      std::size_t least = found.load(std::memory_order_relaxed);
      while (empty != last && empty < least &&
             !found.compare_exchange_weak(least, empty, std::memory_order_relaxed)) {
      }
    };
    run_batch(nullptr, {(size + part - 1) / part, block_of(look_through), run_options{}});
    if (found != size) throw_empty_task(found);
  }
}

}  // namespace fanout::detail
