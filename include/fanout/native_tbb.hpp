#pragma once

#include <oneapi/tbb/task_arena.h>

#include "fanout/executor.hpp"

/// @file
/// For those who need oneTBB itself; include it on purpose and link TBB::tbb.
namespace fanout {

/// The arena of an executor: for a `tbb::parallel_for` or an observer of your own among its threads. It lives as
/// long as the executor.
///
/// With a named limit it has that many slots, for callers and their helpers, and none for workers of oneTBB. With an
/// automatic limit it takes workers, one for each core but one. Work that you put into it yourself is not counted by the
/// executor's limit, but takes a slot of the arena: a batch whose threads find no slot waits for one. Where such work
/// calls the executor, it comes on top of an automatic limit; and where it fills the arena and then calls, it may wait
/// forever for batches that wait for the arena.
inline tbb::task_arena& native_arena(executor& owner) {
  return *static_cast<tbb::task_arena*>(detail::native_arena_of(owner));
}

}  // namespace fanout
