#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "model/relacy.hpp"
#include "model/sleep_sets.hpp"

/// Atomics, mutexes and condition variables as Relacy simulates them, and mistakes in their use.
namespace model {

/// A mistake that somebody might make: what is done in a certain function is done wrongly.
struct mistake {
  enum class operation { none, fence, load, store, add, exchange };
  enum class kind {
    left_out,
    late,     // not before the thread waits on a condition variable
    swapped,  // not before the thread's next store
    unseen,   // a load that does not see some bits
    torn,     // a compare-and-swap that looks first and then stores
    blind,    // a compare-and-swap that compares the lower 24 bits alone
    relaxed,  // in its memory order
  };

  std::string_view function = {};  // as in "take_back"
  operation what = operation::none;
  kind how = kind::left_out;
  std::uint32_t bits = ~std::uint32_t{0};  // that are unseen
};

/// The one that all primitives make at present.
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

/// What a thread has put off by a mistake of the kind `late`.
inline std::function<void()> put_off;

/// What each thread has put off by a mistake of the kind `swapped`.
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
    return value_.fetch_sub(value, order_in(operation::add, order, where), info_of(where));
  }

  T exchange(T value, std::memory_order order, location where = location::current()) {
    announce({step::kind::write, this});
    return value_.exchange(value, order_in(operation::exchange, order, where), info_of(where));
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
    if constexpr (std::is_integral_v<T>) {
      if (makes_mistake(operation::exchange, kind::blind, where)) {
        const T wanted = expected;
        while (!exchange(expected, desired, success, failure, where))
          if (((expected ^ wanted) & T{0xffffff}) != 0) return false;
        return true;
      }
    }
    if (makes_mistake(operation::exchange, kind::relaxed, where)) success = failure = std::memory_order_relaxed;
    return exchange(expected, desired, success, failure, where);
  }

  /// Never fails spuriously.
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure,
                               location where = location::current()) {
    if (makes_mistake(operation::exchange, kind::torn, where))
      return compare_exchange_weak(expected, desired, success, failure, where);
    if (makes_mistake(operation::exchange, kind::relaxed, where)) success = failure = std::memory_order_relaxed;
    announce({step::kind::write, this});
    return value_.compare_exchange(rl::bool_t<false>(), expected, desired, order_of(success), order_of(failure),
                                   info_of(where));
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

/// What a scenario writes down for itself. It orders nothing, and all see at once that it was raised.
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

  /// Nobody else has a step that it could get in the way of: while the mutex is held nobody can lock it.
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

  /// The limit passes whenever the search wants it to.
  template <class Predicate>
  bool wait_until(std::unique_lock<mutex>& lock, std::chrono::steady_clock::time_point limit, Predicate over) {
    for (parking place{*lock.mutex(), *this}; !over();)
      if (!value_.wait_for(place, limit, RL_INFO)) return over();  // its wait_until takes a wake-up for the limit
    return true;
  }

 private:
  /// To release the mutex and to wait is one step.
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

}  // namespace model
