#include "executor/executor_limiter.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <utility>

namespace fanout::detail {

/// The waits of threads inside tasks, in all limiters of the process. Nothing here allocates: a thread that takes back its
/// slot at the end of a batch waits, too, and cannot fail.
class wait_list {
 public:
  using waiter = executor_limiter::waiter;

  std::mutex& mutex() { return mutex_; }

  // Under the mutex:
  void add(waiter& newest) { waits_.add_first(newest); }
  void remove(waiter& each) { waits_.remove(each); }

  /// If this wait, which has been added, could only end if it ended, it does not wait for that: it, or another one of those
  /// that wait for each other with it, is lent the slot of a thread that waits.
  void break_knot(waiter& added) {
    while (would_never_end(added) && lend_to_one()) {
    }
  }

 private:
  static bool waits(const waiter& each) {
    // Not when it was sent away: until it is removed, its thread may still have to take back its slot.
    return each.now.load(std::memory_order_relaxed) != waiter::state::admitted;
  }

  /// Then it is stuck, and so are all that wait for each other with it. What is read of other waits may be from a moment
  /// before; but a wait that is stuck cannot end.
  bool would_never_end(const waiter& added) {
    for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) each->is_stuck = waits(*each);
    if (may_end(added)) return false;  // even if all the others are stuck: so it is where no executors call each other
    // What may end is taken out, until all that is left waits for what is left.
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

  /// The newest of the stuck ones first; then it is not stuck any more. False if none can borrow.
  bool lend_to_one() {
    for (waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      if (!each->is_stuck || each->what == waiter::aim::own_loan) continue;
      const scope_entry* const lender = lender_among_stuck(*each->wanted);
      if (lender == nullptr) continue;
      each->wanted->lend_instead(*each, *lender);
      return true;
    }
    return false;
  }

  /// The innermost entry of a thread that waits in a task of this executor: one that nobody works under or, if there is
  /// none, under which a thread works that is not stuck. (Where one is stuck under an entry, it has an entry further in.)
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
    return each.lender != nullptr ? !is_lent_to_stuck(*each.lender) : !are_held_by_stuck(*each.wanted);
  }

  /// All slots are held by entries around stuck waits. (A thread that waits for a slot waits because all are taken.)
  bool are_held_by_stuck(const executor_limiter& wanted) {
    ++counts_;
    std::size_t held = 0;
    for (const waiter* each = waits_.first(); each != nullptr; each = waits_.next(*each)) {
      if (!each->is_stuck) continue;
      for (const scope_entry* entry = each->from; entry != nullptr; entry = entry->around()) {
        if (entry->entered().limiter != &wanted || !entry->holds_slot()) continue;
        if (std::exchange(entry->counted_in(), counts_) != counts_) ++held;
      }
    }
    return held >= wanted.limit_;
  }

  /// A thread that works under this entry is stuck.
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

namespace {

wait_list& waits_of_process() {
  static wait_list& list = *new wait_list;  // never destroyed: executors may be used by static destructors
  return list;
}

}  // namespace

// ── Callers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

executor_limiter::pass executor_limiter::enter(const scope_entry* from, const std::stop_token& stop) {
  const scope_entry* const lender = innermost_entry(from, *this);
  const admission how = lender != nullptr ? admission::nested : admission::slot;
  {
    const std::lock_guard lock(mutex_);
    if (try_admit(lender)) return {how, lender};
  }
  waiter self;
  self.from = from;
  self.lender = lender;
  const std::stop_callback on_stop(stop, [&, this] { send_away(self); });
  std::unique_lock all_waits(waits_of_process().mutex(), std::defer_lock);
  if (from == nullptr) {  // it holds nothing that another thread could wait for
    if (has_to_wait(self)) wait(self);
  } else {
    all_waits.lock();
    wait_inside(self, all_waits);
  }
  if (self.now == waiter::state::admitted)
    return {self.what == waiter::aim::loan ? admission::borrowed : how, self.lender};
  // From one wait to the next without a gap, in which somebody would not find that this thread waits.
  if (from != nullptr && from == current_entry() && from->lent().load(std::memory_order_relaxed))
    from->entered().limiter->take_back(*from, all_waits);
  return {admission::stopped};
}

void executor_limiter::leave() {
  const std::lock_guard lock(mutex_);
  assert(used_ != 0);
  --used_;
  serve();
}

void executor_limiter::give_back(const scope_entry& lender) {
  const std::lock_guard lock(mutex_);
  end_loan(lender);
}

void executor_limiter::resume(const scope_entry& entry) {
  std::unique_lock all_waits(waits_of_process().mutex());
  take_back(entry, all_waits);
}

void executor_limiter::take_back(const scope_entry& entry, std::unique_lock<std::mutex>& all_waits) {
  waiter self;
  self.from = &entry;
  self.lender = &entry;
  self.what = waiter::aim::own_loan;
  wait_inside(self, all_waits);
  give_back(entry);
}

/// Waits, if it has to, as a thread inside a task.
void executor_limiter::wait_inside(waiter& self, std::unique_lock<std::mutex>& all_waits) {
  if (!has_to_wait(self)) return;
  self.wanted = this;
  waits_of_process().add(self);
  waits_of_process().break_knot(self);
  all_waits.unlock();
  wait(self);
  all_waits.lock();
  waits_of_process().remove(self);
}

bool executor_limiter::has_to_wait(waiter& self) {
  const std::lock_guard lock(mutex_);
  if (self.now != waiter::state::waiting) return false;  // it was stopped
  if (try_admit(self.lender)) {
    self.now = waiter::state::admitted;
    return false;
  }
  enlist(self);
  return true;
}

void executor_limiter::wait(waiter& self) {
  std::unique_lock lock(mutex_);
  self.answered.wait(lock, [&self] { return self.now != waiter::state::waiting; });
}

/// What waits for a slot, or for a loan inside its own task, works under the slot of this lender instead.
void executor_limiter::lend_instead(waiter& waiting, const scope_entry& lender) {
  const std::lock_guard lock(mutex_);
  if (waiting.now != waiter::state::waiting) return;
  unlist(waiting);
  waiting.lender = &lender;
  waiting.what = waiter::aim::loan;
  try_admit(&lender) ? answer(waiting, waiter::state::admitted) : enlist(waiting);
}

// ── Helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void executor_limiter::request(helped& batch, std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (batch.closed_ || count == 0) return;
  if (batch.wanted_ == 0) slots_.add(batch.request_);
  batch.wanted_ += count;
  serve();
}

bool executor_limiter::join(helped& batch) {
  waiter self;
  self.batch = &batch;
  {
    const std::lock_guard lock(mutex_);
    if (batch.closed_) return false;
    if (try_admit(nullptr)) return true;
    enlist(self);
  }
  wait(self);
  return self.now == waiter::state::admitted;
}

void executor_limiter::close(helped& batch, std::size_t slots) {
  const std::lock_guard lock(mutex_);
  if (!batch.closed_) {
    batch.closed_ = true;
    batch.wanted_ = 0;
    for (queued *each = slots_.first(), *next = nullptr; each != nullptr; each = next) {
      next = slots_.next(*each);
      if (each->batch != &batch) continue;
      if (each->kind == queued::kind::helpers) {
        slots_.remove(*each);
      } else {
        unlist(static_cast<waiter&>(*each));
        answer(static_cast<waiter&>(*each), waiter::state::sent_away);
      }
    }
  }
  used_ -= slots + batch.withdraw_helpers();
  serve();
}

bool executor_limiter::is_idle() const {
  const std::lock_guard lock(mutex_);
  return used_ == 0 && slots_.empty() && lenders_.empty();
}

std::size_t executor_limiter::waiting() const {
  const std::lock_guard lock(mutex_);
  return slots_.size() + lenders_.size();
}

// ── Under the mutex ─────────────────────────────────────────────────────────────────────────────────────────────────

/// The loan of a slot or, without a lender, a slot. A newcomer never overtakes.
bool executor_limiter::try_admit(const scope_entry* lender) {
  if (lender != nullptr) return !lender->lent().exchange(true, std::memory_order_relaxed);
  if (!slots_.empty() || used_ == limit_) return false;
  ++used_;
  return true;
}

/// Whenever a slot comes free, or somebody asks for one.
void executor_limiter::serve() {
  while (!slots_.empty() && used_ != limit_) {
    queued& first = *slots_.first();
    if (first.kind == queued::kind::thread) {
      unlist(static_cast<waiter&>(first));
      ++used_;
      answer(static_cast<waiter&>(first), waiter::state::admitted);
      continue;
    }
    helped& batch = *first.batch;
    const std::size_t granted = batch.wants_help() ? std::min(batch.wanted_, limit_ - used_) : 0;
    batch.wanted_ = granted != 0 ? batch.wanted_ - granted : 0;
    if (batch.wanted_ == 0) slots_.remove(first);
    used_ += granted;
    if (granted != 0) batch.call_helpers(granted);
  }
}

/// The next may work under the slot.
void executor_limiter::end_loan(const scope_entry& lender) {
  lender.lent().store(false, std::memory_order_relaxed);
  for (queued* each = lenders_.first(); each != nullptr; each = lenders_.next(*each)) {
    waiter& next = static_cast<waiter&>(*each);
    if (next.lender != &lender) continue;
    lender.lent().store(true, std::memory_order_relaxed);
    unlist(next);
    return answer(next, waiter::state::admitted);
  }
}

void executor_limiter::enlist(waiter& self) {
  self.line = self.lender != nullptr ? &lenders_ : &slots_;
  self.line->add(self);
}

void executor_limiter::unlist(waiter& each) {
  if (each.line != nullptr) std::exchange(each.line, nullptr)->remove(each);
}

// Once the mutex is released the waiter may be gone.
void executor_limiter::answer(waiter& other, enum waiter::state answer) {
  other.now = answer;
  other.answered.notify_one();
}

// ── Of any thread that requests a stop ──────────────────────────────────────────────────────────────────────────────

void executor_limiter::send_away(waiter& self) {
  const std::lock_guard lock(mutex_);
  unlist(self);
  if (self.now == waiter::state::waiting) answer(self, waiter::state::sent_away);
}

}  // namespace fanout::detail
