#pragma once

#include <utility>

#include "fanout/detail/invoke.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls several functions of different types in parallel, at most as many at once as there are cores, and returns a
/// tuple of their results, with `std::monostate` for void.
///
///     auto [text, sum, done] = fanout::invoke_in_parallel(read_text, [&] { return add_up(values); }, write_log);
///
/// *Requires*: each function is callable as `T()` or `T(const task_context&)` and returns no reference.
///
/// The index of a `task_error` is the function's position in the argument list. Guarantees, outcomes and costs are
/// otherwise those of `execute_in_parallel` with the default options. Each result is moved once, into the tuple;
/// before that, results of more than 1 KiB in all are not on the stack.
template <class... F>
  requires detail::functions<F...>
auto invoke_in_parallel(F&&... functions) {
  return detail::invoke_on(nullptr, run_options{}, std::forward<F>(functions)...);
}

/// The same with options: `invoke_in_parallel({.concurrency = 2, .stop = token}, load, parse, check)`.
template <class... F>
  requires detail::functions<F...>
auto invoke_in_parallel(const run_options& options, F&&... functions) {
  return detail::invoke_on(nullptr, options, std::forward<F>(functions)...);
}

}  // namespace fanout
