#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "stress/generator.hpp"
#include "stress/plan_text.hpp"
#include "support.hpp"

/// The generator of the stress test: a seed makes the same plans again, and every kind of batch is among them.
namespace {

using stress::action;
using stress::batch_plan;
using stress::call;
using stress::place;
using stress::token;

std::vector<batch_plan> plans_of(std::uint64_t seed, unsigned driver, int count) {
  stress::generator generator(seed, driver);
  std::vector<batch_plan> plans;
  for (; count != 0; --count) plans.push_back(generator.next());
  return plans;
}

std::string text_of(const std::vector<batch_plan>& plans) {
  std::string text;
  for (const batch_plan& each : plans) text += stress::describe(each) + '\n';
  return text;
}

TEST(StressGenerator, MakesThePlansOfADriverFromTheSeedAndItsNumberAlone) {
  const auto plans = [](std::uint64_t seed, unsigned driver) { return text_of(plans_of(seed, driver, 200)); };
  const std::string some = plans(7, 1);
  plans(7, 2);
  EXPECT_EQ(plans(7, 1), some);
  EXPECT_NE(plans(7, 2), some);
  EXPECT_NE(plans(8, 1), some);
  EXPECT_NE(plans(7 + (std::uint64_t{1} << 32U), 1), some) << "the upper half of the seed counts";
}

TEST(StressGenerator, LetsNoMoreTasksMeetThanItPlanned) {
  std::function<void(const batch_plan&)> look = [&look](const batch_plan& plan) {
    std::size_t meeting = 0;
    for (std::size_t index = 0; index != plan.size; ++index) meeting += plan.of(index) == action::meet ? 1U : 0U;
    EXPECT_EQ(meeting, plan.meeting()) << stress::describe(plan);
    EXPECT_LE(meeting, plan.runners()) << stress::describe(plan);
    if (meeting != 0) {
      EXPECT_TRUE(stress::habits::may_meet(plan)) << stress::describe(plan);
    }
    std::for_each(plan.inner.begin(), plan.inner.end(), look);
  };
  const std::vector<batch_plan> plans = plans_of(3, 0, 2'000);
  std::for_each(plans.begin(), plans.end(), look);
}

TEST(StressGenerator, CoversWhatTheStressTestIsFor) {
  const std::vector<batch_plan> plans = plans_of(1, 0, 5'000);
  const std::string text = text_of(plans);
  for (const char* part : {"execute<void>",
                           "map<bool>",
                           "settle<tracked>",
                           "with_pool<",
                           "invoke<",
                           " 0 tasks",
                           " 1 tasks",
                           "limit 1,",
                           "limit 64",
                           "limit unlimited",
                           "run_all",
                           "own token",
                           "requested before",
                           "outer task",
                           "from outside",
                           "throws at 1,",
                           "LIMIT 0",
                           "LIMIT TOO LARGE",
                           "EMPTY TASK",
                           "bare",
                           "adaptive executor",
                           "shared executor 4",
                           "its executor",
                           "passed-on executor",
                           "throw ",
                           "meet ",
                           "last 1 ms",
                           "last 10 ms",
                           "make executor",
                           "use lease",
                           "wait for stop",
                           "request outer stop",
                           "allocate",
                           "handle got after",
                           "handle got later",
                           "handle looked at",
                           "handle waited for after",
                           "handle waited for twice",
                           "handle moved",
                           "handle waited by two",
                           "handle stopped",
                           "handle dropped",
                           "input copied",
                           "input moved",
                           "input referred to",
                           "stream<bool>",
                           "stream<tracked>",
                           "scope<void>",
                           "scope<tracked>",
                           "sleep"})
    EXPECT_NE(text.find(part), std::string::npos) << "no plan says " << part;
  EXPECT_NE(text.find(" { "), std::string::npos) << "no batch is nested";
  EXPECT_NE(text.find(" } }"), std::string::npos) << "no batch is nested to depth 3";
}

/// How many of `plans`, without those inside them, are of a kind.
class StressGeneratorKinds : public testing::Test {
 protected:
  template <class IsOfTheKind>
  long count(const IsOfTheKind& is_of_the_kind) const {
    return std::count_if(plans_.begin(), plans_.end(), is_of_the_kind);
  }

  static const stress::habit& first_of(const batch_plan& plan, action what) {
    return *std::find_if(plan.habits.begin(), plan.habits.end(),
                         [what](const auto& each) { return each.what == what; });
  }

  const std::vector<batch_plan> plans_ = plans_of(1, 0, 6'000);
};

TEST_F(StressGeneratorKinds, HaveTasksThatMeetAtAnyPlace) {
  const auto meets = [](const batch_plan& plan) { return plan.meeting() > 1; };
  const auto starts_and_ends = [&](const batch_plan& plan) {
    return meets(plan) && plan.of(0) == action::meet && plan.of(plan.size - 1) == action::meet && plan.size > 20;
  };
  const auto behind_cheap_ones = [&](const batch_plan& plan) {
    return meets(plan) && plan.bare && first_of(plan, action::meet).first > 500 && plan.size > 1'000;
  };
  const auto scattered = [&](const batch_plan& plan) {
    return meets(plan) &&
           (first_of(plan, action::meet).every > 1 || first_of(plan, action::meet).count(plan.size) == 1);
  };
  const auto among_inner_batches = [&](const batch_plan& plan) { return meets(plan) && plan.has(action::nest); };
  EXPECT_GT(count(starts_and_ends), 20);
  EXPECT_GT(count(behind_cheap_ones), 20);
  EXPECT_GT(count(scattered), 50);
  EXPECT_GT(count(among_inner_batches), 20);
  EXPECT_GT(count([&](const auto& plan) { return meets(plan) && plan.place == place::free; }), 100);
  EXPECT_GT(count([&](const auto& plan) { return meets(plan) && plan.place == place::own_executor; }), 50);
  EXPECT_GT(count([&](const auto& plan) { return meets(plan) && plan.place == place::passed_on_executor; }), 50);
  EXPECT_GT(count([&](const auto& plan) { return meets(plan) && plan.meeting() == plan.limit_of_threads(); }), 50)
      << "as many as the limit";
  EXPECT_GT(count([&](const auto& plan) { return plan.meeting() > 32; }), 10);
}

TEST_F(StressGeneratorKinds, MixTheLengthsOfTasks) {
  const auto mixes = [](const batch_plan& plan) {
    return plan.has(action::last_1_ms) && plan.has(action::last_10_ms);
  };
  EXPECT_GT(count(mixes), 300);
  EXPECT_GT(count([&](const auto& plan) { return mixes(plan) && plan.size >= 4'000; }), 50);
  EXPECT_GT(count([&](const auto& plan) { return mixes(plan) && plan.place == place::shared_executor; }), 50);
  EXPECT_GT(count([&](const auto& plan) { return mixes(plan) && plan.meeting() > 1; }), 50);
}

TEST_F(StressGeneratorKinds, HaveEverySizeAroundEveryLimit) {
  for (const std::size_t limit : stress::edge_limits) {
    const bool is_number = limit != fanout::automatic && limit != fanout::unlimited;
    const std::size_t edge = is_number ? limit : fanout::available_concurrency();
    for (const std::size_t size : std::set<std::size_t>{0, 1, edge - 1, edge, edge + 1}) {
      const auto names_it = [=](const auto& plan) { return plan.size == size && plan.limit == limit; };
      EXPECT_GT(count(names_it), 0) << size << " tasks at limit " << stress::describe_limit(limit);
    }
    EXPECT_GT(
        count([=](const auto& plan) { return plan.limit == limit && plan.size > (is_number ? limit : 0) + 20; }), 0)
        << "many tasks at limit " << stress::describe_limit(limit);
  }
}

TEST_F(StressGeneratorKinds, HaveLoopsThatCallExecutorsOfOneToFour) {
  if (support::under_thread_sanitizer) GTEST_SKIP() << support::unseen_order;
  const auto loops = [](const batch_plan& plan) { return plan.has(action::loop); };
  for (const std::size_t limit : {1U, 2U, 3U, 4U}) {
    const auto calls_another = [&](const auto& plan) { return loops(plan) && plan.loop.executor == limit; };
    const auto calls_the_same = [&](const auto& plan) {
      return loops(plan) && plan.loop.executor == 0 && plan.executor_limit() == limit &&
             plan.place != place::shared_executor;
    };
    EXPECT_GT(count(calls_another), 20) << limit;
    EXPECT_GT(count(calls_the_same), 5) << limit;
  }
  EXPECT_GT(count([&](const auto& plan) { return loops(plan) && plan.loop.by_task_group; }), 50);
  EXPECT_GT(count([&](const auto& plan) {
              return loops(plan) && plan.loop.executor == 0 && plan.place == place::shared_executor;
            }),
            20);
}

TEST_F(StressGeneratorKinds, StopManyFunctionsBeforeTheCallAndMeanwhile) {
  for (const std::size_t size : {16'383U, 16'384U, 50'000U}) {
    const auto is_of = [&](const batch_plan& plan, token how) {
      return plan.size == size && plan.call == call::execute && !plan.bare && plan.token == how;
    };
    EXPECT_GT(count([&](const auto& plan) { return is_of(plan, token::requested) && plan.occupied; }), 10) << size;
    EXPECT_GT(count([&](const auto& plan) { return is_of(plan, token::own) && plan.occupied; }), 10) << size;
    EXPECT_GT(count([&](const auto& plan) {
                return is_of(plan, token::requested) && plan.place == place::shared_executor;
              }),
              3)
        << size;
  }
}

TEST_F(StressGeneratorKinds, HaveHandlesEverywhere) {
  for (const place each : {place::free, place::own_executor, place::adaptive_executor, place::passed_on_executor,
                           place::shared_executor}) {
    EXPECT_GT(count([=](const auto& plan) { return plan.is_submitted() && plan.place == each; }), 50);
    EXPECT_GT(count([=](const auto& plan) {
                return !plan.inner.empty() && plan.inner.front().is_submitted() && plan.inner.front().place == each;
              }),
              10);
  }
  EXPECT_GT(count([](const auto& plan) { return plan.is_submitted() && plan.occupied; }), 10);
  EXPECT_GT(count([](const auto& plan) { return plan.is_submitted() && plan.meeting() == plan.limit_of_threads(); }), 20);
}

TEST_F(StressGeneratorKinds, ReadStreamsInEveryWay) {
  const auto streams = [this](const auto& is_so) {
    return count([&](const batch_plan& plan) { return plan.call == call::stream && is_so(plan, plan.stream); });
  };
  using stress::endless;
  for (const bool as_completed : {false, true}) {
    const auto of_kind = [&](const auto& is_so) {
      return streams([&](const auto& plan, const auto& stream) {
        return stream.as_completed == as_completed && is_so(plan, stream);
      });
    };
    EXPECT_GT(of_kind([](const auto& plan, const auto&) { return plan.look_ahead() == 1; }), 3);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) { return stream.ahead == 0; }), 20);
    EXPECT_GT(of_kind([](const auto& plan, const auto& stream) { return stream.ahead == plan.limit_of_threads(); }),
              10);
    EXPECT_GT(of_kind([](const auto& plan, const auto&) { return plan.look_ahead() > plan.size; }), 20);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) { return stream.source_throws; }), 10);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) { return stream.source_pauses; }), 10);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) { return stream.leaves_after == 0; }), 5);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) {
                return stream.leaves_after != 0 && stream.leaves_after != endless;
              }),
              20);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) { return stream.is_moved; }), 20);
    EXPECT_GT(of_kind([](const auto&, const auto& stream) { return stream.reader_pause.count() != 0; }), 20);
    EXPECT_GT(of_kind([](const auto& plan, const auto&) { return plan.stop_from_outside.count() != 0; }), 5);
    EXPECT_GT(of_kind([](const auto& plan, const auto&) { return plan.meeting() > 1; }), 10);
    EXPECT_GT(of_kind([](const auto& plan, const auto&) { return plan.bare; }), 10);
    EXPECT_GT(of_kind([](const auto& plan, const auto&) { return plan.has(action::nest); }), 20);
  }
  for (const place each : {place::free, place::own_executor, place::adaptive_executor, place::passed_on_executor,
                           place::shared_executor})
    EXPECT_GT(streams([=](const auto& plan, const auto&) { return plan.place == each; }), 20);
}

TEST_F(StressGeneratorKinds, AddToScopesInEveryWay) {
  const auto scopes = [this](const auto& is_so) {
    return count([&](const batch_plan& plan) { return plan.call == call::scope && is_so(plan, plan.scope); });
  };
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.adders > 1 && scope.children == 0; }), 20);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.adders == 1 && scope.children > 1; }), 20);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.max_pending == 1; }), 5);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.max_pending > 4; }), 10);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.max_pending != 0 && scope.tries; }), 10);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.max_pending != 0 && scope.children != 0; }), 10);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return scope.is_stopped; }), 20);
  EXPECT_GT(scopes([](const auto&, const auto& scope) { return !scope.joins; }), 20);
  EXPECT_GT(scopes([](const auto& plan, const auto&) { return plan.on_error == fanout::error_policy::run_all; }), 20);
  EXPECT_GT(scopes([](const auto& plan, const auto&) { return plan.callback.wanted; }), 20);
  EXPECT_GT(scopes([](const auto& plan, const auto&) { return plan.meeting() > 1; }), 10);
  EXPECT_GT(scopes([](const auto& plan, const auto&) { return plan.has(action::nest); }), 20);
  for (const place each : {place::free, place::own_executor, place::adaptive_executor, place::passed_on_executor,
                           place::shared_executor})
    EXPECT_GT(scopes([=](const auto& plan, const auto&) { return plan.place == each; }), 20);
}

TEST_F(StressGeneratorKinds, HaveALimitOfTimeEverywhere) {
  using namespace std::chrono_literals;
  const auto limited = [this](const auto& is_so) {
    return count([&](const batch_plan& plan) { return plan.timeout != fanout::no_limit && is_so(plan); });
  };
  for (const call each : {call::execute, call::map, call::settle, call::with_pool, call::stream, call::scope}) {
    EXPECT_GT(limited([=](const auto& plan) { return plan.call == each; }), 20);
    EXPECT_GT(limited([=](const auto& plan) { return plan.call == each && plan.timeout == 0ns; }), 3);
  }
  EXPECT_GT(limited([](const auto& plan) { return plan.is_submitted(); }), 20);
  EXPECT_GT(limited([](const auto& plan) { return plan.bare; }), 20);
  EXPECT_GT(limited([](const auto& plan) { return plan.occupied; }), 5);
  EXPECT_GT(limited([](const auto& plan) { return plan.meeting() > 1; }), 20);
  EXPECT_GT(limited([](const auto& plan) { return plan.on_error == fanout::error_policy::run_all; }), 20);
  EXPECT_GT(limited([](const auto& plan) { return plan.callback.wanted && plan.token == token::own; }), 20);
  EXPECT_GT(count([](const auto& plan) {
              return !plan.inner.empty() && plan.inner.front().timeout != fanout::no_limit;
            }),
            50);
}

TEST_F(StressGeneratorKinds, HaveARuleEverywhere) {
  using kind = stress::rule::kind;
  const auto ruled = [this](const auto& is_so) {
    return count([&](const batch_plan& plan) { return plan.stop_when.what != kind::none && is_so(plan); });
  };
  for (const kind each : {kind::failures, kind::share, kind::successes}) {
    for (const call called : {call::execute, call::map, call::settle, call::with_pool, call::scope})
      EXPECT_GT(ruled([=](const auto& plan) { return plan.stop_when.what == each && plan.call == called; }), 5);
    EXPECT_GT(ruled([=](const auto& plan) { return plan.stop_when.what == each && plan.runners() == 1; }), 10);
    EXPECT_GT(ruled([=](const auto& plan) {
                return plan.stop_when.what == each && plan.has(action::throw_failure) && !plan.bare;
              }),
              50);
  }
  EXPECT_GT(ruled([](const auto& plan) { return plan.timeout != fanout::no_limit; }), 50);
  EXPECT_GT(ruled([](const auto& plan) { return plan.is_submitted(); }), 20);
  EXPECT_GT(ruled([](const auto& plan) { return plan.callback.wanted && plan.token == token::own; }), 20);
}

TEST_F(StressGeneratorKinds, HaveSomethingAroundTheirTasks) {
  using stress::around_use;
  const auto around = [this](around_use use, const auto& is_so) {
    return count([&](const batch_plan& plan) { return plan.around == use && is_so(plan); });
  };
  for (const call called : {call::execute, call::map, call::settle, call::with_pool, call::scope}) {
    const auto calls = [=](const auto& plan) { return plan.call == called; };
    EXPECT_GT(around(around_use::passes_on, calls), 20);
    EXPECT_GT(around(around_use::swallows, calls), 3);
    EXPECT_GT(around(around_use::throws_afterwards, calls), 3);
    if (called != call::scope) {
      EXPECT_GT(around(around_use::throws_instead, calls), 3);
    }
  }
  EXPECT_GT(around(around_use::passes_on, [](const auto& plan) { return plan.bare; }), 20);
  EXPECT_GT(around(around_use::passes_on, [](const auto& plan) { return plan.is_submitted(); }), 20);
  EXPECT_GT(around(around_use::passes_on, [](const auto& plan) { return plan.meeting() > 1; }), 20);
}

TEST_F(StressGeneratorKinds, TakeTheFirstValueInEveryWay) {
  const auto firsts = [this](const auto& is_so) {
    return count([&](const batch_plan& plan) { return plan.call == call::first && is_so(plan); });
  };
  for (const place each : {place::free, place::own_executor, place::adaptive_executor, place::passed_on_executor,
                           place::shared_executor})
    EXPECT_GT(firsts([=](const auto& plan) { return plan.place == each; }), 20);
  EXPECT_GT(firsts([](const auto& plan) { return plan.bare; }), 10);
  EXPECT_GT(firsts([](const auto& plan) { return plan.size == 0; }), 3);
  EXPECT_GT(firsts([](const auto& plan) { return plan.meeting() > 1; }), 10);
  EXPECT_GT(firsts([](const auto& plan) { return plan.has(action::throw_failure); }), 50);
  EXPECT_GT(firsts([](const auto& plan) { return plan.has(action::nest); }), 20);
  EXPECT_GT(firsts([](const auto& plan) { return plan.timeout != fanout::no_limit; }), 20);
  EXPECT_GT(firsts([](const auto& plan) { return plan.stop_when.what != stress::rule::kind::none; }), 20);
  EXPECT_GT(firsts([](const auto& plan) { return plan.around != stress::around_use::none; }), 20);
}

TEST_F(StressGeneratorKinds, HaveExecutorsOfTwoThatCallEachOther) {
  const auto calls = [](const batch_plan& plan, std::size_t executor) {
    return plan.inner.size() == 1 && plan.inner.front().place == place::shared_executor &&
           plan.inner.front().executor == executor && plan.habits.back().count(plan.size) == plan.size;
  };
  const auto calls_back = [&](const batch_plan& plan, std::size_t first, std::size_t second) {
    return plan.place == place::shared_executor && plan.executor == first && calls(plan, second) &&
           calls(plan.inner.front(), first);
  };
  using stress::one_of_two;
  using stress::other_of_two;
  EXPECT_GT(count([&](const auto& plan) { return calls_back(plan, one_of_two, other_of_two); }), 20);
  EXPECT_GT(count([&](const auto& plan) { return calls_back(plan, other_of_two, one_of_two); }), 20);
  EXPECT_GT(count([&](const auto& plan) {
              return plan.place == place::own_executor && plan.executor == 2 && plan.meeting() == 2 &&
                     (calls(plan, one_of_two) || calls(plan, other_of_two));
            }),
            50);
}

/// What a batch has, or is: each new option, and all that it meets.
struct capability {
  const char* name;
  bool (*is_of)(const batch_plan&);
};

const capability of_unequal_tasks[] = {
    {"priority", [](const auto& plan) { return plan.unequal.priority != stress::priority_use::none; }},
    {"budget", [](const auto& plan) { return plan.unequal.has_budget(); }},
    {"two budgets", [](const auto& plan) { return plan.unequal.most_cost[0] != 0 && plan.unequal.most_cost[1] != 0; }},
    {"budget of its own", [](const auto& plan) { return plan.unequal.own_budget != 0; }},
    {"rate", [](const auto& plan) { return plan.unequal.has_rate(); }},
    {"rule that delays", [](const auto& plan) { return plan.unequal.rule == stress::rule_use::delays; }},
    {"rule that refuses", [](const auto& plan) { return plan.unequal.rule == stress::rule_use::refuses; }},
    {"rule that throws", [](const auto& plan) { return plan.unequal.rule == stress::rule_use::throws; }},
    {"enough memory", [](const auto& plan) { return plan.unequal.guard == stress::guard_use::enough; }},
    {"low memory", [](const auto& plan) { return plan.unequal.guard == stress::guard_use::low; }},
    {"retry", [](const auto& plan) { return plan.unequal.retry.again != 0; }},
    {"retry of failures", [](const auto& plan) {
       return plan.unequal.retry.again != 0 && !plan.bare && plan.has(action::throw_failure);
     }},
};

const capability of_any_batch[] = {
    {"task_timeout", [](const auto& plan) { return plan.task_timeout != fanout::no_limit; }},
    {"timeout", [](const auto& plan) { return plan.timeout != fanout::no_limit; }},
    {"stop_when", [](const auto& plan) { return plan.stop_when.what != stress::rule::kind::none; }},
    {"around", [](const auto& plan) { return plan.around != stress::around_use::none; }},
    {"around that throws", [](const auto& plan) {
       return plan.around == stress::around_use::throws_instead || plan.around == stress::around_use::throws_afterwards;
     }},
    {"progress", [](const auto& plan) { return plan.callback.wanted; }},
    {"token", [](const auto& plan) { return plan.token == token::own; }},
    {"token of the outer task", [](const auto& plan) { return plan.token == token::outer_context; }},
    {"stop from outside", [](const auto& plan) { return plan.stop_from_outside.count() != 0; }},
    {"run_all", [](const auto& plan) { return plan.on_error == fanout::error_policy::run_all; }},
    {"handle", [](const auto& plan) { return plan.is_submitted(); }},
    {"execute", [](const auto& plan) { return plan.call == call::execute; }},
    {"map", [](const auto& plan) { return plan.call == call::map; }},
    {"settle", [](const auto& plan) { return plan.call == call::settle; }},
    {"pool", [](const auto& plan) { return plan.call == call::with_pool; }},
    {"first", [](const auto& plan) { return plan.call == call::first; }},
    {"free", [](const auto& plan) { return plan.place == place::free; }},
    {"own executor", [](const auto& plan) { return plan.place == place::own_executor; }},
    {"adaptive executor", [](const auto& plan) { return plan.place == place::adaptive_executor; }},
    {"passed-on executor", [](const auto& plan) { return plan.place == place::passed_on_executor; }},
    {"shared executor", [](const auto& plan) { return plan.place == place::shared_executor; }},
    {"one runner", [](const auto& plan) { return plan.size > 1 && plan.runners() == 1; }},
    {"several runners", [](const auto& plan) { return plan.runners() > 1; }},
    {"bare", [](const auto& plan) { return plan.bare; }},
    {"failures", [](const auto& plan) { return plan.has(action::throw_failure); }},
    {"inner batch", [](const auto& plan) { return plan.has(action::nest); }},
    {"stop by a task", [](const auto& plan) { return plan.has(action::request_stop); }},
};

/// Pairs that cannot be.
bool exclude_each_other(const std::string& one, const std::string& other) {
  const auto are = [&](const char* first, const char* second) { return one == first && other == second; };
  return are("retry of failures", "bare");
}

class StressGeneratorPairs : public testing::Test {
 protected:
  StressGeneratorPairs() {
    for (const batch_plan& each : plans_of(5, 0, 40'000)) note(each);
  }

  long count(const capability& one, const capability& other) const {
    return std::count_if(unequal_.begin(), unequal_.end(),
                         [&](const batch_plan& plan) { return one.is_of(plan) && other.is_of(plan); });
  }

  std::vector<batch_plan> unequal_;  // also those inside others

 private:
  void note(const batch_plan& plan) {
    if (plan.unequal.is_any() && plan.flaw == stress::flaw::none && plan.size != 0) unequal_.push_back(plan);
    for (const batch_plan& each : plan.inner) note(each);
  }
};

TEST_F(StressGeneratorPairs, HaveUnequalTasksWithEverything) {
  for (const capability& one : of_unequal_tasks) {
    for (const capability& other : of_any_batch) {
      if (exclude_each_other(one.name, other.name)) continue;
      EXPECT_GT(count(one, other), 3) << one.name << " with " << other.name;
    }
  }
}

TEST_F(StressGeneratorPairs, HaveAllWaysInWhichTasksAreUnequalAtOnce) {
  const auto is_a_rule = [](const std::string& name) { return name.starts_with("rule that"); };
  const auto is_memory = [](const std::string& name) { return name.ends_with(" memory"); };
  for (const capability& one : of_unequal_tasks) {
    for (const capability& other : of_unequal_tasks) {
      const bool exclude = (is_a_rule(one.name) && is_a_rule(other.name)) || (is_memory(one.name) && is_memory(other.name));
      if (&one == &other || exclude) continue;
      EXPECT_GT(count(one, other), 3) << one.name << " with " << other.name;
    }
  }
}

TEST_F(StressGeneratorPairs, HaveTasksThatMeetInTheOrderOfPrioritiesAndAttempts) {
  const auto meets = [&](const auto& is_so) {
    return std::count_if(unequal_.begin(), unequal_.end(),
                         [&](const batch_plan& plan) { return plan.meeting() > 1 && is_so(plan); });
  };
  EXPECT_GT(meets([](const auto& plan) { return plan.unequal.priority != stress::priority_use::none; }), 50);
  EXPECT_GT(meets([](const auto& plan) { return plan.unequal.retry.again != 0; }), 50);
  EXPECT_EQ(meets([](const auto& plan) { return plan.unequal.admits(); }), 0) << "others may hold what they need";
}

TEST_F(StressGeneratorPairs, HoldBudgetsAroundBatchesThatNeedThem) {
  const auto holds = [&](const auto& is_so) {
    return std::count_if(unequal_.begin(), unequal_.end(), [&](const batch_plan& plan) {
      return plan.unequal.has_budget() && plan.has(action::nest) && is_so(plan.inner.front());
    });
  };
  EXPECT_GT(holds([](const auto& inner) { return inner.unequal.has_budget(); }), 500);
  EXPECT_GT(holds([](const auto& inner) { return inner.unequal.has_rate(); }), 50);
  EXPECT_GT(holds([](const auto& inner) { return inner.is_submitted(); }), 20);
  EXPECT_EQ(holds([](const auto& inner) { return inner.is_submitted() && inner.unequal.has_budget(); }), 0)
      << "fanout does not know for what a task waits that waits for a handle";
  EXPECT_EQ(holds([](const auto& inner) { return inner.place == place::shared_executor; }), 0)
      << "its places may be held by tasks that wait for the budget";
}

TEST_F(StressGeneratorPairs, HaveFlawsOfUnequalTasks) {
  const std::vector<batch_plan> plans = plans_of(6, 0, 10'000);
  for (const stress::flaw each : {stress::flaw::cost_too_high, stress::flaw::budget_twice, stress::flaw::bad_pause}) {
    EXPECT_GT(std::count_if(plans.begin(), plans.end(), [=](const auto& plan) { return plan.flaw == each; }), 10);
  }
}

}  // namespace
