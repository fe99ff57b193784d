#pragma once

#include <utility>

#include "fanout/batch.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Runs the tasks of a range beside the calling thread, and returns at once with a handle of their batch.
///
///     auto reports = fanout::submit(std::move(tasks), {.concurrency = 4});
///     while (!reports.wait_for(100ms)) show(reports.progress());
///     std::vector<report> done = reports.get();
///
/// *Requires*: what `execute_in_parallel` requires. The batch owns the range: an rvalue is moved, an lvalue copied. To
/// refer to a range of yours instead, pass `std::ref(range)` or a view, and keep it until the batch has ended.
///
/// *Guarantees*: limits, order, errors, progress and stops are those of `execute_in_parallel`; `batch::get` returns or
/// throws what that call would. Whatever it refuses before a task runs is thrown by `submit` itself: bad options, empty
/// functions, exceptions of the range's iterators. Also `resource_error` if no thread can be created for the batch. The
/// batch has a thread of its own as its leader, so it runs while the submitting thread sleeps, on one core as well. It
/// counts toward the limit. On an executor, a batch waits for its place without holding any thread.
///
/// *Costs*: `submit` and `get` of a batch of two empty tasks take about a microsecond; a thread that must be created
/// first takes about 20 µs. Each task costs about a nanosecond more than with `execute_in_parallel`, because tasks are
/// counted. See docs/handles.md.
template <detail::submitted_tasks Range>
auto submit(Range&& tasks, const run_options& options = {}) {
  return detail::submit_on<Range>(nullptr, std::forward<Range>(tasks), options);
}

/// The same with only a limit: `submit(tasks, 2)`.
template <detail::submitted_tasks Range>
auto submit(Range&& tasks, detail::limit auto concurrency) {
  return detail::submit_on<Range>(nullptr, std::forward<Range>(tasks), detail::limited_to(concurrency));
}

/// Calls `mapper` for every item of a range, or every index below a number, beside the calling thread: what `submit` is
/// to `execute_in_parallel`, this is to `map_in_parallel`. The batch owns the mapper as well. Items of a range that the
/// batch owns are passed as rvalues.
template <detail::submitted_items Items, detail::submitted_mapper<Items> F>
auto submit_map(Items&& items, F&& mapper, const run_options& options = {}) {
  return detail::submit_map_on<Items>(nullptr, std::forward<Items>(items), std::forward<F>(mapper), options);
}

/// The same with only a limit: `submit_map(items, mapper, 2)`.
template <detail::submitted_items Items, detail::submitted_mapper<Items> F>
auto submit_map(Items&& items, F&& mapper, detail::limit auto concurrency) {
  return detail::submit_map_on<Items>(nullptr, std::forward<Items>(items), std::forward<F>(mapper),
                                      detail::limited_to(concurrency));
}

}  // namespace fanout
