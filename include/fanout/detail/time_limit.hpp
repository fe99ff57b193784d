#pragma once

#include <chrono>
#include <concepts>

/// How long a call waits, as a moment of the steady clock. Limits of any clock and type are accepted.
namespace fanout::detail {

/// In floating point, in which no duration overflows.
using real_seconds = std::chrono::duration<double>;

/// A longer wait counts as endless.
inline constexpr real_seconds century{3.2e9};

/// Rounded up, so that a call never gives up early.
template <class Rep, class Period>
std::chrono::steady_clock::time_point after(std::chrono::steady_clock::time_point now,
                                            const std::chrono::duration<Rep, Period>& limit) {
  using clock = std::chrono::steady_clock;
  if (real_seconds(limit) > century) return clock::time_point::max();
  return limit > limit.zero() ? now + std::chrono::ceil<clock::duration>(limit) : now;
}

template <class Clock, class Duration>
std::chrono::steady_clock::time_point steady(const std::chrono::time_point<Clock, Duration>& limit) {
  using clock = std::chrono::steady_clock;
  const auto now = Clock::now();
  const real_seconds ahead = real_seconds(limit.time_since_epoch()) - real_seconds(now.time_since_epoch());
  if (ahead > century) return clock::time_point::max();
  if constexpr (std::same_as<std::chrono::time_point<Clock, Duration>, clock::time_point>) return limit;
  return detail::after(clock::now(), ahead < -century ? Clock::duration::zero() : limit - now);
}

}  // namespace fanout::detail
