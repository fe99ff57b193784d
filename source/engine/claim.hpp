#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

#include "base/primitives.hpp"

namespace fanout::detail {

/// The right to run something that several threads may run and others wait for: one thread takes it, and tells the
/// others when it is over. Memory that the taker wrote before the end is seen by those who have seen the end.
template <class Primitives>
class basic_claim {
 public:
  /// True for the one thread that must now run it, and call `end`.
  bool take() {
    int expected = open;
    // Acquire and release: only the order of this variable matters, but `is_taken` may be read by others.
    return state_.compare_exchange_strong(expected, taken, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  bool is_taken() const { return state_.load(std::memory_order_acquire) != open; }
  bool is_over() const { return state_.load(std::memory_order_acquire) == over; }

  /// After this, the object may be destroyed as soon as the taker has returned from here.
  void end() {
    const std::lock_guard lock(mutex_);
    state_.store(over, std::memory_order_release);
    ended_.notify_all();
  }

  /// Waits for the end. What ends within microseconds is seen without sleeping.
  void wait() {
    for (int look = 0; look != looks; ++look, Primitives::pause())
      if (is_over()) return;
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return is_over(); });
  }

  /// The same until a moment. Returns whether it is over.
  bool wait_until(std::chrono::steady_clock::time_point limit) {
    std::unique_lock lock(mutex_);
    if (limit == std::chrono::steady_clock::time_point::max()) {
      ended_.wait(lock, [this] { return is_over(); });
      return true;
    }
    return ended_.wait_until(lock, limit, [this] { return is_over(); });
  }

 private:
  static constexpr int open = 0;
  static constexpr int taken = 1;
  static constexpr int over = 2;
  static constexpr int looks = 30;

  typename Primitives::template atomic<int> state_{open};
  typename Primitives::mutex mutex_;
  typename Primitives::condition_variable ended_;
};

using claim = basic_claim<std_primitives>;

}  // namespace fanout::detail
