#pragma once

#include <csignal>

namespace tool {

/// Blocks all signals in the calling thread while it lives.
class blocked_signals {
 public:
  blocked_signals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
  }
  ~blocked_signals() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  blocked_signals(const blocked_signals&) = delete;
  blocked_signals& operator=(const blocked_signals&) = delete;

 private:
  sigset_t previous_{};
};

}  // namespace tool
