#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <source_location>
#include <utility>

#include "model/atomics.hpp"
#include "model/fences.hpp"
#include "model/relacy.hpp"

/// The primitives of `fanout::detail::std_primitives`, simulated by Relacy: at each access the scheduler may switch
/// to another thread, and a load may return an older value if the C++ memory model allows that.
namespace model {

/// A stop source with what the standard promises of its callbacks: called once, by who requests the stop, or by who
/// registers if it was requested before; and one that has been destroyed does not run any more.
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

  /// Whether all threads are on one core, of several. Otherwise each is on its own.
  static inline bool has_one_core = false;
  static int core() { return has_one_core ? 0 : static_cast<int>(rl::thread_index()); }
  static bool has_several_cores() { return true; }

  /// Each thread reads a time 4 µs after its last reading, so that tasks look expensive, and chunks are small.
  static std::chrono::steady_clock::time_point now() {
    static std::array<std::chrono::microseconds, 8> readings{};
    std::chrono::microseconds& mine = readings[static_cast<std::size_t>(rl::thread_index())];
    mine += std::chrono::microseconds(4);
    return std::chrono::steady_clock::time_point(mine);
  }
};

}  // namespace model
