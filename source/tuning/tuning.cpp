#include "fanout/tuning.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/error.hpp"
#include "fanout/limits.hpp"
#include "tuning/ladder.hpp"
#include "tuning/proving_ground.hpp"
#include "tuning/results.hpp"
#include "tuning/sweep.hpp"
#include "tuning/thread_room.hpp"

namespace fanout {

budget_error::budget_error(const std::string& what, std::optional<std::chrono::nanoseconds> sufficient)
    : std::invalid_argument(what), sufficient_(sufficient) {}

const char* budget_error::what() const noexcept { return std::invalid_argument::what(); }

namespace detail {
namespace {

void require(bool holds, const char* rule) {
  if (!holds) throw std::invalid_argument(rule);
}

void check_options(const tuning_options& options) {
  require(options.budget.count() > 0, "budget must be above 0");
  require(options.tolerance >= 0 && options.tolerance < 1, "tolerance must be from 0 to below 1");
  require(options.precision > 0 && options.precision < 1, "precision must be above 0 and below 1");
  require(options.min_repetitions >= 3, "min_repetitions must be at least 3");
  require(options.max_repetitions >= options.min_repetitions && options.max_repetitions <= 10'000,
          "max_repetitions must be between min_repetitions and 10000");
  require(options.sizes.size() <= most_rows, "sizes must not be more than 1024");
  check_text(options.workload, "workload", longest_name);
}

/// The sizes that the caller named, or the ladder up to four times the cores. The sweep may add rungs while larger
/// sizes are faster.
sweep_plan plan_for(const tuning_options& options) {
  const std::size_t available = available_concurrency();
  const std::size_t most = max_concurrency();
  if (options.sizes.empty()) {
    return {.sizes = default_ladder(available, std::min(4 * available, most)), .available = available, .most = most};
  }
  return {.sizes = checked_sizes(options.sizes, most), .named = true, .available = available, .most = most};
}

/// Leaves out the sizes for which the system has no threads, without creating any.
void leave_out_impossible_sizes(sweep_plan& plan) {
  const std::size_t room = thread_room();
  const auto first = std::upper_bound(plan.sizes.begin(), plan.sizes.end(), room);
  if (first == plan.sizes.begin()) throw resource_error(*first, room);
  if (first != plan.sizes.end()) plan.refused = *first;
  plan.sizes.erase(first, plan.sizes.end());
  plan.most = std::min(plan.most, room);
}

}  // namespace

void throw_empty_workload() { throw std::invalid_argument("the workload is an empty function"); }
void throw_no_tasks_to_tune() { throw std::invalid_argument("n must be at least 1: there is nothing to measure"); }

tuning_report run_tuning(const tuning_workload& workload, std::size_t tasks, const tuning_options& options) {
  check_options(options);
  sweep_plan plan = plan_for(options);
  leave_out_impossible_sizes(plan);
  proving_ground proving(workload, tasks, options.stop);
  const sweep_ground ground{.prepare = [&](std::size_t concurrency) { proving.prepare(concurrency); },
                            .warm_up = [&](std::chrono::nanoseconds limit) { return proving.warm_up(limit); },
                            .run = [&] { return proving.run(); },
                            .elapsed = [&] { return proving.elapsed(); }};
  const sweep_result measured = sweep(plan, options, ground);
  return tuning_report(results_of(measured, options,
                                  {.machine = this_machine(),
                                   .elapsed = proving.elapsed(),
                                   .tasks = tasks == 0 ? std::nullopt : std::optional(tasks),
                                   .use = proving.use_by_others()}));
}

}  // namespace detail
}  // namespace fanout
