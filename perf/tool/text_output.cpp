#include "text_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

namespace tool {
namespace {

[[noreturn]] void fail_to_write_to_stdout(int code) {
  throw std::system_error(code, std::generic_category(), "cannot write to standard output");
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = static_cast<unsigned char>(at + 1 < text.size() ? text[at + 1] : '\0');
    if (byte == '\n') {
      line += "\\n";
    } else if (byte == '\t') {
      line += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else if (byte == 0xc2 && next >= 0x80 &&
               next < 0xa0) {  // U+0080 to U+009F: for a terminal U+009B is as good as ESC [
      fmt::format_to(std::back_inserter(line), "\\u00{:02x}", next);
      ++at;
    } else {
      line += text[at];
    }
  }
  return line;
}

std::string valid_utf8(std::string_view text) {
  // The JSON library has the decoder, and makes it reachable through a document only.
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char each : valid_utf8(one_line(text))) {
    switch (each) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += each;
    }
  }
  return safe;
}

void write_to_stdout(std::string_view text) {
  // The flush is part of it: a full disk shows only there.
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    fail_to_write_to_stdout(errno);
  }
}

void require_stdout() {
  const int flags = fcntl(STDOUT_FILENO, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) fail_to_write_to_stdout(EBADF);
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  if (poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0) fail_to_write_to_stdout(EPIPE);
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
