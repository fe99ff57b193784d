#pragma once

#include <atomic>
#include <cfenv>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

/// Shared by the behaviour tests: synchronisation that fails instead of hanging, gauges, and awkward types.
namespace support {

using namespace std::chrono_literals;

/// How long a test waits for something that happens soon, even on a heavily loaded machine.
inline constexpr std::chrono::seconds patience{30};

#if defined(__has_feature)
#define FANOUT_HAS_FEATURE(name) __has_feature(name)
#else
#define FANOUT_HAS_FEATURE(name) 0
#endif

// The address sanitizer reserves terabytes of address space, and needs memory of its own for its checks.
#if defined(__SANITIZE_ADDRESS__) || FANOUT_HAS_FEATURE(address_sanitizer)
inline constexpr bool under_address_sanitizer = true;
#else
inline constexpr bool under_address_sanitizer = false;
#endif

// So does the thread sanitizer, which also makes code that accesses memory about ten times slower.
#if defined(__SANITIZE_THREAD__) || FANOUT_HAS_FEATURE(thread_sanitizer)
inline constexpr bool under_thread_sanitizer = true;
#else
inline constexpr bool under_thread_sanitizer = false;
#endif

/// Why tests that pass functions to oneTBB themselves are skipped under the thread sanitizer. It does not see how
/// oneTBB orders these functions, and unlike fanout's they have no annotations (`source/threads/tsan.hpp`). So a read
/// in a worker looks like a race with the write before the spawn. This is reported in one run of several: only if a
/// worker comes in time.
inline constexpr const char* unseen_order = "the sanitizer does not see how oneTBB orders what the test gives it";

/// Ends the process with a message if this object still exists after `limit`. For tests that hang if they fail.
class watchdog {
 public:
  explicit watchdog(std::chrono::seconds limit = 4 * patience)
      : thread_([this, limit] {
          std::unique_lock lock(mutex_);
          if (over_.wait_for(lock, limit, [this] { return ended_; })) return;
          std::fputs("watchdog: the test hangs\n", stderr);
          std::abort();
        }) {}
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    over_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool ended_ = false;
  std::thread thread_;
};

/// For a task: waits until its `task_context` says that it should stop.
template <class Context>
void wait_for_stop(const Context& context) {
  while (!context.stop_requested()) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

/// An event that happens once, and can be waited for.
class event {
 public:
  void set() {
    {
      const std::lock_guard lock(mutex_);
      happened_ = true;
    }
    changed_.notify_all();
  }

  /// Waits for the event. False if it did not happen in time.
  [[nodiscard]] bool wait(std::chrono::nanoseconds limit = patience) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this] { return happened_; });
  }

  [[nodiscard]] bool happened() const { return wait(0ns); }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool happened_ = false;
};

/// A barrier for one use: no thread goes on before all have arrived.
class rendezvous {
 public:
  explicit rendezvous(std::size_t expected) : missing_(expected) {}

  /// False if the others did not arrive in time. Once one thread has given up, no other waits any more.
  [[nodiscard]] bool meet(std::chrono::nanoseconds limit = patience) {
    std::unique_lock lock(mutex_);
    if (missing_ != 0) --missing_;
    if (missing_ == 0) changed_.notify_all();
    if (changed_.wait_for(lock, limit, [this] { return missing_ == 0 || given_up_; }) && !given_up_) return true;
    given_up_ = true;
    changed_.notify_all();
    return false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t missing_;
  bool given_up_ = false;
};

/// The error that a call throws; throws itself, and so fails the test, if there is none of this type.
template <class Error, class Call>
Error thrown_by(Call&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e;
  }
  throw std::logic_error("no exception of this type");
}

/// Sets the direction in which this thread rounds, for a while.
class rounding {
 public:
  explicit rounding(int direction) { std::fesetround(direction); }
  rounding(const rounding&) = delete;
  rounding& operator=(const rounding&) = delete;
  ~rounding() { std::fesetround(before_); }

 private:
  const int before_ = std::fegetround();
};

inline constexpr int directions_of_rounding[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

/// Measures how many visits there are at once, and the most there have been.
class gauge {
 public:
  class visit {
   public:
    explicit visit(gauge& visited) : visited_(visited) { visited_.change(+1); }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() { visited_.change(-1); }

   private:
    gauge& visited_;
  };

  /// Uncounts the visit of a task as long as this object exists: while the task waits for a batch that it has
  /// started.
  class absence {
   public:
    explicit absence(gauge& left) : left_(left) { left_.change(-1); }
    absence(const absence&) = delete;
    absence& operator=(const absence&) = delete;
    ~absence() { left_.change(+1); }

   private:
    gauge& left_;
  };

  int inside() const { return inside_.load(); }
  int most() const { return most_.load(); }

 private:
  void change(int by) {
    const int now = inside_.fetch_add(by) + by;
    int seen = most_.load();
    while (now > seen && !most_.compare_exchange_weak(seen, now)) {
    }
  }

  std::atomic<int> inside_{0};
  std::atomic<int> most_{0};
};

/// Runs `function(number)` on `count` threads, with the numbers from 0, and joins them, also after an exception.
template <class F>
void on_threads(std::size_t count, F function) {
  std::vector<std::jthread> threads;
  threads.reserve(count);
  for (std::size_t number = 0; number != count; ++number) threads.emplace_back([&, number] { function(number); });
}

/// Keeps a core busy. The compiler cannot optimise the loop away.
inline void compute_for(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// Keeps all slots of an executor taken, each by the batch of a thread of its own, so that it needs no helpers.
template <class Executor>
class full_house {
 public:
  explicit full_house(Executor& executor) : all_in_(executor.concurrency() + 1) {
    for (std::size_t place = 0; place != executor.concurrency(); ++place) {
      threads_.emplace_back([this, &executor] {
        executor.execute(std::vector(1, [this] {
          if (!all_in_.meet() || !over_.wait()) ++gave_up_;
        }));
      });
    }
    if (!all_in_.meet()) ++gave_up_;
  }
  full_house(const full_house&) = delete;
  full_house& operator=(const full_house&) = delete;
  ~full_house() { end(); }

  /// Frees the slots. False if they were not all taken for the whole time from the construction until now.
  [[nodiscard]] bool held_until_now() {
    end();
    return gave_up_ == 0;
  }

 private:
  void end() {
    over_.set();
    threads_.clear();
  }

  rendezvous all_in_;
  event over_;
  std::atomic<int> gave_up_{0};
  std::vector<std::jthread> threads_;
};

// ── Hostile types ───────────────────────────────────────────────────────────────────────────────────────────────

struct move_only {
  explicit move_only(int v) : value(v) {}
  move_only(move_only&&) noexcept = default;
  move_only& operator=(move_only&&) noexcept = default;
  int value;
};

/// A type without a default constructor.
struct not_default_constructible {
  explicit not_default_constructible(int v) : value(v) {}
  int value;
};

struct alignas(64) over_aligned {
  int value = 0;
  bool well_placed() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
};

/// Throws from its copy constructor and assignment if `armed`. It has no move of its own, so moves copy.
struct throws_when_moved {
  explicit throws_when_moved(int v) : value(v) {}
  throws_when_moved(const throws_when_moved& other) : value(other.value) { go_off(); }
  throws_when_moved& operator=(const throws_when_moved& other) {
    go_off();
    value = other.value;
    return *this;
  }
  ~throws_when_moved() = default;
  int value;
  inline static std::atomic<bool> armed{false};

 private:
  static void go_off() {
    if (armed) throw std::domain_error("moved");
  }
};

/// Counts how the objects of a type were created, and how many were destroyed.
struct census {
  std::atomic<int> made{0};
  std::atomic<int> copied{0};
  std::atomic<int> moved{0};
  std::atomic<int> destroyed{0};
  int alive() const { return made + copied + moved - destroyed; }
};

/// A type that counts its objects, in one census for all of them. A test calls `reset` first.
class counted {
 public:
  inline static census population;
  static void reset() { population.made = population.copied = population.moved = population.destroyed = 0; }

  explicit counted(int v) noexcept : value(v) { ++population.made; }
  counted(const counted& other) noexcept : value(other.value) { ++population.copied; }
  counted(counted&& other) noexcept : value(other.value) { ++population.moved; }
  counted& operator=(const counted&) = default;
  counted& operator=(counted&&) = default;
  ~counted() { ++population.destroyed; }

  int value;
};

/// The same with a default constructor, which cannot throw.
struct counted_with_default : counted {
  counted_with_default() noexcept : counted(0) {}
  using counted::counted;
};

/// A type that converts from anything, as std::any does. Code that constructs it carelessly converts the wrong
/// object.
struct greedy {
  greedy() = default;
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, greedy>) greedy(T&&)
      : swallowed(true) {}  // NOLINT: implicit, as in std::any
  bool swallowed = false;
};

/// The message of the exception that `call` throws, if it is an `Exception`; otherwise a text that says what
/// happened.
template <class Exception, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Exception& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another exception: ") + e.what();
  } catch (...) {
    return "another exception";
  }
  return "no exception";
}

}  // namespace support
