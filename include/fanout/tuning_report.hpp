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
/// The result of `tune()`: a row for each size, the recommended size, and the reason for it.
namespace fanout {

/// A report or a profile cannot be read, or does not apply to this machine, or a file cannot be written. `what()`
/// names the field or the file, and says what is wrong with it.
class FANOUT_EXPORT tuning_error : public error {
 public:
  using error::error;
  /// What cannot be read or written or does not apply, and why.
  const char* what() const noexcept override;
};

/// The properties of a machine that determine how many threads are useful. A recommendation applies to machines of
/// equal shape.
struct machine_shape {
  /// The CPUs in the affinity mask of the process; with oneTBB 2022.3 or later, at most its CPU quota.
  std::size_t cores = 1;

  /// The CPU quota of the control group in cores, such as 1.5; empty without a quota.
  std::optional<double> quota{};

  /// What `available_concurrency()` computes from these two.
  std::size_t available = 1;

  /// A text such as `4 cores` or `4 cores, CPU quota 1.5 cores`. Names `available` if it does not follow from these.
  FANOUT_EXPORT std::string to_string() const;

  /// Member by member.
  friend bool operator==(const machine_shape&, const machine_shape&) = default;
};

/// The shape of the machine on which this process runs. Read once, like `available_concurrency()`.
FANOUT_EXPORT machine_shape this_machine();

/// The measurements of one size. All times are for one run of the workload.
struct tuning_row {
  /// The limit of the executor.
  std::size_t concurrency = 0;

  /// The number of counted runs. The warm-up run is not counted.
  std::size_t repetitions = 0;

  /// The median of the times of the counted runs.
  double median_seconds = 0;

  /// The lower end of the 95 % confidence interval of the median. It means little with fewer than five runs.
  double low_seconds = 0;

  /// The upper end of the interval.
  double high_seconds = 0;

  /// The median of the smallest measured size divided by this median. The smallest size is 1, unless other sizes were
  /// given.
  double speedup = 1;

  /// The speed-up divided by the ratio of this size to the smallest one. 1 if n times as many threads are n times as
  /// fast.
  double efficiency = 1;

  /// The mean CPU time of a run, user and system: of all threads, and of child processes that have been waited for.
  double cpu_seconds = 0;

  /// How often threads gave up their core to wait; a mean over the runs.
  double voluntary_switches = 0;

  /// How often the kernel preempted a thread; a mean over the runs.
  double involuntary_switches = 0;

  /// The peak resident memory of the process during a run; empty if the system does not report it. On Linux it
  /// includes the memory that the process used before the run, and no child processes.
  std::optional<std::uint64_t> peak_memory_bytes{};

  /// False for a size that was given up while others were measured further, because it is clearly slower or its
  /// threads could no longer be created.
  bool contender = true;

  /// The time in which threads of the process could have run but waited for a core; the sum over the threads, as a
  /// mean over the runs. On an idle machine, it is near 0 at sizes that have a core for each thread. It does not
  /// include child processes, or threads that ended during the run. Empty if the system does not report it.
  std::optional<double> core_wait_seconds{};

  /// The time of the cores that the hypervisor gave to other machines; the sum over the cores, as a mean over the
  /// runs. Empty if the system does not report it.
  std::optional<double> steal_seconds{};

  /// Member by member.
  friend bool operator==(const tuning_row&, const tuning_row&) = default;
};

/// The contents of a report as plain data, for programs that create reports themselves, from other sources or for
/// tests.
struct tuning_results {
  std::string workload{};               ///< The name in the options, or empty.
  machine_shape machine{};              ///< The machine on which it was measured.
  std::vector<tuning_row> rows{};       ///< Ordered by concurrency, without duplicates.
  std::size_t recommended = 0;          ///< The concurrency of one of the rows.
  double confidence = 0;                ///< 0 … 1, see `tuning_report::confidence()`.
  std::string reason{};                 ///< One or two sentences.
  bool complete = true;                 ///< False if a stop ended the measurement.
  bool precise = true;                  ///< False if an interval stayed wider than requested.
  double tolerance = 0.02;              ///< As in the options.
  std::uint64_t seed = 0;               ///< As in the options.
  std::chrono::nanoseconds budget{0};   ///< As in the options.
  std::chrono::nanoseconds elapsed{0};  ///< The duration of the measurement.
  std::optional<std::size_t> tasks{};   ///< How many tasks a run had; empty if that is not known.
  bool busy = false;                    ///< See `tuning_report::busy()`.

  /// The share of the time of the cores, 0 … 1, that other programs used during the measurement. Empty if that is not
  /// known, or the measurement was short.
  std::optional<double> other_load{};

  /// The share that the hypervisor gave to other machines; empty as above.
  std::optional<double> steal{};

  /// Member by member.
  friend bool operator==(const tuning_results&, const tuning_results&) = default;
};

/// Consistent results of a measurement: all figures of a report agree with each other, even if it was read from a
/// file.
class FANOUT_EXPORT tuning_report {
 public:
  /// Throws `std::invalid_argument`, which names the field, if the results are inconsistent: no rows, rows out of
  /// order, a recommendation that is no row, numbers that are negative or not finite, a median outside its interval,
  /// text that is not UTF-8.
  explicit tuning_report(tuning_results results);

  /// The smallest size that is statistically as good as the best, that is, within `tuning_options::tolerance` of it.
  std::size_t recommended() const noexcept { return results_.recommended; }

  /// The reason for this size, in one or two sentences: `Sizes above 4 are slower (by 12 % at 8).`
  const std::string& reason() const noexcept { return results_.reason; }

  /// The fraction of bootstrap resamples, 0 … 1, in which the recommended size is as good as the best of all. It
  /// accounts for the noise during the measurement, but not for later changes such as a busier machine; if the
  /// machine was `busy()`, it is about a machine that is as busy. 0 if a size had too few runs to tell.
  double confidence() const noexcept { return results_.confidence; }

  /// True if other programs or other virtual machines took cores from the workload while it was measured: threads
  /// waited for a core for more than a tenth of their time at a size that has a core for each thread, or the others
  /// used more than a tenth of the cores. The reason has the numbers. The recommendation may be too small then,
  /// because cores that others use look like cores that do not exist.
  bool busy() const noexcept { return results_.busy; }

  /// The measured sizes, ordered by concurrency. Never empty.
  std::span<const tuning_row> rows() const noexcept { return results_.rows; }

  /// The row of the recommended size.
  const tuning_row& recommended_row() const noexcept;

  /// The machine on which the workload was measured.
  const machine_shape& machine() const noexcept { return results_.machine; }

  /// The name of the workload in the options, or empty.
  const std::string& workload() const noexcept { return results_.workload; }

  /// False if a stop ended the measurement; the report contains the measurements until then.
  bool complete() const noexcept { return results_.complete; }

  /// False if the budget or the repetitions were used up before the intervals were as narrow as requested.
  bool precise() const noexcept { return results_.precise; }

  /// The contents as plain data.
  const tuning_results& results() const noexcept { return results_; }

  /// A table for a terminal. The recommended row is marked by `*`, and the reason follows the table. The waits for a
  /// core and the steal are shown if the machine was `busy()`. Ends with a newline.
  std::string to_table() const;

  /// A header line and a line for each row, as CSV (RFC 4180, but lines end with `\n`). Numbers have full precision;
  /// unknown values are empty.
  std::string to_csv() const;

  /// The JSON document that docs/tuning.md describes: schema `fanout-tuning`, version 1. `from_json` restores the
  /// same report, with every number exact.
  std::string to_json() const;

  /// Reads the text that `to_json` wrote. Unknown members are ignored.
  ///
  /// Throws `tuning_error`, which names the place and the problem, for any other text: damaged or truncated, of a
  /// later version, larger than 16 MiB, with more than 32 levels of nesting or 1024 rows, or with inconsistent
  /// contents. Memory use is bounded by a small multiple of the size of the text.
  static tuning_report from_json(std::string_view text);

  /// True for the same results.
  friend bool operator==(const tuning_report&, const tuning_report&) = default;

 private:
  tuning_results results_;
};

}  // namespace fanout
