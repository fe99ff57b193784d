#pragma once

#include <utility>

#include "fanout/detail/pooled.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Like `execute_in_parallel`, but each task holds exactly one lease of the pool while it runs.
///
///     auto rows = fanout::execute_with_pool(queries, connections);   // each query: rows(connection&)
///
/// *Requires*: each task is callable as `R(T&)` or `R(T&, const task_context&)`.
///
/// *Guarantees*: at most `min(options.concurrency, pool.size())` tasks are in flight, so none waits for a resource
/// that another task of the batch holds. Here `automatic`, like `unlimited`, means the named limit `min(pool.size(),
/// 1024)`. The lease is given back when the task ends, however it ends, before its thread starts the next. If the
/// batch is stopped while a task waits for a resource that was lent outside the batch, or while the resource is made
/// or validated, that task does not start.
///
/// A task that gets no resource fails with the exception of `pool.acquire()`, for example that of the factory,
/// `pool_closed` or `error`. The pool may be destroyed while the call runs, by a task or by another thread: that
/// closes it, and the call keeps alive what it uses. Other outcomes are those of `execute_in_parallel`. *Costs*: a
/// lease for each task.
template <class Range, class T>
requires detail::pooled_tasks<Range, T>
auto execute_with_pool(Range&& tasks, resource_pool<T>& pool, const run_options& options = {}) {
  return detail::execute_with_pool_on<Range>(nullptr, std::forward<Range>(tasks), pool, options);
}

/// The same for the items of a range: `mapper` is callable as `R(item, T&)` or `R(item, T&, const task_context&)`, by
/// several threads at once. Items are handed over as in `map_in_parallel`.
template <detail::items Items, class T, detail::pooled_mapper<Items, T> F>
auto map_with_pool(Items&& items, resource_pool<T>& pool, F&& mapper, const run_options& options = {}) {
  return detail::map_with_pool_on<Items>(nullptr, std::forward<Items>(items), pool, mapper, options);
}

}  // namespace fanout
