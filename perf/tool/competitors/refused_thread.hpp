#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace tool {

/// Throws `error`, of a thread that the system refused, with what it was refused to: its own text is only "Resource
/// temporarily unavailable".
[[noreturn]] inline void throw_refused_thread(std::string_view competitor, const std::system_error& error) {
  throw std::system_error(error.code(), "cannot start a thread for " + std::string(competitor));
}

}  // namespace tool
