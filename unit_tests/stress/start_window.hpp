#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>

/// What is known of the starts that a rate allows. Nobody outside knows the time of a start, which is taken in the
/// library: a thread may be suspended just after that. So each start has two times, one before it and one after it.
/// It is in a window for certain if both are. No other judgement is right on a loaded machine, where a thread may be
/// suspended for longer than the window.
namespace stress {

class start_window {
 public:
  explicit start_window(std::chrono::nanoseconds per) : per_(per) {}

  /// Call it after a start that was not before `since`. `clock` is read when nobody else can note a start.
  template <class Clock>
  void note(std::chrono::nanoseconds since, const Clock& clock) {
    const std::lock_guard lock(mutex_);
    const std::chrono::nanoseconds until = clock();
    const std::chrono::nanoseconds edge = until - per_;  // just not in the window that ends now
    while (!starts_.empty() && starts_.front().until <= edge) starts_.pop_front();
    starts_.push_back({since, until});
    const auto inside =
        std::count_if(starts_.begin(), starts_.end(), [edge](const start& each) { return each.since > edge; });
    most_ = std::max(most_, static_cast<std::size_t>(inside));
  }

  /// The most starts that were in one window for certain.
  std::size_t most() const {
    const std::lock_guard lock(mutex_);
    return most_;
  }

 private:
  struct start {
    std::chrono::nanoseconds since;
    std::chrono::nanoseconds until;
  };

  const std::chrono::nanoseconds per_;
  mutable std::mutex mutex_;
  std::deque<start> starts_;  // those that may be in the window that ends with the last one
  std::size_t most_ = 0;
};

}  // namespace stress
