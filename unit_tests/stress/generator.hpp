#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

#include "plan.hpp"

/// Makes the plans of one driver, one after the other: a function of the seed and the driver's number, and of nothing
/// else. (No distribution of the standard library is used: their algorithms are not specified.)
namespace stress {

inline constexpr std::size_t deepest = 3;

class generator {
 public:
  generator(std::uint64_t seed, unsigned driver) {
    std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U), driver};
    random_.seed(words);
  }

  batch_plan next() { return make(1); }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
  bool one_in(std::size_t times) { return below(times) == 0; }

  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }

  batch_plan make(std::size_t depth) {
    batch_plan plan;
    choose_call(plan);
    choose_limit(plan);
    choose_size(plan, depth);
    if (plan.call == call::invoke) return with_habits(plan, depth);
    if (one_in(3)) plan.on_error = fanout::error_policy::run_all;
    choose_token(plan, depth);
    choose_callback(plan);
    if (one_in(40)) choose_flaw(plan);
    plan.bare = one_in(5) && plan.call != call::with_pool && plan.token != token::own && plan.flaw == flaw::none;
    return plan.bare ? plan : with_habits(plan, depth);
  }

  void choose_call(batch_plan& plan) {
    plan.call = one_of({call::execute, call::execute, call::map, call::map, call::settle, call::with_pool});
    plan.place = one_of({place::free, place::free, place::free, place::own_executor, place::adaptive_executor,
                         place::shared_executor, place::shared_executor});
    plan.result = one_of({result::nothing, result::number, result::flag, result::tracked, result::tracked_default});
    if (one_in(16)) plan.call = call::invoke;
    if (plan.call == call::invoke) plan.place = place::free;
    if (plan.call == call::settle || plan.call == call::with_pool)
      plan.result = one_of({result::number, result::tracked});
    if (plan.call == call::invoke) plan.result = result::tracked;
    if (plan.call == call::with_pool) plan.pool = one_in(3) ? 0 : between(1, 8);
    if (plan.place == place::shared_executor) plan.executor = below(shared_executors);
    if (plan.place == place::own_executor || plan.place == place::adaptive_executor) plan.executor = some_limit();
  }

  /// Mostly small.
  std::size_t some_limit() {
    return one_of({between(1, 4), between(1, 4), between(5, 16), one_in(3) ? between(17, 64) : between(2, 8)});
  }

  void choose_limit(batch_plan& plan) {
    if (plan.call == call::invoke || one_in(3)) return;
    plan.limit = one_in(12) ? fanout::unlimited : some_limit();
  }

  /// Small ones, and the edges; a few large ones, where no other batch is around.
  void choose_size(batch_plan& plan, std::size_t depth) {
    const std::size_t edge = plan.names_its_limit()      ? plan.limit
                             : plan.place == place::free ? fanout::available_concurrency()
                                                         : plan.executor_limit();
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        plan.size = one_of<std::size_t>({0, 1, edge - 1, edge, edge + 1});
        break;
      case 4:
      case 5:
        plan.size = between(100, 2'000) / depth;
        break;
      case 6:
        plan.size = depth == 1 ? (one_in(4) ? between(10'000, 100'000) : between(1'000, 10'000)) : between(0, 500);
        break;
      default:
        plan.size = between(2, 50);
    }
    if (plan.call == call::invoke) plan.size = invoked_tasks;
    if (plan.limit == fanout::unlimited) plan.size = std::min<std::size_t>(plan.size, 40);
  }

  void choose_token(batch_plan& plan, std::size_t depth) {
    if (one_in(2)) return;
    plan.token = depth > 1 && one_in(2) ? token::outer_context : one_in(16) ? token::requested : token::own;
    if (plan.token == token::own && one_in(2)) plan.stop_from_outside = std::chrono::microseconds(between(1, 3'000));
  }

  void choose_callback(batch_plan& plan) {
    if (one_in(2)) return;
    plan.callback.wanted = true;
    if (one_in(2)) plan.callback.interval = std::chrono::nanoseconds(one_of<int>({1, 1'000, 100'000, 2'000'000}));
    const std::size_t call_number = between(1, std::clamp<std::size_t>(plan.size, 1, 60));
    if (one_in(10)) plan.callback.throws_at = call_number;
    if (one_in(10) && plan.token == token::own) plan.callback.stops_at = call_number;
    if (one_in(4)) plan.callback.sleeps_at = between(1, 10);
  }

  void choose_flaw(batch_plan& plan) {
    plan.flaw = one_of({flaw::limit_of_zero, flaw::limit_too_large, flaw::empty_task});
    const bool has_functions = plan.call == call::execute && plan.size != 0;
    if (plan.flaw == flaw::empty_task && !has_functions) plan.flaw = flaw::limit_of_zero;
  }

  batch_plan& with_habits(batch_plan& plan, std::size_t depth) {
    if (plan.size == 0) return plan;
    if (depth != deepest && one_in(depth + 1)) nest(plan, depth);
    if (may_meet(plan) && one_in(3)) {
      plan.habits.push_back({action::meet, 0, 1, plan.runners()});
      return plan;
    }
    for (std::size_t more = below(4); more != 0; --more) plan.habits.push_back(habit_of(plan));
    return plan;
  }

  /// Whether its limit must be reached: somebody named it, it has tasks enough, and no others use its threads.
  static bool may_meet(const batch_plan& plan) {
    const bool is_named = plan.place == place::own_executor || (plan.place == place::free && plan.names_its_limit());
    return is_named && plan.call != call::with_pool && plan.call != call::invoke && plan.inner.empty() &&
           plan.limit_of_threads() <= plan.size;
  }

  /// At most three of its tasks run the inner batch.
  void nest(batch_plan& plan, std::size_t depth) {
    if (plan.call == call::with_pool && plan.pool == 0)
      plan.pool = between(1, 4);  // see docs/pools.md, hold and wait
    plan.habits.push_back(some_of(plan.size, action::nest, 3));
    plan.inner.push_back(make(depth + 1));
  }

  /// `most` of all tasks, one among the first, or all.
  habit some_of(std::size_t size, action what, std::size_t most) {
    const std::size_t first = below(std::min<std::size_t>(size, 20));
    if (one_in(3)) return {what, first, 1, first + 1};
    const std::size_t every = std::max<std::size_t>(1, (size - first + most - 1) / most);
    return {what, first, every, size};
  }

  habit habit_of(const batch_plan& plan) {
    switch (below(11)) {
      case 0:
        return some_of(plan.size, action::compute, 200);
      case 1:
        return some_of(plan.size, action::sleep, 30);
      case 2:
        return some_of(plan.size, action::allocate, 100);
      case 3:
      case 4:
        return some_of(plan.size, action::throw_failure, one_in(2) ? 3 : 300);
      case 5:
        return some_of(plan.size, action::wait_for_stop, 8);
      case 6:
        return some_of(plan.size, plan.token == token::own ? action::request_stop : action::use_token, 3);
      case 7:
        return some_of(plan.size, action::request_outer_stop, 1);
      case 8:
        return some_of(plan.size, action::use_token, 50);
      case 9:
        return some_of(plan.size, action::use_lease, 50);
      default:
        return some_of(plan.size, action::make_executor, 2);
    }
  }

  std::mt19937_64 random_;
};

}  // namespace stress
