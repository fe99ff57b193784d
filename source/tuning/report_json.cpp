#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "fanout/tuning_report.hpp"
#include "tuning/json_reader.hpp"
#include "tuning/json_writer.hpp"
#include "tuning/results.hpp"

// docs/tuning.md describes the members. Adding a member keeps the version; changing the meaning of one needs a new
// version.
namespace fanout {
namespace {

using detail::json_reader;
using detail::json_writer;
using detail::most_threads;

constexpr auto report_schema = "fanout-tuning";
constexpr std::uint64_t most_runs = 1'000'000'000;
constexpr auto most_nanoseconds = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

void write_row(json_writer& json, const tuning_row& row) {
  json.open_object();
  json.member("concurrency", row.concurrency);
  json.member("repetitions", row.repetitions);
  json.member("median_seconds", row.median_seconds);
  json.member("low_seconds", row.low_seconds);
  json.member("high_seconds", row.high_seconds);
  json.member("speedup", row.speedup);
  json.member("efficiency", row.efficiency);
  json.member("cpu_seconds", row.cpu_seconds);
  json.member("voluntary_switches", row.voluntary_switches);
  json.member("involuntary_switches", row.involuntary_switches);
  json.member("peak_memory_bytes", row.peak_memory_bytes);
  json.member("contender", row.contender);
  json.member("core_wait_seconds", row.core_wait_seconds);
  json.member("steal_seconds", row.steal_seconds);
  json.close();
}

std::optional<double> number_if_any(const json_reader& reader, const char* name) {
  const auto member = reader.find(name);
  return member ? std::optional(member->number()) : std::nullopt;
}

tuning_row row_from(const json_reader& reader) {
  tuning_row row{.concurrency = reader.at("concurrency").whole_number(most_threads),
                 .repetitions = reader.at("repetitions").whole_number(most_runs),
                 .median_seconds = reader.at("median_seconds").number(),
                 .low_seconds = reader.at("low_seconds").number(),
                 .high_seconds = reader.at("high_seconds").number(),
                 .speedup = reader.at("speedup").number(),
                 .efficiency = reader.at("efficiency").number(),
                 .cpu_seconds = reader.at("cpu_seconds").number(),
                 .voluntary_switches = reader.at("voluntary_switches").number(),
                 .involuntary_switches = reader.at("involuntary_switches").number(),
                 .contender = reader.at("contender").flag()};
  if (const json_reader peak = reader.at("peak_memory_bytes"); !peak.is_null()) {
    row.peak_memory_bytes = peak.whole_number(UINT64_MAX);
  }
  row.core_wait_seconds = number_if_any(reader, "core_wait_seconds");
  row.steal_seconds = number_if_any(reader, "steal_seconds");
  return row;
}

std::vector<tuning_row> rows_from(const json_reader& reader) {
  const std::size_t count = reader.size();
  if (count > detail::most_rows) {
    throw tuning_error("rows must not be more than " + std::to_string(detail::most_rows));
  }
  std::vector<tuning_row> rows;
  rows.reserve(count);
  for (std::size_t i = 0; i != count; ++i) rows.push_back(row_from(reader.at(i)));
  return rows;
}

std::chrono::nanoseconds nanoseconds_from(const json_reader& reader) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(reader.whole_number(most_nanoseconds)));
}

tuning_results results_from(const json_reader& reader) {
  tuning_results results{.workload = reader.at("workload").text(),
                         .machine = machine_from(reader.at("machine")),
                         .rows = rows_from(reader.at("rows")),
                         .recommended = reader.at("recommended").whole_number(most_threads),
                         .confidence = reader.at("confidence").number(),
                         .reason = reader.at("reason").text(),
                         .complete = reader.at("complete").flag(),
                         .precise = reader.at("precise").flag(),
                         .tolerance = reader.at("tolerance").number(),
                         .seed = reader.at("seed").whole_number(UINT64_MAX),
                         .budget = nanoseconds_from(reader.at("budget_nanoseconds")),
                         .elapsed = nanoseconds_from(reader.at("elapsed_nanoseconds"))};
  if (const auto tasks = reader.find("tasks")) results.tasks = tasks->whole_number(UINT64_MAX);
  if (const auto busy = reader.find("busy")) results.busy = busy->flag();
  results.other_load = number_if_any(reader, "other_load");
  results.steal = number_if_any(reader, "steal");
  return results;
}

}  // namespace

std::string tuning_report::to_json() const {
  json_writer json;
  json.open_object();
  json.member("schema", report_schema);
  json.member("version", 1);
  json.member("workload", results_.workload);
  detail::write_machine(json, results_.machine);
  json.member("recommended", results_.recommended);
  json.member("confidence", results_.confidence);
  json.member("reason", results_.reason);
  json.member("complete", results_.complete);
  json.member("precise", results_.precise);
  json.member("tolerance", results_.tolerance);
  json.member("seed", results_.seed);
  json.member("budget_nanoseconds", results_.budget.count());
  json.member("elapsed_nanoseconds", results_.elapsed.count());
  json.member("tasks", results_.tasks);
  json.member("busy", results_.busy);
  json.member("other_load", results_.other_load);
  json.member("steal", results_.steal);
  json.open_array("rows");
  for (const tuning_row& row : results_.rows) write_row(json, row);
  json.close();
  json.close();
  return std::move(json).take();
}

tuning_report tuning_report::from_json(std::string_view text) try {
  const detail::json_value document = detail::parse_document(text, report_schema);
  return tuning_report(results_from(json_reader(document)));
} catch (const tuning_error& e) {
  throw tuning_error(std::string("the tuning report cannot be read: ") + e.what());
} catch (const std::invalid_argument& e) {
  throw tuning_error(std::string("the tuning report cannot be read: ") + e.what());
}

}  // namespace fanout
