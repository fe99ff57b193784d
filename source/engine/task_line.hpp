#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <mutex>
#include <utility>

#include "base/primitives.hpp"
#include "engine/closure_list.hpp"

/// The task line: how the tasks of a scope wait for its runners, and how the runners are called and leave.
///
/// There are two lists. Those who add tasks append to the **inbox**, under one mutex; runners take from the front
/// of the **line**, under another, and move the whole inbox there when it is empty. So those who add and those who
/// take rarely meet, and tasks are taken in the order in which they were added, one at a time: none waits behind
/// another in the hands of a runner.
///
/// A runner is *coming* (called, but not arrived), *working*, or *looking*: it has found nothing to take, and looks
/// for new tasks for a moment before it leaves. At most one looks. Threads that *sleep* here, because they wait for
/// the end or for room, may offer to work.
///
/// No task is forgotten, because every change of these numbers happens under the mutex of the inbox and keeps an
/// invariant: while a task waits and another runner may work, a runner is coming or looking, or a sleeper was
/// called, or no one is there to be called. Whoever adds a task establishes it. A runner that arrives, or finds a
/// task when it looks, and leaves others, restores it. A runner that leaves has seen, under the mutex, that nothing
/// waits.
namespace fanout::detail {

/// `Task` has the members `next` and `index`. `Memory` is memory for several tasks, with a member `next`, and
/// `give_to` puts its tasks into a list.
template <class Primitives, class Task, class Memory>
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
      : most_runners_(most_runners), most_pending_(most_pending), can_call_(can_call) {}

  basic_task_line(const basic_task_line&) = delete;
  basic_task_line& operator=(const basic_task_line&) = delete;
  ~basic_task_line() {
    while (memory_ != nullptr) delete std::exchange(memory_, memory_->next);
  }

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

  /// Adds a task in memory of the line: `fill(task)` writes it, under the mutex. `grow()` allocates if there is none
  /// left. `beyond`: the bound does not apply.
  template <class Fill, class Grow>
  addition add_copy(bool beyond, const Fill& fill, const Grow& grow) {
    for (;;) {
      {
        const std::unique_lock lock = Primitives::lock(adding_);
        if (const fate refusal = refused(beyond); refusal != fate::added) return {refusal};
        if (Task* const spare = spares_.take(); spare != nullptr) {
          fill(*spare);
          return append(*spare);
        }
      }
      Memory& more = [&]() -> Memory& {
        try {
          return grow();  // allocates
        } catch (...) {
          if (most_pending_ != unbounded) tell_of_room();
          throw;
        }
      }();
      const std::unique_lock lock = Primitives::lock(adding_);
      keep(more);
    }
  }

  /// Adds a task with memory of its own.
  addition add(bool beyond, Task& made) {
    const std::unique_lock lock = Primitives::lock(adding_);
    const fate refusal = refused(beyond);
    return refusal != fate::added ? addition{refusal} : append(made);
  }

  // ── Runners ──

  /// A coming runner works from now on. True if it must call another.
  [[nodiscard]] bool arrive() {
    const std::unique_lock lock = Primitives::lock(adding_);
    --coming_;
    ++working_;
    return call_for(pending() > 1);
  }

  /// So many runners come no more. True if the caller must call one.
  [[nodiscard]] bool call_off(std::size_t coming) {
    const std::unique_lock lock = Primitives::lock(adding_);
    coming_ -= coming;
    return call_for(pending() != 0);
  }

  /// The next task for a runner that works, or null. `ended` is memory of the line that a task has left, or null.
  Task* take(Task* ended) {
    Task* next = nullptr;
    {
      const std::unique_lock lock = Primitives::lock(taking_);
      if (ended != nullptr) ended_.add(*ended);
      if (stopped_.load(std::memory_order_relaxed)) return nullptr;
      if (line_.empty()) {
        const std::unique_lock both = Primitives::lock(adding_);
        line_.take_all(inbox_);
        spares_.take_all(ended_);
      }
      next = line_.take();
      if (next != nullptr) taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    if (next != nullptr && most_pending_ != unbounded) tell_of_room();
    return next;
  }

  enum class rest {
    work,   // there is something to take
    look,   // call `look`
    leave,  // the runner has left
  };

  struct resting {
    rest how;
    bool over;  // nothing is left, and nobody works; who sleeps until then was told
  };

  /// For a runner that has found nothing to take.
  resting pause(bool may_look) {
    const std::unique_lock lock = Primitives::lock(adding_);
    if (pending() != 0 && !stopped()) return {rest::work, false};
    --working_;
    const bool over = is_over();
    if (over && sleepers_ != 0) changed_.notify_all();
    if (!may_look || looking_ != 0 || stopped() || closed_) return {rest::leave, over};
    ++looking_;
    return {rest::look, over};
  }

  struct looking {
    bool works;  // there is something to take; otherwise the runner has left
    bool calls;  // it must call another
  };

  /// Looks for tasks, for as long as `may_go_on()`.
  template <class GoOn>
  looking look(const GoOn& may_go_on) {
    while (pending() == 0 && !stopped() && may_go_on()) Primitives::relax();
    const std::unique_lock lock = Primitives::lock(adding_);
    --looking_;
    if (pending() == 0 || stopped()) return {false, false};
    ++working_;
    return {true, call_for(pending() > 1)};
  }

  /// For a runner that leaves although it may have left tasks. `ended`: as for `take`. True if it must call another.
  [[nodiscard]] bool leave(Task* ended) {
    const std::unique_lock both = Primitives::lock(taking_);
    if (ended != nullptr) ended_.add(*ended);
    const std::unique_lock lock = Primitives::lock(adding_);
    --working_;
    if (is_over() && sleepers_ != 0) changed_.notify_all();
    return call_for(pending() != 0);
  }

  // ── Those who wait ──

  enum class offer {
    accepted,  // the caller is a coming runner
    later,     // it is not needed, or there are runners enough
    replaces,  // runners that are coming stand in its way: it may call them off
  };

  /// For a thread that waits and could work.
  offer offer_work() {
    const std::unique_lock lock = Primitives::lock(adding_);
    if (pending() == 0 || stopped()) return offer::later;
    const std::size_t here = working_ + looking_;
    if (here + coming_ < most_runners_) {
      ++coming_;
      return offer::accepted;
    }
    return here < most_runners_ ? offer::replaces : offer::later;
  }

  /// How a thread sleeps.
  struct sleep_for {
    bool room;             // until there is room; otherwise, only until all is over
    bool call;             // also until it is called to work
    bool call_since_offer = true;  // also if a task has come since it offered to work
    bool in_turn = false;  // for room: may be the only one to be woken, and tries to add at once
    const atomic<bool>* exceeds = nullptr;  // also until this is true: see `wake`
  };

  /// True if the caller must call a runner.
  [[nodiscard]] bool sleep(const sleep_for& what) {
    std::unique_lock lock(adding_);
    const auto reached = [&] {
      return is_over() || (what.room && has_room()) ||
             (what.exceeds != nullptr && what.exceeds->load(std::memory_order_relaxed));
    };
    if (reached()) return false;
    ++sleepers_;
    if (what.room) ++(what.in_turn ? in_turn_ : at_once_);
    if (what.call) {
      ++willing_;
      const bool is_needed = pending() != 0 && !stopped() && working_ + looking_ + called_ < most_runners_;
      if (what.call_since_offer && is_needed) ++called_;
    }
    condition_variable& place = what.in_turn ? room_ : changed_;
    place.wait(lock, [&] { return reached() || (what.call && called_ != 0); });
    --sleepers_;
    if (what.room) --(what.in_turn ? in_turn_ : at_once_);
    if (what.call) {
      --willing_;
      if (called_ != 0) --called_;
    }
    return reached() && call_for(pending() != 0);
  }

  /// Lets those who sleep look again. What they look at must have been written before.
  void wake() {
    const std::unique_lock lock = Primitives::lock(adding_);
    tell_all();
  }

  bool is_over_now() {
    const std::unique_lock lock = Primitives::lock(adding_);
    return is_over();
  }
  std::size_t runners() {
    const std::unique_lock lock = Primitives::lock(adding_);
    return working_ + looking_;
  }
  bool has_room_now() {
    const std::unique_lock lock = Primitives::lock(adding_);
    return has_room();
  }

  // ── The end ──

  struct stopping {
    bool nothing_left;  // no task waited or ran, so none was kept from running
    std::size_t added;
  };

  /// No task is taken after this.
  stopping stop() {
    const std::unique_lock lock = Primitives::lock(adding_);
    const stopping found{pending() == 0 && working_ == 0, added()};
    stopped_.store(true, std::memory_order_release);
    tell_all();
    return found;
  }

  /// Takes the next of the tasks that will never start; null if there is none, or a runner is left. Once the line was
  /// stopped, no task comes to the lists any more. The line is still open, because the destructor of such a task may add.
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
    if (!is_over() || !line_.empty() || !inbox_.empty()) return false;
    closed_ = true;
    room_.notify_all();
    return true;
  }

  /// Frees the memory of tasks, if there is more than `most` of it and no task is left.
  void give_memory_back(std::size_t most) {
    Memory* given = nullptr;
    {
      const std::unique_lock lock = Primitives::lock(taking_);
      const std::unique_lock both = Primitives::lock(adding_);
      if (memories_ <= most || added() != taken() || working_ != 0) return;
      spares_.clear();
      ended_.clear();
      memories_ = 0;
      given = std::exchange(memory_, nullptr);
    }
    while (given != nullptr) delete std::exchange(given, given->next);
  }

  std::size_t added() const { return added_.load(std::memory_order_relaxed); }
  std::size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

  /// How many tasks wait. May count some that were taken a moment ago by runners that work.
  std::size_t pending() const {
    const std::size_t taken_before = taken();
    return added() - ignored_.load(std::memory_order_relaxed) - taken_before;
  }

  // Under the mutex of the inbox:

  bool is_over() const { return closed_ || (working_ == 0 && (pending() == 0 || stopped())); }
  bool has_room() const { return closed_ || stopped() || pending() < most_pending_; }

  fate refused(bool beyond) {
    if (closed_) return fate::closed;
    if (stopped()) {
      ignored_.store(ignored_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      added_.store(added() + 1, std::memory_order_relaxed);
      return fate::ignored;
    }
    return beyond || most_pending_ == unbounded || pending() < most_pending_ ? fate::added : fate::full;
  }

  addition append(Task& task) {
    const std::size_t index = added();
    task.index = index;
    inbox_.add(task);
    added_.store(index + 1, std::memory_order_relaxed);
    return {fate::added, call_for(true)};
  }

  void keep(Memory& more) {
    more.next = memory_;
    memory_ = &more;
    ++memories_;
    more.give_to(spares_);
  }

  /// Makes sure that a task which waits is looked after. True if the caller must call a runner.
  bool call_for(bool waits) {
    if (!waits || looking_ != 0 || working_ >= most_runners_ || stopped()) return false;
    if (willing_ != called_ && working_ + called_ < most_runners_) {
      ++called_;
      changed_.notify_all();
      return false;
    }
    if (!can_call_ || coming_ + called_ != 0) return false;
    ++coming_;
    return true;
  }

  /// There is one more place, so one of those who wait in turn is woken. If it finds no memory, it does the same; otherwise
  /// it adds, or the line is stopped or closed, and all are told. The others are all woken: a thread in a task may have to
  /// take back its slot before it can add, from one who waits for the same place.
  ///
  /// For a runner that works or a thread that adds, so the line exists until it has done this. A thread that is woken often takes the core of
  /// this one at once: if this notified under the mutex, that thread would wait for the mutex again.
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

  const std::size_t most_runners_;
  const std::size_t most_pending_;
  const bool can_call_;

  // Each mutex with what it guards on cache lines of its own. Locked in this order:
  alignas(128) mutex taking_;
  list line_;
  list ended_;  // memory of tasks that have run
  atomic<std::size_t> taken_{0};  // written under the mutex

  alignas(128) mutex adding_;
  list inbox_;
  list spares_;  // memory for tasks
  // Written under the mutex; a runner that looks reads them without.
  atomic<std::size_t> added_{0};
  atomic<std::size_t> ignored_{0};  // were added after the stop
  atomic<bool> stopped_{false};
  bool closed_ = false;
  std::size_t coming_ = 0;
  std::size_t working_ = 0;
  std::size_t looking_ = 0;
  std::size_t sleepers_ = 0;
  std::size_t in_turn_ = 0;  // of these, who want room and are woken one by one
  std::size_t at_once_ = 0;  // of these, who want room and are all woken
  std::size_t willing_ = 0;  // sleepers that would work
  std::size_t called_ = 0;   // of these, who were called and have not awoken yet
  Memory* memory_ = nullptr;
  std::size_t memories_ = 0;
  condition_variable changed_;
  condition_variable room_;  // where those sleep who are woken one by one
};

}  // namespace fanout::detail
