#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <new>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/limits.hpp"
#include "fanout/tuning_comparison.hpp"
#include "tuning/bootstrap.hpp"
#include "tuning/budget.hpp"
#include "tuning/comparison_run.hpp"
#include "tuning/deadline.hpp"
#include "tuning/ladder.hpp"
#include "tuning/number_text.hpp"
#include "tuning/random.hpp"
#include "tuning/resource_use.hpp"
#include "tuning/results.hpp"

namespace fanout::detail {
namespace {

using clock = std::chrono::steady_clock;

std::vector<comparison_scheduler> checked_schedulers(const comparison_options& options) {
  std::vector<comparison_scheduler> all = options.baselines;
  all.insert(all.end(), options.schedulers.begin(), options.schedulers.end());
  if (all.empty()) throw std::invalid_argument("there is no scheduler: baselines and schedulers are empty");
  for (std::size_t i = 0; i != all.size(); ++i) {
    const std::string& name = all[i].name();
    if (name.empty()) throw std::invalid_argument("a scheduler has an empty name");
    check_text(name, "the name of a scheduler", longest_name);
    for (std::size_t earlier = 0; earlier != i; ++earlier) {
      if (all[earlier].name() == name) throw std::invalid_argument("two schedulers have the name " + name);
    }
  }
  return all;
}

std::vector<std::size_t> checked_concurrency(const comparison_options& options) {
  if (options.concurrency.empty()) return {available_concurrency()};
  return checked_sizes(options.concurrency, max_concurrency());
}

void check_options(const comparison_options& options) {
  if (options.budget.count() <= 0) throw std::invalid_argument("budget must be above 0");
  if (options.repetitions < 1 || options.repetitions > 10'000) {
    throw std::invalid_argument("repetitions must be from 1 to 10000");
  }
  check_text(options.workload, "workload", longest_name);
}

/// A scheduler at the concurrency that is being measured, and what is known of it.
struct entrant {
  std::string name;
  comparison_scheduler::run_function run;
  std::vector<double> seconds{};
  double cpu_seconds = 0;
  std::vector<std::size_t> differences{};
};

class comparer {
 public:
  comparer(const compared_tasks& tasks, const comparison_options& options)
      : options_(options),
        schedulers_(checked_schedulers(options)),
        sizes_(checked_concurrency(options)),
        tasks_(tasks),
        run_(tasks, options.stop),
        random_(options.seed) {}

  comparison_report measure() {
    bool complete = true;
    for (std::size_t i = 0; complete && i != sizes_.size(); ++i) {
      // Equal shares of what is left. A concurrency that needed less leaves the rest to the others.
      const std::chrono::nanoseconds now = elapsed();
      const auto left = std::max(options_.budget - now, std::chrono::nanoseconds(0));
      end_ = now + left / static_cast<long>(sizes_.size() - i);
      concurrency_ = sizes_[i];
      complete = measure_at_one_concurrency();
    }
    if (rows_.empty()) throw operation_cancelled("cancelled before a round of the schedulers was measured");
    report(running_, false, /*over=*/true);
    return comparison_report({.workload = options_.workload,
                              .machine = this_machine(),
                              .tasks = tasks_.size,
                              .rows = std::move(rows_),
                              .complete = complete,
                              .seed = options_.seed,
                              .elapsed = elapsed()});
  }

 private:
  /// False once a stop has been requested.
  bool measure_at_one_concurrency() {
    std::vector<entrant> entrants = make_entrants();
    longest_round_ = std::chrono::nanoseconds(0);
    round_ = 0;
    if (!warm_up(entrants)) return false;
    bool complete = true;
    std::vector<std::size_t> order(entrants.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (round_ = 1; round_ <= options_.repetitions; ++round_) {
      const auto start = elapsed();
      if (round_ > 1 && longest_round_ > end_ - start) break;
      shuffle(order, random_);
      complete = measure_round(entrants, order);
      if (!complete) break;
      longest_round_ = std::max(longest_round_, elapsed() - start);
    }
    if (!entrants.front().seconds.empty()) add_rows(entrants);
    return complete;
  }

  std::vector<entrant> make_entrants() const {
    std::vector<entrant> entrants;
    for (const comparison_scheduler& scheduler : schedulers_) {
      entrants.push_back({.name = scheduler.name(), .run = {}});
      try {
        entrants.back().run = scheduler.make(concurrency_);
      } catch (...) {
        throw_failure_of(scheduler.name(), std::current_exception());
      }
      if (!entrants.back().run) {
        throw std::invalid_argument("the scheduler " + scheduler.name() + " is an empty function");
      }
    }
    return entrants;
  }

  /// Runs each scheduler once, in their order. False once a stop has been requested.
  bool warm_up(std::vector<entrant>& entrants) {
    const auto start = elapsed();
    for (entrant& each : entrants) {
      if (options_.stop.stop_requested()) return false;
      report(each.name, true);
      const deadline end(options_.stop, std::max(end_ - elapsed(), std::chrono::nanoseconds(1)));
      if (!run_once(each, end.token())) {
        if (options_.stop.stop_requested()) return false;
        refuse_budget(each.name + " had not run once at the end of it", std::nullopt);
      }
    }
    longest_round_ = elapsed() - start;
    if (longest_round_ > end_ - elapsed()) {
      // Two rounds at each concurrency, and a margin because the next measurement may be slower.
      const double sufficient = 2.5 * std::chrono::duration<double>(longest_round_).count() * static_cast<double>(sizes_.size());
      refuse_budget("each scheduler has run once, and it would not suffice for another run; " +
                        duration_text(sufficient) + " is sufficient",
                    nanoseconds_of(sufficient));
    }
    return true;
  }

  [[noreturn]] void refuse_budget(const std::string& why, std::optional<std::chrono::nanoseconds> sufficient) const {
    throw budget_error("a budget of " + duration_text(std::chrono::duration<double>(options_.budget).count()) +
                           " is too small: at a concurrency of " + std::to_string(concurrency_) + ", " + why,
                       sufficient);
  }

  /// Counts the runs only if all schedulers have run. False once a stop has been requested.
  bool measure_round(std::vector<entrant>& entrants, const std::vector<std::size_t>& order) {
    std::vector<figures> measured(entrants.size());
    for (const std::size_t who : order) {
      if (options_.stop.stop_requested()) return false;
      report(entrants[who].name, false);
      const std::optional<figures> one = run_once(entrants[who], options_.stop);
      if (!one) return false;
      measured[who] = *one;
    }
    for (std::size_t who = 0; who != entrants.size(); ++who) {
      entrants[who].seconds.push_back(measured[who].seconds);
      entrants[who].cpu_seconds += measured[who].cpu_seconds;
    }
    return true;
  }

  struct figures {
    double seconds = 0;
    double cpu_seconds = 0;
  };

  /// None if the stop was requested before the end.
  std::optional<figures> run_once(entrant& who, const std::stop_token& stop) {
    run_.begin(concurrency_, stop);
    const compared_run run(run_);
    std::exception_ptr thrown;
    const resource_use before = resource_use_of_process();
    const auto start = clock::now();
    try {
      who.run(run);
    } catch (...) {
      thrown = std::current_exception();
    }
    const double seconds = std::chrono::duration<double>(clock::now() - start).count();
    const double cpu_seconds = resource_use_of_process().cpu_seconds - before.cpu_seconds;
    // After the failure of a task or a stop, a scheduler may throw because of it.
    run_.rethrow_failure();
    if (stop.stop_requested()) return std::nullopt;
    if (thrown) throw_failure_of(who.name, thrown);
    if (const auto misuse = run_.find_misuse()) {
      throw comparison_error(who.name, concurrency_, misuse->what, misuse->index);
    }
    check_results_of(who);
    ++runs_;
    return figures{seconds, cpu_seconds};
  }

  void check_results_of(entrant& who) {
    if (!expects_) {
      tasks_.expect();
      expects_ = true;
      return;
    }
    const std::vector<std::size_t> found = tasks_.differences();
    if (found.empty()) return;
    if (options_.stop_at_difference) {
      throw comparison_error(who.name, concurrency_,
                             "gave another result than " + schedulers_.front().name() + " for task " +
                                 std::to_string(found.front()) +
                                 (found.size() == 1 ? "" : " and " + std::to_string(found.size() - 1) + " more"),
                             found.front());
    }
    std::vector<std::size_t> all;
    std::set_union(who.differences.begin(), who.differences.end(), found.begin(), found.end(),
                   std::back_inserter(all));
    who.differences = std::move(all);
  }

  [[noreturn]] void throw_failure_of(const std::string& scheduler, const std::exception_ptr& thrown) const {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw comparison_error(scheduler, concurrency_, std::string("failed: ") + error.what(), std::nullopt, thrown);
    } catch (...) {
      throw comparison_error(scheduler, concurrency_, "failed with an exception that is no std::exception",
                             std::nullopt, thrown);
    }
  }

  void add_rows(std::vector<entrant>& entrants) {
    std::uint64_t seed = options_.seed;
    double first_median = 0;
    for (entrant& each : entrants) {
      const bootstrapped_median times = bootstrap_median(each.seconds, seed++);
      if (&each == &entrants.front()) first_median = times.median;
      const auto runs = static_cast<double>(each.seconds.size());
      rows_.push_back({.scheduler = each.name,
                       .concurrency = concurrency_,
                       .median_seconds = times.median,
                       .low_seconds = times.low,
                       .high_seconds = times.high,
                       .speedup = times.median > 0 ? first_median / times.median : 1,
                       .cpu_seconds = each.cpu_seconds / runs,
                       .seconds = std::move(each.seconds),
                       .differences = std::move(each.differences)});
    }
  }

  // ---- Progress ----

  std::chrono::nanoseconds elapsed() const { return clock::now() - start_; }

  void report(const std::string& scheduler, bool warming_up, bool over = false) {
    running_ = scheduler;
    if (!options_.on_progress) return;
    const auto now = elapsed();
    const auto rest = std::max(options_.budget - now, std::chrono::nanoseconds(0));
    const std::size_t planned = sizes_.size() * schedulers_.size() * (1 + options_.repetitions);
    const double mean = runs_ == 0 ? 9e9 : std::chrono::duration<double>(now).count() / static_cast<double>(runs_);
    const auto expected = nanoseconds_of(mean * static_cast<double>(planned - runs_));
    options_.on_progress({.scheduler = running_,
                          .concurrency = concurrency_,
                          .warming_up = warming_up,
                          .runs = runs_,
                          .planned_runs = planned,
                          .elapsed = now,
                          .remaining = over ? std::chrono::nanoseconds(0) : std::min(rest, expected),
                          .budget = options_.budget});
  }

  const comparison_options& options_;
  const std::vector<comparison_scheduler> schedulers_;
  const std::vector<std::size_t> sizes_;
  const compared_tasks& tasks_;
  comparison_run run_;
  random_numbers random_;
  const clock::time_point start_ = clock::now();
  bool expects_ = false;  // whether the expected results are known
  std::size_t runs_ = 0;
  std::string running_;
  std::vector<comparison_row> rows_;

  // Of the concurrency that is being measured.
  std::size_t concurrency_ = 0;
  std::chrono::nanoseconds end_{0};  // of its share of the budget, since the start
  std::size_t round_ = 0;
  std::chrono::nanoseconds longest_round_{0};
};

}  // namespace

comparison_report run_comparison(const compared_tasks& tasks, const comparison_options& options) {
  check_options(options);
  return comparer(tasks, options).measure();
}

}  // namespace fanout::detail
