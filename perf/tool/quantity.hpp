#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tool {

/// Reads a number of bytes: `500000`, or with one of K, M, G and T for powers of 1024, `512M` or `1.5G`. Throws
/// `usage_error`, which names the option, for anything else, and for less than a byte.
std::uint64_t parse_size(std::string_view option, std::string_view text);

/// So many starts in any time of this length.
struct start_rate {
  std::size_t starts;
  std::chrono::nanoseconds per;
};

/// Reads `10/s`, `100/m`, `5000/h` or `3/500ms`. Throws `usage_error`, which names the option, for anything else.
start_rate parse_rate(std::string_view option, std::string_view text);

}  // namespace tool
