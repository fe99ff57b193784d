#pragma once

#include <utility>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls `mapper` for every item of a range and returns the results in input order: a `std::vector<R>`, or nothing if
/// the mapper returns void.
///
///     std::vector<long> sizes = fanout::map_in_parallel(paths, [](const path& p) { return size_of(p); });
///     std::vector<double> roots = fanout::map_in_parallel(100, [](int i) { return std::sqrt(i); });
///
/// `items` may also be a number n of any integer type. The items are then the indices 0 … n - 1, of the same type. A
/// negative number is refused with `std::invalid_argument`.
///
/// *Requires*: `mapper` is callable as `R(item)` or `R(item, const task_context&)`, by several threads at once. Items
/// that an lvalue range stores are passed as lvalues, so the mapper may take `T&` and change them. Items of an rvalue
/// container, and items that a range generates or that can be read only once, are passed as rvalues, so the mapper
/// may take `T` or `T&&` and own them. References that are objects, such as those of `views::zip`, are passed as they
/// are. Bits, such as the items of `std::vector<bool>`, are passed as `bool&`. docs/items-and-results.md says more.
///
/// *Guarantees*: those of `execute_in_parallel`, and what the mapper writes through a reference into the range
/// arrives there: bits when the call ends, anything else at once. Nothing is copied that the range does not copy,
/// except that items of a range that can be read only once are copied, and then belong to the mapper.
///
/// Outcomes and costs are those of `execute_in_parallel`. Indices, `views::iota` of integers, and items that are
/// contiguous in memory need no memory beyond the results. Bits need two bytes each, and references that are objects
/// their size.
template <detail::items Items, detail::mapper<Items> F>
auto map_in_parallel(Items&& items, F&& mapper, const run_options& options = {}) {
  return detail::map_on<Items>(nullptr, std::forward<Items>(items), mapper, options);
}

/// The same with only a limit: `map_in_parallel(items, mapper, 2)`.
template <detail::items Items, detail::mapper<Items> F>
auto map_in_parallel(Items&& items, F&& mapper, detail::limit auto concurrency) {
  return detail::map_on<Items>(nullptr, std::forward<Items>(items), mapper, detail::limited_to(concurrency));
}

/// Like `map_in_parallel`, but writes the results to a range of the caller: `out[i] = mapper(items[i])` for every i.
///
///     std::vector<float> squares(values.size());
///     fanout::map_in_parallel_into(squares, values, [](float value) { return value * value; });
///
/// *Requires*: `out` is a sized random-access range, either an lvalue or a borrowed range such as `std::span`.
/// Results are assignable to its elements, and each element is an object of its own, so `std::vector<bool>` and other
/// ranges whose references are objects are refused. `out` may be `items` itself: each task reads its item before it
/// writes its element.
///
/// *Guarantees*: task i assigns its result to element i, and nothing else in fanout writes it. The result is a
/// temporary object on the stack of the thread that runs the task. If the call throws, the elements of tasks that did
/// not run or that threw are unchanged, except where the assignment itself threw. If the number of elements differs
/// from the number of items, the call throws `std::invalid_argument` and runs nothing.
///
/// *Costs*: those of `map_in_parallel`, without the memory of the results and the time that the system takes to
/// provide it.
template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
void map_in_parallel_into(Output&& out, Items&& items, F&& mapper, const run_options& options = {}) {
  detail::map_into_on<Output, Items>(nullptr, out, std::forward<Items>(items), mapper, options);
}

/// The same with only a limit: `map_in_parallel_into(out, items, mapper, 2)`.
template <detail::output_of_batch Output, detail::items Items, detail::mapper_into<Output, Items> F>
void map_in_parallel_into(Output&& out, Items&& items, F&& mapper, detail::limit auto concurrency) {
  detail::map_into_on<Output, Items>(nullptr, out, std::forward<Items>(items), mapper,
                                     detail::limited_to(concurrency));
}

}  // namespace fanout
