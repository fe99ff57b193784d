#pragma once

#include <oneapi/tbb/task_arena.h>

#include "fanout/executor.hpp"

/// @file
/// For those who need oneTBB itself; include it on purpose and link TBB::tbb.
namespace fanout {

/// The arena of an executor: for a `tbb::parallel_for` or an observer of your own among its workers. It lives as
/// long as the executor.
///
/// Work that you put into it yourself is not counted by the executor's limit. The arena takes `limit - 1` workers for
/// it at most. Its `max_concurrency()` is larger than the limit: it counts the seats of callers, too, who wait for the
/// end of their batch, and of their helpers. Threads of your own that take all of these, and stay until a batch has
/// ended, keep its helpers out, and it waits for them.
inline tbb::task_arena& native_arena(executor& owner) {
  return *static_cast<tbb::task_arena*>(detail::native_arena_of(owner));
}

}  // namespace fanout
