#pragma once

#include <utility>

#include "fanout/detail/invoke.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls some different functions in parallel, as many at once as there are cores, and returns a tuple of their
/// results, `std::monostate` for void.
///
///     auto [text, sum, done] = fanout::invoke_in_parallel(read_text, [&] { return add_up(values); }, write_log);
///
/// *Requires*: each callable as `T()` or `T(const task_context&)`, returning no reference. The index of a
/// `task_error` is the place of the function, without the options. Otherwise as `execute_in_parallel` with the default
/// options; a result is moved once, into the tuple.
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
