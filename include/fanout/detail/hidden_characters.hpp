#pragma once

#include <algorithm>
#include <array>

/// For texts that show names from outside: those of the tuning library and of the tool.
namespace fanout::detail {

/// Whether a reader does not see a character as what it is: controls, among them those of direction, separators of
/// lines, joiners, and tags.
inline bool is_hidden(char32_t code) {
  struct range {
    char32_t first, last;
  };
  constexpr std::array<range, 13> hidden{{{0x00, 0x1f},
                                          {0x7f, 0x9f},
                                          {0xad, 0xad},
                                          {0x61c, 0x61c},
                                          {0x180e, 0x180e},
                                          {0x200b, 0x200f},
                                          {0x2028, 0x202e},
                                          {0x2060, 0x206f},
                                          {0xfeff, 0xfeff},
                                          {0xfff9, 0xfffb},
                                          {0x1bca0, 0x1bca3},
                                          {0x1d173, 0x1d17a},
                                          {0xe0000, 0xe007f}}};
  return std::any_of(hidden.begin(), hidden.end(),
                     [=](range each) { return each.first <= code && code <= each.last; });
}

}  // namespace fanout::detail
