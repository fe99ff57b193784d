#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace tool {

/// Reads `500ms`, `30s`, `2m` or `1h`: a number, which may have a decimal point, and a unit. Throws `usage_error`, which
/// names the option, for anything else and unless the time is above 0 and at most a day.
std::chrono::nanoseconds parse_duration(std::string_view option, std::string_view text);

/// `850 ms`, `12 s`, `3 min 20 s`: for people.
std::string duration_text(std::chrono::nanoseconds time);

}  // namespace tool
