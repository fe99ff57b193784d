#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace tool {

/// While it lives, the first Ctrl-C (SIGINT) requests a stop, and the second ends the process with exit code 130:
/// the way out when a task hangs in the kernel.
///
/// A thread waits for the signal instead of a handler: `std::stop_source::request_stop` may lock and run
/// callbacks, which no signal handler may. Requires to be made before other threads are, which inherit the blocked
/// signal. A SIGINT that is ignored from the start (`nohup`, a background job of a script) stays ignored.
class interrupt_watcher {
 public:
  interrupt_watcher();
  ~interrupt_watcher();
  interrupt_watcher(const interrupt_watcher&) = delete;
  interrupt_watcher& operator=(const interrupt_watcher&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void watch();

  std::stop_source source_;
  std::atomic<bool> ending_{false};
  sigset_t previous_mask_{};
  std::thread thread_;
};

}  // namespace tool
