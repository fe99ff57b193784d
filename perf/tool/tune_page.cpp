#include "tune_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>

#include "report.hpp"
#include "text_output.hpp"
#include "tune_chart.hpp"

namespace tool {
namespace {

/// By which a page is known.
constexpr std::string_view title = "<title>fanout tune: ";

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1d1d1b; --quiet: #6a6a66; --line: #d9d9d4;
  --curve: #1f6fb2; --second: #a34b00; --mark: #e8f1f9; }
@media (prefers-color-scheme: dark) { :root { --paper: #191a1b; --ink: #ececea; --quiet: #a3a39f; --line: #3c3d3f;
  --curve: #6db3f2; --second: #f0a45d; --mark: #1f2f3d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-size: .9rem; }
.answer { background: var(--mark); border-left: .25rem solid var(--curve); padding: .75rem 1rem; margin: 1rem 0; }
.answer strong { font-size: 1.2rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--quiet); font: 15px system-ui, sans-serif; }
svg .name { fill: var(--ink); }
svg .level { fill: var(--second); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: right; padding: .25rem .4rem; font-size: .95rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; font-size: .85rem; }
tr.best td { background: var(--mark); font-weight: 600; }
code { font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere; }
)";

// ---- Charts ----

/// The speed over that of the smallest size, from the times: a short time is a high speed.
chart throughput_chart(const tuned& result) {
  const auto rows = result.report.rows();
  const double base = rows.front().median_seconds;
  chart drawn{.label = "Throughput by number of threads",
              .colour = "var(--curve)",
              .points = {},
              .levels = {},
              .recommended = result.report.recommended(),
              .in_percent = false};
  for (const fanout::tuning_row& row : rows) {
    drawn.points.push_back(
        {row.concurrency, base / row.high_seconds, base / row.median_seconds, base / row.low_seconds});
  }
  if (result.baselines) {
    for (const competitor_result& row : result.baselines->rows) {
      if (row.name.starts_with("thread")) drawn.levels.push_back({row.name, base / row.seconds.median});
    }
    std::sort(drawn.levels.begin(), drawn.levels.end(),
              [](const chart_level& one, const chart_level& other) { return one.value > other.value; });
  }
  return drawn;
}

chart efficiency_chart(const tuned& result) {
  chart drawn{.label = "Efficiency by number of threads",
              .colour = "var(--curve)",
              .points = {},
              .levels = {},
              .recommended = result.report.recommended(),
              .in_percent = true};
  for (const fanout::tuning_row& row : result.report.rows()) {
    const double scale = row.efficiency * row.median_seconds;
    drawn.points.push_back({row.concurrency, scale / row.high_seconds, row.efficiency, scale / row.low_seconds});
  }
  return drawn;
}

// ---- Tables ----

std::string text_or_dash(const std::optional<double>& seconds) { return seconds ? seconds_text(*seconds) : "–"; }

std::string rows_table(const fanout::tuning_report& report) {
  std::string html =
      "<div class=\"scroll\" tabindex=\"0\"><table>\n<tr><th>threads</th><th>median</th><th>95 % interval</th>"
      "<th>speed-up</th><th>efficiency</th><th>CPU time</th><th>core "
      "wait</th><th>steal</th><th>waits</th><th>preempted</th><th>peak memory</th>"
      "<th>runs</th></tr>\n";
  for (const fanout::tuning_row& row : report.rows()) {
    const std::string memory =
        row.peak_memory_bytes ? fmt::format("{:.1f} MiB", static_cast<double>(*row.peak_memory_bytes) / 1048576) : "–";
    const std::string interval =
        row.repetitions == 1 ? "one run"
                             : fmt::format("{} – {}", seconds_text(row.low_seconds), seconds_text(row.high_seconds));
    fmt::format_to(std::back_inserter(html),
                   "<tr{}><td>{}</td><td>{}</td><td>{}</td><td>{:.2f}</td><td>{:.0f} %</td><td>{}</td>"
                   "<td>{}</td><td>{}</td><td>{:.0f}</td><td>{:.0f}</td><td>{}</td><td>{}</td></tr>\n",
                   row.concurrency == report.recommended() ? " class=\"best\"" : "", row.concurrency,
                   seconds_text(row.median_seconds), interval, row.speedup, 100 * row.efficiency,
                   seconds_text(row.cpu_seconds), text_or_dash(row.core_wait_seconds),
                   text_or_dash(row.steal_seconds), row.voluntary_switches, row.involuntary_switches, memory,
                   row.repetitions);
  }
  return html + "</table></div>\n";
}

std::string baselines_table(const comparison& baselines, std::size_t size) {
  std::string html = fmt::format(
      "<h2>Hand-written schedulers at {}</h2>\n<p class=\"quiet\">Medians of {} each, interleaved; the last column "
      "is the time of fanout over theirs: below 1 fanout is faster.</p>\n<div class=\"scroll\" "
      "tabindex=\"0\"><table>\n"
      "<tr><th>scheduler</th><th>median</th><th>spread</th><th>fanout / it</th></tr>\n",
      size, baselines.repetitions == 1 ? "one run" : fmt::format("{} runs", baselines.repetitions));
  for (const competitor_result& row : baselines.rows) {
    fmt::format_to(std::back_inserter(html), "<tr><td>{}</td><td>{}</td><td>{}</td><td>{:.2f}</td></tr>\n",
                   escaped(row.name), seconds_text(row.seconds.median), spread_text(row.seconds),
                   baselines.rows.at(1).seconds.median / row.seconds.median);
  }
  return html + "</table></div>\n";
}

}  // namespace

std::string tuning_page(const tuned& result) {
  const fanout::tuning_report& report = result.report;
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n{3}{0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<h1>How many threads for {0}?</h1>\n<p class=\"quiet\">{2}</p>\n",
      escaped(report.workload()), style, escaped(result.summary), title);
  const auto out = std::back_inserter(html);
  fmt::format_to(out, "<div class=\"answer\"><p><strong>{} {}</strong></p><p>{}</p></div>\n", report.recommended(),
                 report.recommended() == 1 ? "thread" : "threads", escaped(report.reason()));
  if (!report.complete()) html += "<p>The measurement was interrupted: this is what was known by then.</p>\n";
  fmt::format_to(
      out,
      "<div class=\"charts\">\n<section><h2>Throughput</h2>\n<p class=\"quiet\">Times that of {0}; the bars are 95 % "
      "intervals.</p>\n{1}</section>\n<section><h2>Efficiency</h2>\n<p class=\"quiet\">Throughput for each thread, "
      "by "
      "that of {0}.</p>\n{2}</section>\n</div>\n",
      report.rows().front().concurrency == 1 ? "one thread"
                                             : fmt::format("{} threads", report.rows().front().concurrency),
      svg_of(throughput_chart(result)), svg_of(efficiency_chart(result)));
  fmt::format_to(out,
                 "<h2>All sizes</h2>\n<p class=\"quiet\">Of one run of the workload: waits and preemptions are "
                 "context switches that a thread asked for and that it suffered. Core wait is the time in which threads "
                 "could have run but waited for a core, and steal the time of the cores that other virtual machines "
                 "got. Peak memory is that of {}.</p>\n{}",
                 result.memory_is_of_commands ? "the largest command" : "the process", rows_table(report));
  if (result.baselines) html += baselines_table(*result.baselines, report.recommended());
  if (!result.baselines_left_out.empty()) {
    fmt::format_to(out, "<p class=\"quiet\">{}</p>\n", escaped(result.baselines_left_out));
  }
  fmt::format_to(out, "<h2>Machine and command</h2>\n<p>{}</p>\n<p><code>{}</code></p>\n</body>\n</html>\n",
                 escaped(report.machine().to_string()), escaped(result.command_line));
  return html;
}

bool is_tuning_page(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;  // to open a pipe would wait for its writer
  std::array<char, 512> beginning{};
  std::ifstream file(path, std::ios::binary);
  file.read(beginning.data(), beginning.size());
  const std::string_view text(beginning.data(), static_cast<std::size_t>(file.gcount()));
  return text.starts_with("<!DOCTYPE html>") && text.find(title) != std::string_view::npos;
}

}  // namespace tool
