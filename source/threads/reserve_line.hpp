#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <utility>

#include "base/intrusive_list.hpp"
#include "base/primitives.hpp"
#include "fanout/detail/spinning_place.hpp"

/// The reserve line: how batches call reserves for help, and how idle reserves park until they are called.
///
/// A batch calls for a number of reserves and wakes one of them. Each reserve that wakes takes one unanswered call,
/// the oldest first, and wakes up to eight more reserves while calls are left. So a hundred reserves are woken as a
/// tree, not one after another by a single thread. When a batch ends, it withdraws its unanswered calls, and calls
/// off the reserves that have not arrived yet.
///
/// No call is lost, because every step happens under one mutex and keeps an invariant: while a call is unanswered, a
/// reserve is on its way to the line, or none is idle. `call` establishes it, and each reserve that takes a call and
/// leaves others restores it. A reserve looks for calls before it parks, so one that comes back from a batch answers
/// the calls for which no reserve was idle.
namespace fanout::detail {

/// `Duty` is the work that a batch calls reserves for: see reserves.hpp.
template <class Primitives, class Duty>
class basic_reserve_line {
 public:
  using mutex = typename Primitives::mutex;
  using condition_variable = typename Primitives::condition_variable;

  /// The calls of one batch. Guarded by the mutex of the line, except `open`.
  struct calls : list_entry<calls> {
    explicit calls(Duty& what) : answered_by(what) {}
    Duty& answered_by;
    std::size_t unanswered = 0;
    std::size_t at_work = 0;     // reserves that have taken a call and not come back
    std::size_t not_wanted = 0;  // calls that a reserve took back, and `withdraw` has not reported yet
    std::size_t promised = 0;    // reserves at work that keep a promise although `withdraw` was called
    condition_variable over{};   // `at_work` has become 0
    typename Primitives::template atomic<std::size_t> open{0};  // a copy of `at_work` for a caller that spins
  };

  /// One reserve. It lives as long as the line, because it is notified after the mutex is released.
  struct member : list_entry<member> {
    basic_spinning_place<Primitives> place{};  // beside the entry in the list, which who calls reads as well
    condition_variable changed{};  // `called` has become true
    bool retired = false;          // its thread must end; guarded
    bool called_off = false;       // at least once since it began to spin; guarded
    typename Primitives::template atomic<bool> called{false};  // written under the mutex; read by a spinning reserve
  };

  struct times {
    std::chrono::nanoseconds spin;        // how long an idle reserve spins before it parks
    std::size_t most_spinning;            // how many may spin at once
    std::chrono::nanoseconds hesitate;    // how long a reserve that is awake waits before it takes a new call
    std::chrono::nanoseconds keep_alive;  // how long reserves that are promised to nobody stay idle before they end
  };

  explicit basic_reserve_line(const times& chosen) : times_(chosen) {}

  // ── Numbers ──

  /// Adds a new reserve, whose thread must call `next`. From now on it may be promised and called.
  void add_thread(member& added) {
    std::unique_lock lock = Primitives::lock(mutex_);
    ++threads_;
    added.called.store(false, std::memory_order_relaxed);
    parked_.add(added);
    const wake_list woken = wake(1);
    lock.unlock();
    notify(woken);
  }

  /// Promises `count` reserves and returns 0; if there are too few, changes nothing and returns how many are missing.
  std::size_t promise(std::size_t count) {
    const std::lock_guard lock(mutex_);
    return try_promise(count);
  }

  /// Returns how many reserves are promised to nobody now.
  std::size_t take_back_promise(std::size_t count) {
    std::unique_lock lock = Primitives::lock(mutex_);
    promised_ -= count;
    const std::size_t left = surplus();
    const wake_list woken = wake_timed_waiter();
    lock.unlock();
    notify(woken);
    return left;
  }

  std::size_t promised() const {
    const std::lock_guard lock(mutex_);
    return promised_;
  }

  std::size_t threads() const {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

  /// How many reserves are promised to nobody.
  std::size_t unpromised() const {
    const std::lock_guard lock(mutex_);
    return surplus();
  }

  // ── A caller ──

  /// Promises `promised` reserves, as `promise` does, and then calls `count`. If reserves are missing for the
  /// promise, returns how many, and calls none.
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

  /// Takes back the unanswered calls, and a promise. Returns the number of calls taken back. A reserve that is still
  /// at work keeps its part of the promise until it has come back: if it were promised to another batch now, it would
  /// not come when that one calls.
  std::size_t withdraw(calls& from, std::size_t promised) {
    std::unique_lock lock = Primitives::lock(mutex_);
    const std::size_t kept = std::min(promised, from.at_work - from.promised);
    from.promised += kept;
    promised_ -= promised - kept;
    const std::size_t withdrawn = take_back(from, from.unanswered) + std::exchange(from.not_wanted, 0);
    call_off();
    const wake_list woken = promised != 0 ? wake_timed_waiter() : wake_list{};
    lock.unlock();
    notify(woken);
    return withdrawn;
  }

  /// Waits until all reserves that answered have come back. What they did happens before the return.
  void wait(calls& from) {
    std::unique_lock lock = Primitives::lock(mutex_);
    from.over.wait(lock, [&from] { return from.at_work == 0; });
  }

  // ── A reserve ──

  /// Waits for a call and takes it: returns the calls of its batch, or null if the thread must end. `ended` is the
  /// result of this thread's previous `next`, null the first time.
  ///
  /// If the batch wants no more help by now, this also takes back its other calls and wakes no reserve for them: a
  /// batch of a few cheap tasks is over before the first reserve arrives.
  calls* next(member& me, calls* ended) {
    std::unique_lock lock = Primitives::lock(mutex_);
    ended == nullptr ? wait(me, lock) : leave(*ended);
    if (ended != nullptr && !calls_.empty()) hesitate(lock);
    while (!me.retired && calls_.empty()) park(me, lock);
    if (me.retired) return nullptr;
    calls& found = *calls_.first();
    take_back(found, 1);
    found.open.store(++found.at_work, std::memory_order_relaxed);
    if (found.unanswered != 0 && !found.answered_by.wants_help())
      found.not_wanted += take_back(found, found.unanswered);
    const wake_list woken = wake(most_woken);
    lock.unlock();
    notify(woken);
    return &found;
  }

  // ── The end ──

  /// Retires up to `most` idle reserves that are promised to nobody. Their threads end.
  void retire(std::size_t most) {
    const std::lock_guard lock(mutex_);
    retire_idle(std::min(most, surplus()));
  }

  /// Retires idle reserves until no more than `left` of all are promised to nobody. False if more of them may soon be
  /// idle: a reserve that was called for a short batch may arrive after its end.
  bool retire_all_but(std::size_t left) {
    const std::lock_guard lock(mutex_);
    retire_idle(surplus() - std::min(left, surplus()));
    return surplus() <= left || on_the_way_ == 0;
  }

  /// Retires idle reserves that are promised to nobody, and for which `chosen` is true.
  template <class Chosen>
  void retire_if(const Chosen& chosen) {
    const std::lock_guard lock(mutex_);
    for (intrusive_list<member>* among : {&spinning_, &parked_}) {
      for (member* next = among->first(); next != nullptr && surplus() != 0;) {
        member& each = *std::exchange(next, intrusive_list<member>::next(*next));
        if (!chosen(std::as_const(each))) continue;
        among->remove(each);
        least_idle_ = std::min(least_idle_, idle());
        retire_one(each);
      }
    }
  }

  /// Retires all idle reserves, promised or not. While a call is unanswered, or a reserve is on its way, returns
  /// false and changes nothing.
  bool retire_all() {
    const std::lock_guard lock(mutex_);
    if (on_the_way_ != 0 || unanswered_ != 0) return false;
    retire_idle(threads_);
    return true;
  }

 private:
  /// How many others a reserve wakes before it serves. A notification costs the notifier microseconds, but it takes
  /// longer until the woken thread runs and can wake others.
  static constexpr std::size_t most_woken = 8;

  /// Reserves to notify after the mutex is released, so that they do not wake up only to wait for it.
  using wake_list = std::array<member*, most_woken>;

  /// The same, under the mutex.
  std::size_t surplus() const { return threads_ - std::min(threads_, promised_); }

  /// Promised reserves may be missing: when the process ends, all that are idle end. Who wants no promise needs none.
  std::size_t try_promise(std::size_t count) {
    if (count != 0 && promised_ + count > threads_) return promised_ + count - threads_;
    promised_ += count;
    return 0;
  }

  std::size_t take_back(calls& from, std::size_t count) {
    from.unanswered -= count;
    unanswered_ -= count;
    if (count != 0 && from.unanswered == 0) calls_.remove(from);
    return count;
  }

  /// For a reserve that comes back from a batch and finds calls: waits a moment before it takes one. Other reserves
  /// that come back in this time take calls without being woken. Meanwhile the waiting reserve counts as on its way.
  void hesitate(std::unique_lock<mutex>& lock) {
    ++on_the_way_;
    lock.unlock();
    for (const auto end = Primitives::now() + times_.hesitate; Primitives::now() < end;) Primitives::pause();
    lock.lock();
    --on_the_way_;
  }

  /// The store is the last access to `ended`: a caller that sees it may destroy the object.
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

  member& pop_idle() { return pop(spinning_.empty() ? parked_ : spinning_); }

  member& pop(intrusive_list<member>& from) {
    member& top = *from.last();
    from.remove(top);
    least_idle_ = std::min(least_idle_, idle());
    return top;
  }

  /// Calls up to `most` idle reserves, while there are more unanswered calls than reserves on their way. Returns
  /// those to notify.
  wake_list wake(std::size_t most) {
    wake_list woken{};
    for (std::size_t i = 0; i != most && unanswered_ > on_the_way_ && idle() != 0; ++i) woken[i] = call_top();
    return woken;
  }

  /// Calls the reserve that began last to spin or, if none spins or that one would not see the call, the one that parked
  /// last. Returns it if it is parked and must be notified, otherwise null.
  member* call_top() {
    const bool is_parked = spinning_.empty() || (!parked_.empty() && spinning_.last()->place.is_taken_by_caller());
    member& top = pop(is_parked ? parked_ : spinning_);
    ++on_the_way_;
    if (!is_parked) called_.add(top);
    top.called.store(true, std::memory_order_relaxed);
    return is_parked ? &top : nullptr;
  }

  /// Calls off reserves that were called while they spun, and had not arrived when a batch of a few cheap tasks was
  /// over. If they arrived now, they would only contend with the next call for the mutex.
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

  /// Reserves that are promised to nobody end after a while: one of the parked reserves waits with a timeout, and
  /// retires them. If none waits so although it should, wakes one, which then does. Where a reserve spins, there is
  /// no need: it will wait with a timeout when it parks.
  wake_list wake_timed_waiter() {
    if (surplus() == 0 || has_timed_waiter_ || !spinning_.empty() || parked_.empty()) return {};
    return {call_top()};
  }

  static void notify(const wake_list& woken) {
    for (member* const each : woken)
      if (each != nullptr) each->changed.notify_one();
  }

  // Relaxed: only a reserve that spins reads `called` without the mutex, and it locks the mutex before it acts on
  // that.
  static bool is_called(const member& one) { return one.called.load(std::memory_order_relaxed); }

  /// Waits until the reserve is called or retired: it spins first, then sleeps.
  void park(member& me, std::unique_lock<mutex>& lock) {
    me.called.store(false, std::memory_order_relaxed);
    while (times_.spin.count() != 0 && spinning_.size() < times_.most_spinning && spin(me, lock)) continue;
    if (!is_called(me)) parked_.add(me);
    wait(me, lock);
  }

  /// Requires that the reserve is in `parked_`, or has been called already.
  void wait(member& me, std::unique_lock<mutex>& lock) {
    while (!is_called(me))
      surplus() != 0 && !has_timed_waiter_ ? wait_with_timeout(me, lock)
                                           : me.changed.wait(lock, [&me] { return is_called(me); });
    if (!me.retired) --on_the_way_;
  }

  /// Spins until a call has stood for a moment, or the time is over. Returns true if the reserve should spin again,
  /// because it was called meanwhile and called off.
  bool spin(member& me, std::unique_lock<mutex>& lock) {
    spinning_.add(me);
    lock.unlock();
    const auto end = Primitives::now() + times_.spin;
    for (typename basic_spinning_place<Primitives>::spinner here(me.place);
         !is_called_for_good(me) && Primitives::now() < end; Primitives::relax())
      here.look();
    lock.lock();
    if (!me.retired) (is_called(me) ? called_ : spinning_).remove(me);
    return std::exchange(me.called_off, false) && !is_called(me);
  }

  /// Whether the reserve has been called, and the call still stands after `times::hesitate`.
  bool is_called_for_good(const member& me) {
    if (!is_called(me)) return false;
    const auto end = Primitives::now() + times_.hesitate;
    while (is_called(me) && Primitives::now() < end) Primitives::pause();
    return is_called(me);
  }

  /// Waits for a call. After `times::keep_alive` without one, retires as many reserves as were idle all the time and
  /// are promised to nobody. The reserve that waits here stands first in `parked_`, so it is called only when no
  /// other is idle; then there is none to retire.
  void wait_with_timeout(member& me, std::unique_lock<mutex>& lock) {
    has_timed_waiter_ = true;
    parked_.remove(me);
    parked_.add_first(me);
    least_idle_ = idle();
    const auto until = Primitives::now() + times_.keep_alive;
    const bool called = me.changed.wait_until(lock, until, [&me] { return is_called(me); });
    has_timed_waiter_ = false;
    if (!called) retire_idle(std::min(least_idle_, surplus()));
    if (me.retired) notify(wake_timed_waiter());  // it retires those that were not idle all the time, if still unused
  }

  void retire_idle(std::size_t most) {
    for (; most != 0 && idle() != 0; --most) retire_one(pop_idle());
  }

  /// Requires that the reserve is in no list.
  void retire_one(member& idle_one) {
    --threads_;
    idle_one.retired = true;
    idle_one.called.store(true, std::memory_order_relaxed);
    idle_one.changed.notify_one();
  }

  const times times_;
  mutable mutex mutex_;             // guards all that follows
  intrusive_list<calls> calls_;     // those of batches with unanswered calls, in the order of arrival
  intrusive_list<member> spinning_;
  intrusive_list<member> called_;   // reserves that were called while they spun, and have not arrived yet
  intrusive_list<member> parked_;
  std::size_t least_idle_ = 0;      // the fewest that were idle since the wait with a timeout began
  std::size_t on_the_way_ = 0;      // reserves that were called and have not arrived yet, and those that hesitate
  std::size_t unanswered_ = 0;      // calls, of all batches
  std::size_t threads_ = 0;         // reserves that exist
  std::size_t promised_ = 0;
  bool has_timed_waiter_ = false;   // a parked reserve waits with a timeout
};

}  // namespace fanout::detail
