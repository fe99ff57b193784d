#pragma once

#include <cstddef>
#include <optional>

#include "machine/control_groups.hpp"

/// The CPU quota of this process: how many cores' worth of CPU time its control groups allow (Linux cgroups, version
/// 1 and 2).
///
/// A container limited by `docker run --cpus 2` or a Kubernetes CPU limit still sees every core of the host in its
/// affinity mask; only the quota of its group shows the limit. A scheduler that ignores the quota starts too many
/// threads, and the kernel then throttles all of them (uxlfoundation/oneTBB issues 190 and 1760).
namespace fanout::detail {

/// The quota in cores, for example 1.5; none if there is no quota.
///
/// The lowest quota wins: of the group of the process and its parents as far as a mount shows them, in both versions.
/// Missing or malformed content counts as no quota, and never makes this throw.
///
/// Requires a reader that is not empty. Reads /proc/self/mountinfo, /proc/self/cgroup, and one file (version 2) or
/// two (version 1) for each group.
std::optional<double> cpu_quota(const file_reader& read_file);

/// The number of threads for a quota: rounded up, because one thread cannot use 1.5 cores, and at least 1.
std::size_t whole_cores(double quota);

}  // namespace fanout::detail
