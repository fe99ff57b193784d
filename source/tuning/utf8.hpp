#pragma once

#include <string>
#include <string_view>

namespace fanout::detail {

/// Whether the text is valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

/// The text with `?` in place of each control character, so that it can do a terminal no harm, and of each character that
/// cannot be seen or changes the direction of the text, so that it does not look like another one. Requires UTF-8.
std::string printable(std::string_view text);

}  // namespace fanout::detail
