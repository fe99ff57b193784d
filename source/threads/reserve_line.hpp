#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <utility>

#include "base/intrusive_list.hpp"
#include "base/primitives.hpp"

/// Who answers a call for help: the protocol between batches that call, and reserves that park until they are called.
///
/// A caller asks for a number of reserves and wakes one. Each reserve that comes takes one of the calls that wait, the
/// oldest first, and wakes up to eight more while calls are left: so a hundred come by a tree, not by one thread that wakes
/// them all. Closing a batch withdraws its calls that nobody has answered, and calls off reserves that have not come yet.
///
/// No call is lost, because all of this happens under one mutex. While a call waits, a reserve is on its way to the line
/// or none is idle: `call` sees to that, and so does each reserve that takes a call and leaves others. A reserve looks at
/// the calls before it parks, so one that comes back from a batch answers what nobody was idle for.
namespace fanout::detail {

/// What a batch calls for is its `Duty`: see reserves.hpp.
template <class Primitives, class Duty>
class basic_reserve_line {
 public:
  using mutex = typename Primitives::mutex;
  using condition_variable = typename Primitives::condition_variable;

  /// The calls of one batch. Guarded by the mutex of the line, but for `open`.
  struct calls : list_entry<calls> {
    explicit calls(Duty& what) : answered_by(what) {}
    Duty& answered_by;
    std::size_t unanswered = 0;
    std::size_t at_work = 0;
    std::size_t not_wanted = 0;  // taken back before the caller has asked for it
    std::size_t promised = 0;  // of those at work, how many go on with a promise that was withdrawn
    condition_variable over{};
    typename Primitives::template atomic<std::size_t> open{0};  // as `at_work`, for a caller that spins
  };

  /// One reserve. It lives as long as the line, because it may be notified a moment after it was called.
  struct member : list_entry<member> {
    condition_variable bell{};
    bool retired = false;  // it is to end; guarded
    bool called_off = false;  // since it began to spin; guarded
    typename Primitives::template atomic<bool> called{false};  // written under the mutex; read by a reserve that spins
  };

  struct times {
    std::chrono::nanoseconds spin;  // for how long an idle reserve looks for a call before it parks
    std::size_t most_spinning;      // how many may do so at once
    std::chrono::nanoseconds hesitate;  // for how long a reserve that need not be woken waits whether a call stands
    std::chrono::nanoseconds keep;  // for how long reserves that nobody was promised stay
  };

  explicit basic_reserve_line(const times& chosen) : times_(chosen) {}

  // ── Numbers ──

  /// A new reserve, which will call `next`. From now on it may be promised to anybody, and called.
  void add_thread(member& added) {
    std::unique_lock lock = Primitives::lock(mutex_);
    ++threads_;
    added.called.store(false, std::memory_order_relaxed);
    parked_.add(added);
    const wake_list woken = wake(1);
    lock.unlock();
    notify(woken);
  }

  /// Promises so many reserves to somebody if there are enough; else returns how many are missing, and changes nothing.
  std::size_t promise(std::size_t count) {
    const std::lock_guard lock(mutex_);
    return try_promise(count);
  }

  void take_back_promise(std::size_t count) {
    std::unique_lock lock = Primitives::lock(mutex_);
    promised_ -= count;
    const wake_list woken = wake_a_keeper();
    lock.unlock();
    notify(woken);
  }

  std::size_t promised() const {
    const std::lock_guard lock(mutex_);
    return promised_;
  }

  std::size_t threads() const {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

  // ── A caller ──

  /// Calls so many reserves, and promises `promised` of them first; returns how many are missing for the promise, and
  /// then calls nobody.
  std::size_t call(calls& from, std::size_t count, std::size_t promised) {
    std::unique_lock lock = Primitives::lock(mutex_);
    if (const std::size_t missing = try_promise(promised); missing != 0) return missing;
    if (count != 0) {
      if (from.unanswered == 0) calls_.add(from);
      from.unanswered += count;
      unanswered_ += count;
    }
    const wake_list woken = wake(1);
    lock.unlock();
    notify(woken);
    return 0;
  }

  /// Takes back what nobody has answered, and a promise. Returns how many calls that were. A reserve that is still at work
  /// keeps its part of the promise until it goes back: promised to somebody else, it would not come.
  std::size_t withdraw(calls& from, std::size_t promised) {
    std::unique_lock lock = Primitives::lock(mutex_);
    const std::size_t kept = std::min(promised, from.at_work - from.promised);
    from.promised += kept;
    promised_ -= promised - kept;
    const std::size_t withdrawn = take_back(from, from.unanswered) + std::exchange(from.not_wanted, 0);
    call_off();
    const wake_list woken = promised != 0 ? wake_a_keeper() : wake_list{};
    lock.unlock();
    notify(woken);
    return withdrawn;
  }

  /// Waits until all reserves that answered have gone back. Acquires what they did.
  void wait(calls& from) {
    std::unique_lock lock = Primitives::lock(mutex_);
    from.over.wait(lock, [&from] { return from.at_work == 0; });
  }

  // ── A reserve ──

  /// The next calls to answer one of, which it has taken then; null: the thread is to end. `ended` is what it answered
  /// last, or null. Where no more help is wanted, nobody is woken for the rest of the calls: a batch of a few cheap tasks is
  /// over before the first reserve has come.
  calls* next(member& me, calls* ended) {
    std::unique_lock lock = Primitives::lock(mutex_);
    ended == nullptr ? wait(me, lock) : leave(*ended);
    if (ended != nullptr && !calls_.empty()) hesitate(lock);
    while (!me.retired && calls_.empty()) park(me, lock);
    if (me.retired) return nullptr;
    calls& found = *calls_.first();
    take_back(found, 1);
    found.open.store(++found.at_work, std::memory_order_relaxed);
    if (found.unanswered != 0 && !found.answered_by.wants_help()) found.not_wanted += take_back(found, found.unanswered);
    const wake_list woken = wake(most_woken);
    lock.unlock();
    notify(woken);
    return &found;
  }

  // ── The end ──

  /// Retires up to so many idle reserves that nobody was promised. Their threads end.
  void retire(std::size_t most) {
    const std::lock_guard lock(mutex_);
    retire_idle(std::min(most, surplus()));
  }

  /// Retires all that are idle, promised or not. False, and nothing has changed, while a call is being answered.
  bool retire_all() {
    const std::lock_guard lock(mutex_);
    if (on_the_way_ != 0 || unanswered_ != 0) return false;
    retire_idle(threads_);
    return true;
  }

 private:
  /// How many others a reserve wakes before it serves: a wake-up takes microseconds, but longer until that thread runs.
  static constexpr std::size_t most_woken = 8;

  /// Reserves to be notified once the mutex is free, so that they do not wake up only to wait for it.
  using wake_list = std::array<member*, most_woken>;

  /// How many nobody was promised.
  std::size_t surplus() const { return threads_ - std::min(threads_, promised_); }

  std::size_t try_promise(std::size_t count) {
    if (promised_ + count > threads_) return promised_ + count - threads_;
    promised_ += count;
    return 0;
  }

  std::size_t take_back(calls& from, std::size_t count) {
    from.unanswered -= count;
    unanswered_ -= count;
    if (count != 0 && from.unanswered == 0) calls_.remove(from);
    return count;
  }

  /// Before it answers a call when it comes back: others that come back, too, need not be woken for the rest.
  void hesitate(std::unique_lock<mutex>& lock) {
    ++on_the_way_;
    lock.unlock();
    for (const auto end = Primitives::now() + times_.hesitate; Primitives::now() < end;) Primitives::pause();
    lock.lock();
    --on_the_way_;
  }

  /// The last touch of the calls is the store: a caller that sees it may destroy them.
  void leave(calls& ended) {
    if (ended.promised != 0) {
      --ended.promised;
      --promised_;
    }
    const std::size_t left = --ended.at_work;
    if (left == 0) ended.over.notify_one();
    ended.open.store(left, std::memory_order_release);
  }

  std::size_t idle() const { return spinning_.size() + parked_.size(); }

  member& pop_idle() {
    intrusive_list<member>& from = spinning_.empty() ? parked_ : spinning_;
    member& top = *from.last();
    from.remove(top);
    least_idle_ = std::min(least_idle_, idle());
    return top;
  }

  /// Wakes up to `most`, as long as there are more calls than reserves on their way to them.
  wake_list wake(std::size_t most) {
    wake_list woken{};
    for (std::size_t i = 0; i != most && unanswered_ > on_the_way_ && idle() != 0; ++i) woken[i] = call_top();
    return woken;
  }

  /// Calls one that spins or, if none does, the one that parked last. Returns whom to notify, if anybody.
  member* call_top() {
    const bool is_parked = spinning_.empty();
    member& top = pop_idle();
    ++on_the_way_;
    if (!is_parked) called_.add(top);
    top.called.store(true, std::memory_order_relaxed);
    return is_parked ? &top : nullptr;
  }

  /// Calls off reserves that spun when they were called, and have not come before a batch of a few cheap tasks was over: they
  /// would only be in the way of the next call.
  void call_off() {
    while (on_the_way_ > unanswered_ && !called_.empty()) {
      member& last = *called_.last();
      called_.remove(last);
      spinning_.add(last);
      --on_the_way_;
      last.called_off = true;
      last.called.store(false, std::memory_order_relaxed);
    }
  }

  /// Reserves that nobody was promised end in a while, for which one of the idle ones waits with a limit. One that spins
  /// sees to that itself.
  wake_list wake_a_keeper() {
    if (surplus() == 0 || keeper_ || !spinning_.empty() || parked_.empty()) return {};
    return {call_top()};
  }

  static void notify(const wake_list& woken) {
    for (member* const each : woken)
      if (each != nullptr) each->bell.notify_one();
  }

  // Only those that spin read `called` without the mutex, and then they take it: so it is relaxed.
  static bool is_called(const member& one) { return one.called.load(std::memory_order_relaxed); }

  /// Waits as an idle reserve until it is called or retired.
  void park(member& me, std::unique_lock<mutex>& lock) {
    me.called.store(false, std::memory_order_relaxed);
    while (times_.spin.count() != 0 && spinning_.size() < times_.most_spinning && spin(me, lock)) continue;
    if (!is_called(me)) parked_.add(me);
    wait(me, lock);
  }

  /// One that is parked, or has been called already.
  void wait(member& me, std::unique_lock<mutex>& lock) {
    while (!is_called(me))
      surplus() != 0 && !keeper_ ? keep(me, lock) : me.bell.wait(lock, [&me] { return is_called(me); });
    if (!me.retired) --on_the_way_;
  }

  /// Returns whether it is to go on, because calls came that were called off.
  bool spin(member& me, std::unique_lock<mutex>& lock) {
    spinning_.add(me);
    lock.unlock();
    const auto end = Primitives::now() + times_.spin;
    while (!is_called_for_good(me) && Primitives::now() < end) Primitives::relax();
    lock.lock();
    if (!me.retired) (is_called(me) ? called_ : spinning_).remove(me);
    return std::exchange(me.called_off, false) && !is_called(me);
  }

  /// Whether a call has stood for a moment.
  bool is_called_for_good(const member& me) {
    if (!is_called(me)) return false;
    const auto end = Primitives::now() + times_.hesitate;
    while (is_called(me) && Primitives::now() < end) Primitives::pause();
    return is_called(me);
  }

  /// Waits for a call, and after a while retires those that were not needed meanwhile and that nobody was promised. It is
  /// called last of all: then none is idle that it would have to retire.
  void keep(member& me, std::unique_lock<mutex>& lock) {
    keeper_ = true;
    parked_.remove(me);
    parked_.add_first(me);
    least_idle_ = idle();
    const bool called = me.bell.wait_until(lock, Primitives::now() + times_.keep, [&me] { return is_called(me); });
    keeper_ = false;
    if (called) return;
    retire_idle(std::min(least_idle_, surplus()));
    if (me.retired) notify(wake_a_keeper());  // for those that were in use meanwhile
  }

  void retire_idle(std::size_t most) {
    for (; most != 0 && idle() != 0; --most) {
      member& top = pop_idle();
      --threads_;
      top.retired = true;
      top.called.store(true, std::memory_order_relaxed);
      top.bell.notify_one();
    }
  }

  const times times_;
  mutable mutex mutex_;  // guards all that follows
  intrusive_list<calls> calls_;  // those with unanswered calls, in the order of arrival
  intrusive_list<member> spinning_;
  intrusive_list<member> called_;  // while they spun; they have not come to the line yet
  intrusive_list<member> parked_;
  std::size_t least_idle_ = 0;   // since the keeper began to wait
  std::size_t on_the_way_ = 0;  // were called or hesitate, and have not come to the line yet
  std::size_t unanswered_ = 0;
  std::size_t threads_ = 0;   // that exist
  std::size_t promised_ = 0;
  bool keeper_ = false;  // one of the idle ones waits with a limit
};

}  // namespace fanout::detail
