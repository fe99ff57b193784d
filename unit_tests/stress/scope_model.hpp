#pragma once

#include <algorithm>
#include <cstddef>
#include <map>

#include "record.hpp"

/// Checks the record of a task scope against what only a scope promises.
namespace stress {

/// The index of a task is its place in the order of adding: later for a later one of the same adder.
template <class Broken>
void judge_adding(const batch_record& record, const scope_record& scope, const Broken& broken) {
  std::map<unsigned, std::size_t> next;
  for (std::size_t index = 0; index != std::min(scope.added.size(), record.tasks.size()); ++index) {
    if (record.tasks[index].starts == 0) continue;
    const auto [adder, number, add_began_at] = scope.added[index];
    std::size_t& least = next[adder];
    if (number < least) broken("task ", index, " is number ", number, " of adder ", adder, ", behind a later one");
    least = number + 1;
    if (record.stop_requested_at != 0 && add_began_at > record.stop_requested_at)
      broken("task ", index, " was added after the request to stop, and started");
  }
}

/// Each runner may have taken a task that has not noted its start. After a stop nothing waits.
template <class Broken>
void judge_waiting(const batch_record& record, const scope_record& scope, const Broken& broken) {
  if (scope.max_pending == endless) {
    if (scope.least_waiting_when_refused != endless) broken("a task was refused without a bound");
    return;
  }
  const bool was_never_stopped = record.stop_when.what == rule::kind::none &&
                                 (record.how == ending::returned || record.how == ending::aggregate_error);
  if (was_never_stopped && scope.most_waiting > scope.max_pending + record.limit + scope.added_by_tasks)
    broken(scope.most_waiting, " tasks waited for a place, with room for ", scope.max_pending);
  if (scope.least_waiting_when_refused < scope.max_pending)
    broken("a task was refused when ", scope.least_waiting_when_refused, " waited, with room for ",
           scope.max_pending);
}

/// Calls `broken(text…)` for each promise that the scope breaks.
template <class Broken>
void judge_scope(const batch_record& record, const scope_record& scope, const Broken& broken) {
  judge_adding(record, scope, broken);
  judge_waiting(record, scope, broken);
  if (record.how != ending::refused && record.how != ending::unexpected &&
      scope.joined != (record.how != ending::dropped))
    broken(scope.joined ? "was not joined" : "was not dropped");
  if (scope.in_flight_at_end != 0) broken(scope.in_flight_at_end, " tasks ran when join had ended");
}

}  // namespace stress
