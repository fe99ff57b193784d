#include "text_output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <system_error>

namespace tool {

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '\n') {
      line += "\\n";
    } else if (character == '\t') {
      line += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else {
      line += character;
    }
  }
  return line;
}

void write_to_stdout(std::string_view text) {
  // The flush is part of it: a full disk shows only there.
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot write to standard output");
  }
}

void write_error_line(std::string_view message) noexcept {
  try {
    // One write: lines of several processes on one terminal must not mix.
    const std::string line = fmt::format("fanout: {}\n", one_line(message));
    std::fwrite(line.data(), 1, line.size(), stderr);
  } catch (...) {
    std::fputs("fanout: out of memory\n", stderr);
  }
}

}  // namespace tool
