#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "fanout/detail/call.hpp"
#include "fanout/detail/results.hpp"
#include "fanout/run_options.hpp"

namespace fanout {

/// Calls some different functions in parallel, as many at once as there are cores, and returns a tuple of their
/// results, `std::monostate` for void.
///
///     auto [text, sum, done] = fanout::invoke_in_parallel(read_text, [&] { return add_up(values); }, write_log);
///
/// *Requires*: each callable as `T()` or `T(const task_context&)`, returning no reference. The index of a
/// `task_error` is the function's place among the arguments. Otherwise as `execute_in_parallel` with the default
/// options; a result is moved once, into the tuple.
template <class... F>
auto invoke_in_parallel(F&&... functions) {
  static_assert((detail::task_item<F&&> && ...), "a task must be callable as T() or T(const task_context&)");
  static_assert((detail::returns_no_reference<detail::task_result<F&&>> && ...),
                "a task or mapper must return an object or void, not a reference");
  return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    using results = std::tuple<std::conditional_t<std::is_void_v<detail::task_result<F&&>>, std::monostate,
                                                  std::remove_cv_t<detail::task_result<F&&>>>...>;
    std::tuple<std::optional<detail::made_by<std::tuple_element_t<Index, results>>>...> slots;
    std::tuple<F&&...> arguments(std::forward<F>(functions)...);

    auto run_one = [&](std::size_t chosen, detail::batch_control& batch) {
      [[maybe_unused]] const auto run = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        using argument = std::tuple_element_t<I, std::tuple<F&&...>>;
        auto call = [&]() -> std::tuple_element_t<I, results> {
          if constexpr (std::is_void_v<detail::task_result<argument>>) {
            detail::call_task(I, batch, std::forward<argument>(std::get<I>(arguments)));
            return {};
          } else {
            return detail::call_task(I, batch, std::forward<argument>(std::get<I>(arguments)));
          }
        };
        std::get<I>(slots).emplace(std::in_place, call);
      };
      ((chosen == Index ? run(std::integral_constant<std::size_t, Index>{}) : void()), ...);
    };

    (detail::refuse_if_empty(Index, functions), ...);
    detail::run_batch(nullptr, {sizeof...(F), detail::block_of(run_one), run_options{}});
    return results(std::move(std::get<Index>(slots)->value)...);
  }(std::index_sequence_for<F...>{});
}

}  // namespace fanout
