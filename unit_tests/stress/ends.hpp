#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

#include "draws.hpp"
#include "habits.hpp"
#include "plan.hpp"

/// Chooses what may end a batch, and those in its tasks, before it is over: a limit of time, or a rule; and what is
/// around each task. The rest of the plan must be complete.
namespace stress {

/// Tasks that meet and are bare do not see that they were stopped.
inline bool sees_its_end(const batch_plan& plan) { return !plan.bare || plan.meeting() == 0; }

/// Mostly none; otherwise none at all, less than a batch takes, or so much that it may be over when the batch is.
inline std::chrono::nanoseconds some_time(draws& drawn) {
  if (!drawn.one_in(5)) return fanout::no_limit;
  return std::chrono::microseconds(drawn.one_of<std::size_t>(
      {0, drawn.between(10, 100), drawn.between(100, 1'000), drawn.between(1'000, 5'000), 20'000}));
}

/// A rule, and failures that it may count.
inline void choose_rule(draws& drawn, batch_plan& plan) {
  using kind = rule::kind;
  plan.stop_when.what = drawn.one_of({kind::failures, kind::failures, kind::share, kind::successes});
  plan.stop_when.number = drawn.one_of<std::size_t>({1, drawn.between(1, 10), drawn.between(1, plan.size + 1)});
  plan.stop_when.percent = drawn.one_of<std::size_t>({1, 7, 10, 50, 100});
  if (plan.inner.empty() && plan.size != 0 && !drawn.one_in(3))
    plan.habits.push_back(habits(drawn, plan).some_of(action::throw_failure, drawn.between(1, 400)));
}

inline around_use some_around(draws& drawn, const batch_plan& plan) {
  if (!drawn.one_in(6)) return around_use::none;
  if (plan.bare || drawn.one_in(2)) return around_use::passes_on;
  // A task of a scope must note who has added it.
  const bool can_throw_instead = plan.call != call::scope && drawn.one_in(2);
  if (can_throw_instead) return around_use::throws_instead;
  // The first value of a batch stays when what is around its task throws.
  if (plan.call == call::first) return around_use::swallows;
  return drawn.one_of({around_use::swallows, around_use::throws_afterwards});
}

inline batch_plan with_ends(draws& drawn, batch_plan plan) {
  for (batch_plan& each : plan.inner) each = with_ends(drawn, std::move(each));
  if (plan.call == call::invoke || !sees_its_end(plan)) return plan;
  plan.timeout = some_time(drawn);
  if (plan.call == call::stream) return plan;
  plan.around = some_around(drawn, plan);
  if (drawn.one_in(5)) choose_rule(drawn, plan);
  return plan;
}

}  // namespace stress
