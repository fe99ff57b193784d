#pragma once

#include <cstddef>
#include <istream>
#include <stdexcept>
#include <string>
#include <vector>

#include "workloads/command_template.hpp"
#include "workloads/workload.hpp"

namespace tool {

/// A command could not be run, or did not end with exit status 0. The text names the line.
class command_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct list_line {
  std::size_t number;  // in its file, from 1
  std::string text;
};

/// Runs a command for each line of a list. Its standard input is empty and its standard output goes nowhere; what it
/// writes to standard error is seen.
class command_workload final : public workload {
 public:
  /// Requires a line at least. `list` is what the lines come from, for messages.
  command_workload(std::string command, command_template words, std::string list, std::vector<list_line> lines);

  std::string_view name() const override { return "command"; }
  std::string summary() const override;
  parameters description() const override;
  std::size_t task_count() const override { return lines_.size(); }
  std::string task_name(std::size_t index) const override;

  /// Throws `command_error`. Once `stop` is requested the command is killed, with what it has started.
  std::uint64_t run(std::size_t index, const std::stop_token& stop) const override;

 private:
  std::string failure(std::size_t index, const std::string& what) const;

  std::string command_;
  command_template words_;
  std::string list_;
  std::vector<list_line> lines_;
};

/// The lines of a file that are not empty; `-` is standard input. Throws `input_error`, also for a line with a null
/// character: no argument of a command can hold one.
std::vector<list_line> read_lines(const std::string& path);

/// The same of a stream; `name` is for the error.
std::vector<list_line> read_lines(std::istream& input, const std::string& name);

}  // namespace tool
