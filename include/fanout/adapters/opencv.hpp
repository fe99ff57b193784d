#pragma once

#include <opencv2/core/parallel/parallel_backend.hpp>

#include <algorithm>
#include <atomic>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/task_context.hpp"

namespace fanout::adapters {

/// Runs the loops of OpenCV (4.5.2 or newer) on an executor, which must stay there until OpenCV has another backend:
///
///     cv::parallel::setParallelForBackend(std::make_shared<fanout::adapters::opencv_backend>(executor), false);
///
/// OpenCV calls `parallel_for` from the thread that calls OpenCV, for one loop of the process at a time: a loop that
/// begins meanwhile, inside or elsewhere, runs on its calling thread, and does not get here. It returns when each
/// stripe has run once, on any thread. It may block: it waits for a slot of the executor, unless a task of that
/// executor makes the call. OpenCV catches what a body throws, and throws the first exception at the end. If there is
/// no memory for a batch, the calling thread runs the stripes that are left.
class opencv_backend final : public cv::parallel::ParallelForAPI {
 public:
  explicit opencv_backend(const executor& on) noexcept : executor_(on) {}  ///< Does not use it yet.
  explicit opencv_backend(const executor&&) = delete;
  /// Throws what a body throws; those of OpenCV throw nothing.
  void parallel_for(int stripes, FN_parallel_for_body_cb_t body, void* data) override {
    std::atomic<int> next = 0;  // claimed by the threads of the loop; the end of the batch orders what they wrote
    const auto run = [&](int count) {
      const int first = next.fetch_add(count, std::memory_order_relaxed);
      body(first, first + count, data);
    };
    try {  // the shares of fanout decide how many stripes, and `next` which
      executor_.for_each_range(stripes, [&](int first, int last) { run(last - first); }, getNumThreads());
    } catch (const task_error& failure) {
      failure.rethrow_nested();
    } catch (const std::bad_alloc&) {  // some stripes may have run; all that have begun have ended
    } catch (const resource_error&) {  // the same
    }
    if (const int left = stripes - next.load(std::memory_order_relaxed); left > 0) run(left);
  }
  /// Numbers the threads of a loop from 0, below `getNumThreads()`.
  int getThreadNum() const override {
    const auto runner = static_cast<int>(current_runner().value_or(0));
    return runner < getNumThreads() ? runner : 0;  // not in a loop, but in a task of an executor with more threads
  }
  /// The number that was set, at most the greatest limit of the executor.
  int getNumThreads() const override { return limit_; }
  /// Limits the loops that begin later, 0 to one thread. OpenCV itself calls this with the number of cores if
  /// `setParallelForBackend` is called without `false`. Returns the number before.
  int setNumThreads(int threads) override { return limit_.exchange(std::clamp(threads, 1, most_)); }
  const char* getName() const override { return "fanout"; }  ///< For OpenCV's log.
 private:
  const executor& executor_;
  const int most_ = std::max(1, static_cast<int>(executor_.greatest_concurrency()));
  std::atomic<int> limit_ = most_;  // set and read by any thread; no other data depends on it
};

}  // namespace fanout::adapters
