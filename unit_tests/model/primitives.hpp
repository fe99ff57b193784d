#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <mutex>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "model/relacy.hpp"
#include "model/sleep_sets.hpp"

/// The primitives of `fanout::detail::std_primitives`, simulated by Relacy: at each access the scheduler may switch
/// to another thread, and a load may return an older value if the C++ memory model allows that.
namespace model {

/// A planted mistake: one kind of operation goes wrong in one function of the code under test.
struct mistake {
  enum class operation { none, fence, load, store, add, exchange };
  enum class kind {
    left_out,
    late,     // done only when the thread waits on a condition variable
    swapped,  // done only after the thread's next store
    unseen,   // a load that does not see some bits
    torn,     // a compare-and-swap that is a load and a separate store
    blind,    // a compare-and-swap that compares only the lower 24 bits
    relaxed,  // its memory order is relaxed
  };

  std::string_view function = {};  // its name, for example "take_back"
  operation what = operation::none;
  kind how = kind::left_out;
  std::uint32_t bits = ~std::uint32_t{0};  // the unseen bits
};

/// The mistake that the primitives make now.
inline mistake planted;

class planting {
 public:
  explicit planting(const mistake& made) { planted = made; }
  ~planting() { planted = {}; }
  planting(const planting&) = delete;
  planting& operator=(const planting&) = delete;
};

inline bool makes_mistake(mistake::operation what, mistake::kind how, const std::source_location& where) {
  if (planted.what != what || planted.how != how) return false;
  const std::string_view name = where.function_name();  // "… basic_open_rest<…>::take_back() [with …"
  for (std::size_t at = name.find(planted.function); at != name.npos; at = name.find(planted.function, at + 1)) {
    const std::size_t end = at + planted.function.size();
    if (at >= 2 && name.substr(at - 2, 2) == "::" && end < name.size() && name[end] == '(') return true;
  }
  return false;
}

inline rl::debug_info info_of(const std::source_location& where) {
  return {where.function_name(), where.file_name(), where.line()};
}

inline rl::memory_order order_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed: return rl::mo_relaxed;
    case std::memory_order_consume: return rl::mo_consume;
    case std::memory_order_acquire: return rl::mo_acquire;
    case std::memory_order_release: return rl::mo_release;
    case std::memory_order_acq_rel: return rl::mo_acq_rel;
    case std::memory_order_seq_cst: break;
  }
  return rl::mo_seq_cst;
}

/// The operation delayed by a mistake of the kind `late`.
inline std::function<void()> put_off;

/// For each thread, the operation delayed by a mistake of the kind `swapped`.
inline std::array<std::function<void()>, 8> put_off_to_next_store;

template <class T>
class atomic {
  using operation = mistake::operation;
  using kind = mistake::kind;
  using location = std::source_location;

 public:
  atomic() : atomic(T{}) {}
  atomic(T initial) : value_(initial) {}  // not explicit, as in std

  T load(std::memory_order order, location where = location::current()) const {
    announce({step::kind::read, this});
    const T seen = value_.load(order_in(operation::load, order, where), info_of(where));
    if constexpr (std::is_same_v<T, std::uint32_t>) {
      if (makes_mistake(operation::load, kind::unseen, where)) return seen & ~planted.bits;
    }
    return seen;
  }

  void store(T value, std::memory_order order, location where = location::current()) {
    if (makes_mistake(operation::store, kind::left_out, where)) return;
    std::function<void()>& before = put_off_to_next_store[static_cast<std::size_t>(rl::thread_index())];
    if (!before && makes_mistake(operation::store, kind::swapped, where)) {
      before = [=, this] {
        announce({step::kind::write, this});
        value_.store(value, order_of(order), info_of(where));
      };
      return;
    }
    announce({step::kind::write, this});
    value_.store(value, order_in(operation::store, order, where), info_of(where));
    if (before) std::exchange(before, nullptr)();
  }

  T fetch_add(T value, std::memory_order order, location where = location::current()) {
    if (makes_mistake(operation::add, kind::left_out, where)) return load(order, where);
    if (makes_mistake(operation::add, kind::swapped, where)) {
      put_off_to_next_store[static_cast<std::size_t>(rl::thread_index())] = [=, this] {
        fetch_add(value, order, location());
      };
      return T{};
    }
    if (makes_mistake(operation::add, kind::late, where)) {
      put_off = [=, this] { fetch_add(value, order, location()); };
      return load(order, where);
    }
    announce({step::kind::write, this});
    return value_.fetch_add(value, order_in(operation::add, order, where), info_of(where));
  }

  T fetch_sub(T value, std::memory_order order, location where = location::current()) {
    announce({step::kind::write, this});
    return value_.fetch_sub(value, order_of(order), info_of(where));
  }

  bool compare_exchange_weak(T& expected, T desired, std::memory_order order, location where = location::current()) {
    const bool releases = order == std::memory_order_acq_rel || order == std::memory_order_release;
    const std::memory_order acquire_or_not =
        order == std::memory_order_acq_rel ? std::memory_order_acquire : std::memory_order_relaxed;
    return compare_exchange_weak(expected, desired, order, releases ? acquire_or_not : order, where);
  }

  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure,
                             location where = location::current()) {
    if (makes_mistake(operation::exchange, kind::torn, where)) {
      const T seen = load(failure, where);
      if (std::exchange(expected, seen) != seen) return false;
      store(desired, std::memory_order_release, where);
      return true;
    }
    if (makes_mistake(operation::exchange, kind::blind, where)) {
      const T wanted = expected;
      while (!exchange(expected, desired, success, failure, where))
        if (((expected ^ wanted) & T{0xffffff}) != 0) return false;
      return true;
    }
    if (makes_mistake(operation::exchange, kind::relaxed, where)) success = failure = std::memory_order_relaxed;
    return exchange(expected, desired, success, failure, where);
  }

 private:
  bool exchange(T& expected, T desired, std::memory_order success, std::memory_order failure, const location& where) {
    announce({step::kind::write, this});
    const rl::context& simulation = rl::ctx();
    if (simulation.get_thread_count() > 2 &&
        !simulation.is_random_sched()) {  // too many executions, of little interest
      return value_.compare_exchange(rl::bool_t<false>(), expected, desired, order_of(success), order_of(failure),
                                     info_of(where));
    }
    return value_.compare_exchange(rl::bool_t<true>(), expected, desired, order_of(success), order_of(failure),
                                   info_of(where));
  }

  static rl::memory_order order_in(operation what, std::memory_order order, const location& where) {
    return makes_mistake(what, kind::relaxed, where) ? rl::mo_relaxed : order_of(order);
  }

  rl::atomic<T> value_;
};

/// A flag for the scenario's own checks. It orders nothing, and all threads see at once that it was raised.
class flag {
 public:
  bool look() const {
    announce({step::kind::read, this});
    rl::ctx().sched();
    return raised_;
  }
  void raise() {
    announce({step::kind::write, this});
    rl::ctx().sched();
    raised_ = true;
  }

 private:
  bool raised_ = false;
};

class mutex {
 public:
  void lock() { lock(RL_INFO); }
  void unlock() { unlock(RL_INFO); }

 private:
  friend class condition_variable;

  void lock(rl::debug_info_param info) {
    announce({step::kind::write, this, &held_});
    value_.lock(info);
    held_ = true;
  }

  /// A local step: it commutes with the steps of all other threads, because none of them can lock a mutex that is
  /// held.
  void unlock(rl::debug_info_param info) {
    announce({});
    release(info);
  }

  void release(rl::debug_info_param info) {
    value_.unlock(info);
    held_ = false;
  }

  rl::mutex value_;
  bool held_ = false;
};

class condition_variable {
 public:
  void notify_one() {
    announce({step::kind::write, this});
    value_.notify_one(RL_INFO);
  }
  void notify_all() {
    announce({step::kind::write, this});
    value_.notify_all(RL_INFO);
  }

  template <class Predicate>
  void wait(std::unique_lock<mutex>& lock, Predicate over) {
    if (put_off) std::exchange(put_off, nullptr)();
    for (parking place{*lock.mutex(), *this}; !over();) value_.wait(place, RL_INFO);
  }

  /// The search decides when `limit` passes.
  template <class Predicate>
  bool wait_until(std::unique_lock<mutex>& lock, std::chrono::steady_clock::time_point limit, Predicate over) {
    for (parking place{*lock.mutex(), *this}; !over();)
      if (!value_.wait_for(place, limit, RL_INFO)) return over();  // its wait_until takes a wake-up for a timeout
    return true;
  }

 private:
  /// Makes one step of releasing the mutex and beginning to wait.
  struct parking {
    mutex& held;
    condition_variable& here;
    void lock(rl::debug_info_param info) { held.lock(info); }
    void unlock(rl::debug_info_param info) {
      announce({step::kind::write, &here});
      held.release(info);
    }
  };

  rl::condition_variable value_;
};

/// A stop source that treats its callback as the standard requires. The callback is called once: by the thread that
/// requests the stop or, if the stop was requested before, by the thread that registers the callback. It does not run
/// after its destruction.
class stop_source {
 public:
  void request_stop() {
    std::unique_lock lock(mutex_);
    requested_ = true;
    if (registered_ == nullptr) return;
    running_ = true;
    const auto call = *std::exchange(registered_, nullptr);
    lock.unlock();
    call();
    lock.lock();
    running_ = false;
    over_.notify_all();
  }

 private:
  template <class>
  friend class stop_callback;

  mutex mutex_;
  condition_variable over_;
  bool requested_ = false;
  const std::function<void()>* registered_ = nullptr;  // the scenarios register at most one
  bool running_ = false;
};

struct stop_token {
  stop_source* source = nullptr;
};

template <class Callback>
class stop_callback {
 public:
  stop_callback(stop_token token, const Callback& callback) : source_(token.source), callback_(callback) {
    if (source_ == nullptr) return;
    std::unique_lock lock(source_->mutex_);
    if (!source_->requested_) {
      source_->registered_ = &callback_;
      return;
    }
    lock.unlock();
    callback_();
  }

  ~stop_callback() {
    if (source_ == nullptr) return;
    std::unique_lock lock(source_->mutex_);
    if (source_->registered_ == &callback_) source_->registered_ = nullptr;
    source_->over_.wait(lock, [this] { return !source_->running_; });
  }

  stop_callback(const stop_callback&) = delete;
  stop_callback& operator=(const stop_callback&) = delete;

 private:
  stop_source* const source_;
  const std::function<void()> callback_;
};

/// A sequentially consistent fence.
inline void fence(const std::source_location& where) {
  if (makes_mistake(mistake::operation::fence, mistake::kind::left_out, where)) return;
  static constexpr char all_fences = 0;
  announce({step::kind::write, &all_fences});
  rl::atomic_thread_fence(rl::mo_seq_cst, info_of(where));
}

inline void yield() {
  announce({});
  rl::ctx().yield(1, RL_INFO);
}

/// The asymmetric fences of `fanout::detail::chunk_primitives`, with the guarantees of `membarrier`: during a heavy
/// fence, every other thread of the process executes a full fence at some moment, a different one for each thread. A
/// light fence only keeps the compiler from moving anything across it, so that moment is either before or after the
/// light fence.
///
/// Two light fences are not ordered, not even by a heavy fence between them: two sequentially consistent fences would
/// be, but the system does not guarantee that much. A light fence is neither an acquire nor a release fence.
class asymmetric_fence {
 public:
  static void light(const std::source_location& where) {
    const std::size_t me = index();
    announce({step::kind::write, &moments_[me]});
    rl::ctx().sched();
    tell("light fence", where);
    with_this_thread([&](auto& thread) {
      join(thread.acq_rel_order_, moments_[me].brought);
      join(moments_[me].left, thread.acq_rel_order_);
    });
  }

  static void heavy(const std::source_location& where) {
    moment before{};
    with_this_thread([&](auto& thread) { join(thread.acq_rel_order_, thread.acquire_fence_order_); });
    light(where);
    with_this_thread([&](auto& thread) { join(before.brought, thread.acq_rel_order_); });
    const auto threads = static_cast<std::size_t>(rl::ctx().get_thread_count());
    for (std::size_t each = 0; each != threads; ++each) {
      if (each == index()) continue;
      announce({step::kind::write, &moments_[each]});
      rl::ctx().sched();
      tell("heavy fence, as another thread executes it", where);
      join(moments_[each].brought, before.brought);
      join(before.left, moments_[each].left);
    }
    with_this_thread([&](auto& thread) {
      join(thread.acq_rel_order_, before.left);
      join(thread.release_fence_order_, thread.acq_rel_order_);
    });
  }

  static void begin_execution() { moments_ = {}; }

 private:
  /// A vector clock: for each thread, the last of its steps that is visible.
  using knowledge = std::array<rl::timestamp_t, 8>;

  struct moment {
    knowledge brought;  // what heavy fences have made visible to the next light fence of this thread
    knowledge left;     // what light fences of this thread make visible to the next heavy fence of another thread
  };

  template <class To, class From>
  static void join(To& to, const From& from) {
    for (std::size_t each = 0; each != std::min(std::size(to), std::size(from)); ++each)
      to[each] = std::max(to[each], from[each]);
  }

  template <class Use, rl::thread_id_t threads = 1>
  static void with_this_thread(const Use& use) {
    if (rl::ctx().get_thread_count() == threads)
      return use(static_cast<rl::thread_info<threads>&>(*rl::ctx().threadx_));
    if constexpr (threads != 8) with_this_thread<Use, threads + 1>(use);
  }

  static std::size_t index() { return static_cast<std::size_t>(rl::thread_index()); }

  static void tell(const char* what, const std::source_location& where) {
    if (rl::ctx().collecting_history()) rl::ctx().exec_log_msg(info_of(where), what);
  }

  static inline std::array<moment, 8> moments_{};
};

struct chunk_primitives {
  template <class T>
  using atomic = model::atomic<T>;

  static void light_fence(std::source_location where = std::source_location::current()) {
    if (!makes_mistake(mistake::operation::fence, mistake::kind::left_out, where)) asymmetric_fence::light(where);
  }
  static bool heavy_fence(std::source_location where = std::source_location::current()) {
    if (!makes_mistake(mistake::operation::fence, mistake::kind::left_out, where)) asymmetric_fence::heavy(where);
    return true;
  }
  static void full_fence(std::source_location where = std::source_location::current()) { fence(where); }
  static void yield() { model::yield(); }
};

/// For a system without asymmetric fences: the heavy fence is a full fence of the calling thread only.
struct chunk_primitives_fenced : chunk_primitives {
  static bool heavy_fence(std::source_location where = std::source_location::current()) {
    fence(where);
    return true;
  }
};

struct primitives {
  template <class T>
  using atomic = model::atomic<T>;
  using mutex = model::mutex;
  using condition_variable = model::condition_variable;
  using stop_token = model::stop_token;
  template <class Callback>
  using stop_callback = model::stop_callback<Callback>;

  using of_chunk = chunk_primitives;

  static void fence(std::source_location where = std::source_location::current()) { model::fence(where); }
  static void yield() { model::yield(); }
  static void relax() { model::yield(); }
  static void pause() { model::yield(); }
  static std::unique_lock<mutex> lock(mutex& guarding) { return std::unique_lock(guarding); }

  /// If 0, a thief recalls all tasks, and at once. Otherwise it recalls half of them at once if they take at least
  /// this long by the owner's `task_time`.
  static inline std::chrono::nanoseconds patience{0};

  /// Each thread reads a time 4 µs after its last reading, so that tasks look expensive, and chunks are small.
  static std::chrono::steady_clock::time_point now() {
    static std::array<std::chrono::microseconds, 8> readings{};
    std::chrono::microseconds& mine = readings[static_cast<std::size_t>(rl::thread_index())];
    mine += std::chrono::microseconds(4);
    return std::chrono::steady_clock::time_point(mine);
  }
};

}  // namespace model
