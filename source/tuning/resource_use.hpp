#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// The CPU time, context switches and memory of the process, as the system reports them.
namespace fanout::detail {

/// The sums over all threads, and over the child processes that have ended and been waited for, because a workload
/// may run commands.
struct resource_use {
  double cpu_seconds = 0;
  double child_cpu_seconds = 0;  ///< The part of the child processes.
  double voluntary_switches = 0;
  double involuntary_switches = 0;
};

resource_use resource_use_of_process();

/// Resets the peak of the resident memory to the current value (Linux: writes 5 to /proc/self/clear_refs, which
/// resets VmHWM for all its readers). False if that is not possible or not allowed.
bool forget_peak_memory();

/// The peak since then, of this process without its children; none if the system does not report it.
std::optional<std::uint64_t> peak_memory_bytes();

/// The peak that the text of /proc/self/status names, or none.
std::optional<std::uint64_t> peak_in_status(std::string_view status);

}  // namespace fanout::detail
