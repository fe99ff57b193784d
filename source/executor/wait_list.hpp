#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "base/intrusive_list.hpp"
#include "executor/executor_limiter.hpp"

namespace fanout::detail {

/// The waits of threads inside tasks, for all limiters of the process. Nothing here allocates, because a thread that
/// takes back its slot at the end of a batch must not fail.
class wait_list {
 public:
  using waiter = executor_limiter::waiter;

  std::mutex& mutex() { return mutex_; }

  // Under the mutex:
  void add(waiter& newest) { waits_.add_first(newest); }
  void remove(waiter& each) { waits_.remove(each); }

  /// Looks at all waits again, because they may end no more: the limit of an executor has been lowered.
  void break_deadlocks() {
    for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) break_deadlock(*each);
  }

  /// If the added wait could never end, breaks the deadlock: the wait, or another one that is part of the deadlock,
  /// is lent the slot of a thread that waits. If none can be lent one, a wait for room ends without it.
  void break_deadlock(waiter& added) {
    while (would_never_end(added) && (lend_to_one() || let_one_exceed())) {
    }
  }

 private:
  static bool waits(const waiter& each) {
    // A wait that was sent away counts as well: until it is removed, its thread may still have to take back its slot.
    return each.now.load(std::memory_order_relaxed) != waiter::state::admitted &&
           !each.exceeds.load(std::memory_order_relaxed);
  }

  /// Whether the added wait is *stuck*: it is part of a deadlock, or waits for one. If so, this has set `is_stuck` of
  /// all stuck waits. Other waits may be admitted while this reads their state, but not a stuck one: it cannot end.
  bool would_never_end(const waiter& added) {
    for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) each->is_stuck = waits(*each);
    // The common case, in which executors do not call each other: the wait may end even if all others are stuck.
    if (may_end(added)) return false;
    // Assume that all are stuck, and clear those that may end, until only waits are left that wait for each other.
    for (bool changed = true; changed && added.is_stuck;) {
      changed = false;
      for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
        if (!each->is_stuck || !may_end(*each)) continue;
        each->is_stuck = false;
        changed = true;
      }
    }
    return added.is_stuck;
  }

  /// Lends a slot to the newest stuck wait that can borrow, which is then not stuck any more. False if none can. A
  /// wait that was sent away cannot: its thread runs, and removes it or takes back its slot, which is looked at in
  /// its turn.
  bool lend_to_one() {
    for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      if (!each->is_stuck || each->wanted == nullptr || each->what == waiter::aim::own_loan) continue;
      if (each->now.load(std::memory_order_relaxed) != waiter::state::waiting) continue;
      const scope_entry* const lender = lender_among_stuck(*each->wanted);
      if (lender == nullptr) continue;
      each->wanted->lend_instead(*each, *lender);
      return true;
    }
    return false;
  }

  /// Ends the newest stuck wait for room. False if there is none.
  bool let_one_exceed() {
    for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      if (!each->is_stuck || each->what != waiter::aim::room) continue;
      each->exceeds.store(true, std::memory_order_relaxed);
      each->wants_room_in->let_exceed();
      return true;
    }
    return false;
  }

  /// An entry whose slot can be borrowed: the innermost entry in the limit `of` of a stuck thread. Prefers one that
  /// is not lent; otherwise takes one that is lent to a thread that is not stuck. (A stuck thread that works under an
  /// entry has an entry further in, which is considered instead.)
  const scope_entry* lender_among_stuck(const executor_limiter& of) const {
    const scope_entry* found = nullptr;
    for (const waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      const scope_entry* const entry = each->is_stuck ? innermost_entry(each->from, of) : nullptr;
      if (entry == nullptr || is_lent_to_stuck(*entry)) continue;
      if (!entry->lent()) return entry;
      found = entry;
    }
    return found;
  }

  bool may_end(const waiter& each) {
    if (each.what == waiter::aim::end_of_batch) return !is_stuck(each.awaited);
    if (each.what == waiter::aim::room) return !has_no_runner(*each.wants_room_in);
    return each.lender != nullptr ? !is_lent_to_stuck(*each.lender) : !are_held_by_stuck(*each.wanted);
  }

  /// Whether the batch that is awaited as this waits for a slot that it does not get, or one of its tasks is stuck.
  bool is_stuck(const void* awaited) const {
    for (const waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each))
      if (each->is_stuck && (each->awaited_as == awaited || is_inside(each->from, awaited))) return true;
    return false;
  }

  /// Whether all slots that may be used are held by entries around stuck waits. (If more are in use, those that are
  /// not held by such entries are given back, and then no other is granted.)
  bool are_held_by_stuck(const executor_limiter& wanted) {
    return around_stuck([&](const scope_entry& entry) {
      return entry.entered().limiter == &wanted && entry.holds_slot();
    }) >= wanted.allowed();
  }

  /// Whether all runners of a scope are in tasks around stuck waits, and no other comes: because there may be no
  /// more, or it can get no slots for them, or one is stuck on its way, so that no other is called.
  bool has_no_runner(executor_limiter::bounded& wanted) {
    const batch_scope& scope = wanted.scope();
    const std::size_t stuck = around_stuck([&](const scope_entry& entry) {
      return entry.entered().awaited_as == scope.awaited_as;
    });
    if (stuck >= wanted.most_runners()) return true;
    if (scope.limiter != nullptr && are_held_by_stuck(*scope.limiter)) return true;
    return is_stuck_on_its_way(scope.awaited_as) && wanted.runners() <= stuck;
  }

  /// Whether a thread that wants to run this batch waits for a slot that it does not get.
  bool is_stuck_on_its_way(const void* awaited) const {
    for (const waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each))
      if (each->is_stuck && each->awaited_as == awaited) return true;
    return false;
  }

  /// The number of such entries around stuck waits.
  template <class Counts>
  std::size_t around_stuck(const Counts& counts) {
    ++counts_;
    std::size_t found = 0;
    for (const waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      if (!each->is_stuck) continue;
      for (const scope_entry* entry = each->from; entry != nullptr; entry = entry->around())
        if (counts(*entry) && std::exchange(entry->counted_in(), counts_) != counts_) ++found;
    }
    return found;
  }

  /// Whether a thread that works under the slot of this entry is stuck.
  bool is_lent_to_stuck(const scope_entry& lender) const {
    for (const waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      if (!each->is_stuck) continue;
      for (const scope_entry* entry = each->from; entry != nullptr; entry = entry->around())
        if (entry->entered().lender == &lender) return true;
    }
    return false;
  }

  std::mutex mutex_;
  intrusive_list<waiter> waits_;  // the newest first
  std::uint64_t counts_ = 0;
};

}  // namespace fanout::detail
