#pragma once

#include <cstddef>

#include "record.hpp"
#include "rule_model.hpp"

/// Checks the record of a call of `first_in_parallel` against what only that promises.
namespace stress {

/// Calls `broken(text…)` for each promise that the call breaks.
template <class Broken>
void judge_first(const batch_record& record, std::size_t started, std::size_t failed, const Broken& broken) {
  // A runner whose task has returned starts no other task.
  if (started - failed > record.limit && record.task_timeout == fanout::no_limit)
    broken(started - failed, " tasks returned with ", record.limit, " runners");
  const bool all_failed = started == record.size && failed == started;
  if (record.how == ending::aggregate_error && !all_failed && !may_be_fulfilled(record, started, failed))
    broken("an aggregate, though a task returned");
  if (record.how != ending::returned) return;
  const auto [index, of] = record.first;
  if (of != index) broken("the value is told to be that of task ", index, ", and is that of task ", of);
  if (index >= record.tasks.size()) return broken("there is no task ", index);
  const task_record& task = record.tasks[index];
  if (task.starts == 0 || task.threw) broken("task ", index, " has not returned a value");
  if (task.saw_stop) broken("task ", index, " had seen a stop before it returned");
}

}  // namespace stress
