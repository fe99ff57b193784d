#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>

#include "engine/hill_climber.hpp"

namespace fanout::detail {

/// How many runners of a batch are at work, while it runs: as many as a hill climber wants.
///
/// Runners measure, decide, come and go between their blocks. Two numbers say what becomes of a helper: how many are
/// *at work*, the leader included, and how many are *wanted*. Both only count; what a runner that goes leaves to the one
/// that takes its place is handed over by the batch. Everything else belongs to whoever holds the flag: one runner at a
/// time looks at what was done, and those who come meanwhile go on.
class adaptation {
 public:
  using clock = std::chrono::steady_clock;

  /// Begins with `start` runners, of which the leader is one.
  adaptation(std::size_t start, std::size_t limit) : wanted_(start), climber_(start, limit) {}

  std::size_t wanted() const { return wanted_.load(std::memory_order_relaxed); }

  /// A helper comes: false if there are enough.
  bool enter();

  /// A helper that is not wanted any more may go: true if it has been counted out.
  bool leave_if_too_many();

  /// Between two blocks: closes the window that is being measured, if it is over. `completed()` says how many tasks have
  /// ended. Returns how many more helpers are to be called.
  template <class Completed>
  std::size_t update(clock::time_point now, Completed completed) {
    if (now.time_since_epoch().count() < next_look_.load(std::memory_order_relaxed)) return 0;
    if (busy_.test_and_set(std::memory_order_acquire)) return 0;
    const std::size_t more = look(now, completed());
    busy_.clear(std::memory_order_release);
    return more;
  }

  /// Whether a window of measurement has ended; when no runner is left.
  bool has_measured() const { return has_measured_; }

  /// What the search has come to; when no runner is left.
  std::size_t best() const { return climber_.best(); }

 private:
  std::size_t look(clock::time_point now, std::size_t completed);
  void begin_window(clock::time_point now, std::size_t completed);
  void look_again(clock::time_point when);

  std::atomic<std::size_t> wanted_;
  std::atomic<std::size_t> at_work_{1};
  std::atomic<clock::rep> next_look_{0};  // a hint, which spares most runners the flag
  std::atomic_flag busy_;

  // Of the thread that holds the flag:
  hill_climber climber_;
  bool has_measured_ = false;
  bool measuring_ = false;  // false while helpers come or go
  clock::time_point since_{};
  std::size_t completed_before_ = 0;
};

}  // namespace fanout::detail
