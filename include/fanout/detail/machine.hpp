#pragma once

#include <cstddef>
#include <optional>

#include "fanout/detail/export.hpp"

/// What `available_concurrency()` is made of, for the report of a measurement. Both are read once, with it.
namespace fanout::detail {

/// The CPUs in the affinity mask of the process, at least 1, as oneTBB counts them. (Since 2022.3 it also takes the quota
/// into account.)
FANOUT_EXPORT std::size_t cores_by_affinity();

/// The CPU quota of the control group in cores, or none.
FANOUT_EXPORT std::optional<double> quota_in_cores();

/// How many tasks of a batch with the limit `unlimited` are in flight at most.
inline constexpr std::size_t most_unlimited = 1'024;

}  // namespace fanout::detail
