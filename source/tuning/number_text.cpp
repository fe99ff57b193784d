#include "tuning/number_text.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace fanout::detail {
namespace {

/// Large enough for every double in fixed notation.
using buffer = std::array<char, 400>;

/// Removes zeros at the end of the decimals.
std::string trimmed(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string exact_text(double number) {
  buffer text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

std::string fixed_text(double number, int digits) {
  buffer text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, digits).ptr;
  return {text.data(), end};
}

std::string duration_text(double seconds) {
  constexpr std::array<std::pair<double, const char*>, 4> units = {
      {{1, " s"}, {1e-3, " ms"}, {1e-6, " us"}, {1e-9, " ns"}}};
  auto unit = units.begin();
  while (unit + 1 != units.end() && seconds < unit->first) ++unit;
  const double number = seconds / unit->first;
  return trimmed(fixed_text(number, number < 10 ? 2 : number < 100 ? 1 : 0)) + unit->second;
}

std::string percent_text(double share) { return fixed_text(share * 100, 0) + " %"; }

}  // namespace fanout::detail
