#include "text_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fanout/detail/hidden_characters.hpp>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

namespace tool {
namespace {

[[noreturn]] void fail_to_write_to_stdout(int code) {
  throw std::system_error(code, std::generic_category(), "cannot write to standard output");
}

/// The first character of a text that is not empty.
struct character {
  char32_t code;       // U+FFFD if it is not UTF-8
  std::size_t length;  // in bytes
};

character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 1) return {lead, 1};
  if (length == 0 || text.size() < length) return {0xfffd, 1};
  char32_t code = lead & (0xffU >> (length + 1));
  for (const char each : text.substr(1, length - 1)) {
    const auto byte = static_cast<unsigned char>(each);
    if ((byte & 0xc0) != 0x80) return {0xfffd, 1};
    code = code << 6 | (byte & 0x3fU);
  }
  return {code, length};
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    const auto number = static_cast<std::uint32_t>(code);
    const auto out = std::back_inserter(line);
    if (code == U'\n') {
      line += "\\n";
    } else if (code == U'\t') {
      line += "\\t";
    } else if (!fanout::detail::is_hidden(code)) {
      line += text.substr(0, length);
    } else if (length == 1) {
      fmt::format_to(out, "\\x{:02x}", number);
    } else if (length == 4) {
      fmt::format_to(out, "\\U{:08x}", number);
    } else {
      fmt::format_to(out, "\\u{:04x}", number);
    }
    text.remove_prefix(length);
  }
  return line;
}

std::string short_line(std::string_view text) {
  constexpr std::size_t longest = 200;
  if (text.size() <= longest) return one_line(text);
  std::size_t end = longest;
  for (int back = 0; back != 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++back) --end;
  return one_line(text.substr(0, end)) + "…";
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
