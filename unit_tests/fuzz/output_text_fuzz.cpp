// Text from outside, the name of a file for instance, on its way out of the tool: to a terminal, into CSV, JSON, HTML and
// a shell.

#include <algorithm>
#include <fanout/tuning.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "report.hpp"
#include "text_output.hpp"
#include "tune_output.hpp"
#include "tune_page.hpp"
#include "workloads/command_template.hpp"
#include "workloads/workload.hpp"

namespace {

/// What a reader of CSV makes of a record with one field.
std::string field_of(std::string_view record) {
  if (!record.starts_with('"')) return std::string(record);
  std::string field;
  for (std::size_t at = 1; at + 1 < record.size(); ++at) {
    field += record[at];
    if (record[at] == '"') ++at;
  }
  return field;
}

/// A workload of which all that is text is the same text.
class described_by final : public tool::workload {
 public:
  explicit described_by(const std::string& text) : text_(text) {}
  std::string_view name() const override { return "compress"; }
  std::string summary() const override { return "1 files below " + text_; }
  tool::parameters description() const override { return {{"input", text_}}; }
  std::size_t task_count() const override { return 1; }
  std::string task_name(std::size_t /*index*/) const override { return text_; }
  std::uint64_t run(std::size_t /*index*/, const std::stop_token& /*stop*/) const override { return 0; }

 private:
  const std::string& text_;
};

void check_comparison(const std::string& text) {
  const described_by tasks(text);
  const tool::comparison result{
      .tasks = 1,
      .completed = 0,
      .repetitions = 1,
      .rows = {{.name = "serial", .seconds = tool::summarise({1}), .checksum = 0, .first_difference = 0}},
      .errors = {{text, "gone"}}};
  const tool::report_context context{.tasks = tasks, .cores = 1, .concurrency = 1, .compiler = "x"};
  for (const auto format : {tool::report_format::table, tool::report_format::csv, tool::report_format::json}) {
    fuzz::promise(!fuzz::steers_a_terminal(tool::format_report(result, context, format), true),
                  "no comparison steers a terminal");
  }
  const std::string csv = tool::format_report(result, context, tool::report_format::csv);
  fuzz::promise(std::count(csv.begin(), csv.end(), '\n') == 2, "a record of CSV is a line");
  fuzz::promise(nlohmann::json::accept(tool::format_report(result, context, tool::report_format::json)),
                "a comparison in JSON is JSON");
}

tool::tuned result_with(const std::string& name, const std::string& text) {
  return {
      .report = fanout::tuning_report(
          {.workload = name,
           .machine = {},
           .rows = {{.concurrency = 1, .repetitions = 3, .median_seconds = 2, .low_seconds = 1, .high_seconds = 3}},
           .recommended = 1,
           .reason = name}),
      .baselines = std::nullopt,
      .summary = tool::one_line(text),
      .command_line = text};
}

void check_page(const tool::tuned& result) {
  static const std::string plain = tool::tuning_page(result_with("x", "x"));
  const std::string page = tool::tuning_page(result);
  for (const char mark : {'<', '>', '"', '\''}) {
    fuzz::promise(std::count(page.begin(), page.end(), mark) == std::count(plain.begin(), plain.end(), mark),
                  "text is text on a page");
  }
}

void check_result(const tool::tuned& result) {
  check_page(result);
  fuzz::promise(!fuzz::steers_a_terminal(tool::format_tuned(result, "table"), true), "a table steers no terminal");
  fuzz::promise(!fuzz::steers_a_terminal(tool::format_tuned(result, "csv"), true), "CSV steers no terminal");
  const std::string json = tool::format_tuned(result, "json");
  fuzz::promise(!fuzz::steers_a_terminal(json, true), "JSON steers no terminal");
  fuzz::promise(nlohmann::json::parse(json)["workload"] == result.report.workload(), "JSON holds names as they are");
  fuzz::promise(fanout::tuning_report::from_json(json) == result.report, "the library reads the tool's JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  const std::string line = tool::one_line(text);
  fuzz::promise(!fuzz::steers_a_terminal(line, false), "one line steers no terminal");
  fuzz::promise(tool::one_line(line) == line, "what is one line stays as it is");
  fuzz::promise(field_of(tool::csv_field(text)) == text, "a field of CSV holds its text");
  if (text.find('\0') == std::string::npos) {
    fuzz::promise(tool::command_template(tool::quoted_for_shell(text) + " {}", false).words_for("{}").front() == text,
                  "quoted text is one word");
  }

  check_comparison(text);
  try {
    check_result(result_with(text.substr(0, 1024), text));
  } catch (const std::invalid_argument&) {  // a name that is not UTF-8
    check_result(result_with("x", text));
  }
  return 0;
}
