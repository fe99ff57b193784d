#include "workloads/command_list.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include "workloads/workload.hpp"

namespace tool {
namespace {

[[noreturn]] void fail(const std::string& name, int code) {
  throw input_error(name, std::generic_category().message(code));
}

}  // namespace

command_list read_list(const std::string& path, separator between) {
  if (path == "-") {
    // Of a stream that is closed, or of a directory, std::cin only knows that nothing more comes.
    if (read(STDIN_FILENO, nullptr, 0) < 0) fail("standard input", errno);
    return read_list(std::cin, "standard input", between);
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, errno != 0 ? errno : EIO);
  if (std::filesystem::is_directory(path)) fail(path, EISDIR);
  return read_list(file, path, between);
}

command_list read_list(std::istream& input, const std::string& name, separator between) {
  command_list list{.name = name, .lines = {}};
  std::string text;
  for (std::size_t number = 1; std::getline(input, text, static_cast<char>(between)); ++number) {
    // It would end the argument: of a list that `find -print0` wrote, the command would see the first name alone.
    if (text.find('\0') != std::string::npos) {
      throw input_error(name, fmt::format("line {} has a null character, which no argument can hold; --null reads "
                                          "lists with null characters between the names",
                                          number));
    }
    if (!text.empty()) list.lines.push_back({number, text});
  }
  if (input.bad()) throw input_error(name, "cannot be read to its end");
  return list;
}

}  // namespace tool
