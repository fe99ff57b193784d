#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/program_tsan.hpp"
#include "fanout/detail/chunk.hpp"
#include "fanout/limits.hpp"

namespace fanout::detail {

/// A condition variable that may be destroyed by a thread that learned from an atomic that nobody will notify it any
/// more. See program_tsan.hpp.
class noted_condition_variable : public std::condition_variable {
 public:
  noted_condition_variable() = default;
  ~noted_condition_variable() { program_tsan::acquire(this); }

  void notify_one() noexcept {
    std::condition_variable::notify_one();
    program_tsan::release(this);
  }
};

/// The synchronisation primitives: atomics, mutexes, condition variables and the like. The protocols that are hard to
/// get right, in chunk.hpp, work_distributor.hpp, reserve_line.hpp, pool_line.hpp, admission_line.hpp, task_line.hpp,
/// task_store.hpp and agenda_desk.hpp, take them as a template parameter. The model checker passes primitives of its
/// own, and steps through every interleaving of the same code (unit_tests/model/).
struct std_primitives {
  template <class T>
  using atomic = std::atomic<T>;
  using mutex = std::mutex;
  using condition_variable = noted_condition_variable;
  using stop_token = std::stop_token;
  template <class Callback>
  using stop_callback = std::stop_callback<Callback>;
  using of_chunk = chunk_primitives;

  /// A sequentially consistent fence.
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }

  /// For a thread that spins briefly: takes tens of nanoseconds.
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
  }

  /// For a thread that spins longer: takes about half a microsecond, and yields the core to any other thread that
  /// needs it. (Without the yield, each thread that a batch had just woken waited 100 µs for one that spun.)
  static void relax() noexcept {
    for (int i = 0; i != 8; ++i) pause();
    std::this_thread::yield();
  }

  /// Locks a mutex that is only held for hundreds of nanoseconds. It spins first, because to sleep and be woken would
  /// take longer.
  static std::unique_lock<mutex> lock(mutex& guarding) {
    for (int i = 0; i != 30; ++i, pause())
      if (std::unique_lock taken(guarding, std::try_to_lock); taken) return taken;
    return std::unique_lock(guarding);
  }

  static void yield() noexcept { std::this_thread::yield(); }

  /// The number of the core on which the calling thread runs; -1 if that is not known. Takes 3 ns.
  static int core() noexcept { return ::sched_getcpu(); }
  static bool has_several_cores() noexcept { return available_concurrency() > 1; }

  static std::chrono::steady_clock::time_point now() noexcept { return std::chrono::steady_clock::now(); }

  /// How long a runner without work watches other runners before it recalls a few cheap tasks: see
  /// basic_work_distributor::take_from_others. A recall costs the thief 0.6 µs, or 3 to 4 µs while other threads run,
  /// and the owner a few cache misses.
  static constexpr std::chrono::nanoseconds patience{10'000};
};

/// Whether `chunk_primitives::heavy_fence` fences all threads. False where the system refuses `membarrier`: then it
/// fences the calling thread only, and owners of chunks must use full fences. Asks the system once.
bool has_heavy_fence() noexcept;

}  // namespace fanout::detail
