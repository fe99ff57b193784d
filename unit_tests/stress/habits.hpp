#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "support.hpp"
#include "arrivals.hpp"
#include "draws.hpp"
#include "plan.hpp"

/// Chooses what the tasks of a plan do. The rest of the plan must be complete, including the inner batch if tasks
/// nest.
namespace stress {

class habits {
 public:
  habits(draws& drawn, batch_plan& plan) : drawn_(drawn), plan_(plan) {}

  void choose_any() {
    if (plan_.size == 0) return;
    if (may_meet(plan_) && drawn_.one_in(3)) meet_some();
    if (drawn_.one_in(6)) mix_lengths(20, 3);
    for (std::size_t more = drawn_.below(4); more != 0; --more) plan_.habits.push_back(any());
    if (drawn_.one_in(12)) loop();
  }

  /// Makes `count` tasks wait for each other, and do nothing else.
  void meet(std::size_t count) {
    std::vector<habit> places = drawn_.places(action::meet, count, plan_.size);
    if (plan_.call == call::stream) places = {neighbours(action::meet, count)};
    plan_.habits.insert(plan_.habits.begin(), places.begin(), places.end());
  }

  /// Makes as many tasks meet as may be in flight, or fewer.
  void meet_some() { meet(drawn_.one_in(2) ? plan_.runners() : drawn_.between(1, plan_.runners())); }

  /// Makes some tasks take 1 ms and some 10 ms; the others take no time.
  void mix_lengths(std::size_t most_of_1_ms, std::size_t most_of_10_ms) {
    add_somewhere(action::last_10_ms, drawn_.between(1, most_of_10_ms));
    add_somewhere(action::last_1_ms, drawn_.between(1, most_of_1_ms));
  }

  /// Makes some tasks run a loop of oneTBB that calls an executor. Not in a batch in which tasks meet or hold a
  /// resource, or inside one, because the threads of a loop may run any other task of their arena. Not under the
  /// thread sanitizer, which does not see how oneTBB orders the turns.
  void loop() {
    loop_plan loop;
    loop.by_task_group = drawn_.one_in(3);
    loop.executor = drawn_.one_in(2) || plan_.place == place::free ? drawn_.between(1, 4) : 0;
    loop.turns = drawn_.between(2, 16);
    loop.tasks = drawn_.between(1, 3);
    const habit where = some_of(action::loop, 3);
    if (support::under_thread_sanitizer || plan_.has(action::meet) || plan_.call == call::with_pool) return;
    plan_.loop = loop;
    plan_.habits.insert(plan_.habits.begin(), where);
  }

  /// Whether `runners()` tasks may wait for each other: the limit is named, and no other batch uses the threads.
  /// Whatever else the tasks do must end by itself, as inner batches do. (In a loop of oneTBB, a thread may wait for
  /// one of its own tasks.)
  static bool may_meet(const batch_plan& plan) {
    const bool is_named = plan.place == place::own_executor || plan.place == place::passed_on_executor ||
                          (plan.place == place::free && plan.limit != fanout::automatic);
    // A bare task does not see that the first value has stopped the others.
    const bool may_be_alone = plan.call == call::invoke || (plan.bare && plan.call == call::first);
    return is_named && plan.call != call::with_pool && !may_be_alone && plan.size != 0 &&
           arrivals::let_tasks_meet(plan) && !plan.occupied && !has_loops(plan);
  }

  /// At most `most` tasks: anywhere, one among the first, or all.
  habit some_of(action what, std::size_t most) {
    const std::size_t size = plan_.size;
    const std::size_t first = drawn_.below(std::min<std::size_t>(size, 20));
    if (drawn_.one_in(3)) return {what, first, 1, first + 1};
    const std::size_t every = std::max<std::size_t>(1, (size - first + most - 1) / most);
    return {what, first, every, size};
  }

 private:
  /// Items that a stream in order can have in its places at once.
  habit neighbours(action what, std::size_t count) {
    const std::size_t first = drawn_.below(plan_.size - count + 1);
    return {what, first, 1, first + count};
  }

  static bool has_loops(const batch_plan& plan) {
    return plan.has(action::loop) || std::any_of(plan.inner.begin(), plan.inner.end(), has_loops);
  }

  void add_somewhere(action what, std::size_t count) {
    const std::vector<habit> places = drawn_.places(what, std::min(count, plan_.size), plan_.size);
    plan_.habits.insert(plan_.habits.end(), places.begin(), places.end());
  }

  habit any() {
    switch (drawn_.below(11)) {
      case 0:
        return some_of(action::compute, 200);
      case 1:
        return some_of(action::sleep, 30);
      case 2:
        return some_of(action::allocate, 100);
      case 3:
      case 4:
        return some_of(action::throw_failure, drawn_.one_in(2) ? 3 : 300);
      case 5:
        return some_of(action::wait_for_stop, 8);
      case 6:
        return some_of(plan_.token == token::own ? action::request_stop : action::use_token, 3);
      case 7:
        return some_of(action::request_outer_stop, 1);
      case 8:
        return some_of(action::use_token, 50);
      case 9:
        return some_of(action::use_lease, 50);
      default:
        return some_of(action::make_executor, 2);
    }
  }

  draws& drawn_;
  batch_plan& plan_;
};

}  // namespace stress
