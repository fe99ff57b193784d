#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace fanout::detail {

class executor_core;
class executor_limiter;
class scope_entry;

/// A batch as its threads see it. Through `starter`, a thread knows all batches around the task that it runs,
/// whichever threads run those. A scope lives as long as its batch; each runner enters it.
struct batch_scope {
  executor_limiter* limiter = nullptr;   // of the executor in whose limit the batch counts; null for a free call
  executor_core* home = nullptr;         // the executor in whose arena the batch runs; null if it runs in none
  const scope_entry* starter = nullptr;  // the entry of the task that started the batch; null if no task did
  const scope_entry* lender = nullptr;   // the entry whose slot the leader works under; null if it has its own slot
  const void* awaited_as = nullptr;      // identifies it for threads that wait for its end beside it; null if none can

  bool has_own_slot() const { return limiter != nullptr && lender == nullptr; }
};

/// The innermost entry of the calling thread; null outside of all batches.
inline const scope_entry*& current_entry() {
  static thread_local const scope_entry* current = nullptr;
  return current;
}

/// One thread's stay in a scope: the constructor enters the scope, the destructor leaves it.
class scope_entry {
 public:
  static constexpr std::size_t no_runner = static_cast<std::size_t>(-1);

  /// `holds_slot`: the thread has a slot of the limiter of its own; it does not work under that of an entry around
  /// it. `runner`: its number in the batch, if it runs tasks.
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

  /// Unique in the process, and never 0.
  std::uint64_t id() const { return id_; }

  /// Whether a batch works under the slot of this entry: one that was started in this entry, directly or from a batch
  /// nested in it. Written under the mutex of the limiter.
  std::atomic<bool>& lent() const { return lent_; }

  /// The number of the last count in which `wait_list` counted this entry, so that it counts each entry once. Guarded
  /// by the mutex of the list.
  std::uint64_t& counted_in() const { return counted_in_; }

  /// True if the entry with the id `other` cannot end before this one: it is this entry, or is further down on the
  /// stack of this thread, or started the batch of one of these.
  bool keeps_waiting(std::uint64_t other) const {
    for (const scope_entry* below = this; below != nullptr; below = below->left_)
      for (const scope_entry* each = below; each != nullptr; each = each->around())
        if (each->id_ == other) return true;
    return false;
  }

 private:
  /// Each thread takes 2^20 numbers at a time, so that threads do not contend for the counter.
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

/// The innermost entry, `from` or one around it, of a batch that counts in the limit `of`; null if there is none.
inline const scope_entry* innermost_entry(const scope_entry* from, const executor_limiter& of) {
  while (from != nullptr && from->entered().limiter != &of) from = from->around();
  return from;
}

/// Whether a thread with this entry works for the batch that is awaited as `awaited`, or for one inside it.
inline bool is_inside(const scope_entry* from, const void* awaited) {
  for (; from != nullptr; from = from->around())
    if (from->entered().awaited_as == awaited) return true;
  return false;
}

/// The innermost entry that both entries have in common: each is that entry or inside it. Null if there is none.
inline const scope_entry* innermost_common(const scope_entry* one, const scope_entry* other) {
  for (; one != nullptr; one = one->around())
    for (const scope_entry* each = other; each != nullptr; each = each->around())
      if (each == one) return one;
  return nullptr;
}

}  // namespace fanout::detail
