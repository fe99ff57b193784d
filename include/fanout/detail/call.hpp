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

/// How tasks and mappers are called, and what a wrong one is told by the compiler.
namespace fanout::detail {

/// `f(args…)` or `f(args…, context)`.
template <class F, class... Args>
concept callable_in_batch = std::invocable<F, Args...> || std::invocable<F, Args..., const task_context&>;

template <class F, class... Args>
requires callable_in_batch<F, Args...>
decltype(auto) call(std::size_t index, batch_control& batch, F&& f, Args&&... args) {
  if constexpr (std::invocable<F, Args...>) {
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  } else {
    const task_context context(index, batch);
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)..., context);
  }
}

/// An item is called, or handed to a mapper, as the input gives it; where that does not fit, as an lvalue.
template <class Item>
using as_lvalue = std::remove_reference_t<Item>&;

/// `Args` are what every task of the batch gets besides: a resource, or nothing.
template <class Item, class... Args>
concept task_item = callable_in_batch<as_lvalue<Item>, Args...> || callable_in_batch<Item, Args...>;

template <class F, class Item, class... Args>
concept mapper_of = callable_in_batch<F&, Item, Args...> || callable_in_batch<F&, as_lvalue<Item>, Args...>;

/// Calls the task that an input gives. As an lvalue if it can be: `operator() &&` is for what can run only once.
template <class Item, class... Args>
  requires task_item<Item, Args&...>
decltype(auto) call_task(std::size_t index, batch_control& batch, Item&& task, Args&... args) {
  if constexpr (callable_in_batch<as_lvalue<Item>, Args&...>) {
    return call(index, batch, task, args...);
  } else {
    return call(index, batch, std::forward<Item>(task), args...);
  }
}

template <class F, class Item, class... Args>
  requires mapper_of<F, Item, Args&...>
decltype(auto) call_mapper(std::size_t index, batch_control& batch, F& mapper, Item&& item, Args&... args) {
  if constexpr (callable_in_batch<F&, Item, Args&...>) {
    return call(index, batch, mapper, std::forward<Item>(item), args...);
  } else {
    return call(index, batch, mapper, item, args...);
  }
}

template <class Item, class... Args>
using task_result = decltype(call_task(std::size_t{}, std::declval<batch_control&>(), std::declval<Item>(),
                                       std::declval<Args>()...));

template <class F, class Item, class... Args>
using mapper_result = decltype(call_mapper(std::size_t{}, std::declval<batch_control&>(), std::declval<F&>(),
                                           std::declval<Item>(), std::declval<Args>()...));

template <class Result>
concept returns_no_reference = !std::is_reference_v<Result>;

/// The checks of every call that takes tasks, with the texts that a wrong call shows.
template <class Range>
consteval void check_tasks() {
  static_assert(task_item<item_t<Range>>, "a task must be callable as T() or T(const task_context&)");
  if constexpr (task_item<item_t<Range>>) {
    static_assert(returns_no_reference<task_result<item_t<Range>>>,
                  "a task or mapper must return an object or void, not a reference");
  }
}

template <class Range, class F>
consteval void check_mapper() {
  static_assert(mapper_of<F, item_t<Range>>, "a mapper must be callable as R(item) or R(item, const task_context&)");
  if constexpr (mapper_of<F, item_t<Range>>) {
    static_assert(returns_no_reference<mapper_result<F, item_t<Range>>>,
                  "a task or mapper must return an object or void, not a reference");
  }
}

/// A function object of a type that can be empty: `std::function` and its kin, or a pointer to a function or member.
template <class F>
concept nullable_callable = std::is_pointer_v<F> || std::is_member_pointer_v<F> ||
    (std::is_class_v<F>&& requires(const F& f) { f.operator bool(); });

/// Refuses an empty function among the tasks, before anything runs. Costs a load where one can be empty, nothing
/// elsewhere.
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

/// The loop over a chunk of tasks, inlined around the caller's own `run_one(index, batch)`: the engine calls it
/// through one pointer for a chunk, never for a task.
///
/// It works with a copy of the closure, whose members the compiler keeps in registers: after the atomic accesses that
/// each task begins with, GCC reads again whatever lies in memory (13 instructions for an empty task became 7). So a
/// closure holds pointers and small values.
template <class RunOne>
requires std::is_trivially_copyable_v<RunOne> std::size_t run_block(void* object, task_range tasks, chunk& mine,
                                                                    batch_control& batch)
noexcept {
  RunOne run_one = *static_cast<RunOne*>(object);
  return run_chunk(tasks, mine, batch.fenced(), [&](std::size_t index) {
    try {
      run_one(index, batch);
    } catch (...) {
      batch.fail(index);
    }
  });
}

template <class RunOne>
task_block block_of(RunOne& run_one) {
  return {&run_one, &run_block<RunOne>};
}

/// Refuses the first empty function among the tasks, before any of them runs, also when the stop has been requested.
///
/// Many tasks are checked by all cores, unless a limit was named for them: one thread alone took a third of the time of
/// 200,000 empty tasks (perf/overhead). That check is a free automatic batch, which never waits for a limit, also where
/// the tasks are an executor's: on the executor it would wait for a slot, which would delay the refusal and the answer to a
/// stop, and an adaptive executor would learn from it how many threads check fastest.
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
    constexpr bool cannot_throw = noexcept(static_cast<bool>(std::declval<const task&>()));  // an exception is no task's
    const bool on_all_cores =
        !is_executor_of_one(executor) && options.concurrency == automatic && !options.stop.stop_requested();
    if (!cannot_throw || size < 4 * part || !on_all_cores) {
      const std::size_t found = first_empty(0, size);
      if (found != size) throw_empty_task(found);
      return;
    }
    std::atomic<std::size_t> found{size};
    auto look_through = [&](std::size_t index, batch_control&) {
      const std::size_t last = std::min(size, (index + 1) * part);
      const std::size_t empty = first_empty(index * part, last);
      std::size_t least =
          found.load(std::memory_order_relaxed);  // the end of the batch orders all with the last read
      while (empty != last && empty < least &&
             !found.compare_exchange_weak(least, empty, std::memory_order_relaxed)) {
      }
    };
    run_batch(nullptr, {(size + part - 1) / part, block_of(look_through), run_options{}});
    if (found != size) throw_empty_task(found);
  }
}

}  // namespace fanout::detail
