#include "quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "duration.hpp"
#include "exit_status.hpp"
#include "text_output.hpp"

namespace tool {

std::uint64_t parse_size(std::string_view option, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> units{
      {{"", 1.0}, {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}, {"T", 0x1p40}}};
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const std::string_view named(rest, static_cast<std::size_t>(end - rest));
  for (const auto& [unit, bytes] : units) {
    if (error != std::errc() || named != unit) continue;
    if (const double size = number * bytes; size >= 1 && size < 0x1p63) return static_cast<std::uint64_t>(size);
  }
  throw usage_error(
      fmt::format("{} takes a number of bytes, such as 500000, 512M or 1.5G, not '{}'", option, short_line(text)));
}

start_rate parse_rate(std::string_view option, std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view number = text.substr(0, slash);
  constexpr std::size_t most = 1'000'000;  // whose times are remembered
  std::size_t starts = 0;
  const char* const end = number.data() + number.size();
  const auto [rest, error] = std::from_chars(number.data(), end, starts);
  try {
    if (slash != std::string_view::npos && error == std::errc() && rest == end && starts > 0 && starts <= most) {
      const std::string unit(text.substr(slash + 1));
      const bool is_unit = unit == "s" || unit == "m" || unit == "h";
      return {starts, parse_duration(option, is_unit ? "1" + unit : unit)};
    }
  } catch (const usage_error&) {
    // What follows names the whole value.
  }
  throw usage_error(fmt::format("{} takes 1 to 1000000 starts in a time, such as 10/s, 100/m or 3/500ms, not '{}'", option,
                                short_line(text)));
}

}  // namespace tool
