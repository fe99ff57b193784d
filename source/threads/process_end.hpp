#pragma once

/// The end of a process in which batches still run.
namespace fanout::detail {

/// Whether the process ends, and oneTBB's static objects are about to be destroyed, or have been. Other threads may
/// still run batches then.
bool one_tbb_ends() noexcept;

/// Call it once, before a worker of oneTBB runs a task.
///
/// If a worker of oneTBB calls `exit`, oneTBB ends the process with a segmentation fault: the destructors of its
/// library destroy what belongs to the calling thread, and then use it. From this call on, an `exit` on a worker ends
/// the process before that: with the status that it was given, after the functions of `atexit` and the destructors of
/// the program's static objects, and after all streams were flushed. Only the destructors of static objects in shared
/// libraries do not run. An `exit` on any other thread is not affected.
void expect_exit_on_worker() noexcept;

}  // namespace fanout::detail
