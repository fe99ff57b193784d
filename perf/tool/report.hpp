#pragma once

#include <cstddef>
#include <string>

#include "../../source/tuning/csv_field.hpp"
#include "compare.hpp"
#include "workloads/workload.hpp"

namespace tool {

enum class report_format { table, csv, json };

/// What was measured where.
struct report_context {
  const workload& tasks;
  std::size_t cores = 0;
  std::size_t concurrency = 0;
  std::size_t ahead = 0;  // tasks on the way at once, in a stream; 0 if they were run as a batch
  std::string compiler;
};

/// The whole report, ending in a newline. Only the JSON form, which is one object in a stream, holds the errors; for
/// the others they belong on standard error.
///
/// CSV is quoted as RFC 4180 says, with plain newlines. In CSV and JSON, bytes of file names that are not UTF-8 become
/// U+FFFD. The quartiles of a single run, and the 95 % interval of its median
/// (`low_seconds`, `high_seconds`), are empty or null.
std::string format_report(const comparison& result, const report_context& context, report_format format);

/// `± 1.2 %`, or a dash for the spread of a single run.
std::string spread_text(const sample_summary& sample);

/// As in the library's own reports.
using fanout::detail::csv_field;

}  // namespace tool
