#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>

#include "fanout/detail/batch.hpp"

namespace fanout::detail {

/// Tells a callback how many tasks of a batch have ended, as `run_options::on_progress` promises.
///
/// A runner counts the tasks that it has ended, and then calls `update`. One thread at a time reports, as long as the
/// count grows; threads that arrive meanwhile return at once.
///
/// No count is missed. An arriving thread writes its count, and then reads the flag; the reporter clears the flag,
/// and then reads the counts. A fence separates the two steps on both sides, so the arriving thread finds the flag
/// clear and reports, or the reporter sees its count. (An unconditional exchange of the flag would order them without
/// fences. But then the flag's cache line moves between cores with each task, and a callback costs 100 ns per task.)
class progress {
 public:
  using callback = std::function<void(std::size_t completed, std::size_t total)>;

  progress(const callback& report, std::chrono::nanoseconds interval, std::size_t total)
      : report_(report), interval_(interval), total_(total) {
    if (report_) wait_from(clock::now());
  }

  bool wanted() const { return static_cast<bool>(report_); }

  /// Whether each single task must be reported.
  bool wants_each() const { return wanted() && interval_.count() <= 0; }

  /// Reports the value of `count()` if a report is due and no other thread is reporting. Throws what the callback
  /// throws; after that nothing is reported any more.
  template <class Count>
  void update(Count count) {
    update(count, [this] { return total_; });
  }

  /// The same for a total that grows: `total()` is read after `count()`.
  template <class Count, class Total>
  void update(Count count, Total total) {
    if (!due()) return;
    std::size_t counted = 0;
    do {
      std::atomic_thread_fence(std::memory_order_seq_cst);
      if (reporting_.load(std::memory_order_relaxed) || reporting_.exchange(true, std::memory_order_acquire)) return;
      for (counted = count(); counted > told_ && due(); counted = count()) {
        tell(counted, total());  // if this throws, the flag stays set, so no thread reports again
      }
      reporting_.store(false, std::memory_order_release);
      std::atomic_thread_fence(std::memory_order_seq_cst);
    } while (due() && count() != counted);
  }

  /// The last report of a batch that succeeded, unless the callback threw when that was decided. Requires that one is
  /// wanted, and that all runners have joined.
  void finish() { finish(total_); }
  void finish(std::size_t total) {
    if (!reporting_.load(std::memory_order_relaxed) && told_ != total) tell(total, total);
  }

 private:
  using clock = std::chrono::steady_clock;

  bool due() const {
    return interval_.count() <= 0 || clock::now().time_since_epoch().count() >= due_.load(std::memory_order_relaxed);
  }

  void tell(std::size_t completed, std::size_t total) {
    told_ = completed;
    try {
      report_(completed, total);
    } catch (...) {
      require_exception();
      throw;
    }
    wait_from(clock::now());
  }

  /// If the interval reaches beyond the end of the clock, only `finish` reports.
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
  std::size_t told_ = 0;            // guarded by the flag
  std::atomic<clock::rep> due_{0};  // written by the thread that holds the flag; for others a hint, so relaxed
};

}  // namespace fanout::detail
