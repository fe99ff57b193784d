#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fanout::detail {

class executor_core;
class executor_limiter;
class scope_entry;

/// Where a thread stands: the batch whose task it runs, and around it the batches in whose tasks that one was
/// started, whichever threads run those. A scope lives as long as its batch; each runner enters it.
struct batch_scope {
  executor_limiter* limiter = nullptr;   // of the executor in whose limit the batch counts; null for a free call
  executor_core* home = nullptr;         // whose arena the threads of the batch came to it in; null outside of all
  const scope_entry* starter = nullptr;  // of the task that started the batch; null where none did
  const scope_entry* lender = nullptr;   // under whose slot of the limiter it works; null if it has one of its own

  bool has_own_slot() const { return limiter != nullptr && lender == nullptr; }
};

/// The entry that the calling thread made last; null outside of all batches.
inline const scope_entry*& current_entry() {
  static thread_local const scope_entry* current = nullptr;
  return current;
}

/// Enters a scope for as long as it lives.
class scope_entry {
 public:
  static constexpr std::size_t no_runner = static_cast<std::size_t>(-1);

  /// `holds_slot`: the thread has a slot of the limiter of its own, and not that of an entry around it. `runner`: its
  /// number in the batch, if it runs tasks.
  scope_entry(const batch_scope& entered, bool holds_slot, std::size_t runner = no_runner)
      : entered_(entered), left_(current_entry()), runner_(runner), holds_slot_(holds_slot) {
    current_entry() = this;
  }
  scope_entry(const scope_entry&) = delete;
  scope_entry& operator=(const scope_entry&) = delete;
  ~scope_entry() { current_entry() = left_; }

  const batch_scope& entered() const { return entered_; }
  bool holds_slot() const { return holds_slot_; }
  std::size_t runner() const { return runner_; }

  /// The entry of the task that started the batch.
  const scope_entry* around() const { return entered_.starter; }

  /// No other entry of the process ever has it, and none has 0.
  std::uint64_t id() const { return id_; }

  /// Whether a batch that was started in this entry, directly or in a task of a batch further in, works under its slot.
  /// Written under the mutex of the limiter.
  std::atomic<bool>& lent() const { return lent_; }

  /// For the list of waits: in which of its counts this was counted last. Guarded by its mutex.
  std::uint64_t& counted_in() const { return counted_in_; }

  /// True if this entry cannot end before the other has: the other is this one, or lies further down on the stack of this
  /// thread, or started the batch of one of these.
  bool keeps_waiting(std::uint64_t other) const {
    for (const scope_entry* below = this; below != nullptr; below = below->left_)
      for (const scope_entry* each = below; each != nullptr; each = each->around())
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

  const batch_scope& entered_;
  const scope_entry* const left_;
  const std::size_t runner_;
  const bool holds_slot_;
  mutable std::atomic<bool> lent_{false};
  mutable std::uint64_t counted_in_ = 0;
  const std::uint64_t id_ = next_id();
};

/// The innermost entry, this one or one around it, of a batch that counts in a limit.
inline const scope_entry* innermost_entry(const scope_entry* from, const executor_limiter& of) {
  while (from != nullptr && from->entered().limiter != &of) from = from->around();
  return from;
}

/// The innermost entry that is, or is around, each of these; null if there is none.
inline const scope_entry* innermost_common(const scope_entry* one, const scope_entry* other) {
  for (; one != nullptr; one = one->around())
    for (const scope_entry* each = other; each != nullptr; each = each->around())
      if (each == one) return one;
  return nullptr;
}

}  // namespace fanout::detail
