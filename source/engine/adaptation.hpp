#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>

#include "engine/hill_climber.hpp"

namespace fanout::detail {

/// Changes the number of runners while a batch runs, to the number that a hill climber wants.
///
/// There is no thread for this: runners measure, decide, come and go between their chunks. Two numbers decide whether
/// a helper may work: how many runners are *at work*, including the leader, and how many are *wanted*. They are
/// relaxed, because they only count: the batch itself orders what a runner that leaves hands over to its successor.
/// Everything else belongs to the thread that holds `busy_`: one runner at a time evaluates the throughput, and a
/// runner that finds the flag set does not wait.
class adaptation {
 public:
  using clock = std::chrono::steady_clock;

  /// Begins with `start` runners, of which the leader is one.
  adaptation(std::size_t start, std::size_t limit)
      : wanted_(start), places_(limit), limit_(limit), climber_(start, limit) {}

  std::size_t wanted() const { return wanted_.load(std::memory_order_relaxed); }

  /// Says how many runners are at work, where something else decides which of them come and go.
  void set_at_work(std::size_t runners) { at_work_.store(runners, std::memory_order_relaxed); }

  /// Counts a new helper as at work. False if there are enough already.
  bool enter();

  /// Counts a helper out if more runners are at work than wanted. True if it must leave.
  bool leave_if_too_many();

  /// Counts a helper out that has to leave for another reason.
  void leave() { at_work_.fetch_sub(1, std::memory_order_relaxed); }

  /// The leader does not work for a while, but keeps its place: helpers may be one fewer than there are places.
  void leader_steps_aside();
  void leader_comes_back();

  /// Call it between two chunks. Ends the window of measurement, if it is over. `completed()` returns how many tasks
  /// of the batch have ended. Returns how many more helpers to call. `limit`: how many runners there may be now. If that
  /// has changed, the search begins again with as many runners as were wanted, if there may be so many.
  template <class Completed>
  std::size_t update(std::size_t limit, clock::time_point now, Completed completed) {
    if (now.time_since_epoch().count() < next_look_.load(std::memory_order_relaxed)) return 0;
    if (busy_.test_and_set(std::memory_order_acquire)) return 0;
    const std::size_t more = look(limit, now, completed());
    busy_.clear(std::memory_order_release);
    return more;
  }

  /// Whether at least one window of measurement has ended. Requires that no runner is left.
  bool has_measured() const { return has_measured_; }

  /// The best number of runners found. Requires that no runner is left.
  std::size_t best() const { return climber_.best(); }

 private:
  std::size_t most() const { return std::min(wanted(), places_.load(std::memory_order_relaxed)); }
  std::size_t look(std::size_t limit, clock::time_point now, std::size_t completed);
  void seek_within(std::size_t limit, clock::time_point now);
  void begin_window(clock::time_point now, std::size_t completed);
  void look_again(clock::time_point when);

  std::atomic<std::size_t> wanted_;
  std::atomic<std::size_t> at_work_{1};
  std::atomic<std::size_t> places_;       // of runners, without that of a leader which has stepped aside
  std::atomic<clock::rep> next_look_{0};  // a hint: before this time, runners need not touch the flag
  std::atomic_flag busy_;

  // Guarded by `busy_`:
  std::size_t limit_;
  hill_climber climber_;
  bool has_measured_ = false;
  bool measuring_ = false;  // false while helpers arrive or leave after a change
  clock::time_point since_{};
  std::size_t completed_before_ = 0;
};

}  // namespace fanout::detail
