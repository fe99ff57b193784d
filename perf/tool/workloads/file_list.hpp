#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "workloads/workload.hpp"

namespace tool {

/// The regular files below a directory.
struct file_list {
  std::vector<std::string> paths;   // ordered by their bytes, so that a task has the same index in every run
  std::uint64_t bytes = 0;          // of all of them together, when they were listed
  std::vector<input_error> errors;  // directories and entries that could not be looked at
};

/// Lists them all, at any depth. Symbolic links are not followed, apart from `directory` itself; sockets, pipes and
/// devices are left out. Throws `input_error` when `directory` itself cannot be listed, and returns early with what
/// it has once `stop` is requested.
file_list list_files(const std::string& directory, const std::stop_token& stop = {});

/// Takes files out of the list, whatever their names are there: paths that differ, or hard links.
void leave_out(file_list& files, const std::vector<std::string>& others);

}  // namespace tool
