#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "fanout/tuning_comparison_report.hpp"
#include "tuning/number_text.hpp"
#include "tuning/utf8.hpp"

namespace fanout {
namespace {

using detail::duration_text;
using detail::fixed_text;

constexpr std::string_view style = R"(
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1d1d1b; --quiet: #6a6a66; --line: #d9d9d4;
  --bar: #1f6fb2; --whisker: #a34b00; }
@media (prefers-color-scheme: dark) { :root { --paper: #191a1b; --ink: #ececea; --quiet: #a3a39f; --line: #3c3d3f;
  --bar: #6db3f2; --whisker: #f0a45d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
.quiet { color: var(--quiet); font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; width: 100%; }
th, td { text-align: right; padding: .25rem .4rem; font-size: .95rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, td.chart, th.chart { text-align: left; }
th { font-weight: 600; font-size: .85rem; }
td.chart { min-width: 12rem; width: 40%; }
svg { width: 100%; height: 1.2rem; display: block; }
rect { fill: var(--bar); }
line { stroke: var(--whisker); stroke-width: 2; vector-effect: non-scaling-stroke; }
)";

/// A text for HTML: without control characters and markup. Requires UTF-8.
std::string escaped(std::string_view text) {
  std::string html;
  for (const char character : detail::printable(text)) {
    switch (character) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      default:
        html += character;
    }
  }
  return html;
}

/// The bar of the median, with its interval across the end. A picture of 100 x 10 that is stretched to its cell.
std::string bar_of(const comparison_row& row, double longest) {
  const auto place = [&](double seconds) { return fixed_text(longest > 0 ? 100 * seconds / longest : 0, 2); };
  return "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" +
         duration_text(row.median_seconds) + "\"><rect x=\"0\" y=\"1\" width=\"" + place(row.median_seconds) +
         "\" height=\"8\"/><line x1=\"" + place(row.low_seconds) + "\" x2=\"" + place(row.high_seconds) +
         "\" y1=\"5\" y2=\"5\"/></svg>";
}

std::string row_of(const comparison_row& row, double longest) {
  const std::string interval =
      row.seconds.size() == 1 ? "one run" : duration_text(row.low_seconds) + " – " + duration_text(row.high_seconds);
  const std::string results =
      row.differences.empty() ? "equal"
                              : std::to_string(row.differences.size()) + " differ, first task " +
                                    std::to_string(row.differences.front());
  std::string html = "<tr><td>" + escaped(row.scheduler) + "</td><td class=\"chart\">" + bar_of(row, longest) + "</td>";
  for (const std::string& cell :
       {duration_text(row.median_seconds), interval, fixed_text(row.speedup, 2), duration_text(row.cpu_seconds),
        std::to_string(row.seconds.size()), results}) {
    html += "<td>" + cell + "</td>";
  }
  return html + "</tr>\n";
}

/// The rows of one concurrency.
std::string table_of(std::span<const comparison_row> rows) {
  double longest = 0;
  for (const comparison_row& row : rows) longest = std::max(longest, row.high_seconds);
  std::string html = "<h2>" + std::to_string(rows.front().concurrency) +
                     (rows.front().concurrency == 1 ? " task" : " tasks") +
                     " at once</h2>\n<div class=\"scroll\" tabindex=\"0\"><table>\n<tr><th>scheduler</th>"
                     "<th class=\"chart\">time of a run</th><th>median</th><th>95 % interval</th><th>speed-up</th>"
                     "<th>CPU time</th><th>runs</th><th>results</th></tr>\n";
  for (const comparison_row& row : rows) html += row_of(row, longest);
  return html + "</table></div>\n";
}

}  // namespace

std::string comparison_report::to_page() const {
  const std::string title = workload().empty() ? std::string("Schedulers compared") : escaped(workload());
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>fanout compare: " +
      title + "</title>\n<style>" + std::string(style) + "</style>\n</head>\n<body>\n<h1>" + title +
      "</h1>\n<p class=\"quiet\">" + std::to_string(results_.tasks) + (results_.tasks == 1 ? " task" : " tasks") +
      " on " + escaped(results_.machine.to_string()) +
      ". The schedulers took turns in random order. The line across the end of a bar is the 95 % interval of the "
      "median.</p>\n";
  if (!complete()) html += "<p>The measurement was stopped before its end.</p>\n";
  html += equal() ? "<p>All schedulers gave the same results.</p>\n"
                  : "<p><strong>Not all schedulers gave the same results.</strong></p>\n";
  std::span<const comparison_row> left = rows();
  while (!left.empty()) {
    const auto end = std::find_if(left.begin(), left.end(), [&](const comparison_row& row) {
      return row.concurrency != left.front().concurrency;
    });
    const auto count = static_cast<std::size_t>(end - left.begin());
    html += table_of(left.first(count));
    left = left.subspan(count);
  }
  return html + "</body>\n</html>\n";
}

}  // namespace fanout
