#pragma once

#include <algorithm>
#include <cstddef>

#include "record.hpp"
#include "start_order.hpp"

/// Checks the record of a batch against what `run_options::stop_when` promises.
namespace stress {

inline bool fulfils(const rule& asked, std::size_t ended, std::size_t failed) {
  switch (asked.what) {
    case rule::kind::none:
      return false;
    case rule::kind::failures:
      return failed >= asked.number;
    case rule::kind::share:
      return ended >= asked.number && failed != 0 && 100 * failed >= asked.percent * ended;
    case rule::kind::successes:
      return ended - failed >= asked.number;
  }
  return false;
}

/// Whether the rule may have been fulfilled at some time in a batch of which so many tasks ran and failed in the end.
/// (A share is largest when the tasks that failed have ended, and few others.)
inline bool may_be_fulfilled(const batch_record& record, std::size_t started, std::size_t failed) {
  const rule& asked = record.stop_when;
  if (asked.what != rule::kind::share) return fulfils(asked, started, failed);
  return started >= asked.number && fulfils(asked, std::max({asked.number, failed, std::size_t{1}}), failed);
}

/// One runner asks when each of its tasks has ended, before it starts the next.
template <class Broken>
void judge_rule_of_one_runner(const batch_record& record, const Broken& broken) {
  std::size_t ended = 0;
  std::size_t failed = 0;
  for (const std::size_t index : started_by_time(record)) {
    if (fulfils(record.stop_when, ended, failed))
      return broken("task ", index, " started when the rule was fulfilled, after ", ended,
                    " tasks, of which ", failed, " had failed");
    ++ended;
    if (record.tasks[index].threw) ++failed;
  }
}

/// Calls `broken(text…)` for each promise about the rule that the batch breaks. When it is fulfilled, each of the
/// other runners may have a task in flight. Successes are counted less exactly: two runners that end a task at the
/// same moment may both not see that of the other, and then each starts one more.
template <class Broken>
void judge_rule(const batch_record& record, std::size_t started, std::size_t failed, const Broken& broken) {
  const rule& asked = record.stop_when;
  // In a scope, a runner may be suspended just before it stops the others. Where tasks are tried again, those that
  // pause have failed when the batch ends. Who is late is not always told.
  const bool counts = !record.scope && record.retry.again == 0 && record.task_timeout == fanout::no_limit;
  if (counts && asked.what == rule::kind::failures && failed > asked.number - 1 + record.limit)
    broken(failed, " tasks failed with ", record.limit, " runners, which was to end after ", asked.number);
  if (counts && asked.what == rule::kind::successes && started - failed > asked.number - 1 + 2 * record.limit)
    broken(started - failed, " tasks succeeded with ", record.limit, " runners, which was to end after ",
           asked.number);
  const auto was_refused = [](const task_record& each) { return each.refused_at != 0; };
  const bool all_ends_are_known = std::none_of(record.tasks.begin(), record.tasks.end(), was_refused);
  if (counts && all_ends_are_known && record.limit == 1 && record.has_moments) judge_rule_of_one_runner(record, broken);
}

}  // namespace stress
