#include "executor_limiter.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

namespace fanout::detail {

/// The waits of threads inside tasks, in all limiters of the process.
class wait_list {
 public:
  struct wait {
    const scope_entry* from;              // where the thread stands
    executor_limiter* wanted;             // it waits for a slot of this, …
    const executor_limiter::waiter* self;  // … or to work under the slot of an entry, which this names
    bool is_over() const { return self->now.load(std::memory_order_relaxed) != executor_limiter::waiter::state::waiting; }
  };

  std::mutex& mutex() { return mutex_; }

  // Under the mutex:
  void add(const wait& added) { waits_.push_back(&added); }
  void remove(const wait& removed) { waits_.erase(std::find(waits_.begin(), waits_.end(), &removed)); }

  /// Whether this wait, were it added, could only end if it ended. Then `stuck()` is all that wait for each other.
  bool would_never_end(const wait& added) {
    stuck_.clear();
    for (const wait* const each : waits_)
      if (!each->is_over()) stuck_.push_back(each);
    stuck_.push_back(&added);
    // What may end is taken out, until all that is left waits for what is left.
    const auto may_end = [this](const wait* each) {
      return each->self->lender != nullptr ? !is_lent_to_stuck(*each) : !are_held_by_stuck(*each->wanted);
    };
    while (std::erase_if(stuck_, may_end) != 0) {
    }
    return !stuck_.empty() && stuck_.back() == &added;
  }

  /// The innermost entry of a thread that waits in a task of this executor, and that nobody works under; null if there is
  /// none. Or, with `lent`, one that somebody works under.
  const scope_entry* lender_among_stuck(const executor_limiter& of, bool lent) const {
    for (const wait* const each : stuck_) {
      const scope_entry* const entry = innermost_entry(each->from, of);
      if (entry != nullptr && entry->lent().load(std::memory_order_relaxed) == lent) return entry;
    }
    return nullptr;
  }

 private:
  /// All slots are held by entries around stuck waits.
  bool are_held_by_stuck(const executor_limiter& wanted) {
    holders_.clear();
    for (const wait* const each : stuck_) {
      for (const scope_entry* entry = each->from; entry != nullptr; entry = entry->around()) {
        if (entry->entered().limiter == &wanted && entry->holds_slot()) holders_.push_back(entry);
      }
    }
    std::sort(holders_.begin(), holders_.end());
    const auto last = std::unique(holders_.begin(), holders_.end());
    return static_cast<std::size_t>(last - holders_.begin()) >= wanted.used_.load(std::memory_order_relaxed);
  }

  /// A thread that works under the entry which this wait names is stuck.
  bool is_lent_to_stuck(const wait& waiting) const {
    const scope_entry* const lender = waiting.self->lender;
    return std::any_of(stuck_.begin(), stuck_.end(), [&](const wait* each) {
      bool below = false;  // an entry of the same executor further in
      for (const scope_entry* entry = each->from; entry != nullptr; entry = entry->around()) {
        if (entry == lender) return below;
        if (entry->entered().limiter == waiting.wanted) below = true;
      }
      return false;
    });
  }

  std::mutex mutex_;
  std::vector<const wait*> waits_;
  std::vector<const wait*> stuck_;
  std::vector<const scope_entry*> holders_;
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
  const wait_list::wait this_wait{from, this, &self};
  const std::stop_callback on_stop(stop, [&, this] { send_away(self); });

  std::unique_lock all_waits(waits.mutex());
  std::unique_lock lock(mutex_);
  if (self.now != waiter::state::waiting) return {admission::stopped};
  if (lender != nullptr ? try_lend(*lender) : try_slot()) return {how, lender};
  if (waits.would_never_end(this_wait)) {
    how = admission::borrowed;
    self.lender = waits.lender_among_stuck(*this, /*lent=*/false);
    if (self.lender == nullptr) self.lender = waits.lender_among_stuck(*this, /*lent=*/true);
    assert(self.lender != nullptr && "a slot that is held around a wait has an entry there");
    if (try_lend(*self.lender)) return {how, self.lender};
  }
  waits.add(this_wait);
  (self.lender != nullptr ? lenders_ : slots_).add(self);
  all_waits.unlock();
  wait(self, lock);
  lock.unlock();
  all_waits.lock();
  waits.remove(this_wait);
  if (self.now != waiter::state::admitted) return {admission::stopped};
  return {how, self.lender};
}

void executor_limiter::leave() {
  const std::lock_guard lock(mutex_);
  assert(used_ != 0);
  change_used(0, 1);
  serve();
}

void executor_limiter::give_back(const scope_entry& lender) {
  const std::lock_guard lock(mutex_);
  lender.lent().store(false, std::memory_order_relaxed);
  serve_lender(lender);
}

void executor_limiter::resume(const scope_entry& entry) {
  {
    std::unique_lock lock(mutex_);
    if (!try_lend(entry)) {
      waiter self;
      self.lender = &entry;
      lenders_.add(self);
      wait(self, lock);
    }
  }
  give_back(entry);
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
  change_used(0, slots + batch.withdraw_helpers());
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
  change_used(1, 0);
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
      change_used(1, 0);
      answer(static_cast<waiter&>(first), waiter::state::admitted);
      continue;
    }
    helped& batch = *first.batch;
    const std::size_t granted =
        batch.wants_help() ? std::min(batch.wanted_, limit_ - used_.load(std::memory_order_relaxed)) : 0;
    batch.wanted_ = granted != 0 ? batch.wanted_ - granted : 0;
    if (batch.wanted_ == 0) slots_.remove_first();
    change_used(granted, 0);
    if (granted != 0) batch.call_helpers(granted);
  }
}

void executor_limiter::serve_lender(const scope_entry& lender) {
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
