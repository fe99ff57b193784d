#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// What the process has used, as the system tells.
namespace fanout::detail {

/// Of all threads, and of the child processes that have ended and been waited for: a workload may run commands.
struct resource_use {
  double cpu_seconds = 0;
  double voluntary_switches = 0;
  double involuntary_switches = 0;
};

resource_use resource_use_of_process();

/// Lets the peak of the resident memory begin anew (Linux: 5 into /proc/self/clear_refs; VmHWM starts again from what
/// is resident now, for everyone who looks at it). False where that is not possible or not allowed.
bool forget_peak_memory();

/// The peak since then, of this process alone; none where the system does not tell.
std::optional<std::uint64_t> peak_memory_bytes();

/// The peak in the text of /proc/self/status, or none.
std::optional<std::uint64_t> peak_in_status(std::string_view status);

}  // namespace fanout::detail
