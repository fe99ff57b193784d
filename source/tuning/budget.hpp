#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "tuning/sweep.hpp"

/// Whether a budget is sufficient, judged by the first runs.
namespace fanout::detail {

/// The budget must allow this many runs of every size: fewer tell nothing.
inline constexpr std::size_t least_repetitions = 3;

/// The first runs so far.
struct first_runs {
  const std::vector<measured_size>& sizes;  ///< Those that have run; at least one.
  std::span<const std::size_t> missing;     ///< Those that have not run.
  double spent = 0;                         ///< The seconds since the sweep began.
  double cut = 0;  ///< The seconds that the last run would have taken in addition, had it not been stopped.
};

/// The time for the first runs and the least number of runs of each size, in seconds.
struct needed_seconds {
  double certain = 0;   ///< If sizes that have not run yet are as fast as they can be.
  double cautious = 0;  ///< If they are no faster than the last one.
};

needed_seconds needed_for(const first_runs& runs);

/// Throws a `budget_error` that names a sufficient budget.
[[noreturn]] void refuse_budget(std::chrono::nanoseconds budget, const first_runs& runs);

/// Throws a `budget_error` that names none, because no task of this size ended within it.
[[noreturn]] void refuse_budget_without_a_task(std::chrono::nanoseconds budget, std::size_t concurrency);

/// Rounds down. A time that nanoseconds cannot hold becomes about as long as they can.
std::chrono::nanoseconds nanoseconds_of(double seconds);

}  // namespace fanout::detail
