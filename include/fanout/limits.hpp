#pragma once

#include <cstddef>
#include <limits>

#include "fanout/detail/export.hpp"

/// @file
/// How many tasks may run at once: the two symbolic limits, and what the machine can give.
namespace fanout {

/// The cores: up to `available_concurrency()` tasks at once. Automatic batches in each other together never have more.
/// Those of several threads share the workers of oneTBB, in addition to each calling thread. On an executor it means the
/// executor's own limit. The right choice for tasks that compute.
inline constexpr std::size_t automatic = std::numeric_limits<std::size_t>::max();

/// One slot a task, up to 1,024: the right choice for a handful of tasks that mostly wait.
inline constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max() - 1;

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
