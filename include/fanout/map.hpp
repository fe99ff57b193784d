#pragma once

#include <utility>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls `mapper` for every item of a range and returns the results in input order.
///
///     std::vector<long> sizes = fanout::map_in_parallel(paths, [](const path& p) { return size_of(p); });
///
/// *Requires*: `mapper` callable as `R(item)` or `R(item, const task_context&)`, by several threads at once. An
/// item of an lvalue range is passed as an lvalue, so a mapper may take `T&` and change it; an rvalue container
/// gives its items away, so a mapper may take `T` or `T&&` and own it.
///
/// Guarantees, outcomes and costs are those of `execute_in_parallel`; items that lie side by side in memory, and
/// those of `views::iota`, need no memory beyond the results.
template <detail::input_of_batch Range, class F>
auto map_in_parallel(Range&& items, F&& mapper, const run_options& options = {}) {
  return detail::map_on<Range>(nullptr, std::forward<Range>(items), mapper, options);
}

/// The same in short: `map_in_parallel(items, mapper, 2)`.
template <detail::input_of_batch Range, class F>
auto map_in_parallel(Range&& items, F&& mapper, detail::number auto concurrency) {
  return detail::map_on<Range>(nullptr, std::forward<Range>(items), mapper, detail::limited_to(concurrency));
}

}  // namespace fanout
