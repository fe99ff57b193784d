#pragma once

#include "fanout/detail/export.hpp"

/// @file
/// The threads that fanout keeps between calls.
namespace fanout {

/// Gives up everything that fanout keeps for later calls: its idle threads, and the arenas of free calls. Returns
/// when the threads have ended. Executors keep the threads that they were promised, and running batches are not
/// disturbed.
///
/// Not needed in most programs, because threads that nobody needs end after 5 seconds. Call it before
/// `tbb::finalize`, which waits for idle workers of oneTBB and fails while arenas exist, or before a phase of the
/// program that needs all the threads or memory that it may have.
///
/// *Safe* to call from any thread at any time. In a task, or in a destructor at the end of a thread, it may return before
/// the threads have ended. *Costs* about 20 µs for each thread that ends, and the
/// same again when a later call has to create it.
FANOUT_EXPORT void release_idle() noexcept;

}  // namespace fanout
