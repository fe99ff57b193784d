#pragma once

#include <cstddef>
#include <optional>

#include "fanout/detail/export.hpp"

/// The values from which `available_concurrency()` is computed, for reports of measurements. Each is read once, when it
/// is first needed.
namespace fanout::detail {

/// The number of CPUs on which the process may run, at least 1.
FANOUT_EXPORT std::size_t cores_by_affinity();

/// Whether `cpu` is one of them. True for every number if the kernel does not say which they are.
FANOUT_EXPORT bool may_run_on(unsigned cpu);

/// The CPU quota of the control group in cores; empty if there is none.
FANOUT_EXPORT std::optional<double> quota_in_cores();

/// The maximum number of tasks in flight of a batch with the limit `unlimited`.
inline constexpr std::size_t most_unlimited = 1'024;

}  // namespace fanout::detail
