#pragma once

#include <pthread.h>

#include <cstddef>

namespace fanout::detail {

/// A thread of fanout's own.
///
/// A new thread inherits its signal mask, affinity, nice value and scheduling policy from the thread that creates it.
/// Whichever thread of the program happens to use fanout first must not decide how the tasks of all others run. So
/// this thread takes the affinity, nice value and policy of the process, which are those of its main thread. It
/// blocks every signal that may be sent to the process, so that a thread of the program that waits for one gets it.
class own_thread {
 public:
  /// Starts the thread, which calls `function(argument)`. It is named `fanout/<number>`. Its stack has `stack_size`
  /// bytes, or the system's default size if that is 0. False if the process may not create it.
  bool start(std::size_t number, std::size_t stack_size, void (*function)(void*), void* argument) noexcept;

  /// Waits until the thread has ended. Requires that `start` returned true, and is called once.
  void join() const noexcept { ::pthread_join(handle_, nullptr); }

  /// Gives the calling thread the affinity, nice value and scheduling policy of the process. False if it still runs
  /// at a lower priority: only a privileged thread may lower its nice value.
  static bool adopt_process_settings() noexcept;

  /// Whether the calling thread runs at least at the priority of the process.
  static bool has_process_priority() noexcept;

 private:
  static void* run(void* thread) noexcept;

  ::pthread_t handle_{};
  std::size_t number_ = 0;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
};

}  // namespace fanout::detail
