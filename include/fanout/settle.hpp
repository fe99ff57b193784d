#pragma once

#include <utility>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/outcome.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Runs every task and returns how each ended, in input order: a `std::vector<outcome<T>>`. An exception of a task is
/// not thrown by the call; it is stored in the task's outcome. After a stop, the outcomes of tasks that had not
/// started are `cancelled()`. Each value is constructed where it stays, in its outcome.
///
/// `options.on_error` is ignored. Bad input, an exception of the progress callback and a lack of threads or memory
/// still make the call throw, as in `execute_in_parallel`.
template <detail::tasks Range>
auto settle_in_parallel(Range&& tasks, const run_options& options = {}) {
  return detail::settle_on<Range>(nullptr, std::forward<Range>(tasks), options);
}

/// The same with only a limit: `settle_in_parallel(tasks, 2)`.
template <detail::tasks Range>
auto settle_in_parallel(Range&& tasks, detail::limit auto concurrency) {
  return detail::settle_on<Range>(nullptr, std::forward<Range>(tasks), detail::limited_to(concurrency));
}

/// The same for a mapper and its items, which may be a range or a number of indices, as in `map_in_parallel`.
///
///     for (const fanout::outcome<page>& each : fanout::settle_map(addresses, load)) show(each);
template <detail::items Items, detail::mapper<Items> F>
auto settle_map(Items&& items, F&& mapper, const run_options& options = {}) {
  return detail::settle_map_on<Items>(nullptr, std::forward<Items>(items), mapper, options);
}

/// The same with only a limit: `settle_map(items, mapper, 2)`.
template <detail::items Items, detail::mapper<Items> F>
auto settle_map(Items&& items, F&& mapper, detail::limit auto concurrency) {
  return detail::settle_map_on<Items>(nullptr, std::forward<Items>(items), mapper, detail::limited_to(concurrency));
}

}  // namespace fanout
