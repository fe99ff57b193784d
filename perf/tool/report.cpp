#include "report.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <variant>

#include "text_output.hpp"

namespace tool {
namespace {

double speed_up(const comparison& result, const competitor_result& row) {
  return result.rows.front().seconds.median / row.seconds.median;
}

double tasks_per_second(const comparison& result, const competitor_result& row) {
  return static_cast<double>(result.completed) / row.seconds.median;
}

std::string duration_text(double seconds) {
  return seconds >= 1 ? fmt::format("{:.3f} s ", seconds) : fmt::format("{:.2f} ms", seconds * 1e3);
}

std::string checksum_text(const competitor_result& row) { return fmt::format("{:016x}", row.checksum); }

// ---- The table ----

std::string verdict(const comparison& result, const workload& tasks) {
  if (result.checksums_equal())
    return fmt::format("All {} competitors produced the same checksum.\n", result.rows.size());
  std::string text;
  for (const competitor_result& row : result.rows) {
    if (row.checksum_equal()) continue;
    fmt::format_to(std::back_inserter(text),
                   "The results of {} differ from those of {}'s first run, first at {}.\n", row.name, result.rows.front().name,
                   one_line(tasks.task_name(*row.first_difference)));
  }
  return text;
}

std::string format_table(const comparison& result, const report_context& context) {
  const std::string stream =
      context.ahead != 0 ? fmt::format("a stream with {} tasks on the way, ", context.ahead) : "";
  std::string text = fmt::format("{}: {}\n", context.tasks.name(), one_line(context.tasks.summary())) +
                     fmt::format("{} cores, concurrency {}, {}{} repetitions after one to warm up, {}\n\n",
                                 context.cores, context.concurrency, stream, result.repetitions, context.compiler) +
                     fmt::format("{:<14}{:>13}{:>11}{:>10}{:>13}  {}\n", "competitor", "median", "spread", "speed-up",
                                 "tasks/s", "checksum");
  for (const competitor_result& row : result.rows) {
    fmt::format_to(std::back_inserter(text), "{:<14}{:>13}{:>11}{:>10.2f}{:>13.1f}  {} {}\n", row.name,
                   duration_text(row.seconds.median), spread_text(row.seconds), speed_up(result, row),
                   tasks_per_second(result, row), checksum_text(row), row.checksum_equal() ? "equal" : "DIFFERENT");
  }
  text +=
      "\nThe spread is half the distance between the quartiles, as a share of the median; the speed-up is over " +
      result.rows.front().name + ".\n";
  if (!result.complete) text += "The measurement was interrupted.\n";
  return text + verdict(result, context.tasks);
}

// ---- CSV ----

/// A figure of the spread, which a single run does not have.
std::string seconds_or_nothing(double value, const sample_summary& sample) {
  return sample.spread() ? fmt::format("{}", value) : std::string();
}

std::string format_csv(const comparison& result, const report_context& context) {
  std::string text =
      "workload,input,cores,concurrency,repetitions,tasks,completed,competitor,median_seconds,minimum_seconds,"
      "lower_quartile_seconds,upper_quartile_seconds,maximum_seconds,speed_up,tasks_per_second,checksum,"
      "checksum_equal,ahead,low_seconds,high_seconds\n";
  const std::string input = csv_field(valid_utf8(one_line(context.tasks.summary())));
  for (const competitor_result& row : result.rows) {
    const sample_summary& seconds = row.seconds;
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
                   csv_field(std::string(context.tasks.name())), input, context.cores, context.concurrency,
                   result.repetitions, result.tasks, result.completed, csv_field(row.name), seconds.median,
                   seconds.minimum, seconds_or_nothing(seconds.lower_quartile, seconds),
                   seconds_or_nothing(seconds.upper_quartile, seconds),
                   seconds.maximum, speed_up(result, row), tasks_per_second(result, row), checksum_text(row),
                   row.checksum_equal(), context.ahead != 0 ? std::to_string(context.ahead) : "",
                   seconds_or_nothing(row.low_seconds, seconds), seconds_or_nothing(row.high_seconds, seconds));
  }
  return text;
}

// ---- JSON ----

using json = nlohmann::ordered_json;

json json_row(const comparison& result, const competitor_result& row, const workload& tasks) {
  json object = {
      {"competitor", row.name},
      {"median_seconds", row.seconds.median},
      {"minimum_seconds", row.seconds.minimum},
      {"lower_quartile_seconds", row.seconds.spread() ? json(row.seconds.lower_quartile) : json()},
      {"upper_quartile_seconds", row.seconds.spread() ? json(row.seconds.upper_quartile) : json()},
      {"maximum_seconds", row.seconds.maximum},
      {"low_seconds", row.seconds.spread() ? json(row.low_seconds) : json()},
      {"high_seconds", row.seconds.spread() ? json(row.high_seconds) : json()},
      {"speed_up", speed_up(result, row)},
      {"tasks_per_second", tasks_per_second(result, row)},
      {"checksum", checksum_text(row)},
      {"checksum_equal", row.checksum_equal()},
  };
  if (row.first_difference) object["first_difference"] = tasks.task_name(*row.first_difference);
  return object;
}

std::string format_json(const comparison& result, const report_context& context) {
  json parameters = {{"repetitions", result.repetitions}, {"tasks", result.tasks}};
  if (context.ahead != 0) parameters["ahead"] = context.ahead;
  for (const auto& [name, value] : context.tasks.description()) {
    std::visit([&parameters, &key = name](const auto& held) { parameters[key] = held; }, value);
  }
  json rows = json::array();
  for (const competitor_result& row : result.rows) rows.push_back(json_row(result, row, context.tasks));
  json errors = json::array();
  for (const input_error& error : result.errors) {
    errors.push_back({{"path", error.path()}, {"reason", error.what()}});
  }
  const json report = {
      {"machine", {{"cores", context.cores}, {"concurrency", context.concurrency}, {"compiler", context.compiler}}},
      {"workload", context.tasks.name()},
      {"parameters", parameters},
      {"completed", result.completed},
      {"complete", result.complete},
      {"rows", rows},
      {"errors", errors},
      {"checksum_equal", result.checksums_equal()},
  };
  return report.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string spread_text(const sample_summary& sample) {
  const auto spread = sample.spread();
  return spread ? fmt::format("± {:.1f} %", *spread * 100) : "–";
}

std::string format_report(const comparison& result, const report_context& context, report_format format) {
  switch (format) {
    case report_format::csv:
      return format_csv(result, context);
    case report_format::json:
      return format_json(result, context);
    case report_format::table:
      break;
  }
  return format_table(result, context);
}

}  // namespace tool
