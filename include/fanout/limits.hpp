#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "fanout/detail/export.hpp"

/// @file
/// How many tasks may run at once: limits, and what the machine can give.
namespace fanout {

/// The cores: up to `available_concurrency()` tasks at once. Automatic batches in each other together never have more.
/// Those of several threads share the workers of oneTBB, in addition to each calling thread. On an executor it means the
/// executor's own limit. The right choice for tasks that compute.
///
/// Its value is of no meaning, and far from those that arithmetic gone wrong produces.
inline constexpr std::size_t automatic = static_cast<std::size_t>(0x4155'544f'4d41'5449U);

/// One slot a task, up to 1,024: the right choice for a handful of tasks that mostly wait.
inline constexpr std::size_t unlimited = static_cast<std::size_t>(0x554e'4c49'4d49'5445U);

class concurrency_limit;

namespace detail {

/// Throws the `std::invalid_argument` that names the bounds, unless the limit is `automatic`, `unlimited` or a number from
/// 1 to `max_concurrency()`. Of a number that cannot have been meant it says what it probably was.
FANOUT_EXPORT void check_limit(const concurrency_limit& named);

/// Any integer type but `bool`.
template <class T>
concept number = std::integral<T> && !std::same_as<T, bool>;

/// What names a limit: an integer of any type, or a constant of an unscoped enumeration.
template <class T>
concept limit_number = number<T> ||(std::is_enum_v<T>&& std::is_convertible_v<T, long long>);

}  // namespace detail

/// How many tasks may be in flight at once: a number, `automatic` or `unlimited`.
///
/// It is made from an integer of any type, so `{.concurrency = n}` compiles whatever `n` is; `true` is no limit. Nothing is
/// refused here: the call or the executor that is given a number it cannot use throws `std::invalid_argument`.
class concurrency_limit {
 public:
  /// `automatic`.
  constexpr concurrency_limit() noexcept = default;

  /// A negative number is kept as it is, for the message that refuses it.
  template <detail::limit_number Number>
  constexpr concurrency_limit(Number named) noexcept : value_(static_cast<unsigned long long>(named)) {
    if constexpr (!std::is_unsigned_v<Number>) is_negative_ = static_cast<long long>(named) < 0;
  }

  /// False for `automatic` and `unlimited`.
  constexpr bool is_number() const noexcept { return is_negative_ || (value_ != automatic && value_ != unlimited); }

  /// The number; 0, which no batch can have, for a negative one. Requires `is_number()`.
  constexpr std::size_t number() const noexcept { return is_negative_ ? 0 : static_cast<std::size_t>(value_); }

  /// True for the same number, whatever types it was given in.
  friend constexpr bool operator==(const concurrency_limit&, const concurrency_limit&) noexcept = default;

 private:
  friend void detail::check_limit(const concurrency_limit& named);

  unsigned long long value_ = automatic;
  bool is_negative_ = false;
};

/// The number of cores that this process may really use: the smaller of its affinity mask and its cgroup CPU
/// quota (v1 or v2, the tightest of all enclosing groups, rounded up), at least 1.
///
/// It is read once, at the first call, as oneTBB does too: later changes of affinity or quota are not seen.
/// oneTBB before 2022.3 ignores the quota (uxlfoundation/oneTBB issues 190 and 1760), fanout never does.
/// Costs some file reads the first time, a nanosecond later.
FANOUT_EXPORT std::size_t available_concurrency();

/// The largest limit that can be named: 32,768. Whether the system lets the process have so many threads is another
/// question; where it does not, `resource_error` says how many it allows.
FANOUT_EXPORT std::size_t max_concurrency();

}  // namespace fanout
