#pragma once

#include <string>

#include "run/command_batch.hpp"

/// What `fanout run` says of all commands in the end.
namespace tool {

/// One line: how many commands ended how, and in which time. The numbers of those that succeeded, failed, timed out,
/// were stopped and were not started add up to that of the lines.
std::string summary_line(const run_result& result);

/// The summary line, and a line for each command that was started and did not succeed: what went wrong, after a
/// tabulator the line of the list.
std::string summary_text(const run_result& result, const command_list& list);

/// The lines whose commands did not succeed, as a list for another run.
std::string unfinished_lines(const run_result& result, const command_list& list, separator between);

}  // namespace tool
