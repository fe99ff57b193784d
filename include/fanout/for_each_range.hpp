#pragma once

#include "fanout/detail/batch.hpp"
#include "fanout/detail/run.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls `function(first, last)` for shares of the indices 0 … count - 1, which are contiguous, do not overlap and together
/// hold each index once. For loops whose body is cheaper for many indices at once, such as the rows of an image.
///
///     fanout::for_each_range(image.rows(), [&](int first, int last) { blur_rows(image, first, last); });
///
/// `count` is of any integer type, and so are `first` and `last`, of the same one. A share is what takes about 200 µs, or
/// less where an index takes less than 1 µs, estimated from the shares before; near the end they get smaller. A runner that
/// has nothing to do takes over half of a share that was handed out and has not begun. No share is empty.
///
/// *Requires*: callable as above, or with a `const task_context&` as a third argument, by several threads at once. Its index
/// is `first`.
///
/// *Guarantees*: as `execute_in_parallel`, where a task is a share. `task_error::index()` is the first index of the share that
/// threw; `on_progress` counts the indices of shares that have ended, and so does `operation_cancelled::completed()`.
template <detail::number Number, detail::range_function<Number> F>
void for_each_range(Number count, F&& function, const run_options& options = {}) {
  detail::for_each_range_on(nullptr, count, function, options);
}

/// The same in short: `for_each_range(count, function, 2)`.
template <detail::number Number, detail::range_function<Number> F>
void for_each_range(Number count, F&& function, detail::limit auto concurrency) {
  detail::for_each_range_on(nullptr, count, function, detail::limited_to(concurrency));
}

}  // namespace fanout
