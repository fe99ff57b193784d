#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "tuning/bootstrap.hpp"
#include "fanout/tuning.hpp"

/// The order in which sizes are measured, and when it is enough. It knows neither executors nor clocks: both are handed
/// in, so that tests run it on a machine and in a time of their own.
namespace fanout::detail {

/// What one run of the workload took.
struct run_figures {
  double seconds = 0;
  double cpu_seconds = 0;
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  std::optional<std::uint64_t> peak_memory_bytes{};
};

/// Where the runs happen.
struct sweep_ground {
  /// Makes ready to run at a size. Throws `resource_error` if the machine cannot give the threads.
  std::function<void(std::size_t concurrency)> prepare;

  /// Runs the workload once, at the size prepared last.
  std::function<run_figures()> run;

  /// The time since the beginning.
  std::function<std::chrono::nanoseconds()> elapsed;
};

/// Which sizes.
struct sweep_plan {
  std::vector<std::size_t> sizes;  ///< In order, each once.
  bool named = false;              ///< By the caller: these are measured, and no others.
  std::size_t available = 1;       ///< Up to here the ladder is never cut.
  std::size_t most = 1;            ///< No rung is added above.
};

/// What is known of a size.
struct measured_size {
  std::size_t concurrency = 0;
  double warm_up_seconds = 0;
  std::vector<double> seconds{};  ///< Of the runs that count.
  double cpu_seconds = 0;         ///< Sums over them.
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  std::optional<std::uint64_t> peak_memory_bytes{};
  bool contender = true;
  bootstrapped_median times{};  ///< Of the first `summarised` runs.
  std::size_t summarised = 0;
};

struct sweep_result {
  std::vector<measured_size> sizes;  ///< Those with a run that counts, summarised, in order; one at least.
  bool complete = true;
  bool precise = true;
  std::optional<std::size_t> refused{};  ///< From this size on the machine could not give the threads.
};

/// Requires sizes, and options within their bounds. Throws as `tune()` does.
sweep_result sweep(const sweep_plan& plan, const tuning_options& options, const sweep_ground& ground);

}  // namespace fanout::detail
