// The reader of tuning reports: what it takes must keep what a report promises, and come back from what is written.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "fanout/tuning.hpp"
#include "fuzz.hpp"

namespace {

using fanout::tuning_profile;
using fanout::tuning_report;
using fanout::tuning_row;

void check_row(const tuning_row& row) {
  fuzz::promise(row.concurrency > 0 && row.repetitions > 0, "a row is of a size and of runs");
  for (const double number : {row.median_seconds, row.low_seconds, row.high_seconds, row.speedup, row.efficiency,
                              row.cpu_seconds, row.voluntary_switches, row.involuntary_switches}) {
    fuzz::promise(std::isfinite(number) && number >= 0, "each number is finite and not negative");
  }
  for (const auto& number : {row.core_wait_seconds, row.steal_seconds}) {
    fuzz::promise(!number || (std::isfinite(*number) && *number >= 0), "a known time is finite and not negative");
  }
  fuzz::promise(row.low_seconds <= row.median_seconds && row.median_seconds <= row.high_seconds,
                "the median lies in its interval");
}

void check_contents(const tuning_report& report) {
  const auto rows = report.rows();
  fuzz::promise(!rows.empty() && rows.size() <= 1024, "there are rows, 1024 at most");
  for (const tuning_row& row : rows) check_row(row);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    fuzz::promise(rows[i - 1].concurrency < rows[i].concurrency, "rows are in order");
  }
  fuzz::promise(report.recommended_row().concurrency == report.recommended(), "the recommended size is a row");
  fuzz::promise(report.confidence() >= 0 && report.confidence() <= 1, "the confidence is a share");
  for (const auto& share : {report.results().other_load, report.results().steal}) {
    fuzz::promise(!share || (*share >= 0 && *share <= 1), "a known share is a share");
  }
  const auto& machine = report.machine();
  fuzz::promise(machine.cores > 0 && machine.available > 0, "a machine has a core");
  fuzz::promise(!machine.quota || (std::isfinite(*machine.quota) && *machine.quota > 0),
                "a quota is a number above 0");
}

void check_json(const tuning_report& report) {
  const std::string json = report.to_json();
  const tuning_report again = tuning_report::from_json(json);
  fuzz::promise(again == report, "a report comes back from its JSON");
  fuzz::promise(again.to_json() == json, "the JSON of what JSON gave is the same");
}

void check_text(const tuning_report& report) {
  fuzz::promise(!fuzz::steers_a_terminal(report.to_table(), true), "a table steers no terminal");
  const std::string csv = report.to_csv();
  fuzz::promise(!fuzz::steers_a_terminal(csv, true), "CSV steers no terminal");
  const auto lines = static_cast<std::size_t>(std::count(csv.begin(), csv.end(), '\n'));
  const auto commas = static_cast<std::size_t>(std::count(csv.begin(), csv.end(), ','));
  fuzz::promise(lines == report.rows().size() + 1, "CSV has a line for each row");
  fuzz::promise(commas == lines * 14, "CSV has fifteen fields in each line");
}

void check_profile(const tuning_report& report) {
  if (report.workload().empty()) return;
  tuning_profile profile(report.machine());
  profile.add(report);
  const fanout::tuning_recommendation* const found = profile.find(report.workload());
  fuzz::promise(found != nullptr && found->concurrency == report.recommended(), "a profile takes over a report");
  fuzz::promise(tuning_profile::from_json(profile.to_json()) == profile, "a profile of a report comes back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const tuning_report report = tuning_report::from_json(fuzz::text_of(data, size));
    check_contents(report);
    check_json(report);
    check_text(report);
    check_profile(report);
  } catch (const fanout::tuning_error& error) {
    const std::string_view message = error.what();
    fuzz::promise(message.starts_with("the tuning report cannot be read: "), "an error says what cannot be read");
    fuzz::promise(message.size() < 400, "an error quotes little of what it did not understand");
    fuzz::promise(!fuzz::steers_a_terminal(message, false), "an error steers no terminal");
  }
  return 0;
}
