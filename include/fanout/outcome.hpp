#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/results.hpp"
#include "fanout/error.hpp"

namespace fanout {

namespace detail {
[[noreturn]] FANOUT_EXPORT void throw_task_error(std::size_t index, const std::exception_ptr& cause,
                                                 unsigned attempts);
[[noreturn]] FANOUT_EXPORT void throw_task_cancelled();
}  // namespace detail

/// How one task of `settle_in_parallel` ended: with a value, with an exception, or not at all, because the batch was
/// stopped before the task started. Copyable and movable if `T` is; `T` may be void.
template <class T>
class outcome {
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  using made = detail::made_by<stored>;
  using state = std::variant<std::monostate, made, std::exception_ptr>;

 public:
  /// The type that the task returns.
  using value_type = T;

  /// Creates the outcome of a task that never started.
  outcome() noexcept = default;

  /// True if the task returned.
  bool has_value() const noexcept { return state_.index() == returned; }
  /// The same.
  explicit operator bool() const noexcept { return has_value(); }

  /// True if the task never started. (Also true for an outcome whose assignment failed because a copy or move of `T`
  /// threw: it has lost its contents.)
  bool cancelled() const noexcept { return state_.index() == not_started || state_.valueless_by_exception(); }

  /// The exception that the task threw; null if it returned or never started.
  std::exception_ptr error() const noexcept {
    const std::exception_ptr* const cause = std::get_if<failed>(&state_);
    return cause ? *cause : nullptr;
  }

  /// The value. Throws `task_error`, with the task's index and the cause, if the task failed, and
  /// `operation_cancelled` if it never started.
  std::add_lvalue_reference_t<T> value() & {
    require_value();
    return **this;
  }
  /// The same.
  std::add_lvalue_reference_t<const T> value() const& {
    require_value();
    return **this;
  }
  /// The same, to move from.
  std::conditional_t<std::is_void_v<T>, void, stored&&> value() && {
    require_value();
    return *std::move(*this);
  }

  /// The value, unchecked. Requires `has_value()`.
  std::add_lvalue_reference_t<T> operator*() & noexcept {
    if constexpr (!std::is_void_v<T>) return std::get_if<returned>(&state_)->value;
  }
  /// The same.
  std::add_lvalue_reference_t<const T> operator*() const& noexcept {
    if constexpr (!std::is_void_v<T>) return std::get_if<returned>(&state_)->value;
  }
  /// The same, to move from.
  std::conditional_t<std::is_void_v<T>, void, stored&&> operator*() && noexcept {
    if constexpr (!std::is_void_v<T>) return std::move(std::get_if<returned>(&state_)->value);
  }
  /// A member of the value, unchecked. Requires `has_value()`.
  stored* operator->() noexcept
    requires(!std::is_void_v<T>)
  {
    return std::addressof(std::get_if<returned>(&state_)->value);
  }
  /// The same.
  const stored* operator->() const noexcept
    requires(!std::is_void_v<T>)
  {
    return std::addressof(std::get_if<returned>(&state_)->value);
  }

  /// For the library: stores the value that `make` returns or the exception that it throws, as the outcome of task
  /// `index` after so many attempts. Returns whether it returned.
  template <class Make>
  bool settle(std::size_t index, Make&& make, unsigned attempts = 1) noexcept {
    index_ = index & most_index;
    attempts_ = std::min(attempts, most_attempts) & most_attempts;
    // Not by `emplace`: libstdc++ makes some values in a variant on the stack, and assigns that.
    void* const place = std::addressof(state_);
    std::destroy_at(std::addressof(state_));
    try {
      if constexpr (std::is_void_v<T>) {
        make();
        auto nothing = [] { return std::monostate{}; };
        ::new (place) state(std::in_place_index<returned>, std::in_place, nothing);
      } else {
        ::new (place) state(std::in_place_index<returned>, std::in_place, make);
      }
      return true;
    } catch (...) {
      detail::require_exception();
      ::new (place) state(std::in_place_index<failed>, std::current_exception());
      return false;
    }
  }

 private:
  static constexpr std::size_t not_started = 0;
  static constexpr std::size_t returned = 1;
  static constexpr std::size_t failed = 2;
  static constexpr std::uint64_t most_index = (std::uint64_t{1} << 40) - 1;
  static constexpr unsigned most_attempts = (1U << 24) - 1;  // more are told as so many

  void require_value() const {
    if (cancelled()) detail::throw_task_cancelled();
    if (const std::exception_ptr cause = error()) detail::throw_task_error(index_, cause, attempts_);
  }

  state state_{};
  std::uint64_t index_ : 40 = 0;  // a batch holds at most 2^40 tasks
  std::uint64_t attempts_ : 24 = 1;
};

}  // namespace fanout
