#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <vector>

#include "descriptor.hpp"

namespace tool {

/// The process groups of the commands that run, one for each command. They end with the tool; docs/tuning.md names the
/// processes that may remain.
///
/// If a signal that can be caught ends the tool, `interrupt_watcher` calls `halt(SIGKILL)` first. For all other ends,
/// such as SIGKILL or a crash, there is the *keeper*, a child process that does nothing until the tool has ended, and
/// then kills the groups that are left.
class process_groups {
  using entry = std::atomic<pid_t>;

 public:
  /// For at most `most` commands at once. Throws `std::system_error` if the keeper cannot be started.
  explicit process_groups(std::size_t most);

  /// Ends the keeper. Requires that no command runs.
  ~process_groups();
  process_groups(const process_groups&) = delete;
  process_groups& operator=(const process_groups&) = delete;

  /// The entry of one command, from before it is started until it has ended.
  class place {
   public:
    /// Waits while the groups are halted.
    explicit place(process_groups& groups);

    /// Waits while the groups are halted, so that nobody takes what the signal did for a failure of the command.
    ~place();
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    /// Says that the calling process leads a group of its own. The new process calls it, before it runs the command:
    /// if the tool did it, it could be killed between the start of a command and the call. Async-signal-safe.
    void claim(pid_t group) noexcept { entry_.store(group, std::memory_order_release); }

    /// Says that the new process runs the command, or does not exist. Until then no signal is sent to it.
    void started();

    /// Says that the group is no more. Required before its leader is collected: then its number may be given away.
    void release() noexcept { entry_.store(0, std::memory_order_release); }

   private:
    process_groups& groups_;
    entry& entry_;
    bool starting_ = true;
  };

  /// Sends SIGKILL or SIGSTOP to all groups, and to what the commands have started in other groups. No command is
  /// started until `resume()`.
  void halt(int signal);

  /// Undoes `halt(SIGSTOP)`.
  void resume();

  /// Returns when all places are free, after a second at the latest: the kernel may take long to end a process.
  void wait_until_free();

 private:
  entry& take_entry();
  std::vector<pid_t> leaders() const;

  const std::size_t size_;
  entry* const entries_;  // in memory that the new processes and the keeper share; 0 where there is no group
  descriptor lifeline_;   // the keeper reads the other end, and sees its end when the tool has ended
  pid_t keeper_ = 0;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::vector<entry*> free_;
  std::size_t starting_ = 0;
  bool halted_ = false;
};

}  // namespace tool
