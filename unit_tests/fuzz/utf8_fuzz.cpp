// What is UTF-8, and what a terminal gets of it, beside a decoder that takes another way: it computes code points.

#include "tuning/utf8.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"

namespace {

/// Takes a code point from the front of a text; false if there is none.
bool decode(std::string_view& text, std::uint32_t& point) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
  std::size_t length = 1;
  if (byte(0) >= 0x80) {
    if (byte(0) < 0xc0 || byte(0) >= 0xf8) return false;
    length = byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
  }
  if (text.size() < length) return false;
  point = length == 1 ? byte(0) : byte(0) & (0xffU >> (length + 1));
  for (std::size_t at = 1; at != length; ++at) {
    if (byte(at) / 0x40 != 2) return false;
    point = point * 0x40 + byte(at) % 0x40;
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  text.remove_prefix(length);
  return point >= least[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

bool decodes(std::string_view text) {
  std::uint32_t point = 0;
  while (!text.empty()) {
    if (!decode(text, point)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const bool valid = decodes(text);
  fuzz::promise(fanout::detail::is_utf8(text) == valid, "UTF-8 is what Unicode says");

  const std::string shown = fanout::detail::printable(text);
  fuzz::promise(!fuzz::steers_a_terminal(shown, false), "no control character reaches a terminal");
  fuzz::promise(decodes(shown), "what a terminal gets is UTF-8");
  fuzz::promise(fanout::detail::printable(shown) == shown, "what is printable stays as it is");
  if (valid && !fuzz::steers_a_terminal(text, false)) fuzz::promise(shown == text, "nothing else is changed");
  return 0;
}
