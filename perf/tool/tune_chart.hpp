#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// A curve over the number of threads, as SVG.
namespace tool {

/// A value, and the ends of its interval.
struct chart_point {
  std::size_t concurrency;
  double low, value, high;
};

/// A level that the curve is compared with.
struct chart_level {
  std::string name;
  double value;
};

struct chart {
  std::string label;  // for readers who do not see it
  std::string colour;
  std::vector<chart_point> points;  // at least one
  std::vector<chart_level> levels;  // from the highest
  std::size_t recommended;
  bool in_percent;
};

/// A picture of 480 × 300, in which no text is cut off or lies over another one, or over the curve.
std::string svg_of(const chart& drawn);

/// The most that a text is wide at the font size of the chart, in its units.
double text_width(std::string_view text);

}  // namespace tool
