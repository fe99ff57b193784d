#pragma once

#include <cstdint>

#include "machine/control_groups.hpp"

namespace fanout::detail {

/// How many bytes the process could use: see `fanout::available_memory`. Missing or malformed content counts as no
/// limit. Requires a reader that is not empty.
std::uint64_t available_memory(const file_reader& read_file);

/// The same of this machine, but not always new, for callers that ask often: a result is used again for a
/// millisecond, or for 20 times as long as it took to read the files, if that is longer.
std::uint64_t recently_available_memory();

}  // namespace fanout::detail
