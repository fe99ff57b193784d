#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tool {

/// A `std::thread` or `std::jthread` that runs `function`. Where the system refuses it, the `std::system_error` says
/// what was refused: its own text is only "Resource temporarily unavailable".
template <class Thread, class Function>
Thread start_thread(std::string_view competitor, Function function) try {
  return Thread(std::move(function));
} catch (const std::system_error& error) {
  throw std::system_error(error.code(), "cannot start a thread for " + std::string(competitor));
}

}  // namespace tool
