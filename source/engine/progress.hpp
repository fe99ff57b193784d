#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>

namespace fanout::detail {

/// Tells a callback how many tasks of a batch have ended, under the promises of `run_options::on_progress`.
///
/// Who ends tasks counts them first and calls `update` then. One thread at a time reports, as long as the count grows;
/// who comes meanwhile goes on at once. No count is missed: the newcomer writes its count and then reads the flag, the
/// reporter clears the flag and then reads the counts, with a fence in between on both sides; so either the newcomer
/// finds it clear and reports, or the reporter sees its count. (Exchanging the flag would order them, too. But then its
/// line went from core to core with each task, and a callback cost 100 ns a task.)
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
    if (!due()) return;
    std::size_t counted = 0;
    do {
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (reporting_.load(std::memory_order_relaxed) || reporting_.exchange(true, std::memory_order_acquire)) return;
      for (counted = count(); counted > told_ && due(); counted = count()) {
        tell(counted);  // a throw leaves the flag set: nobody reports again
      }
      reporting_.store(false, std::memory_order_release);
      std::atomic_thread_fence(std::memory_order_seq_cst);
    } while (due() && count() != counted);
  }

  /// The last call of a batch that succeeded, when no other thread is left.
  void finish() {
    if (wanted() && told_ != total_) tell(total_);
  }

 private:
  using clock = std::chrono::steady_clock;

  bool due() const {
    return interval_.count() <= 0 || clock::now().time_since_epoch().count() >= due_.load(std::memory_order_relaxed);
  }

  void tell(std::size_t completed) {
    told_ = completed;
    report_(completed, total_);
    wait_from(clock::now());
  }

  /// An interval beyond the end of time means: not before the last call.
  void wait_from(clock::time_point now) {
    constexpr auto never = clock::time_point::max();
    if (interval_.count() <= 0) return;
    const clock::time_point next = interval_ < never - now ? now + interval_ : never;
    due_.store(next.time_since_epoch().count(), std::memory_order_relaxed);
  }

  const callback& report_;
  const std::chrono::nanoseconds interval_;
  const std::size_t total_;
  std::atomic<bool> reporting_{false};
  std::size_t told_ = 0;            // of the thread that holds the flag
  std::atomic<clock::rep> due_{0};  // written by the same; a hint to the others, which it orders nothing for
};

}  // namespace fanout::detail
