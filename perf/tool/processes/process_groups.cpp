#include "processes/process_groups.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <system_error>

#include "processes/blocked_signals.hpp"
#include "processes/process_trees.hpp"

namespace tool {
namespace {

using namespace std::chrono_literals;

// Where a process hangs in the kernel, a signal to the tool must still end it.
constexpr auto patience = 1s;

std::atomic<pid_t>* shared_entries(std::size_t count) {
  static_assert(std::atomic<pid_t>::is_always_lock_free, "processes share it");
  void* const memory =
      mmap(nullptr, count * sizeof(std::atomic<pid_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot share memory");
  auto* const entries = static_cast<std::atomic<pid_t>*>(memory);
  std::uninitialized_value_construct_n(entries, count);
  return entries;
}

/// What the keeper does, in a session of its own: a signal for the group of the tool does not reach it.
///
/// A new process has a copy of the lifeline until it runs its command. So when the lifeline ends, all groups have
/// been claimed.
[[noreturn]] void keep(int lifeline, const std::atomic<pid_t>* entries, std::size_t count) {
  setsid();
  prctl(PR_SET_NAME, "fanout-keeper");
  prctl(PR_SET_PDEATHSIG, SIGCONT);  // in case somebody has stopped it: it could not end with the tool then
  char byte = 0;
  while (read(lifeline, &byte, 1) == -1 && errno == EINTR) {
  }
  for (std::size_t i = 0; i != count; ++i) {
    const pid_t leader = entries[i].load(std::memory_order_acquire);
    if (leader <= 0) continue;
    kill(-leader, SIGKILL);
    kill(leader, SIGKILL);  // which may have moved to another group
  }
  _exit(0);
}

}  // namespace

process_groups::process_groups(std::size_t most) : size_(most), entries_(shared_entries(most)) {
  free_.reserve(size_);
  for (std::size_t i = size_; i != 0; --i) free_.push_back(&entries_[i - 1]);

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  const descriptor keepers_end(ends[0]);
  lifeline_ = descriptor(ends[1]);
  const blocked_signals blocked;  // and so they stay in the keeper, which ends with the tool
  keeper_ = fork();
  if (keeper_ == 0) {
    close(lifeline_.get());
    keep(keepers_end.get(), entries_, size_);
  }
  if (keeper_ < 0) throw std::system_error(errno, std::generic_category(), "cannot start a process");
}

process_groups::~process_groups() {
  lifeline_.reset();
  kill(keeper_, SIGCONT);  // in case somebody has stopped it
  while (waitpid(keeper_, nullptr, 0) == -1 && errno == EINTR) {
  }
  munmap(entries_, size_ * sizeof(entry));
}

process_groups::entry& process_groups::take_entry() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !halted_; });
  if (free_.empty()) throw std::system_error(EAGAIN, std::generic_category(), "too many commands at once");
  ++starting_;
  entry* const taken = free_.back();
  free_.pop_back();
  return *taken;
}

process_groups::place::place(process_groups& groups) : groups_(groups), entry_(groups.take_entry()) {}

void process_groups::place::started() {
  const std::lock_guard lock(groups_.mutex_);
  starting_ = false;
  --groups_.starting_;
  groups_.changed_.notify_all();
}

process_groups::place::~place() {
  if (starting_) started();
  release();
  std::unique_lock lock(groups_.mutex_);
  groups_.free_.push_back(&entry_);
  groups_.changed_.notify_all();
  groups_.changed_.wait(lock, [this] { return !groups_.halted_; });
}

void process_groups::halt(int signal) {
  std::unique_lock lock(mutex_);
  halted_ = true;
  changed_.wait_for(lock, patience, [this] { return starting_ == 0; });
  signal_trees(leaders(), signal);
}

void process_groups::resume() {
  const std::lock_guard lock(mutex_);
  signal_trees(leaders(), SIGCONT);
  halted_ = false;
  changed_.notify_all();
}

std::vector<pid_t> process_groups::leaders() const {
  std::vector<pid_t> running;
  for (std::size_t i = 0; i != size_; ++i) {
    if (const pid_t leader = entries_[i].load(std::memory_order_acquire); leader > 0) running.push_back(leader);
  }
  return running;
}

void process_groups::wait_until_free() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return free_.size() == size_; });
}

}  // namespace tool
