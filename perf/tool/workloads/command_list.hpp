#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

namespace tool {

struct list_line {
  std::size_t number;  // in its list, from 1
  std::string text;
};

/// What a command is run for.
struct command_list {
  std::string name;  // where the lines come from, for messages
  std::vector<list_line> lines;
};

/// What separates the lines of a list.
enum class separator : char { newline = '\n', null = '\0' };

/// The lines of a file that are not empty; `-` is standard input. Throws `input_error`, also for a line with a null
/// character: no argument of a command can hold one.
command_list read_list(const std::string& path, separator between);

/// The same of a stream; `name` is for messages.
command_list read_list(std::istream& input, const std::string& name, separator between);

}  // namespace tool
