#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "fanout/batch.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/first.hpp"
#include "fanout/detail/invoke.hpp"
#include "fanout/detail/pooled.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"
#include "fanout/stream.hpp"

namespace fanout {

class executor;
class task_scope;

namespace detail {
/// The address of the executor's `tbb::task_arena`, untyped so that this header names no oneTBB type.
FANOUT_EXPORT void* native_arena_of(const executor& owner);
}  // namespace detail

/// The options of an executor. A plain aggregate for designated initialisers.
struct executor_options {
  /// How many threads may work for the executor at once, including the threads that call it: 1 … `max_concurrency()`,
  /// `automatic` for the number of cores, or `unlimited` for 1,024. `executor::set_concurrency` can lower it.
  concurrency_limit concurrency = automatic;

  /// If true, a batch seeks the number of threads with the highest throughput while it runs, from 1 to the limit. It
  /// begins with the number of cores, or with the number that the previous batch found, and tries more and fewer
  /// threads in windows of 20 to 250 ms, or 10 ms for a number that is clearly worse. Worth it for batches of a
  /// second or more whose tasks wait, or contend with each other, to an unknown extent. The limit is never exceeded,
  /// but it may not be reached. If it is changed, the batch seeks again. See docs/concurrency-limits.md.
  bool adaptive = false;

  /// The size of the stacks of the executor's threads in bytes, rounded up to whole pages, from 64 KiB to 1 TiB; 0 is
  /// the size that every `std::thread` gets, which `ulimit -s` prints. The calling thread runs tasks on its own stack
  /// whatever its size is. Memory is used as the tasks use the stack, not when the thread is created. With a size,
  /// the executor's threads are fanout's own and not oneTBB's workers, also if the limit is `automatic`: that then
  /// means the number of cores as a named limit.
  std::size_t stack_size = 0;
};

/// Runs batches under one limit. Create an executor once, for batches that run repeatedly or that must share a limit.
///
///     fanout::executor database({.concurrency = 4});   // never more than four queries at once, whoever calls
///     auto rows = database.map(keys, fetch);
///
/// Any number of threads may call an executor at the same time, and its tasks may call it again. The limit holds over
/// all its batches: never more than that many threads work for it. If all slots are taken, a caller waits for one, in
/// the order of arrival. An executor of one runs every task on the calling threads. The calls are `const`, so an
/// object that holds an executor can use it in its `const` functions.
///
/// Limits cause no deadlock. A batch that a task starts on its own executor works under the slot of that task. If
/// executors call each other in a cycle and their calls would deadlock, one of these calls runs on its calling thread
/// alone. (fanout knows only the batches that a thread is in. A task may wait forever if it waits for a thread that
/// it started, or for a loop in its own `tbb::task_arena`, and that thread or loop calls the task's executor.)
///
/// After `fork()`, the child may only call `exec` or `_exit`, whether or not executors exist: see
/// docs/concurrency-limits.md.
///
/// A named limit is a promise that holds beyond the number of cores: see docs/concurrency-limits.md. Creating and
/// destroying an executor of 8 costs about 2 µs, plus about 20 µs for each thread that must first be created.
class executor {
 public:
  /// Throws `std::invalid_argument` for a number outside 1 … `max_concurrency()` and for a stack size outside its
  /// bounds, and `resource_error` if the process may not create the threads. If it throws, nothing has changed.
  FANOUT_EXPORT explicit executor(const executor_options& options = {});

  /// Requires that no call is in progress on the executor. If a batch runs or waits for a slot, prints a message that
  /// says so, and aborts the process; a call that still reads its input or allocates memory is not noticed. An
  /// executor that was moved from can only be destroyed or assigned to; its `concurrency()` is 0.
  FANOUT_EXPORT executor(executor&&) noexcept;
  /// Requires that no batch runs on either executor, with the same check.
  FANOUT_EXPORT executor& operator=(executor&&) noexcept;
  /// Requires that no batch runs on the executor, with the same check. Its threads remain available to other
  /// executors and calls, and end when they are not needed.
  FANOUT_EXPORT ~executor();

  /// The limit, as it is now, or the value of the application's own `tbb::global_control` if that is lower than both
  /// the limit and the number of CPUs in the affinity mask of the process.
  FANOUT_EXPORT std::size_t concurrency() const noexcept;

  /// The greatest limit that the executor can have: the one with which it was made. 0 if it was moved from.
  FANOUT_EXPORT std::size_t greatest_concurrency() const noexcept;

  /// Changes the limit, to any number from 1 to `greatest_concurrency()`. Any thread may call this at any time, the
  /// executor's own tasks included. It waits for no task.
  ///
  /// Raising the limit lets as many threads come as may. Lowering it interrupts no task: each thread ends the task
  /// that it runs or has just taken; in `for_each_range`, its share; of a stream, the items that it has pulled. Once
  /// these have ended, never more than the new number of tasks are in flight. Threads wait between their tasks then,
  /// also those that call, while other threads of the executor go on with their batches. A task that waits for a
  /// batch of its own has not ended, and its batch runs on.
  ///
  /// Limits still cause no deadlock. But tasks that wait for each other need a limit at which they run together. See
  /// docs/concurrency-limits.md.
  ///
  /// Throws `std::invalid_argument` for another number; then nothing has changed. Requires that the executor is not
  /// moved or destroyed meanwhile.
  FANOUT_EXPORT void set_concurrency(concurrency_limit limit);

  /// Like `execute_in_parallel`, within this executor's limit.
  template <detail::tasks Range>
  auto execute(Range&& tasks, const run_options& options = {}) const {
    return detail::execute_on<Range>(&core(), std::forward<Range>(tasks), options);
  }

  /// The same with only a limit: `database.execute(queries, 2)`.
  template <detail::tasks Range>
  auto execute(Range&& tasks, detail::limit auto concurrency) const {
    return detail::execute_on<Range>(&core(), std::forward<Range>(tasks), detail::limited_to(concurrency));
  }

  /// Like `map_in_parallel`, within this executor's limit.
  template <detail::items Items, detail::mapper<Items> F>
  auto map(Items&& items, F&& mapper, const run_options& options = {}) const {
    return detail::map_on<Items>(&core(), std::forward<Items>(items), mapper, options);
  }

  /// The same with only a limit: `database.map(keys, fetch, 2)`.
  template <detail::items Items, detail::mapper<Items> F>
  auto map(Items&& items, F&& mapper, detail::limit auto concurrency) const {
    return detail::map_on<Items>(&core(), std::forward<Items>(items), mapper, detail::limited_to(concurrency));
  }

  /// Like `map_in_parallel_into`, within this executor's limit.
  template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
  void map_into(Output&& out, Items&& items, F&& mapper, const run_options& options = {}) const {
    detail::map_into_on<Output, Items>(&core(), out, std::forward<Items>(items), mapper, options);
  }

  /// The same with only a limit: `database.map_into(rows, keys, fetch, 2)`.
  template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
  void map_into(Output&& out, Items&& items, F&& mapper, detail::limit auto concurrency) const {
    detail::map_into_on<Output, Items>(&core(), out, std::forward<Items>(items), mapper,
                                       detail::limited_to(concurrency));
  }

  /// Like the free function, within this executor's limit.
  template <detail::number Number, detail::range_function<Number> F>
  void for_each_range(Number count, F&& function, const run_options& options = {}) const {
    detail::for_each_range_on(&core(), count, function, options);
  }

  /// The same with only a limit: `database.for_each_range(count, function, 2)`.
  template <detail::number Number, detail::range_function<Number> F>
  void for_each_range(Number count, F&& function, detail::limit auto concurrency) const {
    detail::for_each_range_on(&core(), count, function, detail::limited_to(concurrency));
  }

  /// Like `settle_in_parallel`, within this executor's limit.
  template <detail::tasks Range>
  auto settle(Range&& tasks, const run_options& options = {}) const {
    return detail::settle_on<Range>(&core(), std::forward<Range>(tasks), options);
  }

  /// The same with only a limit: `database.settle(queries, 2)`.
  template <detail::tasks Range>
  auto settle(Range&& tasks, detail::limit auto concurrency) const {
    return detail::settle_on<Range>(&core(), std::forward<Range>(tasks), detail::limited_to(concurrency));
  }

  /// Like the free function, within this executor's limit.
  template <detail::items Items, detail::mapper<Items> F>
  auto settle_map(Items&& items, F&& mapper, const run_options& options = {}) const {
    return detail::settle_map_on<Items>(&core(), std::forward<Items>(items), mapper, options);
  }

  /// The same with only a limit: `database.settle_map(items, mapper, 2)`.
  template <detail::items Items, detail::mapper<Items> F>
  auto settle_map(Items&& items, F&& mapper, detail::limit auto concurrency) const {
    return detail::settle_map_on<Items>(&core(), std::forward<Items>(items), mapper, detail::limited_to(concurrency));
  }

  /// Like `first_in_parallel`, within this executor's limit.
  template <detail::tasks_for_first Range>
  auto first(Range&& tasks, const run_options& options = {}) const {
    return detail::first_on<Range>(&core(), std::forward<Range>(tasks), options);
  }

  /// The same with only a limit: `database.first(queries, 2)`.
  template <detail::tasks_for_first Range>
  auto first(Range&& tasks, detail::limit auto concurrency) const {
    return detail::first_on<Range>(&core(), std::forward<Range>(tasks), detail::limited_to(concurrency));
  }

  /// Like the free function, within this executor's limit. Requires that the executor lives until the batch has
  /// ended.
  template <detail::submitted_tasks Range>
  auto submit(Range&& tasks, const run_options& options = {}) const {
    return detail::submit_on<Range>(&core(), std::forward<Range>(tasks), options);
  }

  /// The same with only a limit: `database.submit(queries, 2)`.
  template <detail::submitted_tasks Range>
  auto submit(Range&& tasks, detail::limit auto concurrency) const {
    return detail::submit_on<Range>(&core(), std::forward<Range>(tasks), detail::limited_to(concurrency));
  }

  /// Like the free function, within this executor's limit. Requires that the executor lives until the batch has
  /// ended.
  template <detail::submitted_items Items, detail::submitted_mapper<Items> F>
  auto submit_map(Items&& items, F&& mapper, const run_options& options = {}) const {
    return detail::submit_map_on<Items>(&core(), std::forward<Items>(items), std::forward<F>(mapper), options);
  }

  /// The same with only a limit: `database.submit_map(keys, fetch, 2)`.
  template <detail::submitted_items Items, detail::submitted_mapper<Items> F>
  auto submit_map(Items&& items, F&& mapper, detail::limit auto concurrency) const {
    return detail::submit_map_on<Items>(&core(), std::forward<Items>(items), std::forward<F>(mapper),
                                        detail::limited_to(concurrency));
  }

  /// Like `invoke_in_parallel`, within this executor's limit.
  template <class... F>
  requires detail::functions<F...>
  auto invoke(F&&... functions) const {
    return detail::invoke_on(&core(), run_options{}, std::forward<F>(functions)...);
  }

  /// The same with options.
  template <class... F>
  requires detail::functions<F...>
  auto invoke(const run_options& options, F&&... functions) const {
    return detail::invoke_on(&core(), options, std::forward<F>(functions)...);
  }

  /// Like the free function, within this executor's limit, which applies to `automatic` as well.
  template <class Range, class T>
  requires detail::pooled_tasks<Range, T>
  auto execute_with_pool(Range&& tasks, resource_pool<T>& pool, const run_options& options = {}) const {
    return detail::execute_with_pool_on<Range>(&core(), std::forward<Range>(tasks), pool, options);
  }

  /// Like the free function, within this executor's limit, which applies to `automatic` as well.
  template <detail::items Items, class T, detail::pooled_mapper<Items, T> F>
  auto map_with_pool(Items&& items, resource_pool<T>& pool, F&& mapper, const run_options& options = {}) const {
    return detail::map_with_pool_on<Items>(&core(), std::forward<Items>(items), pool, mapper, options);
  }

  /// Like `stream_in_parallel`, with workers within this executor's limit, which applies to `automatic` as well. A
  /// worker has a slot of the executor while it works, and none while it waits for the source or the reader, except
  /// for some microseconds. The executor must exist longer than the stream.
  template <detail::stream_input Range, detail::stream_mapper<Range> F>
  auto stream(Range&& source, F&& mapper, const stream_options& options = {}) const {
    return detail::stream_on<Range>(&core(), std::forward<Range>(source), std::forward<F>(mapper), options);
  }

  /// The same with only a limit: `disk.stream(paths, read, 2)`.
  template <detail::stream_input Range, detail::stream_mapper<Range> F>
  auto stream(Range&& source, F&& mapper, detail::limit auto concurrency) const {
    return detail::stream_on<Range>(&core(), std::forward<Range>(source), std::forward<F>(mapper),
                                    detail::stream_limited_to(concurrency));
  }

 private:
  friend FANOUT_EXPORT void* detail::native_arena_of(const executor& owner);
  friend class task_scope;

  /// Throws `std::logic_error` if the executor was moved from.
  FANOUT_EXPORT detail::executor_core& core() const;

  struct core_deleter {
    FANOUT_EXPORT void operator()(detail::executor_core* core) const noexcept;
  };
  std::unique_ptr<detail::executor_core, core_deleter> core_;
};

}  // namespace fanout
