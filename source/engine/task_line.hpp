#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <mutex>
#include <utility>

#include "base/primitives.hpp"
#include "engine/additions.hpp"
#include "engine/closure_list.hpp"
#include "engine/task_crew.hpp"

/// The task line: how the tasks of a scope wait for its runners, and how the runners are called and leave.
///
/// Those who add tasks push them on the **additions**, without a mutex. Whoever needs to know what was added
/// *collects* them: moves all of them to the **inbox**, under one mutex. Runners take from the front of the **line**,
/// under another, and move the whole inbox there when it is empty. So those who add and those who take rarely meet,
/// and tasks are taken in the order in which they were added, one at a time: none waits behind another in the hands
/// of a runner.
///
/// If the number of tasks that wait is bounded, they are added to the inbox itself.
///
/// No task is forgotten, because every change of the line's crew happens under the mutex of the inbox and keeps an
/// invariant: while a task waits and another runner may work, a runner is coming or looking, or a sleeper was
/// called, or no one is there to be called. A runner that arrives, or finds a task when it looks, and leaves others,
/// restores it. A runner that leaves has seen, under the mutex, that nothing waits.
///
/// Whoever adds a task establishes it, too. While someone would be called for another task, the additions are marked
/// as unattended when they are empty: then who adds locks the mutex, and calls. If they are not marked, nothing is
/// left to do: whoever changes the crew so that someone would be called marks them, or finds what was added, and
/// calls.
namespace fanout::detail {

/// `Task` has the members `next` and `set_index`.
template <class Primitives, class Task>
class basic_task_line {
 public:
  using mutex = typename Primitives::mutex;
  using condition_variable = typename Primitives::condition_variable;
  template <class T>
  using atomic = typename Primitives::template atomic<T>;
  using list = closure_list<Task>;

  static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

  /// `can_call`: false if no runner can be called, and only threads that sleep here work.
  basic_task_line(std::size_t most_runners, std::size_t most_pending, bool can_call)
      : most_pending_(most_pending), crew_{.most_runners = most_runners, .can_call = can_call} {
    if (most_pending != unbounded) additions_.shut();
  }

  basic_task_line(const basic_task_line&) = delete;
  basic_task_line& operator=(const basic_task_line&) = delete;
  ~basic_task_line() = default;

  // ── Those who add ──

  enum class fate {
    added,
    ignored,  // counted, but it will not run: the scope was stopped
    full,
    closed,
  };

  struct addition {
    fate what;
    bool calls = false;  // the caller must call a runner, which is coming from now on
  };

  /// `beyond`: the bound does not apply.
  addition add(bool beyond, Task& task) {
    switch (additions_.push(task)) {
      case additions::pushed::attended:
        return {fate::added};
      case additions::pushed::unattended: {
        const std::unique_lock lock = lock_and_collect();
        return {fate::added, settle_for_adder(pending() != 0)};
      }
      case additions::pushed::refused:
        break;
    }
    const std::unique_lock lock = Primitives::lock(adding_);
    if (const fate refusal = refused(beyond); refusal != fate::added) return {refusal};
    inbox_.add(task);
    count_added(1);
    return {fate::added, settle_for_adder(true)};
  }

  // ── Runners ──

  /// A coming runner works from now on. True if it must call another.
  [[nodiscard]] bool arrive() {
    const std::unique_lock lock = lock_and_collect();
    --crew_.coming;
    ++crew_.working;
    return settle(pending() > 1);
  }

  /// So many runners come no more. True if the caller must call one.
  [[nodiscard]] bool call_off(std::size_t coming) {
    const std::unique_lock lock = lock_and_collect();
    crew_.coming -= coming;
    return settle(pending() != 0);
  }

  /// The next task for a runner that works, or null.
  Task* take() {
    Task* next = nullptr;
    {
      const std::unique_lock lock = Primitives::lock(taking_);
      if (stopped_.load(std::memory_order_relaxed)) return nullptr;
      if (line_.empty()) {
        const std::unique_lock both = lock_and_collect();
        line_.take_all(inbox_);
      }
      next = line_.take();
      if (next == nullptr) return nullptr;
      const std::size_t index = taken();
      next->set_index(index);
      taken_.store(index + 1, std::memory_order_relaxed);
    }
    if (most_pending_ != unbounded) tell_of_room();
    return next;
  }

  enum class rest {
    work,   // there is something to take
    look,   // call `look`
    leave,  // the runner has left
  };

  struct resting {
    rest how;
    bool over;   // nothing is left, and nobody works; who sleeps until then was told
    bool calls;  // it must call a runner
  };

  /// For a runner that has found nothing to take.
  resting pause(bool may_look) {
    const std::unique_lock lock = lock_and_collect();
    if (pending() != 0 && !stopped()) return {rest::work, false, false};
    --crew_.working;
    const bool over = is_over();
    if (over && crew_.sleepers != 0) changed_.notify_all();
    if (!may_look || crew_.looking != 0 || stopped() || closed_) return {rest::leave, over, settle(false)};
    ++crew_.looking;
    return {rest::look, over, false};
  }

  struct looking {
    bool works;  // there is something to take; otherwise the runner has left
    bool calls;  // it must call another
  };

  /// Looks for tasks, for as long as `may_go_on()`.
  template <class GoOn>
  looking look(const GoOn& may_go_on) {
    for (typename additions::spinning_place::spinner here(additions_.looker());
         !additions_.any() && pending() == 0 && !stopped() && may_go_on(); Primitives::relax())
      here.look();
    const std::unique_lock lock = lock_and_collect();
    --crew_.looking;
    if (pending() == 0 || stopped()) return {false, settle(false)};
    ++crew_.working;
    return {true, settle(pending() > 1)};
  }

  /// For a runner that leaves although it may have left tasks. True if it must call another.
  [[nodiscard]] bool leave() {
    const std::unique_lock lock = lock_and_collect();
    --crew_.working;
    if (is_over() && crew_.sleepers != 0) changed_.notify_all();
    return settle(pending() != 0);
  }

  // ── Those who wait ──

  enum class offer {
    accepted,  // the caller is a coming runner
    later,     // it is not needed, or there are runners enough
    replaces,  // runners that are coming stand in its way: it may call them off
  };

  /// For a thread that waits and could work.
  offer offer_work() {
    const std::unique_lock lock = lock_and_collect();
    if (pending() == 0 || stopped()) return offer::later;
    const std::size_t here = crew_.working + crew_.looking;
    if (here + crew_.coming < crew_.most_runners) {
      ++crew_.coming;
      return offer::accepted;
    }
    return here < crew_.most_runners ? offer::replaces : offer::later;
  }

  /// How a thread sleeps.
  struct sleep_for {
    bool room;             // until there is room; otherwise, only until all is over
    bool call;             // also until it is called to work
    bool call_since_offer = true;  // also if a task has come since it offered to work
    bool in_turn = false;  // for room: may be the only one to be woken, and tries to add at once
    const atomic<bool>* exceeds = nullptr;  // also until this is true: see `wake`
  };

  /// May return early. True if the caller must call a runner.
  [[nodiscard]] bool sleep(const sleep_for& what) {
    std::unique_lock lock = lock_and_collect();
    const auto reached = [&] {
      return is_over() || (what.room && has_room()) ||
             (what.exceeds != nullptr && what.exceeds->load(std::memory_order_relaxed));
    };
    if (reached()) return false;
    ++crew_.sleepers;
    if (what.room) ++(what.in_turn ? in_turn_ : at_once_);
    if (what.call) {
      ++crew_.willing;
      const bool is_needed = pending() != 0 && !stopped() && crew_.has_place();
      if (what.call_since_offer && is_needed) ++crew_.called;
    }
    const bool calls = settle(false);
    if (!calls) {
      condition_variable& place = what.in_turn ? room_ : changed_;
      place.wait(lock, [&] {
        collect();
        return reached() || (what.call && crew_.called != 0);
      });
    }
    --crew_.sleepers;
    if (what.room) --(what.in_turn ? in_turn_ : at_once_);
    if (what.call) {
      --crew_.willing;
      if (crew_.called != 0) --crew_.called;
    }
    return calls || settle(reached() && pending() != 0);
  }

  /// Lets those who sleep look again. What they look at must have been written before.
  void wake() {
    const std::unique_lock lock = Primitives::lock(adding_);
    tell_all();
  }

  bool is_over_now() {
    const std::unique_lock lock = lock_and_collect();
    return is_over();
  }
  std::size_t runners() {
    const std::unique_lock lock = Primitives::lock(adding_);
    return crew_.working + crew_.looking;
  }
  bool has_room_now() {
    const std::unique_lock lock = lock_and_collect();
    return has_room();
  }

  // ── The end ──

  struct stopping {
    bool nothing_left;  // no task waited or ran, so none was kept from running
    std::size_t added;
  };

  /// No task is taken after this.
  stopping stop() {
    const std::unique_lock lock = lock_and_collect();
    while (!additions_.shut()) collect();
    const stopping found{pending() == 0 && crew_.working == 0, added()};
    stopped_.store(true, std::memory_order_release);
    tell_all();
    return found;
  }

  /// Takes the next of the tasks that will never start; null if there is none, or a runner is left. Once the line was
  /// stopped, no task comes to the lists any more. The line is still open, because the destructor of such a task may
  /// add.
  Task* take_unstarted() {
    const std::unique_lock both = Primitives::lock(taking_);
    const std::unique_lock lock = Primitives::lock(adding_);
    if (!stopped() || !is_over()) return nullptr;
    Task* const next = line_.take();
    return next != nullptr ? next : inbox_.take();
  }

  /// If all is over and no task is left to be taken, nothing can be added any more.
  bool try_close() {
    const std::unique_lock both = Primitives::lock(taking_);
    const std::unique_lock lock = Primitives::lock(adding_);
    do {
      collect();
      if (!is_over() || !line_.empty() || !inbox_.empty()) return false;
    } while (!additions_.shut());
    closed_ = true;
    room_.notify_all();
    return true;
  }

  /// How many tasks were added, those included that the calling thread knows of.
  std::size_t added_now() {
    const std::unique_lock lock = lock_and_collect();
    return added();
  }
  /// As far as they were collected. After the end: all.
  std::size_t added() const { return added_.load(std::memory_order_relaxed); }
  std::size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  using additions = basic_additions<Primitives, Task>;

  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

  /// How many collected tasks wait. May count some that were taken a moment ago by runners that work.
  std::size_t pending() const {
    const std::size_t taken_before = taken();
    return added() - ignored_.load(std::memory_order_relaxed) - taken_before;
  }

  // Under the mutex of the inbox:

  std::unique_lock<mutex> lock_and_collect() {
    std::unique_lock lock = Primitives::lock(adding_);
    collect();
    return lock;
  }

  /// False if there was nothing to collect.
  bool collect() {
    const std::size_t collected = additions_.collect(inbox_, would_call() == task_crew::call::nobody);
    if (collected != 0) count_added(collected);
    return collected != 0;
  }

  void count_added(std::size_t more) { added_.store(added() + more, std::memory_order_relaxed); }

  bool is_over() const { return closed_ || (crew_.working == 0 && (pending() == 0 || stopped())); }
  bool has_room() const { return closed_ || stopped() || pending() < most_pending_; }

  fate refused(bool beyond) {
    if (closed_) return fate::closed;
    if (stopped()) {
      ignored_.store(ignored_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      count_added(1);
      return fate::ignored;
    }
    return beyond || most_pending_ == unbounded || pending() < most_pending_ ? fate::added : fate::full;
  }

  task_crew::call would_call() const { return stopped() ? task_crew::call::nobody : crew_.for_another_task(); }

  /// The crew has changed, or tasks were added. `waits`: a task waits that must be looked after. True if the caller
  /// must call a runner.
  bool settle(bool waits) {
    for (;;) {
      const task_crew::call who = would_call();
      if (who == task_crew::call::nobody) return false;
      if (!waits) {
        if (additions_.leave()) return false;
        waits = collect();
      } else if (call(who)) {
        return true;
      } else {
        waits = false;
      }
    }
  }

  /// The same, for a thread that has added tasks.
  bool settle_for_adder(bool waits) {
    return waits && additions_.looker().is_taken_by_caller() ? call(crew_.besides_looker()) : settle(waits);
  }

  /// True if the caller must call a runner.
  bool call(task_crew::call who) {
    if (who == task_crew::call::runner) {
      ++crew_.coming;
      return true;
    }
    if (who == task_crew::call::sleeper) {
      ++crew_.called;
      changed_.notify_all();
    }
    return false;
  }

  /// There is one more place, so one of those who wait in turn is woken. It adds at once, or the line is stopped or
  /// closed, and all are told. The others are all woken: a thread in a task may have to take back its slot before it
  /// can add, from one who waits for the same place.
  ///
  /// For a runner that works or a thread that adds, so the line exists until it has done this. A thread that is woken
  /// often takes the core of this one at once: if this notified under the mutex, that thread would wait for the mutex
  /// again.
  void tell_of_room() {
    bool all = false;
    bool one = false;
    {
      const std::unique_lock lock = Primitives::lock(adding_);
      if (!has_room()) return;
      all = at_once_ != 0;
      one = in_turn_ != 0;
    }
    if (all) changed_.notify_all();
    if (one) room_.notify_one();
  }

  void tell_all() {
    changed_.notify_all();
    room_.notify_all();
  }

  const std::size_t most_pending_;

  // Each mutex with what it guards on cache lines of its own. Locked in this order:
  alignas(128) mutex taking_;
  list line_;
  atomic<std::size_t> taken_{0};  // written under the mutex

  alignas(128) mutex adding_;
  list inbox_;
  // Written under the mutex; a runner that looks reads them without.
  atomic<std::size_t> added_{0};
  atomic<std::size_t> ignored_{0};  // were added after the stop
  atomic<bool> stopped_{false};
  bool closed_ = false;
  task_crew crew_;
  std::size_t in_turn_ = 0;  // sleepers who want room and are woken one by one
  std::size_t at_once_ = 0;  // sleepers who want room and are all woken
  condition_variable changed_;
  condition_variable room_;  // where those sleep who are woken one by one

  additions additions_;  // shut if the number of tasks is bounded, or the line is stopped or closed
};

}  // namespace fanout::detail
