#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

#include "draws.hpp"
#include "habits.hpp"
#include "plan.hpp"

/// Chooses how the tasks of a batch, and of those in its tasks, are unequal: in which order they start, what they
/// need to start, how long they may take, and how often they are tried. The rest of the plan must be complete.
namespace stress {

/// What the tasks around a batch hold.
struct surroundings {
  bool hold = false;
  std::size_t last_budget = 0;  // of those that they hold some of
  bool are_seen = true;         // fanout knows that they wait for the batch; of a handle, a stream or a scope it does not
};

class unequal_tasks {
 public:
  explicit unequal_tasks(draws& drawn) : drawn_(drawn) {}

  batch_plan choose(batch_plan plan, const surroundings& around = {}) {
    const bool takes_options = plan.call == call::execute || plan.call == call::map || plan.call == call::settle ||
                               plan.call == call::with_pool || plan.call == call::first;
    if (takes_options && plan.flaw == flaw::none) {
      if (drawn_.one_in(4)) choose_priority(plan);
      if (drawn_.one_in(4)) choose_retry(plan);
      if (drawn_.one_in(3)) choose_admission(plan, around);
      if (drawn_.one_in(40)) choose_flaw(plan);
    }
    if (drawn_.one_in(6)) choose_task_timeout(plan);
    surroundings inside = around;
    if (plan.unequal.has_budget()) inside.hold = true;
    for (std::size_t which = 0; which != std::size(shared_budgets); ++which) {
      if (plan.unequal.most_cost[which] != 0) inside.last_budget = std::max(inside.last_budget, which);
    }
    inside.are_seen = around.are_seen && !plan.is_submitted() && !plan.grows();
    // The next task may hold some of a shared budget while it waits for that of its batch, which comes later, and
    // which the task around an inner batch holds.
    if (plan.unequal.has_budget() && plan.unequal.own_budget != 0) inside.are_seen = false;
    for (batch_plan& each : plan.inner) each = choose(std::move(each), inside);
    return plan;
  }

 private:
  void choose_priority(batch_plan& plan) {
    plan.unequal.priority = drawn_.one_of({priority_use::all_equal, priority_use::last_first, priority_use::in_groups,
                                           priority_use::scrambled});
  }

  void choose_retry(batch_plan& plan) {
    using std::chrono::microseconds;
    retry_rule& retry = plan.unequal.retry;
    retry.again = static_cast<unsigned>(drawn_.between(1, 4));
    retry.pause = microseconds(drawn_.one_of<std::size_t>({0, 20, 500, drawn_.between(1, 3'000)}));
    retry.longest_pause = drawn_.one_in(2) ? 3 * retry.pause : microseconds(4'000);
    retry.is_choosy = drawn_.one_in(3);
    if (drawn_.one_in(8)) plan.unequal.when_throws_at = drawn_.between(1, 20);
    if (!plan.bare && plan.size != 0 && !drawn_.one_in(4))
      plan.habits.push_back(habits(drawn_, plan).some_of(action::throw_failure, drawn_.between(1, 200)));
  }

  /// Tasks that wait to be admitted cannot meet: others may hold what they need.
  void choose_admission(batch_plan& plan, const surroundings& around) {
    constexpr std::size_t most_tasks = 300;  // they take turns with those of other batches
    if (plan.size > most_tasks || plan.meeting() != 0) return;
    inequality& unequal = plan.unequal;
    const bool may_use_budgets = !unequal.has_budget() && lets_others_give_back(plan) &&
                                 (!around.hold || (around.are_seen && !plan.is_submitted()));
    for (std::size_t which = around.last_budget; which != std::size(shared_budgets); ++which) {
      if (may_use_budgets && drawn_.one_in(2)) unequal.most_cost[which] = drawn_.between(1, shared_budgets[which]);
    }
    if (drawn_.one_in(5)) unequal.own_budget = drawn_.between(1, 20);
    for (bool& each : unequal.rates) each = drawn_.one_in(4);
    if (!drawn_.one_in(3)) {
      unequal.rule = drawn_.one_of({rule_use::admits, rule_use::admits, rule_use::delays, rule_use::delays,
                                    rule_use::refuses, rule_use::refuses, rule_use::throws});
      unequal.rule_throws_at = drawn_.between(1, plan.size + 1);
    }
    if (drawn_.one_in(6)) unequal.guard = drawn_.one_of({guard_use::enough, guard_use::low});
    unequal.in_reverse = drawn_.one_in(2);
  }

  /// Whether tasks that hold some of a budget wait for nothing that is held by tasks which wait for the budget: a
  /// place of an executor that they share.
  static bool lets_others_give_back(const batch_plan& plan) {
    return !plan.has(action::loop) && std::all_of(plan.inner.begin(), plan.inner.end(), [](const batch_plan& each) {
      return each.place != place::shared_executor && lets_others_give_back(each);
    });
  }

  /// A batch that may be stopped before the call is not refused for these.
  void choose_flaw(batch_plan& plan) {
    const bool is_stopped = plan.token != token::none || plan.timeout != fanout::no_limit ||
                            plan.handle == handle_use::dropped || plan.handle == handle_use::stopped;
    if (plan.size == 0 || is_stopped) return;
    plan.flaw = drawn_.one_of({flaw::cost_too_high, flaw::budget_twice, flaw::bad_pause});
    plan.unequal.most_cost = {};
  }

  /// A bare task does not know that it fails, nor does one that waits for a resource. Tasks that meet must not come
  /// again.
  void choose_task_timeout(batch_plan& plan) {
    const bool cannot_have_it = plan.call == call::with_pool || plan.call == call::stream || plan.call == call::invoke;
    if (cannot_have_it || plan.bare || (plan.meeting() != 0 && plan.unequal.retry.again != 0)) return;
    plan.task_timeout = std::chrono::microseconds(
        drawn_.one_of<std::size_t>({1, drawn_.between(50, 500), drawn_.between(1'000, 5'000), 20'000, 10'000'000}));
    if (plan.size != 0 && drawn_.one_in(2)) plan.habits.push_back(habits(drawn_, plan).some_of(action::wait_for_stop, 4));
  }

  draws& drawn_;
};

}  // namespace stress
