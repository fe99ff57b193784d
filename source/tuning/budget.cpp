#include "tuning/budget.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "tuning/number_text.hpp"
#include "tuning/race.hpp"

namespace fanout::detail {
namespace {

/// A budget that is named as sufficient must be accepted even if the next measurement is slower.
constexpr double margin = 1.25;

std::string too_small(std::chrono::nanoseconds budget) {
  return "a budget of " + duration_text(std::chrono::duration<double>(budget).count()) + " is too small";
}

}  // namespace

needed_seconds needed_for(const first_runs& runs) {
  double known = runs.spent + runs.cut;
  for (std::size_t i = 0; i != runs.sizes.size(); ++i) known += least_repetitions * expected_seconds(runs.sizes, i);
  needed_seconds sum{known, known};
  const double last = (1 + least_repetitions) * expected_seconds(runs.sizes, runs.sizes.size() - 1);
  for (const std::size_t size : runs.missing) {
    sum.certain += last * static_cast<double>(runs.sizes.back().concurrency) / static_cast<double>(size);
    sum.cautious += last;
  }
  return sum;
}

void refuse_budget(std::chrono::nanoseconds budget, const first_runs& runs) {
  const double sufficient = needed_for(runs).cautious * margin;
  const std::size_t count = runs.sizes.size() + runs.missing.size();
  throw budget_error(too_small(budget) + " for " + std::to_string(count) + (count == 1 ? " size: " : " sizes: ") +
                         duration_text(sufficient) + " is sufficient, because a run at size " +
                         std::to_string(runs.sizes.back().concurrency) + " takes about " +
                         duration_text(expected_seconds(runs.sizes, runs.sizes.size() - 1)),
                     nanoseconds_of(sufficient));
}

void refuse_budget_without_a_task(std::chrono::nanoseconds budget, std::size_t concurrency) {
  throw budget_error(too_small(budget) + ": no task ended within it at size " + std::to_string(concurrency),
                     std::nullopt);
}

std::chrono::nanoseconds nanoseconds_of(double seconds) {
  constexpr double long_time = 9e9;  // seconds; a 64-bit number of nanoseconds holds at most 9.2e9
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::min(seconds, long_time)));
}

}  // namespace fanout::detail
