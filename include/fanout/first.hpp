#pragma once

#include <cstddef>
#include <utility>

#include "fanout/detail/first.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Runs tasks until the first of them returns, in time, and gives its index and value: a `first_result<T>`. No other
/// task starts after that; those that run see the stop in their `task_context`, and have ended when the call returns.
/// What they return or throw is dropped.
///
///     auto page = fanout::first_in_parallel(downloads_of_mirrors, {.concurrency = fanout::unlimited});
///     use(page.value, "from " + mirrors[page.index]);
///
/// A value counts as soon as the task has returned it, whatever `options.around` does after that.
///
/// *Errors*: if all tasks fail, `aggregate_error` with every failure. `options.on_error` is ignored: a failure does
/// not stop the others; `options.stop_when` may, for instance after a number of failures. After a stop or a limit of
/// time that came before the first value, `operation_cancelled` or `deadline_exceeded`. Throws
/// `std::invalid_argument` if there are no tasks. Otherwise as `execute_in_parallel`.
template <detail::tasks_for_first Range>
auto first_in_parallel(Range&& tasks, const run_options& options = {}) {
  return detail::first_on<Range>(nullptr, std::forward<Range>(tasks), options);
}

/// The same with only a limit: `first_in_parallel(tasks, 2)`.
template <detail::tasks_for_first Range>
auto first_in_parallel(Range&& tasks, detail::limit auto concurrency) {
  return detail::first_on<Range>(nullptr, std::forward<Range>(tasks), detail::limited_to(concurrency));
}

}  // namespace fanout
