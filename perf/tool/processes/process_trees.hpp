#pragma once

#include <sys/types.h>

#include <vector>

namespace tool {

/// Sends SIGKILL, SIGSTOP or SIGCONT to the process groups of these leaders, and to what the leaders have started in
/// other groups, as `timeout` and shells with job control do. Does not find what has become a child of another
/// process, as a daemon has.
void signal_trees(const std::vector<pid_t>& leaders, int signal);

/// The processes that these have started, and those that they have started in turn, in no particular order.
std::vector<pid_t> descendants_of(const std::vector<pid_t>& ancestors);

}  // namespace tool
