#pragma once

#include <chrono>
#include <fanout/tuning.hpp>
#include <fanout/tuning_comparison.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "compare.hpp"
#include "workloads/workload.hpp"

namespace tool {

/// Those that `fanout compare` runs unless others are named: serial, fanout, and two that are written with `std::thread`.
std::vector<fanout::comparison_scheduler> hand_written_schedulers();

/// The schedulers of `fanout compare` at the recommended size, or why there are none.
struct measured_baselines {
  std::optional<comparison> results;
  std::string left_out;  // a sentence for people; empty if there are results, or if nobody asked for any
};

struct baseline_time {
  std::chrono::steady_clock::time_point end;  // of the budget
  std::chrono::nanoseconds share;             // of the budget, for runs beyond the least number
};

/// Measures them until the end of the budget at the latest. They are left out if they do not end by then, or could not,
/// if the system refuses their threads, and if `stop` is requested. Throws what a task throws.
measured_baselines measure_baselines(const workload& tasks, const fanout::tuning_report& report,
                                     const baseline_time& time, bool show_progress, const std::stop_token& stop);

}  // namespace tool
