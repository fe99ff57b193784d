#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "fanout/detail/accept.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/results.hpp"
#include "fanout/run_options.hpp"

/// A batch of functions of different types, on an executor or, if that is null, as a free call.
namespace fanout::detail {

/// An object that begins life empty, off the stack if it is large.
template <class T>
struct off_the_stack {
  T object{};
  T& operator*() { return object; }
};
template <class T>
  requires(sizeof(T) > 1024)
struct off_the_stack<T> {
  std::unique_ptr<T> object = std::make_unique<T>();
  T& operator*() { return *object; }
};

template <class... F>
auto invoke_on(executor_core* executor, const run_options& options, F&&... functions) {
  return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    using results = std::tuple<std::conditional_t<std::is_void_v<task_result<F&&>>, std::monostate,
                                                  std::remove_cv_t<task_result<F&&>>>...>;
    off_the_stack<std::tuple<std::optional<made_by<std::tuple_element_t<Index, results>>>...>> room;
    auto& places = *room;
    std::tuple<F&&...> arguments(std::forward<F>(functions)...);

    auto run_one = [&](const started_task& started) {
      [[maybe_unused]] const auto run = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
        using argument = std::tuple_element_t<At, std::tuple<F&&...>>;
        auto make = [&]() -> std::tuple_element_t<At, results> {
          if constexpr (std::is_void_v<task_result<argument>>) {
            detail::call_task(started, std::forward<argument>(std::get<At>(arguments)));
            return {};
          } else {
            return detail::call_task(started, std::forward<argument>(std::get<At>(arguments)));
          }
        };
        std::get<At>(places).emplace(std::in_place, make);
      };
      ((started.index == Index ? run(std::integral_constant<std::size_t, Index>{}) : void()), ...);
    };

    check_options(options);
    (detail::refuse_if_empty(Index, functions), ...);
    refuse_to_try_again<(task_runs_once<F&&> || ...)>(options);
    run_batch(executor, {sizeof...(F), block_of(run_one), options});
    return results(std::move(std::get<Index>(places)->value)...);
  }(std::index_sequence_for<F...>{});
}

}  // namespace fanout::detail
