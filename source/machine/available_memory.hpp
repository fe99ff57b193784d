#pragma once

#include <cstdint>

#include "machine/control_groups.hpp"

namespace fanout::detail {

/// How many bytes the process could use: see `fanout::available_memory`. Missing or malformed content counts as no
/// limit. Requires a reader that is not empty.
std::uint64_t available_memory(const file_reader& read_file);

/// The same of this machine, at most a millisecond old. For callers that ask often, because to read all the files
/// takes tens of microseconds.
std::uint64_t recently_available_memory();

}  // namespace fanout::detail
