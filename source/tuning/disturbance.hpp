#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fanout/tuning_report.hpp"
#include "tuning/machine_load.hpp"
#include "tuning/sweep.hpp"

/// Whether the workload had the cores to itself while it was measured.
namespace fanout::detail {

/// Which share of the time of the cores others used during the measurement. Empty where that is not known.
struct core_use {
  std::optional<double> others{};  ///< Other programs.
  std::optional<double> stolen{};  ///< Other machines, to which the hypervisor gave the cores.
};

/// The use between two readings, in which this process and its children used `own_seconds` of CPU time. Empty if they
/// are less than half a second of one core apart, because the system counts too coarsely for that.
core_use use_between(const std::optional<cpu_times>& before, const std::optional<cpu_times>& after,
                     double own_seconds);

struct disturbance {
  bool by_others = false;  ///< False if only the threads of the process were in each other's way.
  std::string text{};      ///< Sentences with a blank before them, or empty.
};

/// Compares the waits of threads and the use of the cores with a tenth. The waits count at sizes that have a core for
/// each thread: at larger ones, threads wait for each other. With a quota, the programs of others do not count,
/// because the rest of the machine is theirs.
disturbance disturbance_of(const std::vector<measured_size>& sizes, const machine_shape& machine,
                           const core_use& use);

}  // namespace fanout::detail
