#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "fanout/detail/export.hpp"

/// The values from which `available_concurrency()` is computed, for reports of measurements. Unless they say otherwise,
/// each is read once, when it is first needed.
namespace fanout::detail {

/// The number of CPUs on which the process may run, at least 1.
FANOUT_EXPORT std::size_t cores_by_affinity();

/// Whether the process may run on each CPU, by its number. Empty if the kernel does not say. Read at each call.
FANOUT_EXPORT std::vector<bool> cpus_of_process();

/// The CPU quota of the control group in cores; empty if there is none.
FANOUT_EXPORT std::optional<double> quota_in_cores();

/// The maximum number of tasks in flight of a batch with the limit `unlimited`.
inline constexpr std::size_t most_unlimited = 1'024;

}  // namespace fanout::detail
