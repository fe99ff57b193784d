#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "admission/gate.hpp"
#include "admission/line_places.hpp"

namespace fanout::detail {

/// Identifies a task.
struct task_key {
  const applicant* batch = nullptr;
  std::size_t index = 0;
  friend bool operator==(const task_key&, const task_key&) = default;
};

/// The starts of a `rate_limit`: the stock of its line (see `basic_admission_line`). It allows at most `starts` in
/// any window of `per`, not only in those that begin at a multiple of it, nor only on average as a bucket of tokens
/// would (which lets up to twice as many through around the moment at which it is full).
///
/// A start is *pending* from when it is admitted until the task begins: only then its time is known. It counts as if
/// it were in every window. `Clock` has a static function `now`, whose readings never decrease.
template <class Clock>
class basic_rate_window {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;
  struct want {
    task_key task;
  };
  using place = line_place<want>;
  using places = line_places<want>;

  /// Throws `std::bad_alloc` if there is no memory for the times of so many starts. They are written one by one, so
  /// the system provides the memory as it is needed.
  basic_rate_window(std::size_t starts, duration per)
      : starts_(starts), per_(per), times_(std::make_unique_for_overwrite<duration[]>(starts)) {}

  bool fits(const want& /*start*/) const noexcept { return !all_are_pending() && Clock::now() >= earliest(); }

  /// Each batch in line wants one start. Several batches that share a rate take turns otherwise, and each turn takes
  /// as long as a thread needs to wake.
  bool leaves_enough(const places& line, const place& asking) const noexcept {
    std::size_t wanted = 1;
    for (const place* each = line.all.first(); each != &asking; each = intrusive_list<place>::next(*each)) ++wanted;
    return pending_.size() + wanted <= starts_ && Clock::now() >= earliest(wanted);
  }

  /// To learn a time.
  static bool is_worth_asking(const want& /*start*/) noexcept { return true; }

  void take(const want& start) { pending_.push_back(start.task); }

  /// The task begins: if its start is pending, it happens now. Nobody is told, though the time of the next start is
  /// known only now: a thread that is woken at this moment may take the core of this one before the task looks at a
  /// clock, and then the start appears to be later than it was.
  void begin(const task_key& task) noexcept {
    if (drop(task)) times_[begun_++ % starts_] = Clock::now().time_since_epoch();
  }

  /// The task will not start after all, if its start is pending. Returns whether it was.
  bool drop(const task_key& task) noexcept {
    const auto found = std::find(pending_.begin(), pending_.end(), task);  // few: these tasks are about to begin
    if (found == pending_.end()) return false;
    pending_.erase(found);
    return true;
  }

  static place* turn(const places& line) noexcept { return line.all.first(); }

  static void check_wait(const places& /*line*/, const place& /*asking*/) noexcept {}  // a start is never given back

  /// The first in line asks when there is a start. If all are pending, the first of them happens now or later, so
  /// another one is not possible for the time of a window. The others are told when it has taken, so they need no
  /// time of their own, except if it waits for a place of its executor: nobody would find that out. So they ask once
  /// in a while, together less than a thousand times a second.
  time_point ask_again_at(bool has_turn, std::size_t waiting) const noexcept {
    constexpr std::chrono::milliseconds once_in_a_while{100};
    const time_point now = Clock::now();
    if (has_turn && all_are_pending()) return later(now, per_);
    if (has_turn) return earliest();
    const time_point possible = all_are_pending() ? now : std::max(now, earliest());
    return later(possible, once_in_a_while + std::chrono::milliseconds(waiting));
  }

 private:
  /// At most the end of the clock.
  static time_point later(time_point than, duration by) noexcept {
    return than > time_point::max() - by ? time_point::max() : than + by;
  }

  bool all_are_pending() const noexcept { return pending_.size() == starts_; }

  /// When there are so many starts more. Requires that there may be so many besides those that are pending.
  time_point earliest(std::size_t more = 1) const noexcept {
    const std::size_t back = starts_ - pending_.size() - (more - 1);  // so many before this must be out of its window
    if (begun_ < back) return time_point::min();
    return later(time_point(times_[(begun_ - back) % starts_]), per_);
  }

  const std::size_t starts_;
  const duration per_;
  const std::unique_ptr<duration[]> times_;  // of the last starts, in a ring
  std::uint64_t begun_ = 0;                  // starts in all
  std::vector<task_key> pending_;
};

}  // namespace fanout::detail
