#pragma once

#include <utility>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls `mapper` for every item of a range and returns the results in input order: `std::vector<R>`, or nothing where the
/// mapper returns void.
///
///     std::vector<long> sizes = fanout::map_in_parallel(paths, [](const path& p) { return size_of(p); });
///     std::vector<double> roots = fanout::map_in_parallel(100, [](int i) { return std::sqrt(i); });
///
/// `items` may be a number n of any integer type: the items are the indices 0 … n - 1 then, of the same type. A negative one
/// is refused with `std::invalid_argument`.
///
/// *Requires*: `mapper` callable as `R(item)` or `R(item, const task_context&)`, by several threads at once. An
/// item of an lvalue range is passed as an lvalue, so a mapper may take `T&` and change it; an rvalue container
/// gives its items away, so a mapper may take `T` or `T&&` and own it.
///
/// Guarantees, outcomes and costs are those of `execute_in_parallel`; indices, those of `views::iota`, and items that lie
/// next to each other in memory need no memory beyond the results.
template <detail::items Items, detail::mapper<Items> F>
auto map_in_parallel(Items&& items, F&& mapper, const run_options& options = {}) {
  return detail::map_on<Items>(nullptr, std::forward<Items>(items), mapper, options);
}

/// The same in short: `map_in_parallel(items, mapper, 2)`.
template <detail::items Items, detail::mapper<Items> F>
auto map_in_parallel(Items&& items, F&& mapper, detail::limit auto concurrency) {
  return detail::map_on<Items>(nullptr, std::forward<Items>(items), mapper, detail::limited_to(concurrency));
}

/// As `map_in_parallel`, with the results where the caller wants them: `out[i] = mapper(items[i])` for every i.
///
///     std::vector<float> squares(values.size());
///     fanout::map_in_parallel_into(squares, values, [](float value) { return value * value; });
///
/// *Requires*: `out` a random-access range of elements that a result can be assigned to, each an object of its own, so no
/// `std::vector<bool>`. An lvalue, or a view such as `std::span`. It may be `items` itself: a task reads its item before it
/// writes its element.
///
/// *Guarantees*: element i is written by task i alone, and by no other thread. Where the call throws, elements of tasks
/// that did not run or that threw are as they were. Throws `std::invalid_argument` if `out` has not as many elements as there
/// are items; nothing has run then.
///
/// *Costs*: as `map_in_parallel`, without the memory of the results and the time for the system to provide it.
template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
void map_in_parallel_into(Output&& out, Items&& items, F&& mapper, const run_options& options = {}) {
  detail::map_into_on<Output, Items>(nullptr, out, std::forward<Items>(items), mapper, options);
}

/// The same in short: `map_in_parallel_into(out, items, mapper, 2)`.
template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
void map_in_parallel_into(Output&& out, Items&& items, F&& mapper, detail::limit auto concurrency) {
  detail::map_into_on<Output, Items>(nullptr, out, std::forward<Items>(items), mapper,
                                     detail::limited_to(concurrency));
}

}  // namespace fanout
