#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/detail/export.hpp"
#include "fanout/error.hpp"
#include "fanout/tuning_report.hpp"

/// @file
/// The result of `compare()`: a row for each scheduler and concurrency.
namespace fanout {

/// A comparison ended because of one of the schedulers: it gave another result, threw, or did not run the tasks as it
/// must. `what()` names the scheduler, the concurrency, and the task if there is one.
class FANOUT_EXPORT comparison_error : public error {
 public:
  /// For the library. `what` follows the name of the scheduler and the concurrency.
  comparison_error(const std::string& scheduler, std::size_t concurrency, const std::string& what,
                   std::optional<std::size_t> index, std::exception_ptr cause = nullptr);

  /// What the scheduler did.
  const char* what() const noexcept override;

  /// The name of the scheduler.
  const std::string& scheduler() const noexcept { return *scheduler_; }

  /// The concurrency at which it ran.
  std::size_t concurrency() const noexcept { return concurrency_; }

  /// The task whose result differs, or that did not run exactly once. Empty if no single task is concerned.
  std::optional<std::size_t> index() const noexcept { return index_; }

  /// The exception of the scheduler; for threads that the system refuses, a `std::system_error` or `resource_error`.
  /// Null if it threw none.
  const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::shared_ptr<const std::string> scheduler_;  // shared, so that a copy cannot throw
  std::size_t concurrency_;
  std::optional<std::size_t> index_;
  std::exception_ptr cause_;
};

/// The measurements of one scheduler at one concurrency. All times are for one run of all tasks.
struct comparison_row {
  std::string scheduler{};       ///< Its name.
  std::size_t concurrency = 0;   ///< How many tasks it may run at once; `serial` runs one in any case.
  double median_seconds = 0;     ///< The median of `seconds`.
  double low_seconds = 0;        ///< The lower end of the 95 % confidence interval of the median.
  double high_seconds = 0;       ///< The upper end. The interval means little with fewer than five runs.
  double speedup = 1;            ///< The median of the first scheduler at the same concurrency divided by this one.
  double cpu_seconds = 0;        ///< The mean CPU time of a run; of child processes if they have been waited for.
  std::vector<double> seconds{};           ///< The times of the counted runs, in their order. Never empty.
  std::vector<std::size_t> differences{};  ///< The tasks whose result differed from the expected one in some run.

  /// Member by member.
  friend bool operator==(const comparison_row&, const comparison_row&) = default;
};

/// The contents of a report as plain data.
struct comparison_results {
  std::string workload{};               ///< The name in the options, or empty.
  machine_shape machine{};              ///< The machine on which it was measured.
  std::size_t tasks = 0;                ///< How many tasks a run has.
  std::vector<comparison_row> rows{};   ///< By concurrency; of each, the schedulers in the order of the options.
  bool complete = true;                 ///< False if a stop ended the measurement.
  std::uint64_t seed = 0;               ///< As in the options.
  std::chrono::nanoseconds elapsed{0};  ///< The duration of the measurement.

  /// Member by member.
  friend bool operator==(const comparison_results&, const comparison_results&) = default;
};

/// What a comparison has measured.
class FANOUT_EXPORT comparison_report {
 public:
  /// Throws `std::invalid_argument`, which names the field, if the results are inconsistent: no rows, a row without
  /// runs, numbers that are negative or not finite, a median outside its interval, text that is not UTF-8.
  explicit comparison_report(comparison_results results);

  /// The measured rows, ordered by concurrency. Never empty.
  std::span<const comparison_row> rows() const noexcept { return results_.rows; }

  /// The row of a scheduler at the lowest concurrency at which it was measured, or at the given one; null if there is
  /// none.
  const comparison_row* find(std::string_view scheduler, std::optional<std::size_t> concurrency = {}) const noexcept;

  /// True if all schedulers gave the same results in all runs.
  bool equal() const noexcept;

  /// False if a stop ended the measurement; the report contains the whole rounds until then.
  bool complete() const noexcept { return results_.complete; }

  /// The name of the workload in the options, or empty.
  const std::string& workload() const noexcept { return results_.workload; }

  /// The contents as plain data.
  const comparison_results& results() const noexcept { return results_; }

  /// A table for a terminal, which says below whether the results were equal. Ends with a newline.
  std::string to_table() const;

  /// A header line and a line for each row, as CSV (RFC 4180, but lines end with `\n`). Numbers have full precision.
  std::string to_csv() const;

  /// The JSON document that docs/comparing.md describes: schema `fanout-comparison`, version 1.
  std::string to_json() const;

  /// A page of HTML with a bar for each row and all numbers. It has no script and needs no network.
  std::string to_page() const;

  /// True for the same results.
  friend bool operator==(const comparison_report&, const comparison_report&) = default;

 private:
  comparison_results results_;
};

}  // namespace fanout
