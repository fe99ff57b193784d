#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "fanout/detail/export.hpp"

/// The tasks that one runner works through, and how another runner takes the later ones of them away.
namespace fanout::detail {

/// What a chunk is built on. The model checker brings its own: see unit_tests/model.
struct chunk_primitives {
  template <class T>
  using atomic = std::atomic<T>;

  /// The owner's side of an asymmetric fence: it keeps the compiler from reordering, and costs nothing. The other side,
  /// `heavy_fence`, makes every thread of the process execute a full fence.
  static void light_fence() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

  /// The owner's side where the system has no such fence: a full one. Not inline: g++ would warn of the fence in
  /// every program that is compiled for ThreadSanitizer.
  FANOUT_EXPORT static void full_fence() noexcept;

  /// False if the system has refused it after all.
  FANOUT_EXPORT static bool heavy_fence() noexcept;
  FANOUT_EXPORT static void yield() noexcept;
};

/// A range of tasks, first … last.
struct task_range {
  std::size_t first = 0;
  std::size_t last = 0;
  bool empty() const { return first == last; }
  std::size_t size() const { return last - first; }
};

/// The chunk of one runner, its owner. The owner publishes which task it starts; another runner, a thief, may *recall*
/// the tasks that have not been started.
///
/// Owner and thief agree by the pattern of Dekker's algorithm. The owner stores its position and then loads its flags;
/// the thief sets a flag and then loads the position. With a full fence between the two steps on both sides, the owner
/// sees the flag or the thief sees the position (or both). So the thief takes only tasks behind the position that it
/// sees, and an owner that sees the flag waits for the thief's answer before it goes on. The fence is asymmetric: the
/// owner, which is there for every task, pays nothing for it, the thief a system call.
///
/// A runner whose tasks are not started for a long time, because it is inside a long one, need not do anything.
template <class Primitives>
class basic_chunk {
 public:
  /// Where a thief finds a runner.
  struct view {
    enum class kind { empty, coming, open } state = kind::empty;
    std::size_t position = 0;
    std::size_t unstarted = 0;  // of an open chunk: at least one
  };

  // ── The owner ──

  /// Publishes that task `index` is next. True if it may start; otherwise ask `settle`. `fenced`: where there is no
  /// asymmetric fence.
  bool may_start(std::size_t index, bool fenced) noexcept {
    // Release: whoever sees the position sees the end of the chunk that it belongs to.
    position_.store(index, std::memory_order_release);
    fence_as_owner(fenced);
    return flags_.load(std::memory_order_relaxed) == 0;
  }

  /// After `may_start` was refused at `index`: waits while a thief is at it, then returns where the chunk ends now. That
  /// is `index` once the batch was stopped.
  ///
  /// A stop does not end the wait. The owner may not know of the stop yet, and open its next chunk; the thief would
  /// combine the position of the old chunk with the end of the new one.
  std::size_t settle(std::size_t index) noexcept {
    for (;;) {
      std::uint32_t seen = flags_.load(std::memory_order_acquire);  // as in announce
      if ((seen & recalling) != 0) {
        Primitives::yield();
        continue;
      }
      if ((seen & stopping) != 0) return index;
      // Acquire: the last answer's end. Without an answer, the end is still the one that this thread stored.
      if (seen == 0 || flags_.compare_exchange_weak(seen, 0, std::memory_order_acquire))
        return end_.load(std::memory_order_relaxed);
    }
  }

  /// The owner is about to take other tasks, and will open a chunk or clear it in a moment. Without the sign a runner
  /// that looks just then would find nothing to take, and leave for good.
  ///
  /// The flags are looked at once more: a thief that still reads the old chunk must not see half of a new one. Acquire:
  /// what a thief that has left read was read before the next chunk is stored.
  void announce(bool fenced) noexcept {
    position_.store(coming, std::memory_order_release);
    fence_as_owner(fenced);
    if (flags_.load(std::memory_order_acquire) != 0) settle(0);
  }

  /// Opens a chunk; after `announce`. Its first task is the owner's.
  void open(task_range chunk) noexcept {
    end_.store(chunk.last, std::memory_order_release);  // as in recall
    position_.store(chunk.first, std::memory_order_release);
  }

  /// Nothing came; after `announce`.
  void clear() noexcept { position_.store(nothing, std::memory_order_release); }

  // ── Everybody ──

  /// No task of this chunk starts afterwards. (Coherence alone lets a task that would start after the request, in the
  /// sense of happens-before, see the flag.)
  void stop() noexcept {
    std::uint32_t seen = flags_.load(std::memory_order_relaxed);
    while (!flags_.compare_exchange_weak(seen, seen | stopping, std::memory_order_relaxed)) {
    }
  }

  bool stopped() const noexcept { return (flags_.load(std::memory_order_relaxed) & stopping) != 0; }

  /// A look without a fence: a guess of what there is to take. If it takes a chunk for empty that a theft has emptied, or
  /// combines an old position with the end of a stolen chunk, then the caller sees what its thief did before: acquire.
  view look() const noexcept {
    const std::size_t position = position_.load(std::memory_order_acquire);
    if (position == coming) return {view::kind::coming, 0, 0};
    if (position == nothing) return {};
    const std::size_t end = end_.load(std::memory_order_acquire);
    if (position + 1 >= end) return {};
    return {view::kind::open, position, end - (position + 1)};
  }

  /// Takes tasks that have not been started away from the owner: the later half, rounded up, or all. Empty if there are
  /// none, or if another thief is at it.
  task_range recall(bool all) noexcept {
    std::uint32_t seen = flags_.load(std::memory_order_relaxed);
    do {
      if ((seen & (recalling | stopping)) != 0) return {};
    } while (!flags_.compare_exchange_weak(seen, seen | recalling, std::memory_order_acquire));
    // Without the fence nothing may be taken: then what the owner has not started stays its own.
    const view found = Primitives::heavy_fence() ? look() : view{};
    task_range taken;
    if (found.state == view::kind::open) {
      const std::size_t end = found.position + 1 + found.unstarted;
      taken = {all ? found.position + 1 : end - (found.unstarted + 1) / 2, end};
      end_.store(taken.first, std::memory_order_release);  // see look
    }
    const std::uint32_t answer = taken.empty() ? 0 : answered;
    seen = flags_.load(std::memory_order_relaxed);
    // Release: the owner that sees the answer sees the new end.
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
  static constexpr std::uint32_t answered = 4;   // the end was changed, and the owner has not seen it yet

  typename Primitives::template atomic<std::size_t> position_{nothing};  // written by the owner
  typename Primitives::template atomic<std::size_t> end_{0};             // by the owner, or a thief that is recalling
  typename Primitives::template atomic<std::uint32_t> flags_{0};         // by all
};

using chunk = basic_chunk<chunk_primitives>;

/// The owner's loop: calls `start(index)` for each task that may start, and returns the index after the last one.
template <class Chunk, class Start>
std::size_t run_chunk(task_range tasks, Chunk& mine, bool fenced, const Start& start) noexcept {
  std::size_t index = tasks.first;
  for (; index != tasks.last; ++index) {
    if (!mine.may_start(index, fenced)) [[unlikely]] {
      tasks.last = mine.settle(index);
      if (index == tasks.last) break;
    }
    start(index);
  }
  return index;
}

/// Starts all tasks of a chunk at once, and returns which those are: fewer than asked where a thief was quicker, none when
/// the batch was stopped. What it publishes first is the last task, so that a thief which sees it finds nothing behind it.
template <class Chunk>
task_range start_all(task_range tasks, Chunk& mine, bool fenced) noexcept {
  while (!tasks.empty() && !mine.may_start(tasks.last - 1, fenced)) tasks.last = mine.settle(tasks.first);
  return tasks;
}

}  // namespace fanout::detail
