#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fanout/tuning_comparison_report.hpp"
#include "tuning/csv_field.hpp"
#include "tuning/json_writer.hpp"
#include "tuning/number_text.hpp"
#include "tuning/results.hpp"
#include "tuning/text_table.hpp"
#include "tuning/utf8.hpp"

namespace fanout {
namespace {

using detail::exact_text;

void check_number(double number, const std::string& field) {
  if (std::isfinite(number) && number >= 0) return;
  throw std::invalid_argument(field + " must be a finite number that is not negative");
}

void check_row(const comparison_row& row, const std::string& name) {
  if (row.scheduler.empty()) throw std::invalid_argument(name + ".scheduler must not be empty");
  detail::check_text(row.scheduler, name + ".scheduler", detail::longest_name);
  if (row.concurrency == 0) throw std::invalid_argument(name + ".concurrency must be at least 1");
  if (row.seconds.empty()) throw std::invalid_argument(name + ".seconds must not be empty");
  for (const double seconds : row.seconds) check_number(seconds, name + ".seconds");
  check_number(row.median_seconds, name + ".median_seconds");
  check_number(row.low_seconds, name + ".low_seconds");
  check_number(row.high_seconds, name + ".high_seconds");
  check_number(row.speedup, name + ".speedup");
  check_number(row.cpu_seconds, name + ".cpu_seconds");
  if (row.low_seconds > row.median_seconds || row.median_seconds > row.high_seconds) {
    throw std::invalid_argument(name + ".median_seconds must be within its interval");
  }
}

std::string interval_text(const comparison_row& row) {
  if (row.seconds.size() == 1) return "one run";
  return detail::duration_text(row.low_seconds) + " - " + detail::duration_text(row.high_seconds);
}

std::string results_text(const comparison_row& row) {
  if (row.differences.empty()) return "equal";
  return std::to_string(row.differences.size()) + " differ, first " + std::to_string(row.differences.front());
}

void write_row(detail::json_writer& json, const comparison_row& row) {
  json.open_object();
  json.member("scheduler", row.scheduler);
  json.member("concurrency", row.concurrency);
  json.member("repetitions", row.seconds.size());
  json.member("median_seconds", row.median_seconds);
  json.member("low_seconds", row.low_seconds);
  json.member("high_seconds", row.high_seconds);
  json.member("speedup", row.speedup);
  json.member("cpu_seconds", row.cpu_seconds);
  json.member("equal", row.differences.empty());
  json.open_array("seconds");
  for (const double seconds : row.seconds) json.member(nullptr, seconds);
  json.close();
  json.open_array("differences");
  for (const std::size_t index : row.differences) json.member(nullptr, index);
  json.close();
  json.close();
}

}  // namespace

comparison_error::comparison_error(const std::string& scheduler, std::size_t concurrency, const std::string& what,
                                   std::optional<std::size_t> index, std::exception_ptr cause)
    : error("the scheduler " + scheduler + ", at a concurrency of " + std::to_string(concurrency) + ", " + what),
      scheduler_(std::make_shared<const std::string>(scheduler)),
      concurrency_(concurrency),
      index_(index),
      cause_(std::move(cause)) {}

const char* comparison_error::what() const noexcept { return error::what(); }

comparison_report::comparison_report(comparison_results results) : results_(std::move(results)) {
  detail::check_text(results_.workload, "workload", detail::longest_name);
  detail::check_machine(results_.machine);
  if (results_.rows.empty()) throw std::invalid_argument("rows must not be empty");
  for (std::size_t i = 0; i != results_.rows.size(); ++i) {
    check_row(results_.rows[i], "rows[" + std::to_string(i) + "]");
  }
}

const comparison_row* comparison_report::find(std::string_view scheduler,
                                              std::optional<std::size_t> concurrency) const noexcept {
  const auto found = std::find_if(results_.rows.begin(), results_.rows.end(), [&](const comparison_row& row) {
    return row.scheduler == scheduler && (!concurrency || row.concurrency == *concurrency);
  });
  return found == results_.rows.end() ? nullptr : &*found;
}

bool comparison_report::equal() const noexcept {
  return std::all_of(results_.rows.begin(), results_.rows.end(),
                     [](const comparison_row& row) { return row.differences.empty(); });
}

std::string comparison_report::to_table() const {
  std::vector<detail::table_line> lines = {
      {"scheduler", "at once", "median", "95 % interval", "speed-up", "CPU time", "runs", "results"}};
  for (const comparison_row& row : rows()) {
    lines.push_back({detail::printable(row.scheduler), std::to_string(row.concurrency),
                     detail::duration_text(row.median_seconds), interval_text(row), detail::fixed_text(row.speedup, 2),
                     detail::duration_text(row.cpu_seconds), std::to_string(row.seconds.size()), results_text(row)});
  }
  const std::string title = workload().empty() ? "" : detail::printable(workload()) + ": ";
  return title + std::to_string(results_.tasks) + (results_.tasks == 1 ? " task on " : " tasks on ") +
         results_.machine.to_string() + "\n\n" + detail::aligned(lines, 1) + "\n" +
         (equal() ? "All schedulers gave the same results." : "Not all schedulers gave the same results.") +
         (complete() ? "" : " The measurement was stopped before its end.") + "\n";
}

std::string comparison_report::to_csv() const {
  std::string text =
      "scheduler,concurrency,repetitions,median_seconds,low_seconds,high_seconds,minimum_seconds,maximum_seconds,"
      "speedup,cpu_seconds,equal,first_difference\n";
  for (const comparison_row& row : rows()) {
    const auto [minimum, maximum] = std::minmax_element(row.seconds.begin(), row.seconds.end());
    text += detail::csv_field(row.scheduler) + "," + std::to_string(row.concurrency) + "," + std::to_string(row.seconds.size());
    for (const double number : {row.median_seconds, row.low_seconds, row.high_seconds, *minimum, *maximum, row.speedup,
                                row.cpu_seconds}) {
      text += "," + exact_text(number);
    }
    text += row.differences.empty() ? ",true," : ",false," + std::to_string(row.differences.front());
    text += "\n";
  }
  return text;
}

std::string comparison_report::to_json() const {
  detail::json_writer json;
  json.open_object();
  json.member("schema", "fanout-comparison");
  json.member("version", 1);
  json.member("workload", results_.workload);
  detail::write_machine(json, results_.machine);
  json.member("tasks", results_.tasks);
  json.member("equal", equal());
  json.member("complete", results_.complete);
  json.member("seed", results_.seed);
  json.member("elapsed_nanoseconds", results_.elapsed.count());
  json.open_array("rows");
  for (const comparison_row& row : results_.rows) write_row(json, row);
  json.close();
  json.close();
  return std::move(json).take();
}

}  // namespace fanout
