#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/deferred_cancellation.hpp"
#include "executor/batch_scope.hpp"
#include "fanout/detail/slot_pool.hpp"
#include "fanout/error.hpp"
#include "pool/idle_slots.hpp"
#include "pool/pool_line.hpp"

namespace fanout::detail {

using pool_line = basic_pool_line<std_primitives, idle_slots>;

/// **A slot** is in one of these states, and only its owner changes the state:
///
///     vacant ──make──► lent ──give back──► idle ──take──► lent ──discard──► vacant
///
/// A thread that took a free slot, or was given one by another thread, owns it until it puts it back. The containers
/// of free slots and the line's mutex make each owner's accesses happen after the previous owner's. The members of a
/// slot that are atomic are also read by threads that do not own it.
///
/// `pool_line` decides which caller gets which slot. Closing a pool destroys the resources of the slots that it
/// drops.
class slot_pool::engine {
  friend slot_pool;

 public:
  engine(slot_pool& face, const settings& chosen)
      : face_(face),
        settings_(chosen),
        ages_(chosen.max_idle != std::chrono::nanoseconds::max() ||
              chosen.max_lifetime != std::chrono::nanoseconds::max()),
        slots_(new slot[chosen.size]),
        line_(
            chosen.size,
            [this](std::size_t free) {
              if (is(state::idle, free)) unmake(free);
            },
            chosen.size, chosen.rotates) {}

  std::size_t size() const { return settings_.size; }

  void fill() {
    for (std::size_t each = none; line_.take_vacant(each);) {
      make(each);
      put_idle(each);
    }
  }

  /// Lends a slot with a resource. Waits for one until the time `limit`, or indefinitely if `limit` is null; returns
  /// `none` if it got none. Does not wait if the limit has already passed. A stop requested through the token ends
  /// the wait.
  std::size_t acquire(const clock::time_point* limit, const std::stop_token* stop, std::size_t task) {
    if (line_.closed(std::memory_order_acquire)) throw pool_closed();
    std::size_t taken = none;
    if (line_.try_take(taken) && is_ready(taken)) return lend(taken, task);

    const clock::time_point begin = clock::now();
    const bool may_wait = limit == nullptr || begin < *limit;
    if (taken == none && may_wait) taken = wait(limit, stop);
    if (taken == none) return none;
    const bool used_time = prepare(taken);
    if (used_time && may_wait && limit != nullptr && clock::now() >= *limit) {
      put_idle(taken);  // it is ready too late for this caller, and goes to the next one
      return none;
    }
    refuse_if_closed(taken);  // the pool may have been closed meanwhile
    note_wait(clock::now() - begin);
    return lend(taken, task);
  }

  /// The lease was moved, so it may outlive the task that acquired it.
  void moved(std::size_t lent) noexcept { slots_[lent].holder.store(0, std::memory_order_relaxed); }

  void give_back(std::size_t returned) noexcept {
    if (ages_ && is_past(slots_[returned].made_at, settings_.max_lifetime)) return discard(returned);
    if (settings_.resets && !line_.closed(std::memory_order_relaxed)) {
      const deferred_cancellation until_it_is_given_back;
      try {
        face_.reset(returned);
      } catch (...) {
        note_failure();
        return discard(returned);
      }
    }
    put_idle(returned);
  }

  /// Puts the slot back without its resource, if it has one.
  void discard(std::size_t unwanted) noexcept {
    if (!is(state::vacant, unwanted)) drop(unwanted);
    line_.put_vacant(unwanted);
  }

  pool_statistics statistics() const {
    pool_statistics figures;
    figures.size = size();
    for (std::size_t each = 0; each != size(); ++each) {
      const state seen = slots_[each].now.load(std::memory_order_relaxed);
      figures.idle += seen == state::idle ? 1U : 0U;
      figures.in_use += seen == state::lent ? 1U : 0U;
      figures.acquired_total += slots_[each].acquired.load(std::memory_order_relaxed);
    }
    figures.waiting = line_.waiting();
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
      leases.push_back({std::max(held, clock::duration::zero()), task == none ? std::nullopt : std::optional(task)});
    }
    return leases;
  }

  std::string last_failure() const {
    const std::lock_guard lock(failure_mutex_);
    return last_failure_;
  }

 private:
  /// A slot that has been taken keeps its state until it is lent: one that was given to a waiter is idle until then.
  enum class state : unsigned char { vacant, idle, lent };

  /// On cache lines of its own, because different threads use neighbouring slots.
  struct alignas(128) slot {
    std::atomic<state> now{state::vacant};
    std::atomic<std::size_t> acquired{0};
    std::atomic<std::uint64_t> holder{0};  // the entry of the task that holds it; 0 if not known
    std::atomic<std::size_t> task{none};   // this and the next are set where leases are tracked
    std::atomic<clock::rep> lent_at{0};
    clock::time_point made_at{};  // this and the next are set where resources age
    clock::time_point idle_since{};
  };

  void put_idle(std::size_t returned) noexcept {
    if (ages_) slots_[returned].idle_since = clock::now();
    slots_[returned].now.store(state::idle, std::memory_order_relaxed);
    line_.put_idle(returned);
  }

  /// Not inlined, because callers that need not wait would reserve stack space for it.
  [[gnu::noinline]] std::size_t wait(const clock::time_point* limit, const std::stop_token* stop) {
    const deferred_cancellation until_the_line_is_left;
    const pool_reply reply = line_.wait(limit, stop, [this, limit] {
      if (limit == nullptr) refuse_to_wait_for_oneself();
    });
    if (reply.got == pool_reply::answer::closed) throw pool_closed();
    if (reply.got == pool_reply::answer::stopped) throw operation_cancelled("cancelled while waiting for a resource");
    return reply.got == pool_reply::answer::slot ? reply.slot : none;
  }

  /// Throws if every resource is held by this task or by the tasks around it, none of which ends before this call
  /// does. (A lease that has not moved is given back by the task that acquired it, or is part of the results of its
  /// batch.)
  void refuse_to_wait_for_oneself() const {
    const scope_entry* const here = current_entry();
    if (here == nullptr) return;
    for (std::size_t each = 0; each != size(); ++each) {
      if (slots_[each].now.load(std::memory_order_acquire) != state::lent) return;
      if (!here->keeps_waiting(slots_[each].holder.load(std::memory_order_relaxed))) return;
    }
    throw std::logic_error(
        "this task holds every resource of the pool and would wait for itself forever: acquire once, or make the "
        "pool larger");
  }

  // ── Resources: user code, under no lock ─────────────────────────────────────────────────────────────────────────

  /// Requires that the caller owns the slot: nobody else changes its state.
  bool is(state expected, std::size_t each) const {
    return slots_[each].now.load(std::memory_order_relaxed) == expected;
  }

  /// Whether a slot that was taken can be lent without a check.
  bool is_ready(std::size_t taken) const { return is(state::idle, taken) && !settings_.validates && !ages_; }

  /// Makes sure that the slot has a good resource, or puts the slot back and throws. Returns whether user code ran.
  bool prepare(std::size_t taken) {
    refuse_if_closed(taken);
    if (is(state::idle, taken)) {
      if (is_good(taken)) return settings_.validates;
      drop(taken);
      refuse_if_closed(taken);
    }
    try {
      make(taken);
      if (settings_.validates && !face_.validate(taken)) throw error("a new resource failed its validation");
    } catch (...) {
      note_failure();
      discard(taken);
      throw;
    }
    return true;
  }

  void refuse_if_closed(std::size_t taken) {
    if (!line_.closed(std::memory_order_acquire)) return;
    discard(taken);
    throw pool_closed();
  }

  bool is_good(std::size_t idle) {
    const slot& each = slots_[idle];
    if (ages_ && (is_past(each.made_at, settings_.max_lifetime) || is_past(each.idle_since, settings_.max_idle)))
      return false;
    try {
      if (settings_.validates && !face_.validate(idle)) throw error("a resource failed its validation");
      return true;
    } catch (...) {
      note_failure();
      if (std::current_exception() != nullptr) return false;
      discard(idle);
      throw;  // the thread ends, which nothing can stop
    }
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
    if (!line_.closed(std::memory_order_relaxed)) discarded_.fetch_add(1, std::memory_order_relaxed);
  }

  std::size_t lend(std::size_t taken, std::size_t task) {
    slot& lent = slots_[taken];
    lent.holder.store(current_entry() != nullptr ? current_entry()->id() : 0, std::memory_order_relaxed);
    lent.acquired.store(lent.acquired.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (settings_.tracks) {
      lent.task.store(task, std::memory_order_relaxed);
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

  /// Keeps the text of the exception that is being handled.
  void note_failure() noexcept {
    if (std::current_exception() == nullptr) return;  // the thread ends
    try {
      std::string text = describe(std::current_exception());
      const std::lock_guard lock(failure_mutex_);
      last_failure_ = std::move(text);
    } catch (...) {  // no memory for the text: the one before stays
    }
  }

  slot_pool& face_;
  const settings settings_;
  const bool ages_;  // whether resources can become too old
  const std::unique_ptr<slot[]> slots_;

  pool_line line_;

  mutable std::mutex failure_mutex_;  // guards last_failure_
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
  return engine_->acquire(nullptr, &stop, task);
}

std::size_t slot_pool::try_acquire(std::size_t task) {
  constexpr auto has_passed = clock::time_point::min();
  return engine_->acquire(&has_passed, nullptr, task);
}

std::size_t slot_pool::acquire_until(clock::time_point limit) {
  const std::size_t slot = engine_->acquire(&limit, nullptr, none);
  if (slot == none) engine_->timeouts_.fetch_add(1, std::memory_order_relaxed);
  return slot;
}

void slot_pool::moved(std::size_t slot) noexcept { engine_->moved(slot); }
void slot_pool::give_back(std::size_t slot) noexcept { engine_->give_back(slot); }
void slot_pool::discard(std::size_t slot) noexcept { engine_->discard(slot); }
void slot_pool::close() noexcept { engine_->line_.close(); }
std::size_t slot_pool::size() const noexcept { return engine_->size(); }
std::size_t slot_pool::waiting() const noexcept { return engine_->line_.waiting(); }
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
