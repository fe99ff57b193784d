#pragma once

#include <fanout/tuning.hpp>
#include <optional>
#include <string>

#include "compare.hpp"

namespace tool {

/// What `fanout tune` found out.
struct tuned {
  fanout::tuning_report report;
  std::optional<comparison> baselines;  // the schedulers of `fanout compare` at the recommended size
  std::string summary;                  // of the workload
  std::string command_line;
};

/// `table`, `csv` or `json`. The CSV is the report's, without the baselines; the JSON is the report's, which
/// `tuning_report::from_json` reads, with two members more.
std::string format_tuned(const tuned& result, const std::string& format);

/// A time of a run, as `12.3 ms`.
std::string seconds_text(double seconds);

}  // namespace tool
