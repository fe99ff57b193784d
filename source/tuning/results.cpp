#include "tuning/results.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "tuning/decision.hpp"
#include "tuning/reason.hpp"
#include "tuning/utf8.hpp"

namespace fanout::detail {
namespace {

std::optional<double> mean_of(const std::optional<double>& sum, double runs) {
  return sum ? std::optional(*sum / runs) : std::nullopt;
}

tuning_row row_of(const measured_size& size, const measured_size& smallest) {
  const auto runs = static_cast<double>(size.seconds.size());
  const double threads = static_cast<double>(size.concurrency) / static_cast<double>(smallest.concurrency);
  const double speedup = size.times.median > 0 ? smallest.times.median / size.times.median : 1;
  return {.concurrency = size.concurrency,
          .repetitions = size.seconds.size(),
          .median_seconds = size.times.median,
          .low_seconds = size.times.low,
          .high_seconds = size.times.high,
          .speedup = speedup,
          .efficiency = speedup / threads,
          .cpu_seconds = size.cpu_seconds / runs,
          .voluntary_switches = size.voluntary_switches / runs,
          .involuntary_switches = size.involuntary_switches / runs,
          .peak_memory_bytes = size.peak_memory_bytes,
          .contender = size.contender,
          .core_wait_seconds = mean_of(size.core_wait_seconds, runs),
          .steal_seconds = mean_of(size.steal_seconds, runs)};
}

[[noreturn]] void refuse(const std::string& field, const std::string& what) {
  throw std::invalid_argument(field + " " + what);
}

void check_number(double number, const std::string& field) {
  if (!std::isfinite(number) || number < 0) refuse(field, "must be a finite number that is not negative");
}

void check_share(double number, const std::string& field) {
  if (!(number >= 0 && number <= 1)) refuse(field, "must be between 0 and 1");
}

void check_row(const tuning_row& row, const std::string& name) {
  if (row.concurrency == 0) refuse(name + ".concurrency", "must be at least 1");
  if (row.repetitions == 0) refuse(name + ".repetitions", "must be at least 1");
  check_number(row.median_seconds, name + ".median_seconds");
  check_number(row.low_seconds, name + ".low_seconds");
  check_number(row.high_seconds, name + ".high_seconds");
  check_number(row.speedup, name + ".speedup");
  check_number(row.efficiency, name + ".efficiency");
  check_number(row.cpu_seconds, name + ".cpu_seconds");
  check_number(row.voluntary_switches, name + ".voluntary_switches");
  check_number(row.involuntary_switches, name + ".involuntary_switches");
  check_number(row.core_wait_seconds.value_or(0), name + ".core_wait_seconds");
  check_number(row.steal_seconds.value_or(0), name + ".steal_seconds");
  if (row.low_seconds > row.median_seconds || row.median_seconds > row.high_seconds) {
    refuse(name + ".median_seconds", "must lie between low_seconds and high_seconds");
  }
}

}  // namespace

tuning_results results_of(const sweep_result& measured, const tuning_options& options, const measurement& made) {
  tuning_results results{.workload = options.workload,
                         .machine = made.machine,
                         .complete = measured.complete,
                         .precise = measured.precise,
                         .tolerance = options.tolerance,
                         .seed = options.seed,
                         .budget = options.budget,
                         .elapsed = made.elapsed,
                         .tasks = made.tasks,
                         .other_load = made.use.others,
                         .steal = made.use.stolen};
  std::vector<candidate> candidates;
  for (const measured_size& size : measured.sizes) {
    results.rows.push_back(row_of(size, measured.sizes.front()));
    candidates.push_back({.repetitions = size.seconds.size(), .times = &size.times});
  }
  const decision chosen = decide(candidates, options.tolerance);
  results.recommended = results.rows[chosen.recommended].concurrency;
  results.confidence = chosen.confidence;
  const disturbance found = disturbance_of(measured.sizes, made.machine, made.use);
  results.busy = found.by_others;
  results.reason = explain(results, measured.refused, found.text);
  return results;
}

void check_text(std::string_view text, std::string_view field, std::size_t longest) {
  if (text.size() > longest) refuse(std::string(field), "must not be above " + std::to_string(longest) + " bytes");
  if (!is_utf8(text)) refuse(std::string(field), "must be UTF-8");
}

void check_machine(const machine_shape& machine) {
  if (machine.cores == 0) refuse("machine.cores", "must be at least 1");
  if (machine.available == 0) refuse("machine.available", "must be at least 1");
  if (machine.quota && !(std::isfinite(*machine.quota) && *machine.quota > 0)) {
    refuse("machine.quota", "must be a finite number above 0");
  }
}

void check_results(const tuning_results& results) {
  check_text(results.workload, "workload", longest_name);
  check_text(results.reason, "reason", longest_reason);
  check_machine(results.machine);
  check_share(results.confidence, "confidence");
  if (!(results.tolerance >= 0 && results.tolerance < 1)) refuse("tolerance", "must be from 0 to below 1");
  if (results.budget.count() < 0) refuse("budget", "must not be negative");
  if (results.elapsed.count() < 0) refuse("elapsed", "must not be negative");
  check_share(results.other_load.value_or(0), "other_load");
  check_share(results.steal.value_or(0), "steal");
  if (results.tasks == 0) refuse("tasks", "must be at least 1");

  if (results.rows.empty()) refuse("rows", "must not be empty");
  if (results.rows.size() > most_rows) refuse("rows", "must not be more than " + std::to_string(most_rows));
  bool recommended_is_a_row = false;
  for (std::size_t i = 0; i != results.rows.size(); ++i) {
    const std::string name = "rows[" + std::to_string(i) + "]";
    check_row(results.rows[i], name);
    recommended_is_a_row = recommended_is_a_row || results.rows[i].concurrency == results.recommended;
    if (i != 0 && results.rows[i].concurrency <= results.rows[i - 1].concurrency) {
      refuse(name + ".concurrency", "must be above the one before");
    }
  }
  if (!recommended_is_a_row) refuse("recommended", "must be the concurrency of a row");
}

}  // namespace fanout::detail
