#pragma once

#include <cstddef>

namespace fanout::detail {

/// Who works for a task line, and who could be called to: numbers, which the mutex of the line's inbox guards.
///
/// A runner is *coming* (called, but not arrived), *working*, or *looking*: it has found nothing to take, and looks
/// for new tasks for a moment before it leaves. At most one looks. Threads that *sleep* at the line, because they
/// wait for the end or for room, may be *willing* to work.
struct task_crew {
  enum class call { nobody, sleeper, runner };

  /// Who is called for one more task. Nobody, if there are enough to see it, or who could be called was called.
  call for_another_task() const { return looking != 0 ? call::nobody : besides_looker(); }

  /// The same, if whoever looks cannot see the task for now.
  call besides_looker() const {
    if (working + looking >= most_runners) return call::nobody;
    if (willing != called && has_place()) return call::sleeper;
    return can_call && coming + called == 0 ? call::runner : call::nobody;
  }

  /// Whether a sleeper could work besides those who work or were called.
  bool has_place() const { return working + looking + called < most_runners; }

  const std::size_t most_runners;
  const bool can_call;  // false if no runner can be called, and only threads that sleep work
  std::size_t coming = 0;
  std::size_t working = 0;
  std::size_t looking = 0;
  std::size_t sleepers = 0;
  std::size_t willing = 0;  // sleepers that would work
  std::size_t called = 0;   // of these, who were called and have not awoken yet
};

}  // namespace fanout::detail
