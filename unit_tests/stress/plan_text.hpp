#pragma once

#include <cstddef>
#include <ostream>
#include <sstream>
#include <string>

#include "fanout/limits.hpp"
#include "fanout/run_options.hpp"
#include "plan.hpp"

/// A plan of the stress test in words.
namespace stress {

inline const char* name(action what) {
  static constexpr const char* names[] = {"nothing",   "compute",       "sleep",         "allocate",
                                          "throw",     "wait for stop", "request stop",  "request outer stop",
                                          "use token", "use lease",     "make executor", "nest",
                                          "meet",      "last 1 ms",     "last 10 ms",    "loop"};
  return names[static_cast<std::size_t>(what)];
}

inline std::string describe_limit(std::size_t limit) {
  if (limit == fanout::automatic) return "automatic";
  return limit == fanout::unlimited ? "unlimited" : std::to_string(limit);
}

inline void describe_stream(std::ostream& text, const stream_plan& plan) {
  text << (plan.as_completed ? ", as completed" : ", in order") << ", ahead " << plan.ahead;
  if (plan.source_pauses) text << ", source pauses";
  if (plan.source_throws) text << ", source throws";
  if (plan.leaves_after == 0) text << ", not read";
  if (plan.leaves_after != 0 && plan.leaves_after != endless) text << ", left after " << plan.leaves_after;
  if (plan.reader_pause.count() != 0) text << ", reader pauses for " << plan.reader_pause.count() << " us";
  if (plan.is_moved) text << ", stream moved";
}

inline void describe_scope(std::ostream& text, const scope_plan& plan) {
  text << ", " << plan.by_adders << " added by " << plan.adders << " threads";
  if (plan.children != 0) text << ", " << plan.children << " by each task";
  if (plan.max_pending != 0) text << ", room for " << plan.max_pending;
  if (plan.tries) text << ", try_add";
  if (plan.is_stopped) text << ", scope stopped";
  text << (plan.joins ? ", joined" : ", destroyed");
}

inline void describe_unequal(std::ostream& text, const inequality& plan) {
  static constexpr const char* priorities[] = {"", ", priority equal", ", priority last first", ", priority in groups",
                                               ", priority scrambled"};
  static constexpr const char* rules[] = {"", ", rule admits", ", rule delays", ", rule refuses", ", rule throws at "};
  static constexpr const char* guards[] = {"", ", memory enough", ", memory low"};
  text << priorities[static_cast<std::size_t>(plan.priority)];
  for (std::size_t which = 0; which != plan.most_cost.size(); ++which) {
    if (plan.most_cost[which] != 0) text << ", budget " << which << " up to " << plan.most_cost[which];
  }
  if (plan.own_budget != 0) text << ", own budget " << plan.own_budget;
  for (std::size_t which = 0; which != plan.rates.size(); ++which) {
    if (plan.rates[which]) text << ", rate " << which;
  }
  text << rules[static_cast<std::size_t>(plan.rule)];
  if (plan.rule == rule_use::throws) text << plan.rule_throws_at;
  text << guards[static_cast<std::size_t>(plan.guard)];
  if (plan.in_reverse) text << ", in reverse";
  if (plan.retry.again == 0) return;
  text << ", again " << plan.retry.again << " after " << plan.retry.pause.count() << " ns";
  if (plan.retry.is_choosy) text << ", choosy";
  if (plan.when_throws_at != 0) text << ", when throws at " << plan.when_throws_at;
}

/// The plan in one line, for the report of a failure.
inline std::string describe(const batch_plan& plan) {
  static constexpr const char* calls[] = {"execute", "map",    "settle", "with_pool",
                                          "invoke",  "stream", "scope",  "first"};
  static constexpr const char* results[] = {"void", "long", "bool", "tracked", "tracked_default"};
  static constexpr const char* places[] = {"", " on its executor of ", " on its adaptive executor of ",
                                           " on a passed-on executor of ", " on shared executor "};
  static constexpr const char* tokens[] = {"", ", own token", ", token requested before",
                                           ", token of the outer task"};
  static constexpr const char* flaws[] = {"",
                                          ", LIMIT 0",
                                          ", LIMIT TOO LARGE",
                                          ", AN EMPTY TASK",
                                          ", A COST TOO HIGH",
                                          ", A BUDGET USED TWICE",
                                          ", A PAUSE BELOW 0"};
  static constexpr const char* uses[] = {"",      "got",           "got later", "looked at", "waited for", "waited for twice",
                                         "moved", "waited by two", "stopped",   "dropped"};
  static constexpr const char* keeps[] = {"copied", "moved", "referred to"};
  static constexpr const char* rules[] = {"", "failures(", "share(", "successes("};
  static constexpr const char* arounds[] = {"", ", around", ", around that swallows", ", around that throws instead",
                                            ", around that throws afterwards"};
  std::ostringstream text;
  text << calls[static_cast<std::size_t>(plan.call)] << '<' << results[static_cast<std::size_t>(plan.result)] << '>'
       << places[static_cast<std::size_t>(plan.place)];
  if (plan.place != place::free) text << plan.executor;
  text << ": " << plan.size << " tasks, limit " << describe_limit(plan.limit);
  if (plan.call == call::with_pool) text << ", pool " << plan.pool;
  if (plan.on_error == fanout::error_policy::run_all) text << ", run_all";
  text << tokens[static_cast<std::size_t>(plan.token)] << flaws[static_cast<std::size_t>(plan.flaw)];
  if (plan.stop_from_outside.count() != 0)
    text << ", stopped from outside at " << plan.stop_from_outside.count() << " us";
  if (plan.timeout != fanout::no_limit) text << ", timeout " << plan.timeout.count() << " ns";
  if (plan.stop_when.what != rule::kind::none)
    text << ", until " << rules[static_cast<std::size_t>(plan.stop_when.what)] << plan.stop_when.number << ", "
         << plan.stop_when.percent << "%)";
  text << arounds[static_cast<std::size_t>(plan.around)];
  if (plan.task_timeout != fanout::no_limit) text << ", task timeout " << plan.task_timeout.count() << " ns";
  if (plan.unequal.is_any()) describe_unequal(text, plan.unequal);
  if (plan.callback.wanted) {
    text << ", progress every " << plan.callback.interval.count() << " ns (throws at " << plan.callback.throws_at
         << ", stops at " << plan.callback.stops_at << ", sleeps at " << plan.callback.sleeps_at << ')';
  }
  if (plan.is_submitted()) {
    text << ", handle " << uses[static_cast<std::size_t>(plan.handle)] << " after " << plan.handle_pause.count()
         << " us, input " << keeps[static_cast<std::size_t>(plan.keeps)];
  }
  if (plan.call == call::stream) describe_stream(text, plan.stream);
  if (plan.call == call::scope) describe_scope(text, plan.scope);
  if (plan.bare) text << ", bare";
  if (plan.occupied) text << ", executor occupied";
  if (plan.has(action::loop)) {
    text << ", loops of " << plan.loop.turns << " turns by "
         << (plan.loop.by_task_group ? "task_group" : "parallel_for") << " with " << plan.loop.tasks
         << " tasks each on ";
    if (plan.loop.executor == 0) text << "the same executor";
    if (plan.loop.executor != 0) text << "an executor of " << plan.loop.executor;
  }
  for (const habit& each : plan.habits) {
    text << "; " << name(each.what) << ' ' << each.first << " + " << each.every << "k < " << each.end;
  }
  for (const batch_plan& each : plan.inner) text << " { " << describe(each) << " }";
  return text.str();
}

}  // namespace stress
