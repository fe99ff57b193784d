#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace fanout::detail {

/// What threads share and wait with. The two protocols that are hard to get right, in claims.hpp and pool_line.hpp, are
/// templates on it: a model checker brings primitives of its own, which let it step through every interleaving of the
/// very same code (unit_tests/model/).
struct std_primitives {
  template <class T>
  using atomic = std::atomic<T>;
  using mutex = std::mutex;
  using condition_variable = std::condition_variable;
  using stop_token = std::stop_token;
  template <class Callback>
  using stop_callback = std::stop_callback<Callback>;

  /// A sequentially consistent fence.
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

  static void yield() noexcept { std::this_thread::yield(); }
  static std::chrono::steady_clock::time_point now() noexcept { return std::chrono::steady_clock::now(); }
};

}  // namespace fanout::detail
