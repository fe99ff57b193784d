#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

/// How many cores' worth of time the control groups of this process allow it (Linux cgroups, version 1 and 2).
///
/// A container limited by `docker run --cpus 2` or a Kubernetes CPU limit still sees every core of the host in its
/// affinity mask; only the quota of its group tells the truth, and a scheduler that ignores it starts too many
/// threads, which the kernel then throttles together (uxlfoundation/oneTBB issues 190 and 1760).
///
/// The answer is a pure function of files, so that tests can describe any machine as a map of path → content.
namespace fanout::detail {

/// Returns the content of a file, or none when it cannot be read.
using file_reader = std::function<std::optional<std::string>(const std::string& path)>;

/// The quota in cores, 1.5 for one and a half; none when there is no quota.
///
/// The tightest wins among the group of the process, the groups around it as far as a mount shows them, and both
/// versions. Whatever is missing or makes no sense counts as no quota: content is never a reason to throw.
///
/// Requires a reader that is not empty. Reads /proc/self/mountinfo, /proc/self/cgroup, and one file (version 2) or
/// two (version 1) for each group.
std::optional<double> cpu_quota(const file_reader& read_file);

/// A quota as a number of threads: rounded up, because one thread cannot use up 1.5 cores, and at least 1.
std::size_t whole_cores(double quota);

/// The reader for the real file system. Of a file above 1 MiB it returns the complete lines of the first 1 MiB.
std::optional<std::string> read_small_file(const std::string& path);

}  // namespace fanout::detail
