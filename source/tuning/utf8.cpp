#include "tuning/utf8.hpp"

#include <algorithm>
#include <cstddef>

#include "fanout/detail/hidden_characters.hpp"

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

/// The number of a character of that length.
char32_t code_of(std::string_view text, std::size_t length) {
  char32_t code = length == 1 ? byte_at(text, 0) : byte_at(text, 0) & (0xffU >> (length + 1));
  for (std::size_t index = 1; index != length; ++index) code = code << 6 | (byte_at(text, index) & 0x3fU);
  return code;
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
    const std::size_t length = first_character(text);
    if (length == 0 || is_hidden(code_of(text, length))) {
      result += '?';
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return result;
}

}  // namespace fanout::detail
