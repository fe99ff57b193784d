#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "record.hpp"

/// In which order the tasks of a batch start.
namespace stress {

inline std::vector<std::size_t> started_by_time(const batch_record& record) {
  std::vector<std::size_t> by_time;
  for (std::size_t index = 0; index != record.tasks.size(); ++index) {
    if (record.tasks[index].starts != 0) by_time.push_back(index);
  }
  std::sort(by_time.begin(), by_time.end(), [&record](std::size_t one, std::size_t other) {
    return record.tasks[one].started_at < record.tasks[other].started_at;
  });
  return by_time;
}

/// At limit 1 one thread runs all tasks: the calling thread, unless the batch is submitted.
template <class Broken>
void judge_the_only_thread(const batch_record& record, const Broken& broken) {
  unsigned runs_all = record.is_submitted ? 0 : record.caller;
  for (std::size_t index = 0; index != record.tasks.size(); ++index) {
    const task_record& task = record.tasks[index];
    if (task.starts == 0) continue;
    if (runs_all == 0) runs_all = task.thread;
    if (task.thread != runs_all) return broken("at limit 1 task ", index, " ran on another thread");
  }
}

/// The tasks that a runner has taken and not started are consecutive. So below the last started task, the tasks that
/// have not started form at most as many gaps as there are runners. At limit 1 there is no gap.
template <class Broken>
void judge_gaps(const batch_record& record, const Broken& broken) {
  std::vector<bool> begun(record.tasks.size() + 1);  // [index + 1], so that every task has a left neighbour
  begun[0] = true;
  std::size_t frontier = 0;  // after the last task that has started
  std::size_t gaps = 0;
  for (const std::size_t index : started_by_time(record)) {
    if (index >= frontier) {
      if (index > frontier) ++gaps;
      frontier = index + 1;
    } else {
      ++gaps;
      if (begun[index]) --gaps;
      if (begun[index + 2]) --gaps;
    }
    begun[index + 1] = true;
    if (gaps > (record.limit == 1 ? 0 : record.limit))
      return broken(gaps, " gaps below task ", index, " with ", record.limit, " runners");
  }
}

/// The place of each task in the order of starts, without those that were refused, which never start.
inline std::vector<std::size_t> places_of(const batch_record& record) {
  const std::size_t size = record.tasks.size();
  std::vector<std::size_t> in_order(size);
  for (std::size_t index = 0; index != size; ++index) in_order[record.ranks.empty() ? index : record.ranks[index]] = index;
  std::vector<std::size_t> places(size);
  std::size_t next = 0;
  for (const std::size_t index : in_order) {
    places[index] = next;
    if (record.tasks[index].starts != 0 || record.tasks[index].refused_at == 0) ++next;
  }
  return places;
}

/// A runner takes one task at a time. So before a task that starts, only the other runners have one each that they
/// have taken and not started. At limit 1 this is the exact order.
template <class Broken>
void judge_one_by_one(const batch_record& record, const Broken& broken) {
  const std::vector<std::size_t> places = places_of(record);
  std::size_t frontier = 0;
  std::size_t started = 0;
  for (const std::size_t index : started_by_time(record)) {
    frontier = std::max(frontier, places[index] + 1);
    ++started;
    if (frontier - started >= record.limit)
      return broken(frontier - started, " tasks that come before had not started with task ", index, ", with ",
                    record.limit, " runners");
  }
}

/// Calls `broken(text…)` if the tasks started in another order than they may.
template <class Broken>
void judge_start_order(const batch_record& record, const Broken& broken) {
  if (!record.has_moments || record.stream) return;  // a stream promises no order of starts
  if (record.scope) return judge_one_by_one(record, broken);
  // On an executor, a batch of unequal tasks leaves its place while all its tasks wait, and another thread comes
  // back.
  if (record.limit == 1 && !(record.is_unequal && record.on_executor)) judge_the_only_thread(record, broken);
  if (record.is_unequal) return judge_one_by_one(record, broken);
  judge_gaps(record, broken);
}

}  // namespace stress
