#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include "fanout/detail/accept.hpp"

namespace fanout {

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class F>
concept generator_function =
    std::invocable<F&> &&  // the function must be callable without arguments
    is_optional<std::remove_cvref_t<std::invoke_result_t<F&>>>;  // the function must return a std::optional

template <class F>
concept kept_generator_function =
    function_can_be_kept<F> &&  // the range owns the function: it copies an lvalue and moves an rvalue
    generator_function<std::decay_t<F>>;

}  // namespace detail

/// The values that a function returns, until it returns an empty `std::optional`. See `from_callable`.
template <detail::generator_function F>
class callable_range {
  using value = typename std::remove_cvref_t<std::invoke_result_t<F&>>::value_type;

 public:
  /// Owns the function.
  explicit callable_range(F function) : function_(std::move(function)) {}

  /// Refers to its range, which must stay where it is while the iterator is used.
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;  ///< It reads once.
    using value_type = value;                          ///< What the function returns.
    using difference_type = std::ptrdiff_t;            ///< As of any iterator.

    /// For the range.
    explicit iterator(callable_range& of) : of_(std::addressof(of)) {}

    /// The value, which may be moved from.
    value&& operator*() const { return std::move(*of_->current_); }
    /// Calls the function.
    iterator& operator++() {
      of_->read();
      return *this;
    }
// g++ -Weffc++ wants a copy of the iterator to be returned, which could not be used.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Weffc++"
    /// Calls the function.
    void operator++(int) { of_->read(); }
#pragma GCC diagnostic pop

    /// True once the function has returned nothing.
    friend bool operator==(const iterator& one, std::default_sentinel_t) { return one.is_over(); }

   private:
    bool is_over() const { return !of_->current_.has_value(); }

    callable_range* of_;
  };

  /// Calls the function for the first value.
  iterator begin() {
    read();
    return iterator(*this);
  }
  /// The end.
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  void read() {
    current_.reset();
    std::optional<value> next = std::invoke(function_);
    if (next) current_.emplace(*std::move(next));
  }

  F function_;
  std::optional<value> current_{};
};

/// A range of what `function` returns, for `stream_in_parallel` and every other call that takes a range. It ends when
/// the function returns an empty `std::optional`. What the function throws reaches the reader of the range.
///
///     auto pages = fanout::stream_in_parallel(fanout::from_callable([&] { return feed.next(); }), render);
///
/// The range can be read once. It owns the function: an rvalue is moved, an lvalue copied.
template <detail::kept_generator_function F>
auto from_callable(F&& function) {
  return callable_range<std::decay_t<F>>(std::forward<F>(function));
}

}  // namespace fanout
