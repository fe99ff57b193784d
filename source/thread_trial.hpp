#pragma once

#include <cstddef>

namespace fanout::detail {

/// Creates `wanted` threads that exist at the same time, ends them, and returns how many it could create, which is
/// less than `wanted` only when the system refused one. A stack size of 0 means the system's default. Each thread
/// also allocates a little, as a worker does when it begins: glibc reserves 64 MiB of addresses for the heap of a new
/// thread, which under `RLIMIT_AS` are missing for the stacks of those that follow. Costs some 20 µs a thread.
std::size_t create_together(std::size_t wanted, std::size_t stack_size);

}  // namespace fanout::detail
