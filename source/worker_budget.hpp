#pragma once

#include <cstddef>

/// The worker threads of the process, and who was promised how many.
///
/// oneTBB gives a process as many workers as there are cores but one, however large its arenas are: a plain
/// `task_arena(8)` on 2 cores runs 2. A `global_control` raises that, but the process has what the *lowest* of all
/// live ones says. So all of fanout shares one, which is the sum of what its live arenas need, and is replaced
/// when the sum changes (62 µs). It never falls below oneTBB's own default, unless so many threads cannot be had: other
/// users of oneTBB in the process lose nothing by fanout.
///
/// oneTBB ends the process when it cannot create a thread (`thread_monitor::launch`). So before the sum grows, as
/// many threads as have not been seen yet are created, together, and joined again. That proves what is possible
/// now; it cannot keep another part of the process from taking the threads in between.
namespace fanout::detail::worker_budget {

/// A promise of some workers, for as long as it lives.
class share {
 public:
  /// Promised workers come on top of oneTBB's default; those that are not are taken from it, all such shares from
  /// the same. Throws `resource_error` if the process may not create the threads; then nothing has changed.
  share(std::size_t workers, bool promised);
  share(const share&) = delete;
  share& operator=(const share&) = delete;
  ~share();

 private:
  const std::size_t workers_;
  const bool promised_;
};

/// What a worker needs while it helps a batch. For a promised limit it is always granted. The helpers of all other
/// batches together are as many as the cores but one, although the process has more workers while promises live: a
/// helper stays until its batch ends, so workers that had been raised for a promise would be missing when it is called
/// in. (oneTBB prefers the arenas of promises, but only when a worker comes free.)
class permit {
 public:
  explicit permit(bool promised) noexcept;
  permit(const permit&) = delete;
  permit& operator=(const permit&) = delete;
  ~permit();
  bool granted() const noexcept { return granted_; }

 private:
  const bool counted_;
  const bool granted_;
};

/// Whether a permit that is not promised would be granted now.
bool permit_is_free() noexcept;

/// The most threads, a caller included, that oneTBB will let work at once now.
std::size_t current_limit() noexcept;

/// Counts the calling thread, a worker of oneTBB's, among those that exist, until it ends.
void note_worker() noexcept;

}  // namespace fanout::detail::worker_budget
