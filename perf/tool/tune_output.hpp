#pragma once

#include <cstddef>
#include <cstdint>
#include <fanout/tuning.hpp>
#include <map>
#include <optional>
#include <string>

#include "compare.hpp"

namespace tool {

/// What `fanout tune` found out.
struct tuned {
  fanout::tuning_report report;
  std::optional<comparison> baselines;  // the schedulers of `fanout compare` at the recommended size
  std::string baselines_left_out{};     // why they were left out although they were asked for, or empty
  std::string summary;                  // of the workload
  bool memory_is_of_commands = false;   // the report has the peak memory of the largest command, not the tool's own
  std::string command_line;
};

/// `table`, `csv` or `json`. The CSV is the report's, without the baselines; the JSON is the report's, which
/// `tuning_report::from_json` reads, with two members more.
std::string format_tuned(const tuned& result, const std::string& format);

/// The report with other figures of the peak memory: in bytes, by concurrency; each size needs one.
fanout::tuning_report with_peak_memory(const fanout::tuning_report& report,
                                       const std::map<std::size_t, std::uint64_t>& peaks);

/// A time of a run, as `12.3 ms`.
std::string seconds_text(double seconds);

}  // namespace tool
