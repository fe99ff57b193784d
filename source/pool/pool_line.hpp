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

/// Where the free slots of a pool are, and which caller gets which of them: the pool without its resources.
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
/// slot back pushes it and then looks at the flag. Whoever takes a slot out after the flag was set lets it go.
template <class Primitives>
class basic_pool_line {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using stop_token = typename Primitives::stop_token;

  /// All slots are vacant. `let_go` gets each that is free when the pool is closed, or comes back later; it does not
  /// throw, and no lock is held.
  basic_pool_line(std::size_t size, std::function<void(std::size_t slot)> let_go)
      : let_go_(std::move(let_go)), links_(size) {
    for (std::size_t each = size; each != 0; --each) vacant_.push(each - 1);
  }

  bool closed(std::memory_order order) const { return closed_.load(order); }

  /// How many are in line.
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  /// A free slot, an idle one first, for a caller that joins the line if there is none. False also if somebody waits.
  bool try_take(std::size_t& taken) { return waiting() == 0 && pop(taken); }

  /// A vacant slot, whoever waits.
  bool take_vacant(std::size_t& taken) { return vacant_.try_pop(taken); }

  /// Puts a slot back, with a resource or without, or hands it to the first in line. Requires that the caller has it.
  void put_idle(std::size_t returned) noexcept { put(idle_, returned); }
  void put_vacant(std::size_t returned) noexcept { put(vacant_, returned); }

  enum class answer { none, slot, closed, stopped };
  struct reply {
    answer got;
    std::size_t slot;  // if that was the answer
  };

  /// Waits for a slot, in line; the answer is `none` once the limit has passed. `before` is called under the mutex if
  /// the caller has to wait, and may refuse by an exception. No limit: for ever; no token: nothing stops it.
  template <class Before>
  reply wait(const time_point* limit, const stop_token* stop, Before before) {
    waiter self;
    {
      const auto leave = [this, &self] {
        const std::lock_guard lock(mutex_);
        if (self.got == answer::none) tell(leave_line(self), answer::stopped);
      };
      const typename Primitives::template stop_callback<decltype(leave)> on_stop(
          stop != nullptr ? *stop : stop_token(), leave);
      std::unique_lock lock(mutex_);
      if (self.got == answer::none) {
        if (closed_.load(std::memory_order_relaxed)) return {answer::closed, 0};
        before();
        self.bell = &take_bell();
        join_line(self);
        serve();
        const auto answered = [&self] { return self.got != answer::none; };
        if (limit == nullptr) {
          self.bell->wait(lock, answered);
        } else if (!self.bell->wait_until(lock, *limit, answered)) {
          leave_line(self);
        }
        spare_bells_.push_back(self.bell);
      }
    }  // the callback has ended: `self` may go
    return {self.got, self.slot};
  }

  /// Sends those in line away, and lets the free slots go.
  void close() noexcept {
    closed_.store(true, std::memory_order_relaxed);
    Primitives::fence();
    {
      const std::lock_guard lock(mutex_);
      while (!line_.empty()) tell(leave_line(*line_.first()), answer::closed);
    }
    empty_stacks();
  }

 private:
  using condition_variable = typename Primitives::condition_variable;

  /// It lies on the stack of its thread.
  struct waiter : list_entry<waiter> {
    answer got = answer::none;
    std::size_t slot = 0;
    bool in_line = false;
    condition_variable* bell = nullptr;  // while it is in line
  };

  bool pop(std::size_t& taken) { return idle_.try_pop(taken) || vacant_.try_pop(taken); }

  void put(basic_slot_stack<Primitives>& where, std::size_t returned) noexcept {
    if (waiting_.load(std::memory_order_relaxed) != 0 && hand_over(returned)) return;
    where.push(returned);
    Primitives::fence();
    if (waiting_.load(std::memory_order_relaxed) != 0) {
      const std::lock_guard lock(mutex_);
      serve();
    }
    if (closed_.load(std::memory_order_relaxed)) empty_stacks();
  }

  /// Not inlined, or each `put` would make room on its stack for it.
  [[gnu::noinline]] void empty_stacks() noexcept {
    for (std::size_t taken = 0; pop(taken);) let_go_(taken);
  }

  /// To the first in line, if there is one. The bell rings when the mutex is free, for which its waiter would have to
  /// wait otherwise; that one may be gone by then, and somebody else look up in vain.
  bool hand_over(std::size_t returned) noexcept {
    condition_variable* bell = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (line_.empty()) return false;
      waiter& first = leave_line(*line_.first());
      first.slot = returned;
      first.got = answer::slot;
      bell = first.bell;
    }
    bell->notify_one();
    return true;
  }

  // What follows is done under the mutex.

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
      tell(first, answer::slot);
    }
  }

  static void tell(waiter& other, answer got) {
    other.got = got;
    if (other.bell != nullptr) other.bell->notify_one();
  }

  condition_variable& take_bell() {
    if (spare_bells_.empty()) {
      spare_bells_.reserve(bells_.size() + 1);  // so that each finds room when it comes back
      return bells_.emplace_back();
    }
    condition_variable& bell = *spare_bells_.back();
    spare_bells_.pop_back();
    return bell;
  }

  const std::function<void(std::size_t slot)> let_go_;

  basic_slot_links<Primitives> links_;
  basic_slot_stack<Primitives> idle_{links_};    // with a resource
  basic_slot_stack<Primitives> vacant_{links_};  // without
  typename Primitives::template atomic<bool> closed_{false};

  typename Primitives::mutex mutex_;  // guards the line and its bells
  intrusive_list<waiter> line_;  // in the order of arrival
  std::deque<condition_variable> bells_;
  std::vector<condition_variable*> spare_bells_;
  typename Primitives::template atomic<std::size_t> waiting_{0};  // written under the mutex: how many are in line
};

using pool_line = basic_pool_line<std_primitives>;

}  // namespace fanout::detail
