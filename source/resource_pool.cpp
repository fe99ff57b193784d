#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "describe.hpp"
#include "fanout/detail/slot_pool.hpp"
#include "fanout/error.hpp"
#include "frame.hpp"
#include "slot_stack.hpp"

namespace fanout::detail {

/// **A slot** is in one of these states, and only its owner moves it on:
///
///     vacant ──make──► lent ──give back──► idle ──take──► lent ──discard──► vacant
///
/// Who took a slot out of a stack, or was handed it, owns it until it puts it back. The stacks and the mutex order an
/// owner after the one before it; what is atomic in a slot is so for those who only look.
///
/// **A caller** takes a slot from the stacks, without a lock, if nobody waits. Otherwise it joins the line, in the order
/// of arrival. The first in line is served, by `serve`, by whoever puts a slot back or joins, under the mutex. So a
/// newcomer never overtakes; and a slot is always in a stack or handed to somebody who still wants it: a waiter that gives
/// up takes itself out of the line under the same mutex, or finds that it has a slot, and keeps it.
///
/// **No wake-up is lost.** Who puts a slot back pushes it first and then looks whether anybody waits; who joins the line
/// counts itself first and then looks into the stacks. Each has a sequentially consistent fence between its two steps,
/// so at least one of them sees what the other did, and hands the slot over.
///
/// **Closing** works the same way, with the same fences: `close` sets the flag and then empties the stacks; who puts a
/// slot back pushes it and then looks at the flag. Whoever takes a slot out after the flag was set destroys its resource
/// and lets the slot go.
class slot_pool::engine {
 public:
  engine(slot_pool& face, const settings& chosen)
      : face_(face),
        settings_(chosen),
        ages_(chosen.max_idle != std::chrono::nanoseconds::max() ||
              chosen.max_lifetime != std::chrono::nanoseconds::max()),
        slots_(new slot[chosen.size]),
        links_(chosen.size) {
    for (std::size_t each = chosen.size; each != 0; --each) vacant_.push(each - 1);
  }

  std::size_t size() const { return settings_.size; }
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  void fill() {
    for (std::size_t each = none; vacant_.try_pop(each);) {
      make(each);
      park(each);
      idle_.push(each);
    }
  }

  enum class patience { none, until_limit, endless };

  struct demand {
    patience waits;
    clock::time_point limit;
    const std::stop_token* stop;
    std::size_t task;
  };

  std::size_t acquire(const demand& wanted) {
    if (closed_.load(std::memory_order_acquire)) throw pool_closed();
    std::size_t taken = none;
    if (waiting_.load(std::memory_order_relaxed) == 0 && try_take(taken) && is_ready(taken))
      return lend(taken, wanted);

    const clock::time_point begin = clock::now();
    if (taken == none) taken = wait(wanted);
    if (taken == none) return none;
    const bool used_time = prepare(taken);
    if (used_time && wanted.waits == patience::until_limit && clock::now() >= wanted.limit) {
      put_idle(taken);  // for the next caller: this one has waited long enough
      return none;
    }
    refuse_if_closed(taken);  // meanwhile
    note_wait(clock::now() - begin);
    return lend(taken, wanted);
  }

  /// The lease has moved, so it need not end with the task that acquired it.
  void moved(std::size_t lent) noexcept { slots_[lent].holder.store(0, std::memory_order_relaxed); }

  void give_back(std::size_t returned) noexcept {
    if (ages_ && is_past(slots_[returned].made_at, settings_.max_lifetime)) return discard(returned);
    if (settings_.resets && !closed_.load(std::memory_order_relaxed)) {
      try {
        face_.reset(returned);
      } catch (...) {
        note_failure(std::current_exception());
        return discard(returned);
      }
    }
    put_idle(returned);
  }

  void discard(std::size_t broken) noexcept {
    drop(broken);
    put(vacant_, broken);
  }

  void close() noexcept {
    closed_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    {
      const std::lock_guard lock(mutex_);
      while (!line_.empty()) answer(leave_line(line_.first()), waiter::answer::closed);
    }
    empty_stacks();
  }

  void count_timeout() { timeouts_.fetch_add(1, std::memory_order_relaxed); }

  pool_statistics statistics() const {
    pool_statistics figures;
    figures.size = size();
    for (std::size_t each = 0; each != size(); ++each) {
      const state seen = slots_[each].now.load(std::memory_order_relaxed);
      figures.idle += seen == state::idle ? 1U : 0U;
      figures.in_use += seen == state::lent ? 1U : 0U;
      figures.acquired_total += slots_[each].acquired.load(std::memory_order_relaxed);
    }
    figures.waiting = waiting();
    figures.timeouts = timeouts_.load(std::memory_order_relaxed);
    figures.created = created_.load(std::memory_order_relaxed);
    figures.discarded = discarded_.load(std::memory_order_relaxed);
    figures.longest_wait = clock::duration(longest_wait_.load(std::memory_order_relaxed));
    return figures;
  }

  std::vector<outstanding_lease> outstanding() const {
    std::vector<outstanding_lease> leases;
    if (!settings_.tracks) return leases;
    const clock::time_point now = clock::now();
    for (std::size_t each = 0; each != size(); ++each) {
      const slot& seen = slots_[each];
      if (seen.now.load(std::memory_order_acquire) != state::lent) continue;
      const std::size_t task = seen.task.load(std::memory_order_relaxed);
      const clock::duration held =
          now.time_since_epoch() - clock::duration(seen.lent_at.load(std::memory_order_relaxed));
      leases.push_back({std::max(held, clock::duration::zero()),
                        task == none ? std::optional<std::size_t>() : std::optional<std::size_t>(task)});
    }
    return leases;
  }

  std::string last_failure() const {
    const std::lock_guard lock(mutex_);
    return last_failure_;
  }

 private:
  /// A slot between two places is as it was there: one that has been handed to a waiter is idle until it is lent.
  enum class state : unsigned char { vacant, idle, lent };

  /// On lines of its own: neighbours are in the hands of different threads.
  struct alignas(128) slot {
    std::atomic<state> now{state::vacant};
    std::atomic<std::size_t> acquired{0};
    std::atomic<std::uint64_t> holder{0};  // the entry of the task that holds it; 0 if that is not known
    std::atomic<std::size_t> task{none};   // this and the next only where leases are tracked
    std::atomic<clock::rep> lent_at{0};
    clock::time_point made_at{};  // these only where resources age
    clock::time_point idle_since{};
  };

  struct waiter {
    enum class answer { none, slot, closed, stopped } got = answer::none;
    std::size_t slot = none;
    bool in_line = false;
    waiter* previous = nullptr;
    waiter* next = nullptr;
    std::condition_variable* bell = nullptr;  // while it is in line
  };

  /// Waiters in the order of arrival; they lie on the stacks of their threads.
  class line {
   public:
    bool empty() const { return first_ == nullptr; }
    waiter& first() const { return *first_; }
    void add(waiter& last) {
      last.previous = last_;
      (last_ != nullptr ? last_->next : first_) = &last;
      last_ = &last;
    }
    void remove(const waiter& each) {
      (each.previous != nullptr ? each.previous->next : first_) = each.next;
      (each.next != nullptr ? each.next->previous : last_) = each.previous;
    }

   private:
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
  };

  // ── Where slots are ─────────────────────────────────────────────────────────────────────────────────────────────

  bool try_take(std::size_t& taken) { return idle_.try_pop(taken) || vacant_.try_pop(taken); }

  void put(slot_stack& where, std::size_t returned) noexcept {
    if (waiting_.load(std::memory_order_relaxed) != 0 && hand_over(returned)) return;
    where.push(returned);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_relaxed) != 0) {
      const std::lock_guard lock(mutex_);
      serve();
    }
    if (closed_.load(std::memory_order_relaxed)) empty_stacks();
  }

  void put_idle(std::size_t returned) noexcept {
    park(returned);
    put(idle_, returned);
  }

  void park(std::size_t each) {
    if (ages_) slots_[each].idle_since = clock::now();
    slots_[each].now.store(state::idle, std::memory_order_relaxed);
  }

  void empty_stacks() noexcept {
    for (std::size_t taken = none; try_take(taken);)
      if (slots_[taken].now.load(std::memory_order_relaxed) == state::idle) unmake(taken);
  }

  // ── The line ────────────────────────────────────────────────────────────────────────────────────────────────────

  /// To the first in line, if there is one. The bell rings when the mutex is free, for which its waiter would have to
  /// wait otherwise; that one may be gone by then, and somebody else look up in vain.
  bool hand_over(std::size_t returned) noexcept {
    std::condition_variable* bell = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (line_.empty()) return false;
      waiter& first = leave_line(line_.first());
      first.slot = returned;
      first.got = waiter::answer::slot;
      bell = first.bell;
    }
    bell->notify_one();
    return true;
  }

  std::size_t wait(const demand& wanted) {
    if (wanted.waits == patience::none) return none;
    waiter self;
    {
      const std::stop_callback on_stop(wanted.stop != nullptr ? *wanted.stop : std::stop_token(), [this, &self] {
        const std::lock_guard lock(mutex_);
        if (self.got == waiter::answer::none) answer(leave_line(self), waiter::answer::stopped);
      });
      std::unique_lock lock(mutex_);
      if (self.got == waiter::answer::none) {
        if (closed_.load(std::memory_order_relaxed)) throw pool_closed();
        if (wanted.waits == patience::endless) refuse_to_wait_for_oneself();
        self.bell = &take_bell();
        join_line(self);
        serve();
        const auto answered = [&self] { return self.got != waiter::answer::none; };
        if (wanted.waits == patience::endless) {
          self.bell->wait(lock, answered);
        } else if (!self.bell->wait_until(lock, wanted.limit, answered)) {
          leave_line(self);
        }
        spare_bells_.push_back(self.bell);
      }
    }  // the callback has ended: `self` may go
    if (self.got == waiter::answer::closed) throw pool_closed();
    if (self.got == waiter::answer::stopped) throw operation_cancelled("cancelled while waiting for a resource");
    return self.slot;
  }

  // What follows is done under the mutex.

  void join_line(waiter& last) {
    line_.add(last);
    last.in_line = true;
    waiting_.fetch_add(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }

  waiter& leave_line(waiter& leaving) {
    if (std::exchange(leaving.in_line, false)) {
      line_.remove(leaving);
      waiting_.fetch_sub(1, std::memory_order_relaxed);
    }
    return leaving;
  }

  void serve() {
    std::size_t taken = none;
    while (!line_.empty() && try_take(taken)) {
      waiter& first = leave_line(line_.first());
      first.slot = taken;
      answer(first, waiter::answer::slot);
    }
  }

  static void answer(waiter& other, enum waiter::answer answer) {
    other.got = answer;
    if (other.bell != nullptr) other.bell->notify_one();
  }

  std::condition_variable& take_bell() {
    if (spare_bells_.empty()) {
      spare_bells_.reserve(bells_.size() + 1);  // so that each finds room when it comes back
      return bells_.emplace_back();
    }
    std::condition_variable& bell = *spare_bells_.back();
    spare_bells_.pop_back();
    return bell;
  }

  /// Who holds them all waits for the caller to end. (A lease that has not moved is given back by the thread that
  /// acquired it, in the task that did, or else is part of the results of that task's batch.)
  void refuse_to_wait_for_oneself() const {
    const frame_entry* const here = current_entry();
    if (here == nullptr) return;
    for (std::size_t each = 0; each != size(); ++each) {
      if (slots_[each].now.load(std::memory_order_acquire) != state::lent) return;
      if (!here->keeps_waiting(slots_[each].holder.load(std::memory_order_relaxed))) return;
    }
    throw std::logic_error(
        "this task holds every resource of the pool and would wait for itself for ever: acquire once, or make the "
        "pool larger");
  }

  // ── Resources: user code, under no lock ─────────────────────────────────────────────────────────────────────────

  /// Whether a slot that was taken can be lent as it is.
  bool is_ready(std::size_t taken) const {
    return slots_[taken].now.load(std::memory_order_relaxed) == state::idle && !settings_.validates && !ages_;
  }

  /// Puts a resource that is good into the slot, or puts the slot back and throws. True if user code ran for it.
  bool prepare(std::size_t taken) {
    refuse_if_closed(taken);
    if (slots_[taken].now.load(std::memory_order_relaxed) == state::idle) {
      if (is_good(taken)) return settings_.validates;
      drop(taken);
      refuse_if_closed(taken);
    }
    try {
      make(taken);
      if (settings_.validates && !face_.validate(taken)) throw error("a new resource failed its validation");
    } catch (...) {
      note_failure(std::current_exception());
      if (slots_[taken].now.load(std::memory_order_relaxed) == state::vacant) {
        put(vacant_, taken);
      } else {
        discard(taken);
      }
      throw;
    }
    return true;
  }

  void refuse_if_closed(std::size_t taken) {
    if (!closed_.load(std::memory_order_acquire)) return;
    put(slots_[taken].now.load(std::memory_order_relaxed) == state::idle ? idle_ : vacant_, taken);
    throw pool_closed();
  }

  bool is_good(std::size_t idle) {
    const slot& each = slots_[idle];
    if (ages_ && (is_past(each.made_at, settings_.max_lifetime) || is_past(each.idle_since, settings_.max_idle)))
      return false;
    if (!settings_.validates) return true;
    try {
      if (face_.validate(idle)) return true;
      note_failure(std::make_exception_ptr(error("a resource failed its validation")));
    } catch (...) {
      note_failure(std::current_exception());
    }
    return false;
  }

  static bool is_past(clock::time_point since, std::chrono::nanoseconds age) { return clock::now() - since >= age; }

  void make(std::size_t vacant) {
    face_.make(vacant);
    created_.fetch_add(1, std::memory_order_relaxed);
    if (ages_) slots_[vacant].made_at = clock::now();
    slots_[vacant].now.store(state::idle, std::memory_order_relaxed);
  }

  void unmake(std::size_t each) noexcept {
    face_.destroy(each);
    slots_[each].now.store(state::vacant, std::memory_order_relaxed);
  }

  void drop(std::size_t bad) noexcept {
    unmake(bad);
    if (!closed_.load(std::memory_order_relaxed)) discarded_.fetch_add(1, std::memory_order_relaxed);
  }

  std::size_t lend(std::size_t taken, const demand& wanted) {
    slot& lent = slots_[taken];
    lent.holder.store(current_entry() != nullptr ? current_entry()->id() : 0, std::memory_order_relaxed);
    lent.acquired.store(lent.acquired.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (settings_.tracks) {
      lent.task.store(wanted.task, std::memory_order_relaxed);
      lent.lent_at.store(clock::now().time_since_epoch().count(), std::memory_order_relaxed);
    }
    lent.now.store(state::lent, std::memory_order_release);
    return taken;
  }

  void note_wait(clock::duration took) {
    clock::rep longest = longest_wait_.load(std::memory_order_relaxed);
    while (took.count() > longest &&
           !longest_wait_.compare_exchange_weak(longest, took.count(), std::memory_order_relaxed)) {
    }
  }

  void note_failure(const std::exception_ptr& cause) noexcept {
    try {
      std::string text = describe(cause);
      const std::lock_guard lock(mutex_);
      last_failure_ = std::move(text);
    } catch (...) {  // no memory for the text: the one before stays
    }
  }

  slot_pool& face_;
  const settings settings_;
  const bool ages_;  // resources do
  const std::unique_ptr<slot[]> slots_;

  const slot_links links_;
  slot_stack idle_{links_};    // with a resource
  slot_stack vacant_{links_};  // without
  std::atomic<bool> closed_{false};

  mutable std::mutex mutex_;  // guards the line, its bells, and the text
  line line_;
  std::deque<std::condition_variable> bells_;
  std::vector<std::condition_variable*> spare_bells_;
  std::atomic<std::size_t> waiting_{0};  // written under the mutex: how many are in line
  std::string last_failure_;

  std::atomic<std::size_t> timeouts_{0};
  std::atomic<std::size_t> created_{0};
  std::atomic<std::size_t> discarded_{0};
  std::atomic<clock::rep> longest_wait_{0};
};

slot_pool::slot_pool(const settings& chosen) : engine_(std::make_unique<engine>(*this, chosen)) {}
slot_pool::~slot_pool() = default;

void slot_pool::fill() { engine_->fill(); }

std::size_t slot_pool::acquire(const std::stop_token& stop, std::size_t task) {
  return engine_->acquire({.waits = engine::patience::endless, .limit = {}, .stop = &stop, .task = task});
}

std::size_t slot_pool::try_acquire(std::size_t task) {
  return engine_->acquire({.waits = engine::patience::none, .limit = {}, .stop = nullptr, .task = task});
}

std::size_t slot_pool::acquire_until(clock::time_point limit) {
  const bool may_wait = clock::now() < limit;
  const std::size_t slot =
      engine_->acquire({.waits = may_wait ? engine::patience::until_limit : engine::patience::none,
                        .limit = limit,
                        .stop = nullptr,
                        .task = none});
  if (slot == none) engine_->count_timeout();
  return slot;
}

void slot_pool::moved(std::size_t slot) noexcept { engine_->moved(slot); }
void slot_pool::give_back(std::size_t slot) noexcept { engine_->give_back(slot); }
void slot_pool::discard(std::size_t slot) noexcept { engine_->discard(slot); }
void slot_pool::close() noexcept { engine_->close(); }
std::size_t slot_pool::size() const noexcept { return engine_->size(); }
std::size_t slot_pool::waiting() const noexcept { return engine_->waiting(); }
pool_statistics slot_pool::statistics() const { return engine_->statistics(); }
std::vector<outstanding_lease> slot_pool::outstanding() const { return engine_->outstanding(); }

void slot_pool::throw_timeout(std::chrono::nanoseconds waited) const {
  const pool_statistics now = statistics();
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(waited).count();
  const std::string limit =
      microseconds < 1'000 ? std::to_string(microseconds) + " µs" : std::to_string(microseconds / 1'000) + " ms";
  std::string text = "no resource within " + limit + ": of " + std::to_string(now.size) + ", " +
                     std::to_string(now.idle) + " idle, " + std::to_string(now.in_use) + " in use, " +
                     std::to_string(now.waiting) + " waiting";
  const std::string failure = engine_->last_failure();
  if (!failure.empty()) text += "; the last failure: " + failure;
  throw pool_timeout(text);
}

void check_pool(std::size_t size, bool has_factory, std::chrono::nanoseconds max_idle,
                std::chrono::nanoseconds max_lifetime) {
  if (size < 1 || size > slot_pool::max_size) {
    throw std::invalid_argument("the size of a pool must be between 1 and " + std::to_string(slot_pool::max_size) +
                                ", got " + std::to_string(size));
  }
  if (!has_factory) throw std::invalid_argument("the factory of a pool is an empty function");
  if (max_idle.count() < 0) throw std::invalid_argument("max_idle must not be negative");
  if (max_lifetime.count() < 0) throw std::invalid_argument("max_lifetime must not be negative");
}

void throw_released_lease() { throw std::logic_error("the lease has been released: it has no resource any more"); }

}  // namespace fanout::detail
