#pragma once

#include <atomic>
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

/// What the behaviour tests share: ways to meet that fail instead of hanging, gauges, and hostile types.
namespace support {

using namespace std::chrono_literals;

/// How long a test waits for what must happen soon, on the busiest machine.
inline constexpr std::chrono::seconds patience{30};

#if defined(__has_feature)
#define FANOUT_HAS_FEATURE(name) __has_feature(name)
#else
#define FANOUT_HAS_FEATURE(name) 0
#endif

// The address sanitizer reserves terabytes of addresses, and its checks cost memory of their own.
#if defined(__SANITIZE_ADDRESS__) || FANOUT_HAS_FEATURE(address_sanitizer)
inline constexpr bool under_address_sanitizer = true;
#else
inline constexpr bool under_address_sanitizer = false;
#endif

// So does the thread sanitizer, which also makes all that touches memory some ten times slower.
#if defined(__SANITIZE_THREAD__) || FANOUT_HAS_FEATURE(thread_sanitizer)
inline constexpr bool under_thread_sanitizer = true;
#else
inline constexpr bool under_thread_sanitizer = false;
#endif

/// Why a test that gives oneTBB work itself is skipped under it: what oneTBB orders between the test's own functions
/// nobody tells the sanitizer, as `source/threads/tsan.hpp` does for fanout's. What a worker reads there looks like a race with
/// whoever wrote it. If no worker comes in time there is no report: a matter of luck, seen in one run of several.
inline constexpr const char* unseen_order = "the sanitizer does not see how oneTBB orders what the test gives it";

/// Ends the process with a message if it still lives after a while: for behaviour whose failure is a hang.
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

/// Something that happens once.
class event {
 public:
  void set() {
    {
      const std::lock_guard lock(mutex_);
      happened_ = true;
    }
    changed_.notify_all();
  }

  /// False if it did not happen in time.
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

/// A place where a number of threads meet: nobody goes on before all have come. For one meeting.
class rendezvous {
 public:
  explicit rendezvous(std::size_t expected) : missing_(expected) {}

  /// False if the others did not come in time. Once one has given up, nobody waits any more.
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

/// Measures how many are inside at once.
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

  /// Out for as long as it lives: for a task that waits for a batch of its own.
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

/// Some threads that are joined, whatever happens. Each runs `function(its number)`.
template <class F>
void on_threads(std::size_t count, F function) {
  std::vector<std::jthread> threads;
  threads.reserve(count);
  for (std::size_t number = 0; number != count; ++number) threads.emplace_back([&, number] { function(number); });
}

/// Keeps a core busy, without sleeping and without being optimised away.
inline void compute_for(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// Keeps all places of an executor taken: each by a thread of its own, so that no helper has to come.
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

  /// Ends it. False if the places were not taken all the time from its beginning until now.
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

/// A type that begins life with a value or not at all.
struct not_default_constructible {
  explicit not_default_constructible(int v) : value(v) {}
  int value;
};

struct alignas(64) over_aligned {
  int value = 0;
  bool well_placed() const { return reinterpret_cast<std::uintptr_t>(this) % 64 == 0; }
};

/// Throws from its move, and so from its copy, when it is told to.
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

/// What became of the objects of a type.
struct census {
  std::atomic<int> made{0};
  std::atomic<int> copied{0};
  std::atomic<int> moved{0};
  std::atomic<int> destroyed{0};
  int alive() const { return made + copied + moved - destroyed; }
};

/// Counts itself, in one census for all objects: a test resets it before it begins.
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

/// The same with a cheap default state.
struct counted_with_default : counted {
  counted_with_default() noexcept : counted(0) {}
  using counted::counted;
};

/// Takes anything, as std::any does: also what was never meant for it.
struct greedy {
  greedy() = default;
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, greedy>) greedy(T&&)
      : swallowed(true) {}  // NOLINT: implicit, as in std::any
  bool swallowed = false;
};

/// `text` of the exception that `call` throws, if it is an `Exception`; else what happened instead.
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
