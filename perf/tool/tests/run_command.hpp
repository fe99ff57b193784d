#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace tool {

/// How the program is run; by default with both outputs captured through pipes.
struct command_setting {
  bool stderr_is_terminal = false;
  std::string terminal_type = "xterm";  // TERM
  std::string stdout_path;              // where standard output goes, instead of being captured
  bool stdout_is_closed_pipe = false;

  /// As root, without the two capabilities that let root read every file: permissions count as for any user.
  bool permissions_count = false;

  /// Called in the new process before the program starts. May make system calls only.
  std::function<void()> before_start;

  /// Called with the process and all of its standard error so far, whenever more of that came.
  std::function<void(pid_t, const std::string&)> on_stderr;
};

struct command_result {
  int exit_code = -1;  // minus the signal that ended the process, if one did
  std::string out;
  std::string err;

  /// The lines of standard error, without their ends.
  std::vector<std::string> error_lines() const;
};

/// Runs `fanout` with these arguments to its end.
command_result run_command(const std::vector<std::string>& arguments, const command_setting& setting = {});

/// Whether `permissions_count` can be had here.
bool permissions_can_count();

}  // namespace tool
