#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

#include "processes/process_groups.hpp"

namespace tool {

/// While it lives, the first Ctrl-C (SIGINT) requests a stop, and the second ends the process. The second is the way
/// out when a task hangs in the kernel.
///
/// With process groups, it also extends signals for the tool to its commands: SIGTERM, SIGHUP and SIGQUIT kill them
/// before they end the tool, and Ctrl-Z (SIGTSTP) stops them with the tool, until both are continued.
///
/// Some commands must not be killed at once: *gently*, the first SIGINT, SIGTERM or SIGHUP requests a stop, and the
/// second is as above.
///
/// A thread waits for the signals instead of a handler: `std::stop_source::request_stop` may lock and run
/// callbacks, which no signal handler may. Requires to be made before other threads are, which inherit the blocked
/// signals. A signal that is ignored from the start (`nohup`, a background job of a script) stays ignored.
class interrupt_watcher {
 public:
  enum class manner { at_once, gently };

  explicit interrupt_watcher(process_groups* groups = nullptr, manner how = manner::at_once);
  ~interrupt_watcher();
  interrupt_watcher(const interrupt_watcher&) = delete;
  interrupt_watcher& operator=(const interrupt_watcher&) = delete;

  std::stop_token token() const { return source_.get_token(); }

  /// The signal that requested the stop; 0 if none did.
  int signal() const noexcept { return signal_.load(std::memory_order_relaxed); }

 private:
  void watch();
  void interrupt(int signal);
  void stop_for_a_while();
  [[noreturn]] void end_by(int signal);

  process_groups* const groups_;
  const manner how_;
  std::stop_source source_;
  std::atomic<int> signal_{0};  // relaxed: written once, by the watching thread, before the request, which orders it
  std::atomic<bool> ending_{false};
  sigset_t watched_{};
  sigset_t previous_mask_{};
  std::thread thread_;
};

/// Ends the process by a signal, as if it had never been handled. So a shell knows what has ended it, and a script is
/// interrupted with its commands.
[[noreturn]] void die_by(int signal);

}  // namespace tool
