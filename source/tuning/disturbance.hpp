#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fanout/tuning_report.hpp"
#include "tuning/machine_load.hpp"
#include "tuning/resource_use.hpp"
#include "tuning/sweep.hpp"

/// Whether the workload had the cores to itself while it was measured.
namespace fanout::detail {

/// Which share of the time of the cores others used during the measurement. Empty where that is not known.
struct core_use {
  std::optional<double> others{};  ///< Other programs.
  std::optional<double> stolen{};  ///< Other machines, to which the hypervisor gave the cores.
  bool by_children = false;        ///< Whether child processes of this one used more than a tenth of what it used.
};

/// The use between two readings. `own`: the use by this process and its children in this time. The shares are empty if
/// the readings are less than half a second of one core apart, because the system counts too coarsely for that.
core_use use_between(const std::optional<cpu_times>& before, const std::optional<cpu_times>& after,
                     const resource_use& own);

struct disturbance {
  bool by_others = false;  ///< False if only the threads of the process were in each other's way.
  std::string text{};      ///< Sentences with a blank before them, or empty.
};

/// Compares the waits of threads and the use of the cores with a tenth. The waits count at sizes that have a core for
/// each thread: at larger ones, threads wait for each other. With a quota, the programs of others do not count,
/// because the rest of the machine is theirs. Waits that nobody else explains are said to come from further threads of
/// the process, unless it has child processes that compute, which may be the cause as well.
disturbance disturbance_of(const std::vector<measured_size>& sizes, const machine_shape& machine,
                           const core_use& use);

}  // namespace fanout::detail
