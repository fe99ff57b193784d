#pragma once

#include "fanout/detail/batch.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls `function(first, last)` for contiguous shares of the indices 0 … count - 1. The shares do not overlap, and
/// together they contain each index once. Use it for loops whose body is cheaper for many indices at once, such as
/// the rows of an image.
///
///     fanout::for_each_range(image.rows(), [&](int first, int last) { blur_rows(image, first, last); });
///
/// `count` may be of any integer type; `first` and `last` have the same type. No share is empty. Each runner begins
/// with a share of one index. It doubles its shares until one takes 100 µs, and goes on as long as that makes each
/// index clearly cheaper. So the fixed cost of a call is spread over many indices. Shares of indices that have become
/// more expensive get smaller, as do those near the end. A runner that finds no share left takes indices from a share
/// that another runner has taken but not started: about half of them, or all but the first.
///
/// *Requires*: `function` is callable as above, or with a `const task_context&` as third argument, by several threads
/// at once. `task_context::index()` is `first`.
///
/// *Guarantees*: those of `execute_in_parallel`, with a share as the task. `task_error::index()` is the first index
/// of the share that threw; the rest of that share is not run, also under `error_policy::run_all`, and
/// `aggregate_error` counts failed shares. `on_progress` and `operation_cancelled::completed()` count the indices of
/// the shares that have ended.
template <detail::number Number, detail::range_function<Number> F>
void for_each_range(Number count, F&& function, const run_options& options = {}) {
  detail::for_each_range_on(nullptr, count, function, options);
}

/// The same with only a limit: `for_each_range(count, function, 2)`.
template <detail::number Number, detail::range_function<Number> F>
void for_each_range(Number count, F&& function, detail::limit auto concurrency) {
  detail::for_each_range_on(nullptr, count, function, detail::limited_to(concurrency));
}

}  // namespace fanout
