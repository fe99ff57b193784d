#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

/// How many threads the system lets this process have.
namespace fanout::detail {

/// At most this many, with those that it has, by the limits that the system shows: of the user (RLIMIT_NPROC), of the
/// control groups (pids.max, in both versions) and of the system (threads-max, pid_max). Other limits may be lower.
///
/// A size above it is refused at once. Finding out by creating its threads takes seconds if the limit is 30,000.
std::size_t thread_room();

/// The same, from the content of files and the limit of the user. `read_file` returns none for a file that does not
/// exist. What is missing or malformed limits nothing.
std::size_t thread_room(const std::function<std::optional<std::string>(const std::string& path)>& read_file,
                        std::optional<std::size_t> limit_of_user);

}  // namespace fanout::detail
