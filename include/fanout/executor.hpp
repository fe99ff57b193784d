#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/invoke.hpp"
#include "fanout/detail/pooled.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

class executor;

namespace detail {
/// The address of the executor's `tbb::task_arena`, untyped so that this interface names no oneTBB type.
FANOUT_EXPORT void* native_arena_of(const executor& owner);
}  // namespace detail

/// What an executor is made with. A plain aggregate for designated initialisers.
struct executor_options {
  /// How many threads may work for the executor at once, the calling ones included: 1 … `max_concurrency()`, `automatic`
  /// for the cores, or `unlimited` for 1,024.
  concurrency_limit concurrency = automatic;

  /// While a batch runs, let it seek how many threads get most done, from 1 to the limit: it begins with the cores, or
  /// with what the batch before it came to, and tries more and fewer in windows of 20 to 250 ms. Worth it for batches
  /// of a second or more whose tasks wait, or are in each other's way, to an extent that nobody knows. The limit is kept,
  /// but it is not promised to be reached. See docs/concurrency-limits.md.
  bool adaptive = false;
};

/// An arena of its own, for batches that come again and again or that must share one limit.
///
///     fanout::executor database({.concurrency = 4});   // never more than four queries at once, whoever asks
///     auto rows = database.map(keys, fetch);
///
/// Any number of threads may call it at the same time, and tasks may call it again. Its limit holds over all its
/// batches: never more than that many threads work for it, and a caller waits for a slot, in the order of
/// arrival, when all are taken. An executor of one runs everything on the calling threads. The calls are `const`: an object
/// that holds an executor may use it in its `const` functions.
///
/// Nothing deadlocks by limits: a batch that a task starts on the executor it runs on works under the slot that the
/// task has; and where executors call each other in a cycle, the inner batch runs on the calling thread alone.
/// (That is so for the batches of a thread. A task that waits for a thread of its own, or for a loop in a
/// `tbb::task_arena` of its own, whose body calls its executor, may wait forever.)
///
/// After `fork()` the child may only `exec` or `_exit`, whether executors live or not: see docs/concurrency-limits.md.
///
/// A named limit is a promise that holds beyond the cores: see docs/concurrency-limits.md. To make an executor of 8 and to
/// destroy it costs about 2 µs, and about 20 µs more for each thread that must first be created.
class executor {
 public:
  /// Throws `std::invalid_argument` for a limit of 0 or above `max_concurrency()`, and `resource_error` if the
  /// process may not create the threads; then nothing has changed.
  FANOUT_EXPORT explicit executor(const executor_options& options = {});

  /// Requires that no batch runs: otherwise it prints a message that says so, and aborts the process. What is moved from
  /// can only be destroyed or assigned to.
  FANOUT_EXPORT executor(executor&&) noexcept;
  /// Requires the same of both, with the same check.
  FANOUT_EXPORT executor& operator=(executor&&) noexcept;
  /// Requires that no batch runs, with the same check. The threads stay for other executors and calls, and end when nobody
  /// wants them.
  FANOUT_EXPORT ~executor();

  /// The limit; less where the application itself holds a `tbb::global_control` below the number of cores.
  FANOUT_EXPORT std::size_t concurrency() const noexcept;

  /// As `execute_in_parallel`, within this executor's limit.
  template <detail::tasks Range>
  auto execute(Range&& tasks, const run_options& options = {}) const {
    return detail::execute_on<Range>(&core(), std::forward<Range>(tasks), options);
  }

  /// The same in short: `database.execute(queries, 2)`.
  template <detail::tasks Range>
  auto execute(Range&& tasks, detail::limit auto concurrency) const {
    return detail::execute_on<Range>(&core(), std::forward<Range>(tasks), detail::limited_to(concurrency));
  }

  /// As `map_in_parallel`, within this executor's limit.
  template <detail::items Items, detail::mapper<Items> F>
  auto map(Items&& items, F&& mapper, const run_options& options = {}) const {
    return detail::map_on<Items>(&core(), std::forward<Items>(items), mapper, options);
  }

  /// The same in short: `database.map(keys, fetch, 2)`.
  template <detail::items Items, detail::mapper<Items> F>
  auto map(Items&& items, F&& mapper, detail::limit auto concurrency) const {
    return detail::map_on<Items>(&core(), std::forward<Items>(items), mapper, detail::limited_to(concurrency));
  }

  /// As `map_in_parallel_into`, within this executor's limit.
  template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
  void map_into(Output&& out, Items&& items, F&& mapper, const run_options& options = {}) const {
    detail::map_into_on<Output, Items>(&core(), out, std::forward<Items>(items), mapper, options);
  }

  /// The same in short: `database.map_into(rows, keys, fetch, 2)`.
  template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
  void map_into(Output&& out, Items&& items, F&& mapper, detail::limit auto concurrency) const {
    detail::map_into_on<Output, Items>(&core(), out, std::forward<Items>(items), mapper,
                                       detail::limited_to(concurrency));
  }

  /// As the free function, within this executor's limit.
  template <detail::number Number, detail::range_function<Number> F>
  void for_each_range(Number count, F&& function, const run_options& options = {}) const {
    detail::for_each_range_on(&core(), count, function, options);
  }

  /// The same in short: `database.for_each_range(count, function, 2)`.
  template <detail::number Number, detail::range_function<Number> F>
  void for_each_range(Number count, F&& function, detail::limit auto concurrency) const {
    detail::for_each_range_on(&core(), count, function, detail::limited_to(concurrency));
  }

  /// As `settle_in_parallel`, within this executor's limit.
  template <detail::tasks Range>
  auto settle(Range&& tasks, const run_options& options = {}) const {
    return detail::settle_on<Range>(&core(), std::forward<Range>(tasks), options);
  }

  /// The same in short: `database.settle(queries, 2)`.
  template <detail::tasks Range>
  auto settle(Range&& tasks, detail::limit auto concurrency) const {
    return detail::settle_on<Range>(&core(), std::forward<Range>(tasks), detail::limited_to(concurrency));
  }

  /// As the free function, within this executor's limit.
  template <detail::items Items, detail::mapper<Items> F>
  auto settle_map(Items&& items, F&& mapper, const run_options& options = {}) const {
    return detail::settle_map_on<Items>(&core(), std::forward<Items>(items), mapper, options);
  }

  /// The same in short: `database.settle_map(items, mapper, 2)`.
  template <detail::items Items, detail::mapper<Items> F>
  auto settle_map(Items&& items, F&& mapper, detail::limit auto concurrency) const {
    return detail::settle_map_on<Items>(&core(), std::forward<Items>(items), mapper, detail::limited_to(concurrency));
  }

  /// As `invoke_in_parallel`, within this executor's limit.
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

  /// As the free function, within this executor's limit, which `automatic` means here.
  template <class Range, class T>
  requires detail::pooled_tasks<Range, T>
  auto execute_with_pool(Range&& tasks, resource_pool<T>& pool, const run_options& options = {}) const {
    return detail::execute_with_pool_on<Range>(&core(), std::forward<Range>(tasks), pool, options);
  }

  /// As the free function, within this executor's limit, which `automatic` means here.
  template <detail::items Items, class T, detail::pooled_mapper<Items, T> F>
  auto map_with_pool(Items&& items, resource_pool<T>& pool, F&& mapper, const run_options& options = {}) const {
    return detail::map_with_pool_on<Items>(&core(), std::forward<Items>(items), pool, mapper, options);
  }

 private:
  friend FANOUT_EXPORT void* detail::native_arena_of(const executor& owner);

  /// Throws `std::logic_error` for an executor that was moved from.
  FANOUT_EXPORT detail::executor_core& core() const;

  struct core_deleter {
    FANOUT_EXPORT void operator()(detail::executor_core* core) const noexcept;
  };
  std::unique_ptr<detail::executor_core, core_deleter> core_;
};

}  // namespace fanout
