#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "fanout/detail/export.hpp"

/// @file
/// Limits on how many tasks run at once, and how many threads the machine supports.
namespace fanout {

/// One thread for each core: up to `available_concurrency()` tasks at once. The right choice for tasks that compute.
/// Automatic batches nested in each other never run more tasks than that in total. Automatic batches started by
/// different threads share oneTBB's workers; each calling thread works in addition to them. For a batch on an
/// executor, `automatic` means the executor's limit.
///
/// The value has no meaning. It is far from values that faulty arithmetic produces.
inline constexpr std::size_t automatic = static_cast<std::size_t>(0x4155'544f'4d41'5449U);

/// One thread for each task, up to 1,024: the right choice for a small number of tasks that mostly wait.
inline constexpr std::size_t unlimited = static_cast<std::size_t>(0x554e'4c49'4d49'5445U);

class concurrency_limit;

namespace detail {

/// Throws `std::invalid_argument`, which names the bounds, unless the limit is `automatic`, `unlimited` or a number
/// from 1 to `max_concurrency()`. For a number that is obviously a mistake, the message says what it probably was.
FANOUT_EXPORT void check_limit(const concurrency_limit& named);

/// Any integer type of up to 64 bits but `bool`.
template <class T>
concept number = std::integral<T> && !std::same_as<T, bool> && sizeof(T) <= sizeof(long long);

/// The type of a limit: any integer type, or an unscoped enumeration.
template <class T>
concept limit_number = number<T> ||
    (std::is_enum_v<T>&& std::is_convertible_v<T, long long>&& number<std::underlying_type_t<T>>);

}  // namespace detail

/// How many tasks may be in flight at once: a number, `automatic` or `unlimited`.
///
/// Converts from any integer type, so `{.concurrency = n}` compiles whatever the type of `n`; `bool` is refused. The
/// conversion checks nothing: the call or the executor that gets the limit throws `std::invalid_argument` if it is
/// out of bounds.
class concurrency_limit {
 public:
  /// `automatic`.
  constexpr concurrency_limit() noexcept = default;

  /// Keeps a negative number as it is, for the message of the exception that refuses it.
  template <detail::limit_number Number>
  // NOLINTNEXTLINE(google-explicit-constructor): a number is a limit
  constexpr concurrency_limit(Number named) noexcept : value_(static_cast<unsigned long long>(named)) {
    if constexpr (std::is_enum_v<Number>) {
      *this = concurrency_limit(static_cast<std::underlying_type_t<Number>>(named));
    } else if constexpr (std::is_signed_v<Number>) {
      is_negative_ = named < 0;
    }
    if (std::is_constant_evaluated()) return;  // changes nothing: see detail::by_default
  }

  /// A `bool` is not a limit.
  template <std::same_as<bool> Flag>
  concurrency_limit(Flag) = delete;  // NOLINT(google-explicit-constructor): true is no number of threads

  /// False for `automatic` and `unlimited`.
  constexpr bool is_number() const noexcept { return is_negative_ || (value_ != automatic && value_ != unlimited); }

  /// The number, or 0 if it is negative; 0 is always refused. Requires `is_number()`.
  constexpr std::size_t number() const noexcept { return is_negative_ ? 0 : static_cast<std::size_t>(value_); }

  /// True if both are the same limit, whatever integer types they were given in.
  friend constexpr bool operator==(const concurrency_limit&, const concurrency_limit&) noexcept = default;

 private:
  friend void detail::check_limit(const concurrency_limit& named);

  unsigned long long value_ = automatic;
  bool is_negative_ = false;
};

/// The number of cores that this process may use: the smaller of its affinity mask and its cgroup CPU quota (v1 or
/// v2, the tightest of all enclosing groups, rounded up), at least 1.
///
/// The affinity mask of the process is that of its main thread. If OpenMP binds threads (`OMP_PROC_BIND`), its places
/// are added. If the main thread has a single CPU nevertheless, the masks of all other threads are added.
///
/// Both are read once, at the first call, as in oneTBB; later changes of affinity or quota have no effect. oneTBB
/// before 2022.3 ignores the quota (uxlfoundation/oneTBB issues 190 and 1760); fanout never does. The first call
/// reads some files; later calls cost about a nanosecond.
FANOUT_EXPORT std::size_t available_concurrency();

/// The largest number that a limit can be: 32,768. The system may allow the process fewer threads; the call or
/// executor that gets the limit then throws `resource_error`, which says how many it allows.
FANOUT_EXPORT std::size_t max_concurrency();

}  // namespace fanout
