#include <mutex>
#include <new>
#include <stop_token>

#include "base/deferred_cancellation.hpp"
#include "engine/task_scope.hpp"
#include "executor/position.hpp"

/// How threads wait for the end of a scope or for room in it, and work for it meanwhile.
namespace fanout::detail {

task_scope_core::slot_wait::slot_wait(task_scope_core& scope, bool wants_room)
    : of(scope), for_room(wants_room), ends([]() -> std::stop_source {
        try {
          return {};
        } catch (const std::bad_alloc&) {  // then the thread waits until it gets the slot
          return std::stop_source(std::nostopstate);
        }
      }()) {
  const std::lock_guard lock(of.mutex_);
  of.slot_waits_.add(*this);
}

task_scope_core::slot_wait::~slot_wait() {
  const std::lock_guard lock(of.mutex_);
  of.slot_waits_.remove(*this);
}

/// Under the mutex, because the waits are on the stacks of their threads. What the request runs locks the mutex of
/// the limiter only.
void task_scope_core::tell_slot_waits(bool of_room) noexcept {
  const std::lock_guard lock(mutex_);
  for (slot_wait* each = slot_waits_.first(); each != nullptr; each = intrusive_list<slot_wait>::next(*each))
    if (!of_room || each->for_room) each->ends.request_stop();
}

bool task_scope_core::reached(bool for_room) { return line_.is_over_now() || (for_room && line_.has_room_now()); }

/// Waits until all is over or, if `for_room`, there is room, or will never be unless this thread goes on. `from` is
/// the calling thread's entry. `works`: the thread runs tasks meanwhile.
///
/// If the thread is in a task that holds a slot, and slots are needed to go on, it must be the one that waits for
/// the slot: then the limiter sees that no other thread can give it one, and lends it one. So it takes the place of
/// reserves that are coming.
auto task_scope_core::wait(const scope_entry* from, bool for_room, bool works) noexcept -> room {
  // A thread outside of all tasks holds no slot. If it took the place of a reserve that waits for one, it would
  // have to go to the end of the line. But if it is a reserve itself, which leads a submitted batch, there may be no
  // other: it is the one that was promised.
  const bool may_replace = limiter() == nullptr || from != nullptr || caller_replaces_;
  while (!reached(for_room)) {
    bool all_arrive = false;
    if (works) {
      about_to_wait_.fetch_add(1, std::memory_order_relaxed);  // ordered by the mutexes of the line and the limiter
      const line::offer answer = line_.offer_work();
      if (answer == line::offer::accepted) {
        work_on_slot(from, for_room);
        continue;
      }
      if (answer == line::offer::replaces) {
        const std::size_t replaced = may_replace ? withdraw() : 0;
        if (replaced != 0) {
          call_off(replaced - 1);
          work_on_slot(from, for_room);
          continue;
        }
        all_arrive = true;
      }
      about_to_wait_.fetch_sub(1, std::memory_order_relaxed);
    }
    const auto sleep = [&](const std::atomic<bool>* exceeds) {
      const line::sleep_for what{.room = for_room,
                                 .call = works,
                                 .call_since_offer = !all_arrive,
                                 .in_turn = for_room && !works && from == nullptr,
                                 .exceeds = exceeds};
      if (line_.sleep(what)) call_runner();
    };
    if (for_room) {
      if (executor_limiter::wait_for_room(from, *this, sleep)) return room::never;
    } else {
      executor_limiter::wait_for(from, scope_.awaited_as, [&] { sleep(nullptr); });
    }
  }
  return room::comes;
}

/// For a thread that counts as a coming runner, and as about to wait.
void task_scope_core::work_on_slot(const scope_entry* from, bool for_room) noexcept {
  const leaves when = for_room ? leaves::when_there_is_room : leaves::when_nothing_is_left;
  batch_scope mine = scope_;
  mine.starter = from;
  bool makes_way = false;
  const auto work = [&] {
    if (line_.arrive()) call_runner();
    makes_way = run_tasks(mine, mine.has_own_slot(), when);
  };
  if (limiter() == nullptr) {
    about_to_wait_.fetch_sub(1, std::memory_order_relaxed);
    return in_arena(work);
  }
  const auto how = [&] {
    const slot_wait until_then(*this, for_room);
    about_to_wait_.fetch_sub(1, std::memory_order_release);  // who sees this sees the wait, or that it has ended
    if (reached(for_room)) return executor_limiter::enter_result{executor_limiter::admission::stopped};
    if (listener_ != nullptr) listener_->comes_to_wait_for_slot();
    return limiter()->enter(from, until_then.ends.get_token(), scope_.awaited_as);
  }();
  if (how.how == executor_limiter::admission::stopped) return call_off(1);
  mine.lender = how.lender;
  mine.has_own_slot() ? in_arena(work) : work();
  mine.has_own_slot() ? give_back_slot(makes_way) : limiter()->give_back(*mine.lender);
}

auto task_scope_core::wait_for_room() -> room {
  const position here;
  const deferred_cancellation until_it_returns;
  return wait(here.entry(), /*for_room=*/true, !can_call_ || (limiter() != nullptr && here.entry() != nullptr));
}

}  // namespace fanout::detail
