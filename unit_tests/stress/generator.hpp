#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "arrivals.hpp"
#include "draws.hpp"
#include "ends.hpp"
#include "habits.hpp"
#include "plan.hpp"
#include "unequal.hpp"

/// Makes the plans of one driver, one after the other. They depend only on the seed and the driver's number.
namespace stress {

inline constexpr std::size_t deepest = 3;

/// Limits for which all batch sizes close to the limit are tried.
inline constexpr std::size_t edge_limits[] = {1, 2, 3, 8, 16, 64, fanout::automatic, fanout::unlimited};

class generator {
 public:
  generator(std::uint64_t seed, unsigned driver) : drawn_(seed, driver) {}

  batch_plan next() { return unequal_tasks(drawn_).choose(with_ends(drawn_, without_ends())); }

 private:
  batch_plan without_ends() {
    switch (drawn_.below(13)) {
      case 0:
      case 1:
        return few_slow_ones_among_many();
      case 2:
        return stopped_while_it_is_large();
      case 3:
        return batches_on_another_executor();
      case 4:
        return loops_in_its_tasks();
      case 5:
        return batches_that_need_what_their_tasks_hold();
      default:
        return any(1);
    }
  }

  // ── Kinds of batches ──────────────────────────────────────────────────────────────────────────────────────────

  batch_plan any(std::size_t depth) {
    batch_plan plan;
    choose_call(plan);
    if (drawn_.one_in(3)) {
      choose_limit_and_size_at_the_edge(plan);
    } else {
      choose_limit(plan);
      choose_size(plan, depth);
    }
    if (plan.call == call::invoke) {
      plan.size = invoked_tasks;
      plan.limit = fanout::automatic;
      return with_habits(plan, depth);
    }
    if (drawn_.one_in(3)) plan.on_error = fanout::error_policy::run_all;
    choose_token(plan, depth);
    choose_callback(plan);
    if (drawn_.one_in(40)) choose_flaw(plan);
    arrivals(drawn_, plan).choose(/*in_task=*/depth > 1);
    plan.bare = drawn_.one_in(5) && plan.call != call::scope &&
                plan.call != call::with_pool && plan.token != token::own && plan.flaw == flaw::none;
    return plan.bare ? plan : with_habits(plan, depth);
  }

  /// Cheap tasks must not delay slow ones, nor keep tasks that meet from running at the same time.
  batch_plan few_slow_ones_among_many() {
    batch_plan plan;
    choose_call_without_pool(plan);
    choose_limit(plan);
    plan.size = drawn_.between(1'000, drawn_.one_in(3) ? 20'000 : 4'000);
    if (plan.limit == fanout::unlimited || drawn_.one_in(2)) plan.limit = some_limit();
    plan.bare = drawn_.one_in(2);
    if (!plan.bare) choose_callback(plan);
    arrivals(drawn_, plan).choose(/*in_task=*/false);
    // A bare task that meets others does not see that they were stopped.
    const bool is_stopped = plan.handle == handle_use::stopped || plan.handle == handle_use::dropped;
    if (plan.bare && is_stopped) plan.handle = handle_use::got;
    habits chosen(drawn_, plan);
    if (!drawn_.one_in(3)) chosen.mix_lengths(10, 4);
    if (habits::may_meet(plan) && !drawn_.one_in(3)) chosen.meet_some();
    return plan;
  }

  /// A batch of functions. fanout checks them before any task runs, in parallel if there are very many.
  batch_plan stopped_while_it_is_large() {
    batch_plan plan;
    choose_call_without_pool(plan);
    plan.call = call::execute;
    choose_limit(plan);
    if (plan.limit == fanout::unlimited) plan.limit = some_limit();
    plan.size = drawn_.one_of<std::size_t>({16'383, 16'384, 50'000});
    plan.token = drawn_.one_in(2) ? token::requested : token::own;
    if (plan.token == token::own && !drawn_.one_in(4))
      plan.stop_from_outside = std::chrono::microseconds(drawn_.between(1, 5'000));
    if (drawn_.one_in(2)) plan.place = place::own_executor;
    if (plan.has_own_executor()) plan.executor = drawn_.between(1, 3);
    const bool can_be_occupied = plan.has_own_executor() && plan.place != place::adaptive_executor;
    plan.occupied = can_be_occupied && !drawn_.one_in(3);
    if (drawn_.one_in(10)) plan.flaw = flaw::empty_task;
    const std::size_t requests = drawn_.below(plan.size);
    if (plan.token == token::own) plan.habits.push_back({action::request_stop, requests, 1, requests + 1});
    return plan;
  }

  /// Each task only runs a batch on a shared executor of two. The tasks run on the other shared executor of two,
  /// which the inner batches may call back, or on an executor of their own, so that two of them may also meet.
  batch_plan batches_on_another_executor() {
    const bool there = drawn_.one_in(2);
    const std::size_t first = there ? one_of_two : other_of_two;
    const std::size_t second = there ? other_of_two : one_of_two;
    batch_plan inner = on_shared(second, drawn_.between(1, 4), /*in_task=*/true);
    if (drawn_.one_in(2)) habits(drawn_, inner).mix_lengths(2, 1);
    batch_plan plan = on_shared(first, drawn_.between(1, 6), /*in_task=*/false);
    if (drawn_.one_in(2)) {
      batch_plan innermost = on_shared(first, drawn_.between(1, 3), /*in_task=*/true);
      if (drawn_.one_in(2)) habits(drawn_, innermost).mix_lengths(2, 1);
      nest_in_all(inner, innermost);
    }
    if (drawn_.one_in(2)) {
      plan.place = place::own_executor;
      plan.executor = 2;
      plan.size = drawn_.between(2, 20);
      arrivals(drawn_, plan).choose(/*in_task=*/false);
    }
    nest_in_all(plan, inner);
    if (habits::may_meet(plan) && plan.runners() > 1 && !drawn_.one_in(4)) habits(drawn_, plan).meet(2);
    return plan;
  }

  batch_plan loops_in_its_tasks() {
    batch_plan plan;
    choose_call_without_pool(plan);
    choose_limit(plan);
    if (plan.place == place::own_executor || plan.place == place::adaptive_executor)
      plan.executor = drawn_.between(1, 4);
    plan.size = drawn_.between(1, 30);
    arrivals(drawn_, plan).choose(/*in_task=*/false);
    habits chosen(drawn_, plan);
    if (drawn_.one_in(3)) chosen.mix_lengths(3, 1);
    chosen.loop();
    return plan;
  }

  /// Each task holds some of a budget, and runs a batch that needs some of it.
  batch_plan batches_that_need_what_their_tasks_hold() {
    const auto needs_some = [this](std::size_t most_tasks) {
      batch_plan plan;
      plan.call = drawn_.one_of({call::execute, call::map, call::settle});
      choose_limit(plan);
      plan.size = drawn_.between(1, most_tasks);
      const std::size_t which = drawn_.below(std::size(shared_budgets));
      plan.unequal.most_cost[which] = drawn_.between(1, shared_budgets[which]);
      return plan;
    };
    batch_plan plan = needs_some(6);
    batch_plan inner = needs_some(6);
    inner.unequal.most_cost = plan.unequal.most_cost;
    nest_in_all(plan, inner);
    return plan;
  }

  batch_plan on_shared(std::size_t executor, std::size_t size, bool in_task) {
    batch_plan plan;
    plan.place = place::shared_executor;
    plan.executor = executor;
    plan.size = size;
    choose_handle(plan);
    if (!plan.is_submitted() && drawn_.one_in(3)) plan.call = drawn_.one_of({call::stream, call::scope});
    arrivals(drawn_, plan).choose(in_task);
    return plan;
  }

  static void nest_in_all(batch_plan& plan, const batch_plan& inner) {
    plan.habits.assign(1, {action::nest, 0, 1, plan.size});
    plan.inner.assign(1, inner);
  }

  // ── The options of a batch ─────────────────────────────────────────────────────────────────────────────────────

  void choose_call(batch_plan& plan) {
    plan.call = drawn_.one_of({call::execute, call::execute, call::map, call::map, call::settle, call::with_pool,
                            call::stream, call::scope, call::first});
    plan.place = drawn_.one_of({place::free, place::free, place::free, place::own_executor, place::adaptive_executor,
                                place::passed_on_executor, place::shared_executor, place::shared_executor});
    plan.result =
        drawn_.one_of({result::nothing, result::number, result::flag, result::tracked, result::tracked_default});
    if (drawn_.one_in(16)) plan.call = call::invoke;
    choose_handle(plan);
    if (plan.call == call::invoke) plan.place = place::free;
    if (plan.call == call::stream && plan.result == result::nothing) plan.result = result::number;
    if (plan.call == call::settle || plan.call == call::with_pool)
      plan.result = drawn_.one_of({result::number, result::tracked});
    if (plan.call == call::invoke) plan.result = result::tracked;
    if (plan.call == call::with_pool) plan.pool = drawn_.one_in(3) ? 0 : drawn_.between(1, 8);
    if (plan.place == place::shared_executor) plan.executor = drawn_.below(shared_executors);
    if (plan.place == place::own_executor || plan.place == place::adaptive_executor) plan.executor = some_limit();
    if (plan.place == place::passed_on_executor) plan.executor = drawn_.between(1, largest_passed_on);
  }

  void choose_handle(batch_plan& plan) {
    plan.handle = handle_use::none;
    const bool can_be_submitted = plan.call == call::execute || plan.call == call::map;
    if (!can_be_submitted || !drawn_.one_in(3)) return;
    plan.handle = drawn_.one_of({handle_use::got, handle_use::got, handle_use::got_later, handle_use::looked_at,
                                 handle_use::looked_at, handle_use::waited_for, handle_use::waited_twice,
                                 handle_use::moved, handle_use::waited_by_two, handle_use::stopped, handle_use::dropped});
    plan.keeps = drawn_.one_of({kept::copied, kept::moved, kept::referred_to});
    plan.handle_pause = std::chrono::microseconds(drawn_.one_of<std::size_t>({0, 20, drawn_.below(1'000)}));
  }

  void choose_call_without_pool(batch_plan& plan) {
    do {
      choose_call(plan);
    } while (plan.call == call::with_pool || plan.call == call::invoke);
  }

  /// A limit, mostly a small one.
  std::size_t some_limit() {
    return drawn_.one_of({drawn_.between(1, 4), drawn_.between(1, 4), drawn_.between(5, 16),
                          drawn_.one_in(3) ? drawn_.between(17, 64) : drawn_.between(2, 8)});
  }

  void choose_limit(batch_plan& plan) {
    if (plan.call == call::invoke || drawn_.one_in(3)) return;
    plan.limit = drawn_.one_in(12) ? fanout::unlimited : some_limit();
  }

  /// Small sizes, and those close to the limit; a few large ones, if the batch is not nested.
  void choose_size(batch_plan& plan, std::size_t depth) {
    switch (drawn_.below(9)) {
      case 0:
        plan.size = size_at_the_edge(plan);
        break;
      case 1:
      case 2:
        plan.size = drawn_.between(100, 2'000) / depth;
        break;
      case 3:
        plan.size = depth == 1 ? (drawn_.one_in(4) ? drawn_.between(10'000, 100'000) : drawn_.between(1'000, 10'000))
                               : drawn_.between(0, 500);
        break;
      default:
        plan.size = drawn_.between(2, 50);
    }
    if (plan.limit == fanout::unlimited) plan.size = std::min<std::size_t>(plan.size, 40);
  }

  /// The batch's own executor gets the limit; any other batch names it in its options.
  void choose_limit_and_size_at_the_edge(batch_plan& plan) {
    plan.limit = edge_limits[drawn_.below(std::size(edge_limits))];
    if (plan.has_own_executor() && plan.names_its_limit() && plan.place != place::passed_on_executor) {
      plan.executor = plan.limit;
      plan.limit = fanout::automatic;
    }
    plan.size = size_at_the_edge(plan);
  }

  std::size_t size_at_the_edge(const batch_plan& plan) {
    const std::size_t edge = plan.names_its_limit()      ? plan.limit
                             : plan.place == place::free ? fanout::available_concurrency()
                                                         : plan.executor_limit();
    const std::size_t many = plan.limit == fanout::unlimited ? drawn_.between(20, 40) : drawn_.between(100, 400);
    return drawn_.one_of<std::size_t>({0, 1, edge - 1, edge, edge + 1, many});
  }

  void choose_token(batch_plan& plan, std::size_t depth) {
    if (drawn_.one_in(2)) return;
    plan.token = depth > 1 && drawn_.one_in(2) ? token::outer_context
                 : drawn_.one_in(16)           ? token::requested
                                               : token::own;
    if (plan.token == token::own && drawn_.one_in(2))
      plan.stop_from_outside = std::chrono::microseconds(drawn_.between(1, 3'000));
  }

  void choose_callback(batch_plan& plan) {
    if (drawn_.one_in(2)) return;
    plan.callback.wanted = true;
    if (drawn_.one_in(2))
      plan.callback.interval = std::chrono::nanoseconds(drawn_.one_of<int>({1, 1'000, 100'000, 2'000'000}));
    const std::size_t call_number = drawn_.between(1, std::clamp<std::size_t>(plan.size, 1, 60));
    if (drawn_.one_in(10)) plan.callback.throws_at = call_number;
    if (drawn_.one_in(10) && plan.token == token::own) plan.callback.stops_at = call_number;
    if (drawn_.one_in(4)) plan.callback.sleeps_at = drawn_.between(1, 10);
  }

  void choose_flaw(batch_plan& plan) {
    plan.flaw = drawn_.one_of({flaw::limit_of_zero, flaw::limit_too_large, flaw::empty_task});
    const bool has_functions = (plan.call == call::execute && plan.size != 0) || plan.grows();
    if (plan.flaw == flaw::empty_task && !has_functions) plan.flaw = flaw::limit_of_zero;
  }

  batch_plan& with_habits(batch_plan& plan, std::size_t depth) {
    if (plan.size != 0 && depth != deepest && drawn_.one_in(depth + 1)) nest(plan, depth);
    habits(drawn_, plan).choose_any();
    return plan;
  }

  /// At most three of its tasks run the inner batch.
  void nest(batch_plan& plan, std::size_t depth) {
    if (plan.call == call::with_pool && plan.pool == 0)
      plan.pool = drawn_.between(1, 4);  // see docs/pools.md, hold and wait
    plan.habits.push_back(habits(drawn_, plan).some_of(action::nest, 3));
    plan.inner.push_back(any(depth + 1));
  }

  draws drawn_;
};

}  // namespace stress
