#pragma once

#include <cstddef>

namespace fanout::detail {

/// Creates `wanted` threads that exist at the same time, ends them, and returns how many it could create, which is
/// less than `wanted` only when the system refused one. A stack size of 0 means the system's default.
/// Costs some 20 µs a thread.
///
/// Under a limit of the addresses (`RLIMIT_AS`) it reckons first, and creates none where there is no room for all: the
/// addresses that a trial uses up are missing elsewhere while it lasts. Each thread needs its stack, and 64 MiB that
/// glibc reserves for the heap of a thread that allocates, for up to eight threads a core, or as the environment says
/// in `MALLOC_ARENA_MAX`. A thread of oneTBB's that exists and that nobody has seen yet counts among those that are
/// wanted, though its addresses are gone already: near the limit a refusal may come a little early, but not too late.
std::size_t create_together(std::size_t wanted, std::size_t stack_size);

}  // namespace fanout::detail
