#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/detail/export.hpp"
#include "fanout/error.hpp"

/// @file
/// What `tune()` found out: a row for each size, the size that it recommends, and why.
namespace fanout {

/// A report or a profile cannot be read, or does not fit this machine. The text says which field is wrong, or which
/// file, and what is wrong with it.
class FANOUT_EXPORT tuning_error : public error {
 public:
  using error::error;
  /// What cannot be read or does not fit, and why.
  const char* what() const noexcept override;
};

/// What decides how many threads are worth having. Equal where a recommendation may be carried over.
struct machine_shape {
  /// The CPUs in the affinity mask of the process.
  std::size_t cores = 1;

  /// The CPU quota of the control group in cores, 1.5 for one and a half; none without a quota.
  std::optional<double> quota{};

  /// What follows from both: `available_concurrency()`.
  std::size_t available = 1;

  /// Such as `4 cores` or `4 cores, CPU quota 1.5 cores`.
  FANOUT_EXPORT std::string to_string() const;

  /// Member by member.
  friend bool operator==(const machine_shape&, const machine_shape&) = default;
};

/// The shape of the machine on which this process runs. Read once, as `available_concurrency()` is.
FANOUT_EXPORT machine_shape this_machine();

/// What was measured at one size. All times are of one run of the workload.
struct tuning_row {
  /// The limit of the executor.
  std::size_t concurrency = 0;

  /// Runs that count. The one that warmed the size up does not.
  std::size_t repetitions = 0;

  /// The median of their times.
  double median_seconds = 0;

  /// The lower end of the 95 % confidence interval of the median. From fewer than five runs it says little.
  double low_seconds = 0;

  /// The upper end.
  double high_seconds = 0;

  /// How much faster than at the smallest size measured, by the medians. That size is 1 unless others were named.
  double speedup = 1;

  /// The speed-up for each thread: 1 where n times the threads of the smallest size are n times as fast.
  double efficiency = 1;

  /// CPU time of a run, of all threads and of child processes that have been waited for, user and system; a mean.
  double cpu_seconds = 0;

  /// How often a thread gave up its core to wait; a mean over the runs.
  double voluntary_switches = 0;

  /// How often the kernel took a core away from a thread; a mean over the runs.
  double involuntary_switches = 0;

  /// The most memory that the process had resident during a run; none where the system does not tell. Linux counts
  /// for the whole process: what it had before the run is in it, and child processes are not.
  std::optional<std::uint64_t> peak_memory_bytes{};

  /// False for a size that was given up while others were measured further, because it is clearly slower.
  bool contender = true;

  /// Member by member.
  friend bool operator==(const tuning_row&, const tuning_row&) = default;
};

/// The contents of a report. Plain data, for those who make reports of their own: of other sources, or for tests.
struct tuning_results {
  std::string workload{};               ///< The name that the caller gave, or empty.
  machine_shape machine{};              ///< Where it was measured.
  std::vector<tuning_row> rows{};       ///< By concurrency, each of which occurs once.
  std::size_t recommended = 0;          ///< One of the rows' concurrencies.
  double confidence = 0;                ///< 0 … 1, see `tuning_report::confidence()`.
  std::string reason{};                 ///< A sentence or two.
  bool complete = true;                 ///< False where the stop token ended the measurement.
  bool precise = true;                  ///< False where the budget was spent before the intervals were narrow.
  double tolerance = 0.02;              ///< As in the options.
  std::uint64_t seed = 0;               ///< As in the options.
  std::chrono::nanoseconds budget{0};   ///< As in the options.
  std::chrono::nanoseconds elapsed{0};  ///< What it took.

  /// Member by member.
  friend bool operator==(const tuning_results&, const tuning_results&) = default;
};

/// Results that are consistent: whatever a report says can be relied upon, also one that was read from a file.
class FANOUT_EXPORT tuning_report {
 public:
  /// Throws `std::invalid_argument`, which names the field, for results that contradict themselves: no rows, rows out
  /// of order, a recommendation that is none of them, numbers that are negative or not finite, a median outside of its
  /// interval, text that is not UTF-8.
  explicit tuning_report(tuning_results results);

  /// The smallest size that is statistically as good as the best: within `tuning_options::tolerance` of it.
  std::size_t recommended() const noexcept { return results_.recommended; }

  /// Why this size, in a sentence or two: `Sizes above 4 are slower (by 12 % at 8).`
  const std::string& reason() const noexcept { return results_.reason; }

  /// The share of bootstrap resamples, 0 … 1, in which the recommended size is as good as the best of all. It knows
  /// the noise that was met while measuring, nothing of a machine that is busier tomorrow.
  double confidence() const noexcept { return results_.confidence; }

  /// What was measured, by concurrency. Never empty.
  std::span<const tuning_row> rows() const noexcept { return results_.rows; }

  /// The row of the recommended size.
  const tuning_row& recommended_row() const noexcept;

  /// Where it was measured.
  const machine_shape& machine() const noexcept { return results_.machine; }

  /// The name in the options, or empty.
  const std::string& workload() const noexcept { return results_.workload; }

  /// False where the stop token ended the measurement: the report says what was known by then.
  bool complete() const noexcept { return results_.complete; }

  /// False where the budget was spent, or the repetitions, before the intervals were as narrow as asked for.
  bool precise() const noexcept { return results_.precise; }

  /// The same as plain data.
  const tuning_results& results() const noexcept { return results_; }

  /// A table for a terminal, the recommended row marked by `*`, the reason below. Ends with a newline.
  std::string to_table() const;

  /// A line of names and one for each row (RFC 4180, lines end with `\n`), numbers in full precision. What is not
  /// known is empty.
  std::string to_csv() const;

  /// The document that docs/tuning.md describes: schema `fanout-tuning`, version 1. `from_json` gives the same report
  /// back, each number to the last bit.
  std::string to_json() const;

  /// Reads what `to_json` wrote. Members that it does not know are passed over.
  ///
  /// Throws `tuning_error`, which says where and what, for anything else: damaged or truncated, of a later version,
  /// above 16 MiB or 32 levels of nesting, with more than 1024 rows, or with contents that contradict themselves.
  /// Memory is bounded by a small multiple of the size of the text.
  static tuning_report from_json(std::string_view text);

  /// The same results.
  friend bool operator==(const tuning_report&, const tuning_report&) = default;

 private:
  tuning_results results_;
};

}  // namespace fanout
