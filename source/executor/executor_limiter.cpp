#include "executor/executor_limiter.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include "base/never_destroyed.hpp"
#include "base/stop_forwarder.hpp"
#include "executor/wait_list.hpp"

namespace fanout::detail {

namespace {

wait_list& waits_of_process() {
  static never_destroyed<wait_list> list;  // executors may be used by static destructors
  return *list;
}

}  // namespace

// ── The limit ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// A wait that could end under the old limit may be part of a deadlock under the new one, and nobody adds another
/// wait that would show it.
void executor_limiter::allow(std::size_t slots) {
  const std::lock_guard all_waits(waits_of_process().mutex());
  {
    const std::lock_guard lock(mutex_);
    allowed_.store(slots, std::memory_order_relaxed);
    too_many_.store(are_too_many(), std::memory_order_relaxed);
    if (are_too_many()) {
      for (const helped::noted* each = running_.first(); each != nullptr; each = running_.next(*each))
        each->batch.ask_to_pause();
    }
    serve();
  }
  waits_of_process().break_deadlocks();
}

void executor_limiter::note_running(helped& batch) {
  const std::lock_guard lock(mutex_);
  note(batch);
}

/// Counts the thread among those that leave, so that no more are told to than must.
bool executor_limiter::must_make_way(const helped* runs) {
  const std::lock_guard lock(mutex_);
  const bool must = are_too_many() && (runs == nullptr || !runs->closed_);
  if (must) ++leaving_;
  too_many_.store(are_too_many(), std::memory_order_relaxed);
  return must;
}

void executor_limiter::make_way(helped* wants_back) {
  const std::lock_guard lock(mutex_);
  assert(used_ != 0 && leaving_ != 0);
  --used_;
  --leaving_;
  if (wants_back != nullptr) want(*wants_back, 1);
  serve();
}

// ── Callers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

executor_limiter::enter_result executor_limiter::enter(const scope_entry* from, const std::stop_token& stop,
                                                        const void* awaited_as, const stop_functions* stops,
                                                        helped* runs) {
  const scope_entry* const lender = innermost_entry(from, *this);
  const admission how = lender != nullptr ? admission::nested : admission::slot;
  {
    const std::lock_guard lock(mutex_);
    if (try_admit(lender)) {
      if (runs != nullptr) note(*runs);
      return {how, lender};
    }
  }
  waiter self;
  self.from = from;
  self.awaited_as = awaited_as;
  self.lender = lender;
  auto leave = [&, this] { send_away(self); };
  stop_forwarder on_stop(stops);
  on_stop.begin(stop, call_of(leave));
  std::unique_lock all_waits(waits_of_process().mutex(), std::defer_lock);
  wait_as_caller(self, all_waits);
  if (self.now == waiter::state::admitted) {
    if (runs != nullptr) note_running(*runs);
    return {self.what == waiter::aim::loan ? admission::borrowed : how, self.lender};
  }
  // `all_waits` stays locked between the two waits, so no other thread can see this one as not waiting.
  if (from != nullptr && from == current_entry() && from->lent().load(std::memory_order_relaxed))
    from->entered().limiter->take_back(*from, awaited_as, all_waits);
  return {admission::stopped};
}

/// The leader is outside of its batch while it waits, where it was when it called `enter`.
executor_limiter::enter_result executor_limiter::step_aside(helped& batch, const scope_entry* from,
                                                             const std::stop_token& stop, const void* awaited_as,
                                                             const stop_functions* stops) {
  waiter self;
  self.batch = &batch;
  self.from = from;
  self.awaited_as = awaited_as;
  auto leave = [&, this] { send_away(self); };
  stop_forwarder on_stop(stops);
  on_stop.begin(stop, call_of(leave));
  std::unique_lock all_waits(waits_of_process().mutex(), std::defer_lock);
  if (!wait_as_caller(self, all_waits)) return {admission::slot};
  if (self.now != waiter::state::admitted) return {admission::stopped};
  return {self.what == waiter::aim::loan ? admission::borrowed : admission::slot, self.lender};
}

/// A thread outside of all batches holds no slot, so it cannot be part of a deadlock, unless others wait for its
/// batch.
bool executor_limiter::wait_as_caller(waiter& self, std::unique_lock<std::mutex>& all_waits) {
  if (self.from != nullptr || self.awaited_as != nullptr) {
    all_waits.lock();
    return wait_inside(self, all_waits);
  }
  const bool waits = has_to_wait(self);
  if (waits) wait(self);
  return waits;
}

void executor_limiter::begin_wait_for(waiter& self, const scope_entry& from, const void* awaited) {
  self.from = &from;
  self.awaited = awaited;
  self.what = waiter::aim::end_of_batch;
  const std::lock_guard all_waits(waits_of_process().mutex());
  waits_of_process().add(self);
  waits_of_process().break_deadlock(self);
}

void executor_limiter::begin_wait_for_room(waiter& self, const scope_entry& from, bounded& wanted) {
  self.from = &from;
  self.wants_room_in = &wanted;
  self.what = waiter::aim::room;
  const std::lock_guard all_waits(waits_of_process().mutex());
  waits_of_process().add(self);
  waits_of_process().break_deadlock(self);
}

void executor_limiter::end_wait_for(waiter& self) {
  const std::lock_guard all_waits(waits_of_process().mutex());
  waits_of_process().remove(self);
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
  take_back(entry, nullptr, all_waits);
}

// `awaited_as`: of the batch that the thread was on its way to; as long as it has not said that it does not come, no
// one else is called.
void executor_limiter::take_back(const scope_entry& entry, const void* awaited_as,
                                 std::unique_lock<std::mutex>& all_waits) {
  waiter self;
  self.from = &entry;
  self.awaited_as = awaited_as;
  self.lender = &entry;
  self.what = waiter::aim::own_loan;
  wait_inside(self, all_waits);
  give_back(entry);
}

/// For a thread inside a task: waits if it has to, and returns whether it had. `all_waits` is locked before and
/// after, but not during the wait.
bool executor_limiter::wait_inside(waiter& self, std::unique_lock<std::mutex>& all_waits) {
  if (!has_to_wait(self)) return false;
  self.wanted = this;
  waits_of_process().add(self);
  waits_of_process().break_deadlock(self);
  all_waits.unlock();
  wait(self);
  all_waits.lock();
  waits_of_process().remove(self);
  return true;
}

/// A leader that steps aside gives its slot back and enters the queue in one step. So no one else is admitted in
/// between, and the threads that have slots or step aside are never more than the greatest limit: the arena has room
/// for them, and there are reserves enough.
bool executor_limiter::has_to_wait(waiter& self) {
  const std::lock_guard lock(mutex_);
  if (self.now != waiter::state::waiting) return false;  // a stop has been requested
  if (self.batch != nullptr) {
    const bool steps_aside = are_too_many() && !self.batch->closed_;
    if (steps_aside) {
      --used_;
      enlist(self, /*first=*/true);
    }
    too_many_.store(are_too_many(), std::memory_order_relaxed);
    return steps_aside;
  }
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

/// Makes a wait for a slot, or for a loan of an entry around it, wait for the slot of `lender` instead.
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
  want(batch, count);
  serve();
}

std::size_t executor_limiter::withdraw(helped& batch) {
  const std::lock_guard lock(mutex_);
  const std::size_t requested = std::exchange(batch.wanted_, 0);
  if (requested != 0) slots_.remove(batch.request_);
  const std::size_t called = batch.withdraw_helpers();
  used_ -= called;
  serve();
  return requested + called;
}

bool executor_limiter::is_queued(const helped& batch) const {
  const std::lock_guard lock(mutex_);
  return batch.wanted_ != 0;
}

bool executor_limiter::is_wanted_by_others(const helped& batch) const {
  const std::lock_guard lock(mutex_);
  return slots_.size() > (batch.wanted_ != 0 ? 1U : 0U);
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
  close_now(batch, slots);
}

bool executor_limiter::try_close(helped& batch, std::size_t slots) {
  const std::lock_guard lock(mutex_);
  if (!batch.closed_ && batch.wants_help()) return false;
  close_now(batch, slots);
  return true;
}

void executor_limiter::close_now(helped& batch, std::size_t slots) {
  if (!batch.closed_) {
    batch.closed_ = true;
    if (batch.is_running_) running_.remove(batch.noted_);
    if (std::exchange(batch.wanted_, 0) != 0) slots_.remove(batch.request_);
    if (batch.joining_ != 0) send_all_away(batch, slots_);
    if (batch.joining_ != 0) send_all_away(batch, lenders_);
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

/// With a lender: takes the loan of its slot, unless that is lent already. Without: takes a slot if one is free and
/// nothing is queued for one.
bool executor_limiter::try_admit(const scope_entry* lender) {
  if (lender != nullptr) return !lender->lent().exchange(true, std::memory_order_relaxed);
  if (!slots_.empty() || used_ >= allowed()) return false;
  ++used_;
  return true;
}

void executor_limiter::serve_queue() {
  while (!slots_.empty() && used_ < allowed()) {
    queued& first = *slots_.first();
    if (first.kind == queued::kind::thread) {
      unlist(static_cast<waiter&>(first));
      ++used_;
      answer(static_cast<waiter&>(first), waiter::state::admitted);
      continue;
    }
    helped& batch = *first.batch;
    const std::size_t granted = batch.wants_help() ? std::min(batch.wanted_, allowed() - used_) : 0;
    batch.wanted_ = granted != 0 ? batch.wanted_ - granted : 0;
    if (batch.wanted_ == 0) slots_.remove(first);
    used_ += granted;
    if (granted != 0) batch.call_helpers(granted);
  }
}

/// Lets the first thread that waits for this loan work under the slot.
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

void executor_limiter::send_all_away(const helped& batch, const intrusive_list<queued>& line) {
  for (queued *each = line.first(), *next = nullptr; batch.joining_ != 0 && each != nullptr; each = next) {
    next = line.next(*each);
    if (each->batch != &batch) continue;
    unlist(static_cast<waiter&>(*each));
    answer(static_cast<waiter&>(*each), waiter::state::sent_away);
  }
}

void executor_limiter::note(helped& batch) {
  if (!can_be_lowered_) return;
  batch.is_running_ = true;
  running_.add(batch.noted_);
}

void executor_limiter::want(helped& batch, std::size_t count) {
  if (batch.closed_ || count == 0) return;
  if (batch.wanted_ == 0) slots_.add(batch.request_);
  batch.wanted_ += count;
}

void executor_limiter::enlist(waiter& self, bool first) {
  self.line = self.lender != nullptr ? &lenders_ : &slots_;
  first ? self.line->add_first(self) : self.line->add(self);
  if (self.batch != nullptr) ++self.batch->joining_;
  tell_size();
}

void executor_limiter::unlist(waiter& each) {
  if (each.line == nullptr) return;
  std::exchange(each.line, nullptr)->remove(each);
  if (each.batch != nullptr) --each.batch->joining_;
  tell_size();
}

// Notifies under the mutex: once that is released, the waiter may have been destroyed.
void executor_limiter::answer(waiter& other, enum waiter::state answer) {
  other.now = answer;
  other.answered.notify_one();
}

// ── Called by the thread that requests a stop ───────────────────────────────────────────────────────────────────────

void executor_limiter::send_away(waiter& self) {
  const std::lock_guard lock(mutex_);
  unlist(self);
  if (self.now == waiter::state::waiting) answer(self, waiter::state::sent_away);
}

}  // namespace fanout::detail
