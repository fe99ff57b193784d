#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "processes/process_groups.hpp"

/// The start of a program in a process group of its own, and its end: the same for all commands that the tool runs.
namespace tool {

/// What a program is started with.
struct program_start {
  const char* program;  // looked up in PATH unless it has a slash
  char* const* words;   // its arguments, the first is its name, with a null pointer behind them
  const char* input;    // the file that becomes its standard input
  int output;           // its standard output
  int errors = -1;      // its standard error; -1: that of the tool
};

/// How a command ended.
struct command_end {
  enum class kind { exited, killed, stopped };

  kind how;
  int number;  // the exit status, or the signal that killed or stopped it

  /// The peak resident memory of the largest of its processes that were waited for. It counts from a copy of the
  /// tool, so it is at least the resident memory of the tool.
  std::uint64_t peak_memory_bytes;
};

/// Starts it as the leader of a group that claims the place, with default signal handling and no signal blocked.
/// Throws `std::system_error` if it cannot be started.
pid_t start_program(process_groups::place& place, const program_start& start);

/// Raises the limit of open files for the tool itself, which needs some for each command. What the tool starts
/// afterwards has the limit that the tool was started with.
void raise_limit_of_open_files();

/// Whether the program has ended; does not collect it: until that is done, no other process can have its number. With
/// `wait`, returns when its state has changed. A program that has stopped itself is killed, because nobody would
/// continue it, and `stopped_by` gets the signal; one that another process has stopped by SIGSTOP runs.
bool has_ended(pid_t child, bool wait, std::optional<int>& stopped_by);

/// Collects a process that has ended; `stopped_by` is the signal that stopped it before, if one did.
command_end collect_program(pid_t child, std::optional<int> stopped_by);

}  // namespace tool
