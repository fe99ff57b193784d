#pragma once

#include <oneapi/tbb/task_arena.h>

#include "fanout/executor.hpp"

/// @file
/// Access to the oneTBB arena of an executor. Not part of `fanout.hpp`; link TBB::tbb to use it.
namespace fanout {

/// The arena of an executor, for running a `tbb::parallel_for` of your own in it, or observing its threads. It lives
/// as long as the executor.
///
/// With a named limit, the arena has that many slots for callers and their helpers, and none for workers of oneTBB.
/// With an automatic limit it admits workers, one fewer than the number of cores.
///
/// The executor's limit does not count work that you run in the arena yourself, but such work occupies slots of the
/// arena. A batch whose threads find no slot waits for one. A worker that calls the executor from such work takes
/// none of the executor's slots, so more threads may run the executor's tasks than an automatic limit allows. If such
/// work fills the arena and then calls the executor, it may wait forever for batches that wait for the arena.
inline tbb::task_arena& native_arena(executor& owner) {
  return *static_cast<tbb::task_arena*>(detail::native_arena_of(owner));
}

}  // namespace fanout
