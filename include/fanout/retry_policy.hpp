#pragma once

#include <chrono>
#include <exception>
#include <functional>

#include "fanout/detail/by_default.hpp"

namespace fanout {

/// Whether and when a task that has failed is tried again: the type of `run_options::retry`. A plain aggregate.
///
///     .retry = {.again = 3, .pause = std::chrono::milliseconds(200)}
///
/// tries each task up to four times, and pauses for about 0.2, 0.4 and 0.8 seconds in between.
struct retry_policy {
  /// How often a task may be tried again. With 0, not at all.
  unsigned again = detail::by_default(0U);

  /// The pause before the second attempt. While a task pauses, its place goes to others. At least 0.
  std::chrono::nanoseconds pause = detail::by_default(std::chrono::nanoseconds(0));

  /// No pause is longer. At least 0.
  std::chrono::nanoseconds longest_pause = detail::by_default(std::chrono::nanoseconds(std::chrono::minutes(1)));

  /// Each pause is so many times as long as the one before; at least 1.
  double factor = detail::by_default(2.0);

  /// Each pause is lengthened or shortened by up to this share of it, at random, so that tasks that failed together
  /// do not come back together; from 0 to 1. The random numbers follow from `task_context::seed()`, so they are the
  /// same in each run.
  double jitter = detail::by_default(0.2);

  /// Whether a task that has failed with this exception is tried again. By default it is after any. Called on the
  /// thread of the task, by several threads at once. If it throws, the batch ends, and that reaches the caller.
  std::function<bool(const std::exception_ptr& cause)> when{};
};

}  // namespace fanout
