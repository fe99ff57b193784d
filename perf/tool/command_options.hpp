#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "processes/child_process.hpp"
#include "processes/process_groups.hpp"
#include "workload_options.hpp"
#include "written_files.hpp"

namespace tool {

/// The options of `fanout tune` and `fanout compare` that measure a command in place of a workload: `--command`, and those that belong to
/// it.
class command_options {
 public:
  /// Adds them to the subcommand, and must stay where it is while arguments are parsed.
  explicit command_options(CLI::App& app);
  command_options(const command_options&) = delete;
  command_options& operator=(const command_options&) = delete;

  /// Whether `--command` was given. Throws `usage_error` if others of these options were given without it.
  bool chosen() const;

  /// The files that the tool or the commands read.
  std::vector<named_file> files_read() const;

  /// The command over its list. `checks_output`: the checksum of a task is that of the output of its command, unless
  /// `--output` says that it does not go into a pipe. Throws `usage_error`.
  workload_options::prepared prepare(process_groups& groups, bool checks_output) const;

 private:
  command_streams streams() const;

  CLI::App* app_;
  std::string command_;
  std::string input_list_;
  bool null_ = false;
  bool shell_ = false;
  std::string stdin_ = "/dev/null";
  std::string output_ = "pipe";
};

}  // namespace tool
