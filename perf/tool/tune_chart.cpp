#include "tune_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "text_output.hpp"

namespace tool {
namespace {

std::string value_text(double value, bool in_percent) {
  return in_percent ? fmt::format("{:.0f} %", 100 * value) : fmt::format("{:.3g} ×", value);
}

/// A round number of which four or fewer steps reach `most`.
double step_for(double most) {
  const double rough = most / 4;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

/// Where things are in the picture. The sizes stand next to each other at equal distances: they grow by halves, and a
/// linear axis would press the small ones, which matter most, into a corner. Next to the curve, there is room for the
/// longest label of the axis on the left, and for the longest name of a level on the right.
class canvas {
 public:
  explicit canvas(const chart& drawn) : count_(drawn.points.size()) {
    double most = 0;
    for (const chart_point& each : drawn.points) most = std::max(most, each.high);
    for (const chart_level& each : drawn.levels) most = std::max(most, each.value);
    if (!(most > 0)) most = 1;
    const double step = step_for(most);
    const double steps = std::ceil(most / step - 0.05);  // what is above by a hair may stand out
    top_ = step * steps;
    for (int i = 0; i <= static_cast<int>(steps); ++i) labelled_.push_back(step * i);

    double labels = 0;
    for (const double value : labelled_) {
      labels = std::max(labels, text_width(value_text(value, drawn.in_percent)));
    }
    left_ = labels + gap;
    double names = 0;
    for (const chart_level& each : drawn.levels) names = std::max(names, text_width(each.name));
    right_ = names > 0 ? width - names - gap : width - 12;
  }

  static constexpr double width = 480, height = 300, above = 14, below = 256;
  static constexpr double gap = 6;  // between a text and what it names

  double left() const { return left_; }
  double right() const { return right_; }
  double x(std::size_t index) const {
    if (count_ == 1) return (left_ + right_) / 2;
    return left_ + 18 + (right_ - left_ - 36) * static_cast<double>(index) / static_cast<double>(count_ - 1);
  }
  double y(double value) const { return below - (below - above) * value / top_; }
  const std::vector<double>& labelled() const { return labelled_; }  // the values with a label on the axis

 private:
  std::size_t count_;
  std::vector<double> labelled_;
  double top_ = 1;
  double left_ = 0;
  double right_ = width;
};

/// The points whose numbers are written below the axis: all, or as many as have room next to the recommended one.
std::vector<bool> numbered(const chart& drawn, const canvas& at) {
  const auto half = [&](std::size_t i) {
    return text_width(std::to_string(drawn.points[i].concurrency)) / 2 + canvas::gap / 2;
  };
  const auto apart = [&](std::size_t one, std::size_t other) {
    return at.x(other) - at.x(one) >= half(one) + half(other);
  };
  std::vector<bool> shown(drawn.points.size());
  const auto best = std::find_if(drawn.points.begin(), drawn.points.end(),
                                 [&](const chart_point& each) { return each.concurrency == drawn.recommended; });
  const auto fixed = static_cast<std::size_t>(best - drawn.points.begin());
  std::size_t last = shown.size();
  for (std::size_t i = 0; i != shown.size(); ++i) {
    const bool after_last = last == shown.size() || apart(last, i);
    const bool before_fixed = i >= fixed || fixed == shown.size() || apart(i, fixed);
    if (i != fixed && !(after_last && before_fixed)) continue;
    shown[i] = true;
    last = i;
  }
  return shown;
}

void draw_axis(const chart& drawn, const canvas& at, std::string& svg) {
  for (const double value : at.labelled()) {
    fmt::format_to(std::back_inserter(svg),
                   "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--line)\"/>"
                   "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                   at.left(), at.right(), at.y(value), at.y(value), at.left() - canvas::gap, at.y(value) + 5,
                   value_text(value, drawn.in_percent));
  }
  fmt::format_to(std::back_inserter(svg), "<text x=\"{:.1f}\" y=\"296\" text-anchor=\"middle\">threads</text>\n",
                 (at.left() + at.right()) / 2);
}

void draw_levels(const chart& drawn, const canvas& at, std::string& svg) {
  constexpr double line_height = 16;
  double last_name = -line_height;
  for (const chart_level& each : drawn.levels) {
    const double y = at.y(each.value);
    last_name = std::max(y + 5, last_name + line_height);
    fmt::format_to(std::back_inserter(svg),
                   "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--second)\" "
                   "stroke-dasharray=\"5 4\"/>\n<text class=\"level\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                   at.left(), at.right(), y, y, at.right() + canvas::gap, last_name, escaped(each.name));
  }
}

void draw_curve(const chart& drawn, const canvas& at, std::string& svg) {
  const auto out = std::back_inserter(svg);
  std::string path;
  for (std::size_t i = 0; i != drawn.points.size(); ++i) {
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", i == 0 ? "M" : " L", at.x(i),
                   at.y(drawn.points[i].value));
  }
  fmt::format_to(out, "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path, drawn.colour);
  const std::vector<bool> with_number = numbered(drawn, at);
  for (std::size_t i = 0; i != drawn.points.size(); ++i) {
    const chart_point& each = drawn.points[i];
    const bool best = each.concurrency == drawn.recommended;
    fmt::format_to(
        out,
        "<g><title>{} threads: {} ({} to {})</title>"
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2\"/>"
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"2\"/></g>\n",
        each.concurrency, value_text(each.value, drawn.in_percent), value_text(each.low, drawn.in_percent),
        value_text(each.high, drawn.in_percent), at.x(i), at.x(i), at.y(each.low), at.y(each.high), drawn.colour,
        at.x(i), at.y(each.value), best ? 7 : 4, best ? "var(--paper)" : drawn.colour, drawn.colour);
    if (!with_number[i]) continue;
    fmt::format_to(out, "<text x=\"{:.1f}\" y=\"276\" text-anchor=\"middle\"{}>{}</text>\n", at.x(i),
                   best ? " class=\"name\" font-weight=\"700\"" : "", each.concurrency);
  }
}

}  // namespace

double text_width(std::string_view text) {
  constexpr double widest = 9.6;  // a digit of DejaVu Sans at 15 pixels, which is wider than other fonts
  const auto characters = std::count_if(text.begin(), text.end(), [](char each) {
    return (static_cast<unsigned char>(each) & 0xc0U) != 0x80;  // the first byte of a character
  });
  return widest * static_cast<double>(characters);
}

std::string svg_of(const chart& drawn) {
  const canvas at(drawn);
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", canvas::width,
                                canvas::height, escaped(drawn.label));
  draw_axis(drawn, at, svg);
  draw_levels(drawn, at, svg);
  draw_curve(drawn, at, svg);
  return svg + "</svg>\n";
}

}  // namespace tool
