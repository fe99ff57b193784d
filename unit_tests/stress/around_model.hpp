#pragma once

#include <cstddef>

#include "record.hpp"

/// Checks the record of a batch against what `run_options::around` promises.
namespace stress {

/// Calls `broken(text…)` for each promise that the batch breaks. Each runner may be in the function when the batch is
/// stopped, and then the task does not start.
template <class Broken>
void judge_around(const batch_record& record, const Broken& broken) {
  std::size_t in_vain = 0;
  for (std::size_t index = 0; index != record.tasks.size(); ++index) {
    const task_record& task = record.tasks[index];
    const bool has_started = task.starts != 0;
    if (task.arounds > (record.has_around ? record.retry.again + 1 : 0))
      broken("task ", index, " was called around ", task.arounds, " times");
    if (record.has_around && task.arounds < task.starts) broken("task ", index, " had nothing around it");
    if (has_started && task.arounds != 0 && record.has_moments && task.around_thread != task.thread)
      broken("task ", index, " ran on another thread than what is around it");
    if (task.arounds > task.starts) ++in_vain;
  }
  if (in_vain > record.limit) broken(in_vain, " tasks were called around, and did not start");
}

}  // namespace stress
