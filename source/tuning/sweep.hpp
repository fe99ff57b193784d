#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "tuning/bootstrap.hpp"
#include "fanout/tuning.hpp"

/// Decides in which order the sizes are measured, and when to stop. It knows neither executors nor clocks: the caller
/// passes both, so that tests can simulate a machine and its time.
namespace fanout::detail {

/// The time and resources of one run of the workload.
struct run_figures {
  double seconds = 0;
  double cpu_seconds = 0;
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  std::optional<std::uint64_t> peak_memory_bytes{};
  std::optional<double> core_wait_seconds{};  ///< In which threads could have run but waited for a core.
  std::optional<double> steal_seconds{};      ///< Of the cores, which the hypervisor gave to other machines.
};

/// The first run of a size.
struct warm_up_figures {
  double seconds = 0;  ///< Until its end, or until the limit stopped it.
  double share = 1;    ///< How much of the run was done: below 1 if the limit stopped it, 0 if no task had ended.
};

/// Where the runs happen.
struct sweep_ground {
  /// Prepares for runs of a size. Throws `resource_error` if the threads cannot be created.
  std::function<void(std::size_t concurrency)> prepare;

  /// Runs the workload once, at the size prepared last, and stops it after `limit` if it can be stopped.
  std::function<warm_up_figures(std::chrono::nanoseconds limit)> warm_up;

  /// Runs the workload once, at the size prepared last.
  std::function<run_figures()> run;

  /// The time since the sweep began.
  std::function<std::chrono::nanoseconds()> elapsed;
};

/// The sizes to measure.
struct sweep_plan {
  std::vector<std::size_t> sizes;  ///< In ascending order, each once.
  bool named = false;              ///< Whether the caller named them: then no others are measured.
  std::size_t available = 1;       ///< All sizes up to this one are measured.
  std::size_t most = 1;            ///< No rung above this is added.
  std::optional<std::size_t> refused{};  ///< The smallest size that was left out already, for want of threads.
};

/// The measurements of a size.
struct measured_size {
  std::size_t concurrency = 0;
  double warm_up_seconds = 0;
  std::vector<double> seconds{};  ///< Of all runs except the warm-up.
  double cpu_seconds = 0;         ///< This and the next two are sums over those runs.
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  std::optional<std::uint64_t> peak_memory_bytes{};
  std::optional<double> core_wait_seconds{};  ///< This and the next one are sums; empty if not known of each run.
  std::optional<double> steal_seconds{};
  bool contender = true;        ///< Whether it is still measured: it has not been given up as clearly slower.
  bootstrapped_median times{};  ///< Of the first `summarised` runs.
  std::size_t summarised = 0;
};

struct sweep_result {
  std::vector<measured_size> sizes;  ///< Those with a run that counts, in order and summarised; at least one.
  bool complete = true;
  bool precise = true;
  std::optional<std::size_t> refused{};  ///< The smallest size that was left out, because its threads were refused.
};

/// Measures the sizes of the plan. Requires at least one size, and valid options. Throws as `tune()` does.
sweep_result sweep(const sweep_plan& plan, const tuning_options& options, const sweep_ground& ground);

}  // namespace fanout::detail
