#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/tuning_report.hpp"
#include "tuning/number_text.hpp"
#include "tuning/text_table.hpp"
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

using line = detail::table_line;

/// Which columns a table has.
struct columns {
  bool load;      ///< The waits for a core and the steal.
  bool speed_up;  ///< And the efficiency: runs that take no time have none.
};

line headings(const columns& shown) {
  line names = {"", "size", "median", "95 % interval", "speed-up", "efficiency", "CPU time"};
  if (shown.load) names.insert(names.end(), {"core wait", "steal"});
  names.insert(names.end(), {"waited", "preempted", "peak memory", "runs"});
  return names;
}

std::string duration_or_dash(const std::optional<double>& seconds) { return seconds ? duration_text(*seconds) : "-"; }

line cells_of(const tuning_row& row, bool recommended, const columns& shown) {
  line cells = {
      recommended ? "*" : "",
      std::to_string(row.concurrency),
      duration_text(row.median_seconds),
      row.repetitions == 1 ? "one run" : duration_text(row.low_seconds) + " - " + duration_text(row.high_seconds),
      shown.speed_up ? fixed_text(row.speedup, 2) : "",
      shown.speed_up ? percent_text(row.efficiency) : "",
      duration_text(row.cpu_seconds)};
  if (shown.load) {
    cells.insert(cells.end(), {duration_or_dash(row.core_wait_seconds), duration_or_dash(row.steal_seconds)});
  }
  cells.insert(cells.end(), {fixed_text(row.voluntary_switches, 0), fixed_text(row.involuntary_switches, 0),
                             row.peak_memory_bytes ? memory_text(*row.peak_memory_bytes) : "-",
                             std::to_string(row.repetitions) + (row.contender ? "" : ", given up")});
  return cells;
}

}  // namespace

std::string tuning_report::to_table() const {
  std::vector<line> lines = {headings({.load = busy(), .speed_up = true})};
  for (const tuning_row& row : rows()) {
    lines.push_back(cells_of(row, row.concurrency == recommended(), {busy(), row.median_seconds > 0}));
  }
  const std::string title = workload().empty() ? "" : detail::printable(workload()) + " on ";
  return title + machine().to_string() + "\n\n" + detail::aligned(lines) +
         "\n* Recommended: " + std::to_string(recommended()) + ". " + detail::printable(reason()) + "\n";
}

std::string tuning_report::to_csv() const {
  std::string text =
      "concurrency,repetitions,median_seconds,low_seconds,high_seconds,speedup,efficiency,cpu_seconds,"
      "voluntary_switches,involuntary_switches,peak_memory_bytes,contender,recommended,core_wait_seconds,"
      "steal_seconds\n";
  for (const tuning_row& row : rows()) {
    text += std::to_string(row.concurrency) + "," + std::to_string(row.repetitions);
    for (const double number : {row.median_seconds, row.low_seconds, row.high_seconds, row.speedup, row.efficiency,
                                row.cpu_seconds, row.voluntary_switches, row.involuntary_switches}) {
      text += "," + exact_text(number);
    }
    text += "," + (row.peak_memory_bytes ? std::to_string(*row.peak_memory_bytes) : "");
    text += row.contender ? ",true" : ",false";
    text += row.concurrency == recommended() ? ",true" : ",false";
    text += "," + (row.core_wait_seconds ? exact_text(*row.core_wait_seconds) : "");
    text += "," + (row.steal_seconds ? exact_text(*row.steal_seconds) : "") + "\n";
  }
  return text;
}

}  // namespace fanout
