#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/primitives.hpp"
#include "pool/slot_stack.hpp"

namespace fanout::detail {

/// How a wait for a slot ended.
struct pool_reply {
  enum class answer { none, slot, closed, stopped } got;
  std::size_t slot;  // if `got` is `slot`
};

/// The free slots of a pool, and the line of callers that wait for one: the pool without its resources.
///
/// **A caller** takes a free slot without a lock if nobody waits. Otherwise it joins the line, in the order of
/// arrival. The first in line is served under the mutex, by `serve`, by the thread that puts a slot back or that
/// joins. So a newcomer never overtakes. A returned slot becomes free or goes to a caller that still wants it: a
/// waiter that gives up leaves the line under the same mutex, or finds that it has a slot, and keeps it.
///
/// **No wake-up is lost.** A thread that puts a slot back pushes it first and then looks whether anybody waits. A
/// thread that joins the line counts itself first and then looks for a free slot. Each has a sequentially consistent
/// fence between its two steps, so at least one of them sees what the other did, and hands the slot over.
///
/// **Closing** works the same way, with the same fences. `close` sets the flag and then takes the free slots out. A
/// thread that puts a slot back pushes it and then looks at the flag. A thread that takes a slot out after the flag
/// was set drops it.
///
/// **`Idle`** holds the slots that have a resource in them, and decides their order. It has `push(slot) noexcept` and
/// `try_pop(slot&) noexcept`, which any number of threads may call. A pop happens after the push of the same slot. A
/// push publishes the slot by an atomic write that `try_pop` reads before it returns false. `try_pop` may wait for a
/// push or a pop that has begun on another thread, even while its caller holds the mutex, because no thread locks the
/// mutex during a push or pop.
template <class Primitives, class Idle>
class basic_pool_line {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using stop_token = typename Primitives::stop_token;
  using answer = pool_reply::answer;

  /// All slots are vacant. `drop` is called with each slot that is free when the pool is closed or comes back later,
  /// under no lock. It must not throw. `idle` are the arguments of the constructor of `Idle`.
  template <class... Arguments>
  basic_pool_line(std::size_t size, std::function<void(std::size_t slot)> drop, Arguments&&... idle)
      : drop_(std::move(drop)), idle_(std::forward<Arguments>(idle)...), vacant_(size) {
    for (std::size_t each = size; each != 0; --each) vacant_.push(each - 1);
  }

  bool closed(std::memory_order order) const { return closed_.load(order); }

  /// How many callers are in line.
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  /// Takes a free slot, preferably an idle one. False if there is none, or if anybody waits.
  bool try_take(std::size_t& taken) { return waiting() == 0 && pop(taken); }

  /// Takes a vacant slot, even if others wait.
  bool take_vacant(std::size_t& taken) { return vacant_.try_pop(taken); }

  /// Puts a slot back, with a resource or without, or hands it to the first in line. Requires that the caller owns
  /// it.
  void put_idle(std::size_t returned) noexcept { put(idle_, returned); }
  void put_vacant(std::size_t returned) noexcept { put(vacant_, returned); }

  /// Waits in line for a slot. The answer is `none` once the limit has passed. `before` is called under the mutex
  /// before the caller joins the line, and may refuse by an exception. Without a limit it waits forever; without a
  /// token nothing stops it. Throws `std::bad_alloc` if there is no memory for one more waiter.
  template <class Before>
  pool_reply wait(const time_point* limit, const stop_token* stop, Before before) {
    waiter self;
    {
      const auto leave = [this, &self] {
        const std::lock_guard lock(mutex_);
        if (self.got == answer::none) reply_to(leave_line(self), answer::stopped);
      };
      const typename Primitives::template stop_callback<decltype(leave)> on_stop(
          stop != nullptr ? *stop : stop_token(), leave);
      std::unique_lock lock(mutex_);
      if (self.got == answer::none) {
        if (closed_.load(std::memory_order_relaxed)) return {answer::closed, 0};
        before();
        self.answered = &take_condition();
        join_line(self);
        serve();
        const auto has_answer = [&self] { return self.got != answer::none; };
        if (limit == nullptr) {
          self.answered->wait(lock, has_answer);
        } else if (!self.answered->wait_until(lock, *limit, has_answer)) {
          leave_line(self);
        }
        spare_conditions_.push_back(self.answered);
      }
    }  // the callback has ended, so `self` may be destroyed
    return {self.got, self.slot};
  }

  /// Answers all callers in line with `closed`, and drops the free slots.
  void close() noexcept {
    closed_.store(true, std::memory_order_relaxed);
    Primitives::fence();
    {
      const std::lock_guard lock(mutex_);
      while (!line_.empty()) reply_to(leave_line(*line_.first()), answer::closed);
    }
    drop_free_slots();
  }

 private:
  using condition_variable = typename Primitives::condition_variable;

  /// On the stack of the thread that waits.
  struct waiter : list_entry<waiter> {
    answer got = answer::none;
    std::size_t slot = 0;
    bool in_line = false;
    condition_variable* answered = nullptr;  // set while it is in line
  };

  bool pop(std::size_t& taken) { return idle_.try_pop(taken) || vacant_.try_pop(taken); }

  template <class Where>
  void put(Where& where, std::size_t returned) noexcept {
    if (waiting_.load(std::memory_order_relaxed) != 0 && hand_over(returned)) return;
    where.push(returned);
    Primitives::fence();
    if (waiting_.load(std::memory_order_relaxed) != 0) {
      const std::lock_guard lock(mutex_);
      serve();
    }
    if (closed_.load(std::memory_order_relaxed)) drop_free_slots();
  }

  /// Not inlined, because `put` would reserve stack space for it on every call.
  [[gnu::noinline]] void drop_free_slots() noexcept {
    for (std::size_t taken = 0; pop(taken);) drop_(taken);
  }

  /// Gives the slot to the first in line, if there is one. Notifies after unlocking, so that the waiter does not wake
  /// only to wait for the mutex. By then the waiter may be gone, and another one may have its condition variable:
  /// that one wakes without an answer, and goes on waiting.
  bool hand_over(std::size_t returned) noexcept {
    condition_variable* answered = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (line_.empty()) return false;
      waiter& first = leave_line(*line_.first());
      first.slot = returned;
      first.got = answer::slot;
      answered = first.answered;
    }
    answered->notify_one();
    return true;
  }

  // The caller of the following functions holds the mutex.

  void join_line(waiter& last) {
    line_.add(last);
    last.in_line = true;
    waiting_.fetch_add(1, std::memory_order_relaxed);
    Primitives::fence();
  }

  waiter& leave_line(waiter& leaving) {
    if (std::exchange(leaving.in_line, false)) {
      line_.remove(leaving);
      waiting_.fetch_sub(1, std::memory_order_relaxed);
    }
    return leaving;
  }

  void serve() {
    std::size_t taken = 0;
    while (!line_.empty() && pop(taken)) {
      waiter& first = leave_line(*line_.first());
      first.slot = taken;
      reply_to(first, answer::slot);
    }
  }

  static void reply_to(waiter& other, answer got) {
    other.got = got;
    if (other.answered != nullptr) other.answered->notify_one();
  }

  condition_variable& take_condition() {
    if (spare_conditions_.empty()) {
      spare_conditions_.reserve(conditions_.size() + 1);  // so that each finds room when it comes back
      return conditions_.emplace_back();
    }
    condition_variable& spare = *spare_conditions_.back();
    spare_conditions_.pop_back();
    return spare;
  }

  const std::function<void(std::size_t slot)> drop_;

  Idle idle_;                            // slots with a resource
  basic_slot_stack<Primitives> vacant_;  // slots without
  typename Primitives::template atomic<bool> closed_{false};

  typename Primitives::mutex mutex_;  // guards the line and its condition variables
  intrusive_list<waiter> line_;       // in the order of arrival
  std::deque<condition_variable> conditions_;
  std::vector<condition_variable*> spare_conditions_;
  typename Primitives::template atomic<std::size_t> waiting_{0};  // the length of the line, written under the mutex
};

}  // namespace fanout::detail
