#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fanout/tuning_comparison.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "statistics.hpp"
#include "workloads/workload.hpp"

namespace tool {

struct compare_options {
  std::size_t concurrency = 1;
  std::size_t repetitions = 5;  // that count, at least 1; one more, before them, warms up
  bool show_progress = false;
  std::stop_token stop;
  std::chrono::nanoseconds budget = std::chrono::nanoseconds::max();
};

struct competitor_result {
  std::string name;
  sample_summary seconds;
  double low_seconds = 0;  // the 95 % interval of the median
  double high_seconds = 0;
  std::uint64_t checksum = 0;                   // over all tasks that ended well for every competitor
  std::optional<std::size_t> first_difference;  // the first of those tasks that differs from the first one's first run

  bool checksum_equal() const { return !first_difference; }
};

struct comparison {
  std::size_t tasks = 0;
  std::size_t completed = 0;  // tasks that every competitor ended well each time
  std::size_t repetitions = 0;
  bool complete = true;                 // false: interrupted; the rest is of the whole rounds until then
  std::vector<competitor_result> rows;  // in the order of the competitors
  std::vector<input_error> errors;      // one for each of the other tasks, ordered by their index
  std::optional<fanout::comparison_report> report = std::nullopt;  // which `compare` has made this of

  bool checksums_equal() const;
};

/// Measures each scheduler on the whole workload, by `fanout::compare`.
///
/// A task whose input cannot be read in some run counts for no competitor's checksum. Any other exception of a task
/// reaches the caller as it is. Throws `interruption` if `options.stop` is requested before a whole round, and what
/// `fanout::compare` throws. Requires that the first scheduler is the one whose results are right.
comparison compare(const workload& tasks, std::vector<fanout::comparison_scheduler> schedulers,
                   const compare_options& options);

}  // namespace tool
