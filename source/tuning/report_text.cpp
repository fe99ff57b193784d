#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/tuning_report.hpp"
#include "tuning/number_text.hpp"
#include "tuning/utf8.hpp"

namespace fanout {
namespace {

using detail::duration_text;
using detail::exact_text;
using detail::fixed_text;
using detail::percent_text;

std::string memory_text(std::uint64_t bytes) {
  return fixed_text(static_cast<double>(bytes) / (1024.0 * 1024.0), 1) + " MiB";
}

using line = std::vector<std::string>;

const line& headings() {
  static const line names = {"",         "size",   "median",    "95 % interval", "speed-up", "efficiency",
                             "CPU time", "waited", "preempted", "peak memory",   "runs"};
  return names;
}

line cells_of(const tuning_row& row, bool recommended, bool with_speed_up) {
  return {recommended ? "*" : "",
          std::to_string(row.concurrency),
          duration_text(row.median_seconds),
          duration_text(row.low_seconds) + " - " + duration_text(row.high_seconds),
          with_speed_up ? fixed_text(row.speedup, 2) : "",
          with_speed_up ? percent_text(row.efficiency) : "",
          duration_text(row.cpu_seconds),
          fixed_text(row.voluntary_switches, 0),
          fixed_text(row.involuntary_switches, 0),
          row.peak_memory_bytes ? memory_text(*row.peak_memory_bytes) : "-",
          std::to_string(row.repetitions) + (row.contender ? "" : ", given up")};
}

/// The lines as text: columns right-aligned and two spaces apart; the last column is not aligned.
std::string aligned(const std::vector<line>& lines) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const line& cells : lines) {
    for (std::size_t i = 0; i != cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const line& cells : lines) {
    for (std::size_t i = 0; i + 1 != cells.size(); ++i) {
      text += std::string(widths[i] - cells[i].size(), ' ') + cells[i] + "  ";
    }
    text += cells.back() + "\n";
  }
  return text;
}

}  // namespace

std::string tuning_report::to_table() const {
  std::vector<line> lines = {headings()};
  for (const tuning_row& row : rows()) {
    lines.push_back(cells_of(row, row.concurrency == recommended(), row.median_seconds > 0));
  }
  const std::string title = workload().empty() ? "" : detail::printable(workload()) + " on ";
  return title + machine().to_string() + "\n\n" + aligned(lines) +
         "\n* Recommended: " + std::to_string(recommended()) + ". " + detail::printable(reason()) + "\n";
}

std::string tuning_report::to_csv() const {
  std::string text =
      "concurrency,repetitions,median_seconds,low_seconds,high_seconds,speedup,efficiency,cpu_seconds,"
      "voluntary_switches,involuntary_switches,peak_memory_bytes,contender,recommended\n";
  for (const tuning_row& row : rows()) {
    text += std::to_string(row.concurrency) + "," + std::to_string(row.repetitions);
    for (const double number : {row.median_seconds, row.low_seconds, row.high_seconds, row.speedup, row.efficiency,
                                row.cpu_seconds, row.voluntary_switches, row.involuntary_switches}) {
      text += "," + exact_text(number);
    }
    text += "," + (row.peak_memory_bytes ? std::to_string(*row.peak_memory_bytes) : "");
    text += row.contender ? ",true" : ",false";
    text += row.concurrency == recommended() ? ",true\n" : ",false\n";
  }
  return text;
}

}  // namespace fanout
