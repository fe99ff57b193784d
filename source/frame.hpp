#pragma once

#include <atomic>
#include <cstdint>

namespace fanout::detail {

class executor_core;
class frame_entry;

/// Where a thread stands: the batch whose task it runs, and around it the batches in whose tasks that one was
/// started, whichever threads run those. A frame lives as long as its batch; each thread of a team enters it.
struct frame {
  executor_core* executor = nullptr;     // whose limit the batch counts in; null for one that needs no arena
  executor_core* home = nullptr;         // whose arena the threads of the batch came to it in; null outside of all
  const frame_entry* starter = nullptr;  // of the task that started the batch; null where none did

  /// Whether a batch of `wanted` encloses this frame or is it.
  bool within(const executor_core& wanted) const;
};

/// The entry that the calling thread made last; null outside of all batches.
inline const frame_entry*& current_entry() {
  static thread_local const frame_entry* current = nullptr;
  return current;
}

/// Enters a frame for as long as it lives.
class frame_entry {
 public:
  explicit frame_entry(const frame& entered) : entered_(entered), left_(current_entry()) { current_entry() = this; }
  frame_entry(const frame_entry&) = delete;
  frame_entry& operator=(const frame_entry&) = delete;
  ~frame_entry() { current_entry() = left_; }

  const frame& entered() const { return entered_; }

  /// No other entry of the process ever has it, and none has 0.
  std::uint64_t id() const { return id_; }

  /// Whether what runs in this entry must end before what runs in the other goes on: that one is this one, or lies
  /// further down on the stack of this thread, or started the batch of one of these.
  bool keeps_waiting(std::uint64_t other) const {
    for (const frame_entry* below = this; below != nullptr; below = below->left_)
      for (const frame_entry* each = below; each != nullptr; each = each->entered_.starter)
        if (each->id_ == other) return true;
    return false;
  }

 private:
  /// Each thread takes a million numbers at a time, so that threads do not meet at the counter.
  static std::uint64_t next_id() {
    constexpr std::uint64_t at_a_time = std::uint64_t{1} << 20U;
    static std::atomic<std::uint64_t> taken{1};
    static thread_local std::uint64_t next = 0;
    if (next % at_a_time == 0) next = taken.fetch_add(1, std::memory_order_relaxed) * at_a_time;
    return next++;
  }

  const frame& entered_;
  const frame_entry* const left_;
  const std::uint64_t id_ = next_id();
};

inline bool frame::within(const executor_core& wanted) const {
  if (executor == &wanted) return true;
  for (const frame_entry* each = starter; each != nullptr; each = each->entered().starter)
    if (each->entered().executor == &wanted) return true;
  return false;
}

/// The frame of the calling thread; null outside of all batches.
inline const frame* current_frame() {
  const frame_entry* const entry = current_entry();
  return entry != nullptr ? &entry->entered() : nullptr;
}

}  // namespace fanout::detail
