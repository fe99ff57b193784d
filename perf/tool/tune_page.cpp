#include "tune_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>
#include <string_view>
#include <vector>

namespace tool {
namespace {

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1d1d1b; --quiet: #6a6a66; --line: #d9d9d4;
  --curve: #1f6fb2; --second: #a34b00; --mark: #e8f1f9; }
@media (prefers-color-scheme: dark) { :root { --paper: #191a1b; --ink: #ececea; --quiet: #a3a39f; --line: #3c3d3f;
  --curve: #6db3f2; --second: #f0a45d; --mark: #1f2f3d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--paper); color: var(--ink);
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
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: right; padding: .25rem .5rem; font-size: .95rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; font-size: .85rem; }
tr.best td { background: var(--mark); font-weight: 600; }
code { font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere; }
)";

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char each : text) {
    switch (each) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += each;
    }
  }
  return safe;
}

// ---- Charts ----

struct point {
  std::size_t concurrency;
  double low, value, high;
};

/// A level that the curve is compared with.
struct level {
  std::string name;
  double value;
};

struct chart {
  std::string label;  // for those who do not see it
  std::string colour;
  std::vector<point> points;
  std::vector<level> levels;
  std::size_t recommended;
  bool in_percent;
};

/// A round number of which four or fewer steps reach `most`.
double step_for(double most) {
  const double rough = most / 4;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

/// Where things are in a picture of 480 × 300. The sizes stand side by side at equal distances: they grow by halves, and
/// a linear axis would press the small ones, which matter most, into a corner.
class canvas {
 public:
  explicit canvas(const chart& drawn) : count_(drawn.points.size()) {
    double most = 0;
    for (const point& each : drawn.points) most = std::max(most, each.high);
    for (const level& each : drawn.levels) most = std::max(most, each.value);
    if (!(most > 0)) most = 1;
    step_ = step_for(most);
    top_ = step_ * std::ceil(most / step_ - 0.05);  // what is above by a hair may stand out
  }

  static constexpr double left = 48, right = 468, above = 14, below = 256;

  double x(std::size_t index) const {
    if (count_ == 1) return (left + right) / 2;
    return left + 18 + (right - left - 36) * static_cast<double>(index) / static_cast<double>(count_ - 1);
  }
  double y(double value) const { return below - (below - above) * value / top_; }
  double step() const { return step_; }
  double top() const { return top_; }

 private:
  std::size_t count_;
  double step_ = 1;
  double top_ = 1;
};

std::string value_text(double value, bool in_percent) {
  return in_percent ? fmt::format("{:.0f} %", 100 * value) : fmt::format("{:.3g} ×", value);
}

std::string draw(const chart& drawn) {
  const canvas at(drawn);
  std::string svg = fmt::format("<svg viewBox=\"0 0 480 300\" role=\"img\" aria-label=\"{}\">\n", escaped(drawn.label));
  const auto out = std::back_inserter(svg);
  for (double value = 0; value <= at.top() * 1.0001; value += at.step()) {
    fmt::format_to(out,
                   "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--line)\"/>"
                   "<text x=\"42\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                   canvas::left, canvas::right, at.y(value), at.y(value), at.y(value) + 5,
                   value_text(value, drawn.in_percent));
  }
  double last_name = 1e9;
  for (const level& each : drawn.levels) {
    const double y = at.y(each.value);
    fmt::format_to(out,
                   "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--second)\" "
                   "stroke-dasharray=\"5 4\"/>\n",
                   canvas::left, canvas::right, y, y);
    // Levels come from the top down; names keep apart where their lines do not.
    const double name_at = std::abs(last_name - (y - 5)) < 15 ? last_name + 15 : y - 5;
    fmt::format_to(out, "<text x=\"{}\" y=\"{:.1f}\">{}</text>\n", canvas::left + 6, name_at, escaped(each.name));
    last_name = name_at;
  }
  std::string path;
  for (std::size_t i = 0; i != drawn.points.size(); ++i) {
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", i == 0 ? "M" : " L", at.x(i),
                   at.y(drawn.points[i].value));
  }
  fmt::format_to(out, "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path, drawn.colour);
  for (std::size_t i = 0; i != drawn.points.size(); ++i) {
    const point& each = drawn.points[i];
    const bool best = each.concurrency == drawn.recommended;
    fmt::format_to(out,
                   "<g><title>{} threads: {} ({} to {})</title>"
                   "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2\"/>"
                   "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"2\"/></g>"
                   "<text x=\"{:.1f}\" y=\"276\" text-anchor=\"middle\"{}>{}</text>\n",
                   each.concurrency, value_text(each.value, drawn.in_percent),
                   value_text(each.low, drawn.in_percent), value_text(each.high, drawn.in_percent), at.x(i), at.x(i),
                   at.y(each.low), at.y(each.high), drawn.colour, at.x(i), at.y(each.value), best ? 7 : 4,
                   best ? "var(--paper)" : drawn.colour, drawn.colour, at.x(i),
                   best ? " class=\"name\" font-weight=\"700\"" : "", each.concurrency);
  }
  svg += "<text x=\"258\" y=\"296\" text-anchor=\"middle\">threads</text>\n</svg>\n";
  return svg;
}

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
              [](const level& one, const level& other) { return one.value > other.value; });
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

std::string rows_table(const fanout::tuning_report& report) {
  std::string html =
      "<div class=\"scroll\" tabindex=\"0\"><table>\n<tr><th>threads</th><th>median</th><th>95 % interval</th>"
      "<th>speed-up</th><th>efficiency</th><th>CPU time</th><th>waits</th><th>preempted</th><th>peak memory</th>"
      "<th>runs</th></tr>\n";
  for (const fanout::tuning_row& row : report.rows()) {
    const std::string memory =
        row.peak_memory_bytes ? fmt::format("{:.1f} MiB", static_cast<double>(*row.peak_memory_bytes) / 1048576) : "–";
    fmt::format_to(std::back_inserter(html),
                   "<tr{}><td>{}</td><td>{}</td><td>{} – {}</td><td>{:.2f}</td><td>{:.0f} %</td><td>{}</td>"
                   "<td>{:.0f}</td><td>{:.0f}</td><td>{}</td><td>{}</td></tr>\n",
                   row.concurrency == report.recommended() ? " class=\"best\"" : "", row.concurrency,
                   seconds_text(row.median_seconds), seconds_text(row.low_seconds), seconds_text(row.high_seconds),
                   row.speedup, 100 * row.efficiency, seconds_text(row.cpu_seconds), row.voluntary_switches,
                   row.involuntary_switches, memory, row.repetitions);
  }
  return html + "</table></div>\n";
}

std::string baselines_table(const comparison& baselines, std::size_t size) {
  std::string html = fmt::format(
      "<h2>Hand-written schedulers at {}</h2>\n<p class=\"quiet\">Medians of {} runs each, interleaved; the last column "
      "is the time of fanout over theirs: below 1 fanout is faster.</p>\n<div class=\"scroll\" tabindex=\"0\"><table>\n"
      "<tr><th>scheduler</th><th>median</th><th>spread</th><th>fanout / it</th></tr>\n",
      size, baselines.repetitions);
  for (const competitor_result& row : baselines.rows) {
    fmt::format_to(std::back_inserter(html), "<tr><td>{}</td><td>{}</td><td>± {:.1f} %</td><td>{:.2f}</td></tr>\n",
                   escaped(row.name), seconds_text(row.seconds.median), 100 * row.seconds.spread(),
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
      "<link rel=\"icon\" href=\"data:,\">\n<title>fanout tune: {0}</title>\n<style>{1}</style>\n</head>\n<body>\n"
      "<h1>How many threads for {0}?</h1>\n<p class=\"quiet\">{2}</p>\n",
      escaped(report.workload()), style, escaped(result.summary));
  const auto out = std::back_inserter(html);
  fmt::format_to(out, "<div class=\"answer\"><p><strong>{} {}</strong></p><p>{}</p></div>\n", report.recommended(),
                 report.recommended() == 1 ? "thread" : "threads", escaped(report.reason()));
  if (!report.complete()) html += "<p>The measurement was interrupted: this is what was known by then.</p>\n";
  fmt::format_to(
      out,
      "<div class=\"charts\">\n<section><h2>Throughput</h2>\n<p class=\"quiet\">Times that of {0}; the bars are 95 % "
      "intervals.</p>\n{1}</section>\n<section><h2>Efficiency</h2>\n<p class=\"quiet\">Throughput for each thread, by "
      "that of {0}.</p>\n{2}</section>\n</div>\n",
      report.rows().front().concurrency == 1 ? "one thread"
                                             : fmt::format("{} threads", report.rows().front().concurrency),
      draw(throughput_chart(result)), draw(efficiency_chart(result)));
  fmt::format_to(out,
                 "<h2>All sizes</h2>\n<p class=\"quiet\">Of one run of the workload: waits and preemptions are "
                 "context switches that a thread asked for and that it suffered. Peak memory is that of {}.</p>\n{}",
                 result.memory_is_of_commands ? "the largest command" : "the process", rows_table(report));
  if (result.baselines) html += baselines_table(*result.baselines, report.recommended());
  fmt::format_to(out, "<h2>Machine and command</h2>\n<p>{}</p>\n<p><code>{}</code></p>\n</body>\n</html>\n",
                 escaped(report.machine().to_string()), escaped(result.command_line));
  return html;
}

}  // namespace tool
