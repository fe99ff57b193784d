#pragma once

#include <string>
#include <string_view>

namespace fanout::detail {

/// Whether the text is valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

/// The text with each control character replaced by `?`, so that it can do a terminal no harm. Requires UTF-8.
std::string printable(std::string_view text);

}  // namespace fanout::detail
