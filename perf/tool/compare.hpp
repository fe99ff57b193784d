#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "competitors/competitor.hpp"
#include "statistics.hpp"
#include "workloads/workload.hpp"

namespace tool {

struct compare_options {
  std::size_t repetitions = 5;  // that count, at least 1; one more, before them, warms up
  bool show_progress = false;
  std::stop_token stop;
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();  // of the repetitions
};

struct competitor_result {
  std::string name;
  sample_summary seconds;
  std::uint64_t checksum = 0;                   // over all tasks that ended well for every competitor
  std::optional<std::size_t> first_difference;  // the first of those tasks that differs from serial's first run

  bool checksum_equal() const { return !first_difference; }
};

struct comparison {
  std::size_t tasks = 0;
  std::size_t completed = 0;  // tasks that every competitor ended well each time
  std::size_t repetitions = 0;
  std::vector<competitor_result> rows;  // in the order of the competitors
  std::vector<input_error> errors;      // one for each of the other tasks, ordered by their index

  bool checksums_equal() const;
};

/// Measures each competitor on the whole workload: one repetition to warm up, then those that count. Within a
/// repetition the competitors follow each other in an order that changes from one to the next, always the same way, so
/// that none of them profits from what the one before it leaves behind.
///
/// After the first repetition that counts, none is begun that would not end by `options.end` if it takes as long as the
/// longest one so far.
///
/// A task whose input cannot be read in some run counts for no competitor's checksum. Any other exception of a task
/// reaches the caller as it is. Throws `interruption` once `options.stop` is requested. Requires that the first
/// competitor is the one whose results are right.
comparison compare(const workload& tasks, std::span<const std::unique_ptr<competitor>> competitors,
                   const compare_options& options);

}  // namespace tool
