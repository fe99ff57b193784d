#include "interrupt.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "exit_status.hpp"

namespace tool {
namespace {

sigset_t interrupt_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  return signals;
}

bool interrupts_are_ignored() {
  struct sigaction current {};
  return sigaction(SIGINT, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

}  // namespace

interrupt_watcher::interrupt_watcher() {
  if (interrupts_are_ignored()) return;
  const sigset_t signals = interrupt_signal();
  if (const int code = pthread_sigmask(SIG_BLOCK, &signals, &previous_mask_); code != 0) {
    throw std::system_error(code, std::generic_category(), "cannot block SIGINT");
  }
  thread_ = std::thread([this] { watch(); });
}

interrupt_watcher::~interrupt_watcher() {
  if (!thread_.joinable()) return;
  ending_ = true;
  // Directed at the watching thread alone, so it wakes nobody else; a signal that comes before the wait stays pending.
  pthread_kill(thread_.native_handle(), SIGINT);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

void interrupt_watcher::watch() {
  const sigset_t signals = interrupt_signal();
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (ending_) return;
    if (!source_.request_stop()) std::_Exit(interrupted);
  }
}

}  // namespace tool
