#include "tuning/utf8.hpp"

#include <algorithm>
#include <cstddef>

namespace fanout::detail {
namespace {

unsigned byte_at(std::string_view text, std::size_t index) { return static_cast<unsigned char>(text[index]); }

/// The length of the character at the beginning of the text, or 0 if there is no valid one (table 3-7 of the Unicode
/// Standard).
std::size_t first_character(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  const unsigned least_second = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned most_second = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  const unsigned second = byte_at(text, 1);
  if (second < least_second || second > most_second) return 0;
  for (std::size_t index = 2; index != length; ++index) {
    if ((byte_at(text, index) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = first_character(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, first_character(text));
    const unsigned lead = byte_at(text, 0);
    const bool c0 = length == 1 && (lead < 0x20 || lead >= 0x7f);
    const bool c1 = length == 2 && lead == 0xc2 && byte_at(text, 1) < 0xa0;
    if (c0 || c1) {
      result += '?';
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace fanout::detail
