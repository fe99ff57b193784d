#pragma once

namespace fanout::detail {

class executor_core;

/// Where a thread stands: the batch whose task it runs, and around it the batches in whose tasks that one was
/// started, whichever threads run those. A frame lives as long as its batch; each thread of a team enters it.
struct frame {
  executor_core* executor = nullptr;  // whose limit the batch counts in; null for one that needs no arena
  executor_core* home = nullptr;      // whose arena the threads of the batch came to it in; null outside of all
  const frame* enclosing = nullptr;   // null for a batch that no task started

  /// Whether a batch of `wanted` encloses this frame or is it.
  bool within(const executor_core& wanted) const {
    for (const frame* each = this; each != nullptr; each = each->enclosing)
      if (each->executor == &wanted) return true;
    return false;
  }
};

/// The frame of the calling thread; null outside of all batches.
inline const frame*& current_frame() {
  static thread_local const frame* current = nullptr;
  return current;
}

/// Enters a frame for as long as it lives.
class frame_entry {
 public:
  explicit frame_entry(const frame& entered) : left_(current_frame()) { current_frame() = &entered; }
  frame_entry(const frame_entry&) = delete;
  frame_entry& operator=(const frame_entry&) = delete;
  ~frame_entry() { current_frame() = left_; }

 private:
  const frame* left_;
};

}  // namespace fanout::detail
