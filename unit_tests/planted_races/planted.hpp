#pragma once

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

/// What the planted races share. Each program is built twice, and the two differ in nothing but the order that a signal
/// makes: without it what follows is a race, which the sanitizer must report by the names of the functions that race;
/// with it there is none, and it must keep quiet.
namespace planted {

#ifdef PLANT_RACE
inline constexpr std::memory_order order_of_store = std::memory_order_relaxed;
inline constexpr std::memory_order order_of_load = std::memory_order_relaxed;
#else
inline constexpr std::memory_order order_of_store = std::memory_order_release;
inline constexpr std::memory_order order_of_load = std::memory_order_acquire;
#endif

/// Something that happens once, and that another thread waits for. So the two accesses come one after the other in each
/// run, in the same order of time, and all that may be missing is what the language calls order.
class signal {
 public:
  void give() { given_.store(true, order_of_store); }

  void await() const {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!given_.load(order_of_load)) {
      if (std::chrono::steady_clock::now() > limit) {
        std::fputs("nobody gives the signal: these do not run at the same time\n", stderr);
        std::_Exit(1);
      }
      std::this_thread::yield();
    }
  }

 private:
  std::atomic<bool> given_{false};
};

/// Where two tasks meet before they do anything, so that no thread runs both: what the meeting orders lies before what
/// races.
class meeting {
 public:
  void join() { both_.arrive_and_wait(); }

 private:
  std::barrier<> both_{2};
};

}  // namespace planted

/// For the functions that race: the report must name them.
#define PLANTED [[gnu::noinline]]
