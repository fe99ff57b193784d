#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "fanout/detail/export.hpp"

/// The tasks that one runner has taken, and the protocol by which another runner takes some of them from it.
namespace fanout::detail {

/// The primitives of a chunk. The model checker substitutes its own: see unit_tests/model.
struct chunk_primitives {
  template <class T>
  using atomic = std::atomic<T>;

  /// The owner's side of an asymmetric fence. It only prevents reordering by the compiler, and costs nothing. The
  /// other side, `heavy_fence`, makes every thread of the process execute a full fence.
  static void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

  /// The owner's side on a system without such a fence: a full fence. Not inline, because g++ would warn about the
  /// fence in every program that is compiled for ThreadSanitizer.
  FANOUT_EXPORT static void full_fence() noexcept;

  /// False if the system refuses the fence although it offered it before.
  FANOUT_EXPORT static bool heavy_fence() noexcept;
  FANOUT_EXPORT static void yield() noexcept;

  /// The number of the core on which the calling thread runs; -1 if that is not known.
  FANOUT_EXPORT static int core() noexcept;
  FANOUT_EXPORT static bool has_several_cores() noexcept;
};

/// The tasks from `first` to below `last`.
struct task_range {
  std::size_t first = 0;
  std::size_t last = 0;
  bool empty() const { return first == last; }
  std::size_t size() const { return last - first; }
};

/// The chunk of one runner, its owner. The owner publishes the index of the task that it starts. Another runner, a
/// thief, may *recall* the tasks that have not been started.
///
/// Owner and thief agree by the pattern of Dekker's algorithm. The owner stores its position and then loads its
/// flags; the thief sets a flag and then loads the position. A full fence between the two steps on both sides ensures
/// that the owner sees the flag, or the thief sees the position, or both. So the thief takes only tasks after the
/// position that it sees, and an owner that sees the flag waits for the thief's answer before it continues. The fence
/// is asymmetric, because the owner executes it for every task: it costs the owner nothing, and the thief a system
/// call.
///
/// An owner that starts no task for a long time, because it is inside a long one, need not take part in a recall.
template <class Primitives>
class basic_chunk {
 public:
  /// The chunk of a runner as a thief sees it.
  struct view {
    enum class kind { empty, coming, open } state = kind::empty;
    std::size_t position = 0;
    std::size_t unstarted = 0;  // at least one if the chunk is open
  };

  // ── The owner ──

  /// Publishes that task `index` is next. Returns true if it may start; otherwise call `settle`. `fenced` is true if
  /// there is no asymmetric fence.
  bool may_start(std::size_t index, bool fenced) noexcept {
    // Release: a thread that sees the position also sees the end of the chunk to which it belongs.
    position_.store(index, std::memory_order_release);
    fence_as_owner(fenced);
    return flags_.load(std::memory_order_relaxed) == 0;
  }

  /// Call it after `may_start(index)` has returned false. Waits while a thief reads the chunk, then returns the
  /// current end of the chunk. Returns `index` if the batch was stopped.
  ///
  /// A stop does not end the wait. An owner that does not know of the stop yet could open its next chunk; then the
  /// thief would combine the position of the old chunk with the end of the new one.
  ///
  /// `may_pause`: if the owner was asked to pause, it does: this returns `index`, `has_paused()` is true, and the
  /// tasks from `index` on are left in the chunk, where a thief may recall them, this one included. The owner, or
  /// another thread in its place, goes on by `resume`; or never, if thieves take the tasks. Task 0 has no position
  /// before it, so nobody pauses there.
  std::size_t settle(std::size_t index, bool may_pause = false) noexcept {
    for (;;) {
      std::uint32_t seen = flags_.load(std::memory_order_acquire);  // as in announce
      if ((seen & recalling) != 0) {
        Primitives::yield();
        continue;
      }
      if ((seen & stopping) != 0) return index;
      // Acquire: this thread sees the end that the last thief stored. Without an answer, the end is the one that this
      // thread stored.
      const bool pauses = may_pause && (seen & pausing) != 0 && index != 0;
      const std::uint32_t left = pauses ? 0 : seen & pausing;
      if (seen != left && !flags_.compare_exchange_weak(seen, left, std::memory_order_acquire)) continue;
      if (!pauses) return end_.load(std::memory_order_relaxed);
      has_paused_ = true;
      // A thief that has read the position before takes tasks after `index` only.
      position_.store(index - 1, std::memory_order_release);
      return index;
    }
  }

  bool has_paused() const noexcept { return has_paused_; }

  /// The tasks that are left after a pause: none if thieves took them, or there was no pause. The owner starts them
  /// as a chunk that it has opened. Another thread may recall some of them meanwhile, as always.
  task_range resume() noexcept {
    if (!has_paused_) return {};
    has_paused_ = false;
    const std::size_t next = position_.load(std::memory_order_relaxed) + 1;
    const std::size_t end = end_.load(std::memory_order_acquire);
    return next < end ? task_range{next, end} : task_range{};
  }

  /// Announces that the owner is about to take other tasks, and will call `open` or `clear` in a moment. Without this
  /// mark, a runner that looks in between would find nothing to take, and leave the batch.
  ///
  /// Checks the flags once more, because a thief that still reads the old chunk must not see half of the new one.
  /// Acquire: the thief's reads happen before the next chunk is stored.
  void announce(bool fenced) noexcept {
    position_.store(coming, std::memory_order_release);
    fence_as_owner(fenced);
    if (flags_.load(std::memory_order_acquire) != 0) settle(0);
  }

  /// Opens a chunk. Call it after `announce`. The first task belongs to the owner: no thief can recall it.
  void open(task_range chunk) noexcept {
    end_.store(chunk.last, std::memory_order_release);  // as in recall
    position_.store(chunk.first, std::memory_order_release);
  }

  /// Marks the chunk as empty. Call it after `announce`, if there was no task to take.
  void clear() noexcept { position_.store(nothing, std::memory_order_release); }

  // Counts of all tasks of the owner, in batches that are watched: see batch_watch. A runner that takes the place of
  // another goes on with its counts.

  void count_start() noexcept {
    started_.store(started_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  /// Release: a thread that sees this also sees that the task was started.
  void count_end() noexcept { ended_.store(ended_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  /// The task of this chunk has taken too long: see `run_options::task_timeout`. Called by the thread that keeps the
  /// time; the owner takes it back before its next task.
  void set_late(bool late) noexcept { late_.store(late, std::memory_order_release); }

  // ── Any thread ──

  bool is_late() const noexcept { return late_.load(std::memory_order_acquire); }

  std::size_t started() const noexcept { return started_.load(std::memory_order_relaxed); }
  std::size_t ended() const noexcept { return ended_.load(std::memory_order_acquire); }

  // ── Any runner ──

  /// No task of this chunk starts after this call, in the sense of happens-before. (Coherence alone ensures this: the
  /// owner's load in a later start sees the flag.)
  void stop() noexcept {
    std::uint32_t seen = flags_.load(std::memory_order_relaxed);
    while (!flags_.compare_exchange_weak(seen, seen | stopping, std::memory_order_relaxed)) {
    }
  }

  /// Asks the owner to pause before its next task. The request stays until then. Not for chunks that are started as
  /// wholes: see `start_all`.
  void ask_to_pause() noexcept {
    std::uint32_t seen = flags_.load(std::memory_order_relaxed);
    while (!flags_.compare_exchange_weak(seen, seen | pausing, std::memory_order_relaxed)) {
    }
  }

  bool stopped() const noexcept { return (flags_.load(std::memory_order_relaxed) & stopping) != 0; }

  /// Reads the chunk without a fence: an estimate of the tasks that can be recalled. The result may be empty because
  /// of a theft, or combine an old position with the end that a thief stored. Acquire: if the caller sees a thief's
  /// change, it also sees what that thief did before.
  view look() const noexcept {
    const std::size_t position = position_.load(std::memory_order_acquire);
    if (position == coming) return {view::kind::coming, 0, 0};
    if (position == nothing) return {};
    const std::size_t end = end_.load(std::memory_order_acquire);
    if (position + 1 >= end) return {};
    return {view::kind::open, position, end - (position + 1)};
  }

  /// Takes tasks that have not been started from the owner: the later half, rounded up, or all of them. Returns an
  /// empty range if there are none, or if another thief is recalling.
  task_range recall(bool all) noexcept {
    std::uint32_t seen = flags_.load(std::memory_order_relaxed);
    do {
      if ((seen & (recalling | stopping)) != 0) return {};
    } while (!flags_.compare_exchange_weak(seen, seen | recalling, std::memory_order_acquire));
    // If the fence failed, nothing may be taken: the owner keeps all its tasks.
    const view found = Primitives::heavy_fence() ? look() : view{};
    task_range taken;
    if (found.state == view::kind::open) {
      const std::size_t end = found.position + 1 + found.unstarted;
      taken = {all ? found.position + 1 : end - (found.unstarted + 1) / 2, end};
      end_.store(taken.first, std::memory_order_release);  // see look
    }
    const std::uint32_t answer = taken.empty() ? 0 : answered;
    seen = flags_.load(std::memory_order_relaxed);
    // Release: an owner that sees the answer also sees the new end.
    while (!flags_.compare_exchange_weak(seen, (seen & ~recalling) | answer, std::memory_order_release,
                                         std::memory_order_relaxed)) {
    }
    return taken;
  }

 private:
  static void fence_as_owner(bool fenced) noexcept {
    if (fenced) [[unlikely]] {
      Primitives::full_fence();
    } else {
      Primitives::light_fence();
    }
  }

  static constexpr std::size_t nothing = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t coming = nothing - 1;

  static constexpr std::uint32_t stopping = 1;   // the batch was stopped
  static constexpr std::uint32_t recalling = 2;  // a thief is reading the position, and may change the end
  static constexpr std::uint32_t answered = 4;   // the end was changed, and the owner has not noticed yet
  static constexpr std::uint32_t pausing = 8;    // the owner is asked to pause

  typename Primitives::template atomic<std::size_t> position_{nothing};  // written by the owner
  typename Primitives::template atomic<std::size_t> end_{0};             // by the owner, or a recalling thief
  typename Primitives::template atomic<std::uint32_t> flags_{0};         // by all
  bool has_paused_ = false;                                              // used by the owner
  std::atomic<bool> late_{false};        // here, because a runner must fit into 128 bytes: see batch::runner
  std::atomic<std::size_t> started_{0};  // by the owner; only numbers, so the model checker need not know them
  std::atomic<std::size_t> ended_{0};
};

using chunk = basic_chunk<chunk_primitives>;

/// The owner's loop: calls `start(index)` for each task that may start, and returns the index after the last one. See
/// `settle` for when that is not the end of the chunk.
template <class Chunk, class Start>
std::size_t run_chunk(task_range tasks, Chunk& mine, bool fenced, const Start& start) noexcept {
  std::size_t index = tasks.first;
  for (; index != tasks.last; ++index) {
    if (!mine.may_start(index, fenced)) [[unlikely]] {
      tasks.last = mine.settle(index, /*may_pause=*/true);
      if (index == tasks.last) break;
    }
    start(index);
  }
  return index;
}

/// Starts all tasks of a chunk at once, and returns their range: fewer than asked if a thief was faster, none if the
/// batch was stopped. It publishes the last task, so a thief that sees the position finds no task after it.
template <class Chunk>
task_range start_all(task_range tasks, Chunk& mine, bool fenced) noexcept {
  while (!tasks.empty() && !mine.may_start(tasks.last - 1, fenced)) tasks.last = mine.settle(tasks.first);
  return tasks;
}

}  // namespace fanout::detail
