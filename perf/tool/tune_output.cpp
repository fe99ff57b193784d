#include "tune_output.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "report.hpp"
#include "text_output.hpp"

namespace tool {
namespace {

std::string baselines_table(const comparison& baselines, std::size_t size) {
  const double fanout = baselines.rows.at(1).seconds.median;
  std::string text =
      fmt::format("\nFor comparison at {}: medians of {}, their spread, and the time of fanout divided by theirs:\n",
                  size, baselines.repetitions == 1 ? "one run" : fmt::format("{} runs", baselines.repetitions));
  for (const competitor_result& row : baselines.rows) {
    fmt::format_to(std::back_inserter(text), "  {:<14}{:>12}{:>11}  {:>6.2f}\n", row.name,
                   seconds_text(row.seconds.median), spread_text(row.seconds), fanout / row.seconds.median);
  }
  return text;
}

nlohmann::json baselines_json(const comparison& baselines) {
  nlohmann::json rows = nlohmann::json::array();
  for (const competitor_result& row : baselines.rows) {
    rows.push_back({{"competitor", row.name},
                    {"median_seconds", row.seconds.median},
                    {"minimum_seconds", row.seconds.minimum},
                    {"maximum_seconds", row.seconds.maximum},
                    {"spread", row.seconds.spread() ? nlohmann::json(*row.seconds.spread()) : nlohmann::json()},
                    {"checksum_equal", row.checksum_equal()}});
  }
  return {{"repetitions", baselines.repetitions}, {"rows", std::move(rows)}};
}

}  // namespace

fanout::tuning_report with_peak_memory(const fanout::tuning_report& report,
                                       const std::map<std::size_t, std::uint64_t>& peaks) {
  nlohmann::json document = nlohmann::json::parse(report.to_json());
  for (nlohmann::json& row : document["rows"]) {
    row["peak_memory_bytes"] = peaks.at(row["concurrency"].get<std::size_t>());
  }
  return fanout::tuning_report::from_json(document.dump());
}

std::string seconds_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3g} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} µs", seconds * 1e6);
}

std::string format_tuned(const tuned& result, const std::string& format) {
  if (format == "csv") return result.report.to_csv();
  if (format == "json") {
    nlohmann::json document = nlohmann::json::parse(result.report.to_json());
    document["summary"] = result.summary;
    document["peak_memory_of"] = result.memory_is_of_commands ? "largest command" : "process";
    if (result.baselines) document["baselines"] = baselines_json(*result.baselines);
    if (!result.baselines_left_out.empty()) document["baselines_left_out"] = result.baselines_left_out;
    return document.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  }
  std::string text =
      fmt::format("{}: {}\n\n{}", one_line(result.report.workload()), result.summary, result.report.to_table());
  if (result.memory_is_of_commands) text += "Peak memory is that of the largest command.\n";
  if (result.baselines) text += baselines_table(*result.baselines, result.report.recommended());
  if (!result.baselines_left_out.empty()) text += "\n" + result.baselines_left_out + "\n";
  return text;
}

}  // namespace tool
