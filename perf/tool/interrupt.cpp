#include "interrupt.hpp"

#include <cstdlib>
#include <system_error>

namespace tool {
namespace {

// Ends the wait of the watching thread. Nobody sends it but the destructor, to that thread alone.
const int wake_up = SIGRTMIN;

bool is_ignored(int signal) {
  struct sigaction current {};
  return sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN;
}

void change_mask(int how, int signal) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, signal);
  pthread_sigmask(how, &signals, nullptr);
}

}  // namespace

interrupt_watcher::interrupt_watcher(process_groups* groups, manner how) : groups_(groups), how_(how) {
  sigemptyset(&watched_);
  sigaddset(&watched_, wake_up);
  if (!is_ignored(SIGINT)) sigaddset(&watched_, SIGINT);
  if (groups_ != nullptr) {
    for (const int signal : {SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) {
      if (!is_ignored(signal)) sigaddset(&watched_, signal);
    }
  }
  if (const int code = pthread_sigmask(SIG_BLOCK, &watched_, &previous_mask_); code != 0) {
    throw std::system_error(code, std::generic_category(), "cannot block signals");
  }
  try {
    thread_ = std::thread([this] { watch(); });
  } catch (const std::system_error& error) {
    pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
    throw std::system_error(error.code(), "cannot start a thread");
  }
}

interrupt_watcher::~interrupt_watcher() {
  ending_ = true;
  // A signal that comes before the wait stays pending.
  pthread_kill(thread_.native_handle(), wake_up);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

void interrupt_watcher::watch() {
  while (true) {
    int signal = 0;
    if (sigwait(&watched_, &signal) != 0) continue;
    if (signal == wake_up) {
      if (ending_) return;
    } else if (signal == SIGINT || (how_ == manner::gently && (signal == SIGTERM || signal == SIGHUP))) {
      interrupt(signal);
    } else if (signal == SIGTSTP) {
      stop_for_a_while();
    } else {
      end_by(signal);
    }
  }
}

void interrupt_watcher::interrupt(int signal) {
  if (source_.stop_requested()) end_by(signal);
  signal_.store(signal, std::memory_order_relaxed);
  source_.request_stop();
}

void interrupt_watcher::stop_for_a_while() {
  groups_->halt(SIGSTOP);
  // By the default action of the signal, which spares a group that no shell could continue.
  change_mask(SIG_UNBLOCK, SIGTSTP);
  raise(SIGTSTP);
  change_mask(SIG_BLOCK, SIGTSTP);
  groups_->resume();
}

void interrupt_watcher::end_by(int signal) {
  if (groups_ != nullptr) {
    groups_->halt(SIGKILL);
    groups_->wait_until_free();
  }
  die_by(signal);
}

void die_by(int signal) {
  std::signal(signal, SIG_DFL);
  change_mask(SIG_UNBLOCK, signal);
  raise(signal);
  std::_Exit(128 + signal);
}

}  // namespace tool
