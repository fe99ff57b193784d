#pragma once

#include <chrono>

#include "base/intrusive_list.hpp"

namespace fanout::detail {

/// Something that happens at a time.
///
/// One reserve of the process keeps the time for all alarms that are set, as long as there are any. It sleeps until
/// the first of them.
class alarm : public list_entry<alarm> {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  alarm(const alarm&) = delete;
  alarm& operator=(const alarm&) = delete;

  /// Has `ring` called at that time, or as soon as possible if it has passed; never if it is the end of the clock.
  /// Throws `resource_error` or `std::bad_alloc`; then it is not set. Requires that it is not set.
  void set(time_point at);

  /// The same, whether it is set or not: if it is, for another time than this. Does not throw while a `clock_kept`
  /// lives. Never waits, also if it is ringing: then it rings once more.
  void set_again(time_point at);

  /// `ring` is not called any more. If it is being called, waits until it has returned, unless the calling thread is
  /// the one that calls it. Does nothing if the alarm was never set.
  void cancel() noexcept;

 protected:
  alarm() = default;
  virtual ~alarm() = default;  // after `cancel`

 private:
  friend class alarm_clock;

  /// Called once, on the thread that keeps the time: while it runs, no other alarm rings.
  virtual void ring() noexcept = 0;

  time_point at_ = time_point::max();
  bool is_set_ = false;  // guarded by the mutex of the clock
};

/// Keeps the thread that keeps the time, for as long as the object lives, so that alarms can be set without an
/// exception, and at less cost.
class clock_kept {
 public:
  /// Does nothing if not `really`. Throws `resource_error` or `std::bad_alloc`.
  explicit clock_kept(bool really) : is_kept_(really) {
    if (really) keep();
  }
  clock_kept(const clock_kept&) = delete;
  clock_kept& operator=(const clock_kept&) = delete;
  ~clock_kept() {
    if (is_kept_) leave();
  }

 private:
  static void keep();
  static void leave() noexcept;

  const bool is_kept_;
};

}  // namespace fanout::detail
