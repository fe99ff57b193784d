#pragma once

#include <string>
#include <string_view>

namespace fanout::detail {

/// Whether text is UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

/// Text for a terminal: control characters, which could move the cursor or worse, become `?`. Requires UTF-8.
std::string printable(std::string_view text);

}  // namespace fanout::detail
