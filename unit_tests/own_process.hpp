#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <iterator>

/// What a test asks of its own process, or makes of it.
namespace support {

/// The threads of the process.
inline std::size_t threads_of_process() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

/// Becomes a user who should have no other process, so that a limit of processes counts this one alone. Requires the
/// superuser. Ends the process with code 90 if that fails.
inline void become_user(::uid_t user) {
  if (::setgid(user) != 0 || ::setuid(user) != 0) std::_Exit(90);
}

}  // namespace support
