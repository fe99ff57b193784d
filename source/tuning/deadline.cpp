#include "tuning/deadline.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <system_error>

namespace fanout::detail {
namespace {

/// Blocks all signals of the calling thread, whose new threads inherit that.
class blocked_signals {
 public:
  blocked_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  blocked_signals(const blocked_signals&) = delete;
  blocked_signals& operator=(const blocked_signals&) = delete;
  ~blocked_signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

deadline::deadline(const std::stop_token& other, std::chrono::nanoseconds limit)
    : on_other_(other, [this] { stop_.request_stop(); }) {
  const blocked_signals during_the_start;
  try {
    thread_.emplace([this, limit](const std::stop_token& ended) { wait(ended, limit); });
  } catch (const std::system_error&) {
    return;
  }
}

void deadline::wait(const std::stop_token& ended, std::chrono::nanoseconds limit) {
  constexpr std::chrono::hours long_time(24 * 365);  // the clock cannot tell a time that is as far away as can be
  std::unique_lock lock(mutex_);
  ended_.wait_for(lock, ended, std::min<std::chrono::nanoseconds>(limit, long_time), [] { return false; });
  if (ended.stop_requested()) return;
  const std::chrono::nanoseconds after = std::chrono::steady_clock::now() - start_;
  passed_after_.store(after.count(), std::memory_order_release);
  stop_.request_stop();
}

}  // namespace fanout::detail
