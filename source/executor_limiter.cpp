#include "executor_limiter.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <utility>

namespace fanout::detail {

/// The waits of threads inside tasks, in all limiters of the process. Nothing here allocates: a thread that takes back its
/// slot at the end of a batch waits, too, and cannot fail.
class wait_list {
 public:
  /// One of them. It lies on the stack of the thread.
  struct wait {
    const scope_entry* from;              // where the thread stands
    executor_limiter* wanted;             // it waits for a slot of this, …
    const executor_limiter::waiter* self;  // … or to work under the slot of an entry, which this names
    wait* next = nullptr;
    wait* previous = nullptr;
    bool is_stuck = false;

    /// Not when it was sent away: until it is removed, its thread may still have to take back its slot.
    bool is_over() const { return self->now.load(std::memory_order_relaxed) == executor_limiter::waiter::state::admitted; }
  };

  std::mutex& mutex() { return mutex_; }

  // Under the mutex:
  void add(wait& last) {
    last.previous = last_;
    (last_ != nullptr ? last_->next : first_) = &last;
    last_ = &last;
  }

  void remove(const wait& each) {
    (each.previous != nullptr ? each.previous->next : first_) = each.next;
    (each.next != nullptr ? each.next->previous : last_) = each.previous;
  }

  /// Whether this wait, which has been added, could only end if it ended. Then it is stuck, and so are all that wait for
  /// each other with it. What is read of other waits may be from a moment before; but a wait that is stuck cannot end.
  bool would_never_end(const wait& added) {
    for (wait* each = first_; each != nullptr; each = each->next) each->is_stuck = !each->is_over();
    if (may_end(added)) return false;  // even if all the others are stuck: so it is where no executors call each other
    // What may end is taken out, until all that is left waits for what is left.
    for (bool changed = true; changed && added.is_stuck;) {
      changed = false;
      for (wait* each = first_; each != nullptr; each = each->next) {
        if (!each->is_stuck || !may_end(*each)) continue;
        each->is_stuck = false;
        changed = true;
      }
    }
    return added.is_stuck;
  }

  /// The innermost entry of a thread that waits in a task of this executor, and that nobody works under; null if there is
  /// none. Or, with `lent`, one that somebody works under.
  const scope_entry* lender_among_stuck(const executor_limiter& of, bool lent) const {
    for (const wait* each = first_; each != nullptr; each = each->next) {
      const scope_entry* const entry = each->is_stuck ? innermost_entry(each->from, of) : nullptr;
      if (entry != nullptr && entry->lent().load(std::memory_order_relaxed) == lent) return entry;
    }
    return nullptr;
  }

 private:
  bool may_end(const wait& each) {
    return each.self->lender != nullptr ? !is_lent_to_stuck(*each.self->lender) : !are_held_by_stuck(*each.wanted);
  }

  /// All slots are held by entries around stuck waits. (A thread that waits for a slot waits because all are taken.)
  bool are_held_by_stuck(const executor_limiter& wanted) {
    ++counts_;
    std::size_t held = 0;
    for (const wait* each = first_; each != nullptr; each = each->next) {
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
    for (const wait* each = first_; each != nullptr; each = each->next) {
      if (!each->is_stuck) continue;
      for (const scope_entry* entry = each->from; entry != nullptr; entry = entry->around())
        if (entry->entered().lender == &lender) return true;
    }
    return false;
  }

  std::mutex mutex_;
  wait* first_ = nullptr;  // in the order of arrival
  wait* last_ = nullptr;
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
  {
    const std::lock_guard lock(mutex_);
    if (lender == nullptr && try_slot()) return {admission::slot};
    if (lender != nullptr && try_lend(*lender)) return {admission::nested, lender};
  }
  if (from != nullptr) return enter_inside(from, lender, stop);

  waiter self;
  const std::stop_callback on_stop(stop, [&, this] { send_away(self); });
  std::unique_lock lock(mutex_);
  if (self.now == waiter::state::waiting && !try_slot()) {
    slots_.add(self);
    wait(self, lock);
  } else if (self.now == waiter::state::waiting) {
    return {admission::slot};
  }
  return {self.now == waiter::state::admitted ? admission::slot : admission::stopped};
}

executor_limiter::pass executor_limiter::enter_inside(const scope_entry* from, const scope_entry* lender,
                                                      const std::stop_token& stop) {
  wait_list& waits = waits_of_process();
  waiter self;
  self.lender = lender;
  admission how = lender != nullptr ? admission::nested : admission::slot;
  wait_list::wait this_wait{from, this, &self};
  const std::stop_callback on_stop(stop, [&, this] { send_away(self); });

  std::unique_lock all_waits(waits.mutex());
  std::unique_lock lock(mutex_);
  if (self.now != waiter::state::waiting) return {admission::stopped};
  if (lender != nullptr ? try_lend(*lender) : try_slot()) return {how, lender};
  waits.add(this_wait);
  if (waits.would_never_end(this_wait)) {
    how = admission::borrowed;
    self.lender = waits.lender_among_stuck(*this, /*lent=*/false);
    if (self.lender == nullptr) self.lender = waits.lender_among_stuck(*this, /*lent=*/true);
    assert(self.lender != nullptr && "a slot that is held around a wait has an entry there");
    if (try_lend(*self.lender)) {
      waits.remove(this_wait);
      return {how, self.lender};
    }
  }
  (self.lender != nullptr ? lenders_ : slots_).add(self);
  all_waits.unlock();
  wait(self, lock);
  lock.unlock();
  all_waits.lock();
  waits.remove(this_wait);
  if (self.now == waiter::state::admitted) return {how, self.lender};
  // From one wait to the next without a gap, in which somebody would not find that this thread waits.
  if (from == current_entry() && from->lent().load(std::memory_order_relaxed))
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
  wait_list& waits = waits_of_process();
  std::unique_lock lock(mutex_);
  if (!try_lend(entry)) {
    waiter self;
    self.lender = &entry;
    wait_list::wait this_wait{&entry, this, &self};
    waits.add(this_wait);
    lenders_.add(self);
    all_waits.unlock();
    wait(self, lock);
    lock.unlock();
    all_waits.lock();
    waits.remove(this_wait);
    lock.lock();
  }
  end_loan(entry);
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
  std::unique_lock lock(mutex_);
  if (batch.closed_) return false;
  if (try_slot()) return true;
  waiter self;
  self.batch = &batch;
  slots_.add(self);
  wait(self, lock);
  return self.now == waiter::state::admitted;
}

void executor_limiter::close(helped& batch, std::size_t slots) {
  const std::lock_guard lock(mutex_);
  if (!batch.closed_) {
    batch.closed_ = true;
    batch.wanted_ = 0;
    slots_.remove_if([&](const queued& each) { return each.batch == &batch; },
                     [](queued& each) {
                       if (each.kind == queued::kind::thread)
                         answer(static_cast<waiter&>(each), waiter::state::sent_away);
                     });
  }
  used_ -= slots + batch.withdraw_helpers();
  serve();
}

std::size_t executor_limiter::waiting() const {
  const std::lock_guard lock(mutex_);
  return slots_.size() + lenders_.size();
}

// ── Under the mutex ─────────────────────────────────────────────────────────────────────────────────────────────────

// A newcomer never overtakes.
bool executor_limiter::try_slot() {
  if (!slots_.empty() || !has_slot()) return false;
  ++used_;
  return true;
}

bool executor_limiter::try_lend(const scope_entry& lender) {
  if (lender.lent().load(std::memory_order_relaxed)) return false;
  lender.lent().store(true, std::memory_order_relaxed);
  return true;
}

/// Whenever a slot comes free, or somebody asks for one.
void executor_limiter::serve() {
  while (!slots_.empty() && has_slot()) {
    queued& first = slots_.first();
    if (first.kind == queued::kind::thread) {
      slots_.remove_first();
      ++used_;
      answer(static_cast<waiter&>(first), waiter::state::admitted);
      continue;
    }
    helped& batch = *first.batch;
    const std::size_t granted =
        batch.wants_help() ? std::min(batch.wanted_, limit_ - used_) : 0;
    batch.wanted_ = granted != 0 ? batch.wanted_ - granted : 0;
    if (batch.wanted_ == 0) slots_.remove_first();
    used_ += granted;
    if (granted != 0) batch.call_helpers(granted);
  }
}

/// The next may work under the slot.
void executor_limiter::end_loan(const scope_entry& lender) {
  lender.lent().store(false, std::memory_order_relaxed);
  lenders_.remove_if(
      [&, served = false](const queued& each) mutable {
        if (served || static_cast<const waiter&>(each).lender != &lender) return false;
        served = true;
        return true;
      },
      [&](queued& each) {
        lender.lent().store(true, std::memory_order_relaxed);
        answer(static_cast<waiter&>(each), waiter::state::admitted);
      });
}

void executor_limiter::wait(waiter& self, std::unique_lock<std::mutex>& lock) {
  self.answered.wait(lock, [&self] { return self.now != waiter::state::waiting; });
}

// Once the mutex is released the waiter may be gone.
void executor_limiter::answer(waiter& other, enum waiter::state answer) {
  other.now = answer;
  other.answered.notify_one();
}

// ── Of any thread that requests a stop ──────────────────────────────────────────────────────────────────────────────

void executor_limiter::send_away(waiter& self) {
  const std::lock_guard lock(mutex_);
  const auto is_self = [&self](const queued& each) { return &each == &self; };
  const auto send = [](queued& each) { answer(static_cast<waiter&>(each), waiter::state::sent_away); };
  slots_.remove_if(is_self, send);
  lenders_.remove_if(is_self, send);
  if (self.now == waiter::state::waiting) self.now = waiter::state::sent_away;  // not in line yet
}

// ── The line ────────────────────────────────────────────────────────────────────────────────────────────────────────

std::size_t executor_limiter::line::size() const {
  std::size_t count = 0;
  for (const queued* each = first_; each != nullptr; each = each->next) ++count;
  return count;
}

void executor_limiter::line::add(queued& last) {
  last.next = nullptr;
  *end_ = &last;
  end_ = &last.next;
}

void executor_limiter::line::remove_first() {
  first_ = first_->next;
  if (first_ == nullptr) end_ = &first_;
}

template <class Predicate, class Action>
void executor_limiter::line::remove_if(Predicate applies, Action then) {
  queued** link = &first_;
  while (*link != nullptr) {
    queued& each = **link;
    if (applies(each)) {
      *link = each.next;
      then(each);
    } else {
      link = &each.next;
    }
  }
  end_ = link;
}

}  // namespace fanout::detail
