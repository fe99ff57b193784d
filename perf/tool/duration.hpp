#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace tool {

/// The longest time that an option takes.
inline constexpr std::chrono::hours longest_duration(24);

/// Reads `500ms`, `30s`, `2m` or `1h`: a number, which may have a decimal point, and a unit. Throws `usage_error`, which
/// names the option, for anything else and unless the time is above 0 and at most a day.
std::chrono::nanoseconds parse_duration(std::string_view option, std::string_view text);

/// A time that is not shorter, as a value of an option: `250ms`, `18s`, `12m` or `3h`.
std::string duration_option(std::chrono::nanoseconds time);

/// `850 ms`, `12 s`, `3 min 20 s`: for people.
std::string duration_text(std::chrono::nanoseconds time);

}  // namespace tool
