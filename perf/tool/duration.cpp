#include "duration.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "exit_status.hpp"
#include "text_output.hpp"

namespace tool {

std::chrono::nanoseconds parse_duration(std::string_view option, std::string_view text) {
  using namespace std::chrono_literals;
  using seconds = std::chrono::duration<double>;
  constexpr std::array<std::pair<std::string_view, seconds>, 4> units{{{"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}}};

  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const std::string_view named(rest, static_cast<std::size_t>(end - rest));
  for (const auto& [unit, length] : units) {
    if (error != std::errc() || named != unit) continue;
    const seconds time = number * length;
    if (!(time > 0s && time <= longest_duration)) continue;
    if (const auto whole = std::chrono::duration_cast<std::chrono::nanoseconds>(time); whole > 0ns) return whole;
  }
  throw usage_error(fmt::format("{} takes a time of up to a day, such as 500ms, 30s or 2m, not '{}'", option,
                                short_line(text)));
}

std::string duration_option(std::chrono::nanoseconds time) {
  using namespace std::chrono_literals;
  if (time < 2s) return fmt::format("{}ms", std::chrono::ceil<std::chrono::milliseconds>(time).count());
  if (time < 2min) return fmt::format("{}s", std::chrono::ceil<std::chrono::seconds>(time).count());
  if (time < 2h) return fmt::format("{}m", std::chrono::ceil<std::chrono::minutes>(time).count());
  return fmt::format("{}h", std::chrono::ceil<std::chrono::hours>(time).count());
}

std::string duration_text(std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  const auto whole = static_cast<long>(seconds + 0.5);
  return whole < 60 ? fmt::format("{} s", whole) : fmt::format("{} min {} s", whole / 60, whole % 60);
}

}  // namespace tool
