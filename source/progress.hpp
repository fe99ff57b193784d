#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>

namespace fanout::detail {

/// Tells a callback how many tasks of a batch have ended, under the promises of `run_options::on_progress`.
///
/// Who ends tasks counts them first and calls `update` then. One thread at a time reports; who comes meanwhile
/// goes on at once, and the reporter looks at the count again when it is done. No count is missed: both sides
/// *exchange* the flag, so either the newcomer finds it clear and reports, or the reporter's exchange reads the
/// newcomer's, and with it sees its count.
class progress {
 public:
  using callback = std::function<void(std::size_t completed, std::size_t total)>;

  progress(const callback& report, std::chrono::nanoseconds interval, std::size_t total)
      : report_(report), interval_(interval), total_(total) {
    if (report_) wait_from(clock::now());
  }

  bool wanted() const { return static_cast<bool>(report_); }

  /// Whether every single end of a task is to be told.
  bool wants_each() const { return wanted() && interval_.count() <= 0; }

  /// Reports what `count()` says, if it is due and nobody else is at it. Throws what the callback throws; then
  /// nothing is reported any more.
  template <class Count>
  void update(Count count) {
    std::size_t counted = 0;
    bool was_due = false;
    do {
      if (reporting_.exchange(true, std::memory_order_acq_rel)) return;
      counted = count();
      was_due = due();
      if (was_due && counted > told_) tell(counted);  // a throw leaves the flag set: nobody reports again
      reporting_.exchange(false, std::memory_order_acq_rel);
    } while (was_due && count() != counted);
  }

  /// The last call of a batch that succeeded, when no other thread is left.
  void finish() {
    if (wanted() && told_ != total_) tell(total_);
  }

 private:
  using clock = std::chrono::steady_clock;

  bool due() const { return interval_.count() <= 0 || clock::now() >= due_; }

  void tell(std::size_t completed) {
    told_ = completed;
    report_(completed, total_);
    wait_from(clock::now());
  }

  /// An interval beyond the end of time means: not before the last call.
  void wait_from(clock::time_point now) {
    constexpr auto never = clock::time_point::max();
    if (interval_.count() > 0) due_ = interval_ < never - now ? now + interval_ : never;
  }

  const callback& report_;
  const std::chrono::nanoseconds interval_;
  const std::size_t total_;
  std::atomic<bool> reporting_{false};
  std::size_t told_ = 0;  // of the thread that holds the flag, as due_
  clock::time_point due_{};
};

}  // namespace fanout::detail
