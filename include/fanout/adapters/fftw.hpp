#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"

namespace fanout::adapters {

/// Runs the loops of FFTW (3.3.9 or newer, linked with its threads) on an executor, which must exist and stay where
/// it is until FFTW has another callback. The same function serves `fftwf_`, `fftwl_` and `fftwq_`, which have
/// callbacks of their own. Before the first plan:
///
///     fftw_init_threads();
///     fftw_threads_set_callback(fanout::adapters::fftw_loop, &executor);
///     fftw_plan_with_nthreads(static_cast<int>(executor.concurrency()));
///
/// FFTW expects that the callback returns when `work(jobs + i * size)` has run once for each `i` below `count`, on
/// any threads and in any order: the memory of a job belongs to the job, so FFTW asks for no number of a thread. A
/// plan for n threads has loops of up to n jobs. The callback is called from whichever threads execute plans, also at
/// once, and from its own jobs, because the parts of a plan have loops, too. It may block: here it waits for a slot
/// of the executor, unless it is called in a task of the executor, as in its own jobs; then it has a slot.
///
/// FFTW is C: a job throws nothing, and the callback must not. If there is no memory for a batch, the calling thread
/// runs the jobs that are left. An executor that was moved from ends the process.
///
/// Do not plan with `FFTW_MEASURE` outside of the executor's tasks while tasks of it plan as well: the planner
/// executes loops while it holds the lock of `fftw_make_planner_thread_safe`, and could wait for the slot of a task
/// that waits for that lock.
inline void fftw_loop(void* (*work)(char*), char* jobs, std::size_t size, int count, void* on) noexcept {
  std::atomic<int> next = 0;  // claimed by all threads of the loop; the end of the batch orders what they wrote
  const auto run_next = [=, &next](int = 0) {
    work(jobs + size * static_cast<std::size_t>(next.fetch_add(1, std::memory_order_relaxed)));
  };
  try {
    static_cast<const executor*>(on)->map(count, run_next);
  } catch (const std::bad_alloc&) {  // some jobs may have run; all that began have ended
  } catch (const resource_error&) {  // the same
  }
  while (next.load(std::memory_order_relaxed) < count) run_next();
}

}  // namespace fanout::adapters
