#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "draws.hpp"
#include "plan.hpp"

/// Chooses how the tasks of a stream or a scope come, and how it ends. Its call, place, limit and size must be chosen
/// before.
namespace stress {

class arrivals {
 public:
  arrivals(draws& drawn, batch_plan& plan) : drawn_(drawn), plan_(plan) {}

  /// `in_task`: whether a task makes the stream or scope. Then no other thread may wait for it: fanout would not know
  /// that the task does, nor lend its slot.
  void choose(bool in_task) {
    plan_.stream = {};
    plan_.scope = {};
    if (plan_.call == call::stream) choose_stream();
    if (plan_.call == call::scope) choose_scope(in_task);
  }

  /// Whether tasks may wait for each other: all of them must come, and be in the stream at once. A thread that waits
  /// for room in a scope may run a task.
  static bool let_tasks_meet(const batch_plan& plan) {
    if (plan.call == call::stream) return plan.stream.leaves_after == endless && !plan.stream.source_throws;
    return plan.call != call::scope || (plan.scope.children == 0 && plan.scope.max_pending == 0);
  }

 private:
  void choose_stream() {
    stream_plan& stream = plan_.stream;
    stream.as_completed = drawn_.one_in(2);
    const std::size_t limit = plan_.limit == fanout::unlimited ? 20 : plan_.limit_of_threads();
    stream.ahead = drawn_.one_of<std::size_t>(
        {0, drawn_.between(1, 2 * limit), limit, limit + drawn_.below(100), 1'024});
    // Without a limit, there is a thread for each place.
    if (plan_.limit == fanout::unlimited) stream.ahead = std::clamp<std::size_t>(stream.ahead, 1, 40);
    stream.source_pauses = drawn_.one_in(6) && plan_.size < 1'000;
    stream.source_throws = drawn_.one_in(6);
    if (drawn_.one_in(5)) stream.leaves_after = drawn_.between(1, std::max<std::size_t>(1, plan_.size / 2));
    if (drawn_.one_in(16)) stream.leaves_after = 0;
    if (drawn_.one_in(4) && plan_.size < 1'000)
      stream.reader_pause = std::chrono::microseconds(drawn_.between(1, 300));
    stream.is_moved = drawn_.one_in(4);
    plan_.callback = {};
    plan_.on_error = fanout::error_policy::stop;
  }

  void choose_scope(bool in_task) {
    scope_plan& scope = plan_.scope;
    scope.adders = in_task || drawn_.one_in(2) ? 1 : drawn_.between(2, 4);
    if (drawn_.one_in(3)) scope.children = drawn_.between(1, 3);
    scope.by_adders = scope.children == 0 ? plan_.size : std::min(plan_.size, drawn_.between(1, plan_.size / 2 + 1));
    if (drawn_.one_in(3)) scope.max_pending = drawn_.one_in(2) ? drawn_.between(1, 4) : drawn_.between(1, 200);
    scope.tries = drawn_.one_in(3);
    scope.is_stopped = drawn_.one_in(8);
    scope.joins = !drawn_.one_in(8);
    plan_.bare = false;
    // Without a limit, a scope is promised a thousand threads.
    if (plan_.limit == fanout::unlimited && plan_.place == place::free) plan_.limit = drawn_.between(1, 40);
  }

  draws& drawn_;
  batch_plan& plan_;
};

}  // namespace stress
