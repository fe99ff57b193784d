#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <type_traits>

#include "fanout/detail/call.hpp"
#include "fanout/detail/input.hpp"
#include "fanout/detail/results.hpp"

/// The arguments that the calls accept, as constraints, so that `requires` and overload resolution can ask for them.
/// When a compiler rejects a call, it shows the line below that is not satisfied, with the sentence at its end.
namespace fanout::detail {

// Each of these is a constant, not a concept. For an unsatisfied concept, a compiler also explains its parts, and
// says in many lines what one sentence says better.
template <class Item, class... Args>
inline constexpr bool is_task = task_item<Item, Args...>;
template <class F, class Item, class... Args>
inline constexpr bool is_mapper = mapper_of<F, Item, Args...>;
template <class Items>
inline constexpr bool is_range_or_number = is_range<Items> || number<std::remove_cvref_t<Items>>;
template <class Items>
inline constexpr bool has_no_bits = !holds_bit_reference<std::remove_cvref_t<item_t<Items>>>;
template <class F, class Items, class... Args>
inline constexpr bool takes_bits = !range_of_bits<Items> || mapper_of<F, item_t<Items>, Args...>;
template <class F, class Items, class... Args>
inline constexpr bool takes_stand_ins = !gives_stand_ins<Items> || callable_in_batch<F&, item_t<Items>, Args...> ||
                                        !mapper_of<F, item_t<Items>, Args...>;
template <class Result>
inline constexpr bool is_object = !std::is_reference_v<Result>;
template <class Result>
inline constexpr bool is_destroyed_quietly = std::is_void_v<Result> || std::is_nothrow_destructible_v<Result>;
template <class Result>
inline constexpr bool is_movable = std::is_void_v<Result> || std::move_constructible<std::remove_cv_t<Result>>;
template <class Result>
inline constexpr bool can_be_kept = is_movable<Result> || built_in_vector<std::remove_cv_t<Result>>;

template <class F>
inline constexpr bool function_can_be_kept = std::constructible_from<std::decay_t<F>, F>;

template <class Result>
concept result_of_batch =
    is_object<Result> &&  // a task or mapper must return an object or void, not a reference
    is_destroyed_quietly<Result> &&  // the destructor of a result must not throw
    can_be_kept<Result>;  // a result must be movable, or begin life by a default constructor that does not throw

/// A range of tasks.
template <class Range>
concept tasks = input_of_batch<Range> &&
    is_task<item_t<Range>> &&  // a task must be callable as T() or T(const task_context&)
    result_of_batch<task_result<item_t<Range>>>;

/// A range of items, or a number n, which stands for the indices 0 … n - 1.
template <class Items>
concept items =
    is_range_or_number<Items> &&  // the items must be a range or a number of indices
    is_finite<Items> &&           // the input must have an end
    can_be_read<Items>;           // items that a range makes must be movable

/// Whatever `F` writes to an item reaches the range, unless the item belongs to `F`.
template <class F, class Items, class... Args>
concept changes_arrive =
    has_no_bits<Items> &&  // items must not contain references to bits, which share memory: use std::as_const
    takes_bits<F, Items, Args...> &&  // bits, such as the items of std::vector<bool>, are given as bool&
    takes_stand_ins<F, Items, Args...>;  // an item that can be read only once must be taken by value, const& or &&

template <class F, class Items>
concept mapper = items<Items> &&
    changes_arrive<F, Items> &&
    is_mapper<F, item_t<Items>> &&  // a mapper must be callable as R(item) or R(item, const task_context&)
    result_of_batch<mapper_result<F, item_t<Items>>>;

template <class F>
inline constexpr bool is_no_option = !std::derived_from<std::remove_cvref_t<F>, run_options>;

/// The functions of `invoke`. None of them may be the options, which may come first in the call.
template <class... F>
concept functions = (is_no_option<F> && ...) &&  // options come before the functions
    (is_task<F&&> && ...) &&  // a task must be callable as T() or T(const task_context&)
    (is_object<task_result<F&&>> && ...) &&  // a task or mapper must return an object or void, not a reference
    (is_movable<task_result<F&&>> && ...);   // a result must be movable, into the tuple of all

template <class Range, class T>
concept pooled_tasks = input_of_batch<Range> &&
    is_task<item_t<Range>, T&> &&  // a pooled task must be callable as R(Resource&) or R(Resource&, const task_context&)
    result_of_batch<task_result<item_t<Range>, T&>>;

template <class F, class Items, class T>
concept pooled_mapper = items<Items> &&
    changes_arrive<F, Items, T&> &&
    is_mapper<F, item_t<Items>, T&> &&  // a pooled mapper must be callable as R(item, Resource&) or with a task_context
    result_of_batch<mapper_result<F, item_t<Items>, T&>>;

template <class F, class Number>
concept callable_with_range = std::invocable<F&, Number, Number> ||
                              std::invocable<F&, Number, Number, const task_context&>;
template <class F, class Number>
inline constexpr bool is_range_function = callable_with_range<F, Number>;

/// A function for shares of indices. Its result is ignored.
template <class F, class Number>
concept range_function =
    is_range_function<F, Number>;  // a function of ranges must be callable as f(first, last), or with a task_context

/// True if a result can be assigned to an element of the caller's output.
template <class Output, class Result>
inline constexpr bool takes_result = std::is_assignable_v<std::ranges::range_reference_t<Output>, Result>;

template <class Output>
inline constexpr bool has_elements = std::is_lvalue_reference_v<std::ranges::range_reference_t<Output>>;

template <class Output>
inline constexpr bool has_places = std::ranges::random_access_range<Output> && std::ranges::sized_range<Output>;
template <class Output>
inline constexpr bool outlives_the_call = std::ranges::borrowed_range<Output>;

template <class Output>
concept output_of_batch =
    has_places<Output> &&         // the output must be a sized random-access range, such as a vector or an array
    outlives_the_call<Output> &&  // the output must be an lvalue or a view, because a temporary ends with the call
    has_elements<Output>;  // the output must have elements, not bits or other proxies

template <class F, class Output, class Items>
concept mapper_into = mapper<F, Items> &&
    takes_result<Output, mapper_result<F, item_t<Items>>>;  // the result must be assignable to an element of the output

}  // namespace fanout::detail
