#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// How long threads waited for a core, and how much of the cores others used, as the system reports it.
namespace fanout::detail {

/// The threads of the process, ordered by their number, each with the nanoseconds for which it could have run but
/// waited for a core.
using thread_waits = std::vector<std::pair<int, std::uint64_t>>;

/// Reads /proc/self/task/*/schedstat. None if the system does not report it. Costs about 10 us for each thread.
std::optional<thread_waits> waits_of_threads();

/// The seconds that threads waited between two readings. Threads that ended in between are missing, because nothing
/// tells what they waited for; those that were started in between count.
double seconds_waited(const thread_waits& before, const thread_waits& after);

/// The wait in the text of a file schedstat, in nanoseconds; none if the text makes no sense.
std::optional<std::uint64_t> wait_in_schedstat(std::string_view text);

/// The time of CPUs since the system was started, in seconds.
struct cpu_times {
  double busy = 0;    ///< In which they worked, for anybody.
  double stolen = 0;  ///< In which the hypervisor let other machines use them.
  double all = 0;     ///< Both, and the time in which they were idle.
};

/// Reads /proc/stat, for the CPUs on which the process may run. None if the system does not report it. The
/// system counts in steps of 10 ms, so differences over short times mean little.
std::optional<cpu_times> times_of_cpus();

/// The times in the text of /proc/stat of the CPUs that `counts` selects; none if there is no such CPU, or the text
/// makes no sense. `tick`: the unit of the text, in seconds.
std::optional<cpu_times> times_in_stat(std::string_view text, bool (&counts)(unsigned cpu), double tick);

}  // namespace fanout::detail
