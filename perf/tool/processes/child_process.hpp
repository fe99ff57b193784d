#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "processes/process_groups.hpp"
#include "processes/program.hpp"

namespace tool {

/// Where the standard output of a command goes. Nothing that it writes is kept.
enum class command_output {
  null,  // /dev/null, which some programs detect, and then do less
  pipe,  // a pipe that the tool reads to its end
  file,  // a temporary file without a name
};

/// The standard input and output of a command.
struct command_streams {
  std::string input = "/dev/null";  // opened anew for each command
  command_output output = command_output::pipe;
};

/// Throws a `std::runtime_error` if the standard input or output cannot be opened, or is a pipe with a name, whose
/// content the first command would take from the others.
void try_to_open(const command_streams& streams);

/// Runs a program to its end, in a process group of its own, with default signal handling and no signal blocked. The
/// program is looked up in PATH unless its name has a slash. When it has ended, the rest of its group is killed.
///
/// A command that stops itself is killed, because nobody would continue it. That happens to those that read the
/// terminal. A command that another process stops by SIGSTOP is waited for.
///
/// `on_output` gets what the command writes into a pipe, in pieces, on the calling thread, up to the moment when it has
/// ended. It must not throw.
///
/// Once `stop` is requested, the group is killed. Throws `std::system_error` if the program cannot be started.
/// Requires at least one word.
command_end run_process(process_groups& groups, std::vector<std::string> words, const command_streams& streams,
                        const std::stop_token& stop,
                        const std::function<void(std::span<const char>)>& on_output = {});

}  // namespace tool
