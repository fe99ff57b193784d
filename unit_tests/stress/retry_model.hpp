#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "deadline_model.hpp"
#include "record.hpp"
#include "rule_model.hpp"

/// Checks the record of a batch against what `run_options::retry` and `task_timeout` promise.
namespace stress {

/// A task may have taken too long only if the batch took as long. (The time of a task is taken around it, where it
/// may be suspended, so its own times do not tell.)
inline bool tasks_may_be_late(const batch_record& record) {
  return record.task_timeout != fanout::no_limit && record.over - record.began >= record.task_timeout;
}

/// A task may be late before it has begun, if its runner is suspended and the batch is stopped meanwhile. Then it
/// counts as one that has started and failed. So many may have.
inline std::size_t late_in_vain(const batch_record& record) {
  return record.task_timeout == fanout::no_limit ? 0 : record.limit;
}

/// Whether it is told that a task took too long, and so has failed, whatever it did.
inline bool is_told_to_be_late(const batch_record& record, std::size_t index) {
  const auto names_it = [index](const told_failure& each) { return each.index == index && each.timed_out; };
  return std::any_of(record.told.begin(), record.told.end(), names_it) ||
         (index < record.results.size() && record.results[index].timed_out);
}

/// Whether it ended because all had been done, and nothing may have kept tasks from being tried again.
inline bool was_never_stopped(const batch_record& record, std::size_t came, std::size_t failed) {
  const bool ended_by_itself =
      record.how == ending::aggregate_error || (record.how == ending::returned && !record.takes_first);
  return ended_by_itself && !record.stop_requested && !may_be_out_of_time(record) && !record.rule_threw &&
         record.callback_threw_in == 0 && !may_be_fulfilled(record, came, failed);
}

template <class Broken>
void judge_attempts_of(const batch_record& record, std::size_t index, bool all_were_made, const Broken& broken) {
  const task_record& task = record.tasks[index];
  const auto& all = task.attempts;
  if (all.size() != task.starts) return broken("task ", index, " started ", task.starts, " times, and noted ", all.size());
  for (std::size_t made = 0; made != all.size(); ++made) {
    const attempt_record& mine = all[made];
    if (mine.number != made + 1) broken("attempt ", made + 1, " at task ", index, " is told to be number ", mine.number);
    if (task.refused_at != 0 && mine.started_at > task.refused_at)
      broken("task ", index, " started after it was refused");
    if (made == 0) continue;
    const attempt_record& before = all[made - 1];
    if (mine.started_at < before.ended_at)
      broken("attempt ", made + 1, " at task ", index, " began before the one before had ended");
    if (!before.threw && !tasks_may_be_late(record)) broken("task ", index, " was tried again though it had succeeded");
    if (before.threw && !record.retry.takes(index))
      broken("task ", index, " was tried again after a failure that is not to be");
    const std::chrono::nanoseconds least = record.retry.least_pause_after(static_cast<unsigned>(made));
    if (mine.began - before.over < least)
      broken("attempt ", made + 1, " at task ", index, " came ", (mine.began - before.over).count(),
             " ns after the one before, and was to come after ", least.count(), " or more");
  }
  const bool could_be_again = all.size() < std::size_t{record.retry.again} + 1 && record.retry.takes(index);
  if (all_were_made && task.threw && task.refused_at == 0 && could_be_again)
    broken("task ", index, " failed, and was not tried again after ", all.size(), " attempts");
}

/// The failure that is told is that of the last attempt. An attempt that is refused does not count, unless it
/// was the first; one whose body could not be called because of a stop does.
template <class Failure, class Broken>
void judge_told_attempts(const batch_record& record, std::size_t index, const Failure& told, const Broken& broken) {
  if (index >= record.tasks.size()) return;  // reported elsewhere
  const task_record& task = record.tasks[index];
  const unsigned made = std::max({task.starts, task.arounds, told.refused ? 1U : 0U});
  const bool was_late_in_vain = told.timed_out && told.attempts == made + 1;
  if (told.attempts != made && !was_late_in_vain)
    broken("task ", index, " is told to have had ", told.attempts, " attempts, and had ", made);
  if (told.refused && task.refused_at == 0) broken("task ", index, " is told to have been refused, and was not");
  if (told.timed_out && !tasks_may_be_late(record)) broken("task ", index, " is told to be late too early");
  if (!told.refused && !told.timed_out && told.cause_attempt != task.starts)
    broken("task ", index, " is told with the cause of attempt ", told.cause_attempt, " of ", task.starts);
}

/// Calls `broken(text…)` for each promise about attempts that the batch breaks.
template <class Broken>
void judge_attempts(const batch_record& record, std::size_t came, std::size_t failed, const Broken& broken) {
  const bool all_were_made = was_never_stopped(record, came, failed);
  for (std::size_t index = 0; index != record.tasks.size(); ++index) {
    const unsigned starts = record.tasks[index].starts;
    if (starts > record.retry.again + 1) broken("task ", index, " started ", starts, " times");
    if (record.notes_attempts) judge_attempts_of(record, index, all_were_made, broken);
  }
  for (const told_failure& each : record.told) judge_told_attempts(record, each.index, each, broken);
  for (std::size_t index = 0; index != record.results.size(); ++index) {
    if (record.results[index].what == handed_back::kind::failure)
      judge_told_attempts(record, index, record.results[index], broken);
  }
}

}  // namespace stress
