#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace fanout::detail {

/// Requests a stop after some time, or as soon as another stop is requested.
///
/// A thread waits for the time; it blocks all signals, so that the program's own threads get them. If the system
/// refuses the thread, only the other stop counts.
class deadline {
 public:
  deadline(const std::stop_token& other, std::chrono::nanoseconds limit);

  std::stop_token token() const { return stop_.get_token(); }

  /// When the limit has passed: the time from the construction to the stop, which may be later than the limit.
  std::optional<std::chrono::nanoseconds> passed() const noexcept {
    const auto after = passed_after_.load(std::memory_order_acquire);
    return after == not_yet ? std::nullopt : std::optional(std::chrono::nanoseconds(after));
  }

 private:
  void wait(const std::stop_token& ended, std::chrono::nanoseconds limit);

  using rep = std::chrono::nanoseconds::rep;
  static constexpr rep not_yet = -1;

  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::stop_source stop_;
  std::atomic<rep> passed_after_{not_yet};  // written by the thread before it requests the stop
  std::stop_callback<std::function<void()>> on_other_;
  std::mutex mutex_;  // guards nothing: a condition variable needs one
  std::condition_variable_any ended_;
  std::optional<std::jthread> thread_;  // the last member, so that it is joined before the others are destroyed
};

}  // namespace fanout::detail
