#include "tuning/sweep.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "fanout/error.hpp"
#include "tuning/budget.hpp"
#include "tuning/ladder.hpp"
#include "tuning/race.hpp"
#include "tuning/random.hpp"

namespace fanout::detail {
namespace {

std::optional<double> sum_of(const std::optional<double>& one, const std::optional<double>& other) {
  return one && other ? std::optional(*one + *other) : std::nullopt;
}

class sweeper {
 public:
  sweeper(const sweep_plan& plan, const tuning_options& options, const sweep_ground& ground)
      : plan_(plan), options_(options), ground_(ground), random_(options.seed), refused_(plan.refused) {}

  sweep_result run() {
    const bool stopped = !warm_up_all() || !measure();
    return take_result(stopped);
  }

 private:
  // ---- First pass: a warm-up of each size, from the smallest ----

  /// False once a stop has been requested.
  bool warm_up_all() {
    std::vector<std::size_t> sizes = plan_.sizes;
    for (std::size_t next = 0; next != sizes.size(); ++next) {
      if (!warm_up(sizes[next], options_.budget - ground_.elapsed())) return false;
      if (refused_ == sizes[next]) break;
      if (!refuse_small_budget(std::span(sizes).subspan(next + 1))) return false;
      if (plan_.named) continue;
      if (sizes[next] > plan_.available && throughput_falls(sizes_)) break;
      if (next + 1 == sizes.size() && warm_ups_still_grow(sizes_) && can_add_a_size()) {
        sizes.push_back(next_rung(sizes.back()));
      }
    }
    return true;
  }

  /// Runs a size once, without counting the run. False once a stop has been requested. If the threads for the size
  /// cannot be created, leaves it out and remembers it in `refused_`.
  ///
  /// If the run has to be stopped after `limit`, the budget is too small, and this throws.
  bool warm_up(std::size_t concurrency, std::chrono::nanoseconds limit) {
    if (options_.stop.stop_requested()) return false;
    report(concurrency, true);
    try {
      ground_.prepare(concurrency);
    } catch (const resource_error&) {
      if (sizes_.empty()) throw;
      refused_ = concurrency;
      return true;
    }
    const std::optional<warm_up_figures> figures = warm_up_unless_stopped(limit);
    if (!figures) return false;
    sizes_.push_back({.concurrency = concurrency, .warm_up_seconds = figures->seconds});
    if (figures->share < 1) refuse_cut_short(*figures);
    return true;
  }

  /// Throws: the budget ended during the first run of the last size.
  [[noreturn]] void refuse_cut_short(const warm_up_figures& figures) {
    measured_size& last = sizes_.back();
    if (figures.share == 0) refuse_budget_without_a_task(options_.budget, last.concurrency);
    const double cut = figures.seconds / figures.share - figures.seconds;
    last.warm_up_seconds += cut;
    const auto missing = std::upper_bound(plan_.sizes.begin(), plan_.sizes.end(), last.concurrency);
    refuse_budget(options_.budget, {sizes_, std::span(missing, plan_.sizes.end()), spent(), cut});
  }

  /// Throws as soon as it is certain that the budget is too small. False once a stop has been requested.
  bool refuse_small_budget(std::span<const std::size_t> missing) {
    const auto fits = [&] { return needed_for({sizes_, missing, spent()}).certain <= budget(); };
    if (fits()) return true;
    measured_size& last = sizes_.back();
    if (sizes_.size() == 1 && spent() + last.warm_up_seconds <= budget()) {
      // The first run of all may have been slow because everything was cold, so this runs it again.
      if (options_.stop.stop_requested()) return false;
      report(last.concurrency, true);
      const std::optional<warm_up_figures> again = warm_up_unless_stopped(options_.budget - ground_.elapsed());
      if (!again) return false;
      if (again->share == 1) last.warm_up_seconds = std::min(last.warm_up_seconds, again->seconds);
    }
    if (fits()) return true;
    refuse_budget(options_.budget, {sizes_, missing, spent()});
  }

  // ---- Rounds ----

  /// False once a stop has been requested.
  bool measure() {
    std::size_t rounds = 0;
    std::size_t look = options_.min_repetitions;  // the round after which the times are evaluated next
    for (;;) {
      const std::vector<std::size_t> order = next_round();
      if (order.empty()) return true;
      for (const std::size_t index : order) {
        if (options_.stop.stop_requested()) return false;
        if (is_spent(index)) return true;
        if (!measure_once(index)) return false;
      }
      // An evaluation costs as much as a few short runs, so it waits until the samples have grown by a tenth.
      if (++rounds < look) continue;
      look = rounds + 1 + rounds / 10;
      summarise(sizes_, options_.seed);
      give_up_the_slow(sizes_, options_);
      if (!plan_.named && medians_still_grow(sizes_, options_) && can_add_a_size()) {
        // Not limited: the other sizes have been measured, which is no reason to refuse the budget.
        if (!warm_up(next_rung(sizes_.back().concurrency), std::chrono::nanoseconds::max())) return false;
        look = rounds + options_.min_repetitions;
      }
      if (all_finished()) return true;
    }
  }

  /// All contenders with fewer than `max_repetitions` runs, in a new random order. This includes those whose interval
  /// is narrow already, so that a disturbance of the machine affects all of them alike. But as long as some have too
  /// few runs, only those run.
  std::vector<std::size_t> next_round() {
    std::vector<std::size_t> order;
    std::vector<std::size_t> behind;
    for (std::size_t i = 0; i != sizes_.size(); ++i) {
      const std::size_t runs = sizes_[i].seconds.size();
      if (!sizes_[i].contender || runs >= options_.max_repetitions) continue;
      order.push_back(i);
      if (runs < options_.min_repetitions) behind.push_back(i);
    }
    if (!behind.empty()) order = behind;
    shuffle(order, random_);
    return order;
  }

  bool measure_once(std::size_t index) {
    report(sizes_[index].concurrency, false);
    try {
      ground_.prepare(sizes_[index].concurrency);
    } catch (const resource_error&) {  // other threads of the process or system use up the limit by now
      sizes_[index].contender = false;
      if (!refused_ || *refused_ > sizes_[index].concurrency) refused_ = sizes_[index].concurrency;
      return true;
    }
    const std::optional<run_figures> figures = run_unless_stopped();
    if (!figures) return false;
    measured_size& size = sizes_[index];
    const bool first = size.seconds.empty();
    size.seconds.push_back(figures->seconds);
    size.cpu_seconds += figures->cpu_seconds;
    size.voluntary_switches += figures->voluntary_switches;
    size.involuntary_switches += figures->involuntary_switches;
    size.peak_memory_bytes =
        first ? figures->peak_memory_bytes : std::max(size.peak_memory_bytes, figures->peak_memory_bytes);
    size.core_wait_seconds =
        first ? figures->core_wait_seconds : sum_of(size.core_wait_seconds, figures->core_wait_seconds);
    size.steal_seconds = first ? figures->steal_seconds : sum_of(size.steal_seconds, figures->steal_seconds);
    ++measurements_;
    return true;
  }

  std::optional<run_figures> run_unless_stopped() {
    return unless_stopped([this] { return ground_.run(); });
  }

  std::optional<warm_up_figures> warm_up_unless_stopped(std::chrono::nanoseconds limit) {
    return unless_stopped([&] { return ground_.warm_up(limit); });
  }

  /// None if the stop has ended the workload.
  template <class Run>
  std::optional<std::invoke_result_t<Run>> unless_stopped(const Run& run) {
    try {
      return run();
    } catch (const operation_cancelled&) {
      if (!options_.stop.stop_requested()) throw;
      return std::nullopt;
    }
  }

  bool all_finished() const {
    return std::all_of(sizes_.begin(), sizes_.end(),
                       [this](const measured_size& size) { return !size.contender || is_finished(size, options_); });
  }

  // ---- Time ----

  double budget() const { return std::chrono::duration<double>(options_.budget).count(); }
  double spent() const { return std::chrono::duration<double>(ground_.elapsed()).count(); }

  /// Whether the budget is too short for another run of a size. A size with no run gets one anyway, and one with too
  /// few runs gets another as long as the budget is not spent.
  bool is_spent(std::size_t index) const {
    const std::size_t runs = sizes_[index].seconds.size();
    if (runs == 0) return false;
    return spent() + (runs < least_repetitions ? 0 : expected_seconds(sizes_, index)) >= budget();
  }

  bool can_add_a_size() const {
    if (refused_ || next_rung(sizes_.back().concurrency) > plan_.most) return false;
    const double more =
        static_cast<double>(1 + options_.min_repetitions) * expected_seconds(sizes_, sizes_.size() - 1);
    return spent() + least_left() + more <= budget();
  }

  /// The seconds until every contender has the least number of runs that the options ask for.
  double least_left() const {
    double left = 0;
    for (std::size_t i = 0; i != sizes_.size(); ++i) {
      const std::size_t runs = sizes_[i].seconds.size();
      if (!sizes_[i].contender || runs >= options_.min_repetitions) continue;
      left += static_cast<double>(options_.min_repetitions - runs) * expected_seconds(sizes_, i);
    }
    return left;
  }

  /// The seconds until every contender is finished, from the rule that the width of an interval falls with the square
  /// root of the number of runs.
  double expected_left() const {
    double left = least_left();
    for (std::size_t i = 0; i != sizes_.size(); ++i) {
      const measured_size& size = sizes_[i];
      if (!size.contender || size.summarised == 0 || is_finished(size, options_)) continue;
      const auto runs = static_cast<double>(size.seconds.size());
      const double too_wide = size.times.relative_half_width() / options_.precision;
      const double needed = std::min(runs * too_wide * too_wide, static_cast<double>(options_.max_repetitions));
      left += std::max(1.0, needed - runs) * size.times.median;
    }
    const std::size_t missing = plan_.sizes.size() - std::min(plan_.sizes.size(), sizes_.size());
    if (measurements_ == 0 && !sizes_.empty()) {  // still warming up
      left +=
          static_cast<double>(missing * (1 + options_.min_repetitions)) * expected_seconds(sizes_, sizes_.size() - 1);
    }
    return left;
  }

  // ---- Results ----

  void report(std::size_t concurrency, bool warming_up, bool over = false) {
    running_ = concurrency;
    if (!options_.on_progress) return;
    const auto elapsed = ground_.elapsed();
    const auto rest = std::max(options_.budget - elapsed, std::chrono::nanoseconds(0));
    const auto expected = sizes_.empty() ? std::chrono::nanoseconds::max() : nanoseconds_of(expected_left());
    options_.on_progress({.concurrency = concurrency,
                          .warming_up = warming_up,
                          .measurements = measurements_,
                          .sizes = std::max(sizes_.size(), plan_.sizes.size()),
                          .contenders = contenders(),
                          .elapsed = elapsed,
                          .remaining = over ? std::chrono::nanoseconds(0) : std::min(rest, expected),
                          .budget = options_.budget});
  }

  std::size_t contenders() const {
    const auto given_up =
        std::count_if(sizes_.begin(), sizes_.end(), [](const auto& size) { return !size.contender; });
    return std::max(sizes_.size(), plan_.sizes.size()) - static_cast<std::size_t>(given_up);
  }

  sweep_result take_result(bool stopped) {
    if (measurements_ == 0) throw operation_cancelled("cancelled before a run of the workload was measured");
    sizes_.erase(std::remove_if(sizes_.begin(), sizes_.end(), [](const auto& size) { return size.seconds.empty(); }),
                 sizes_.end());
    summarise(sizes_, options_.seed);
    const bool precise = std::all_of(sizes_.begin(), sizes_.end(), [this](const measured_size& size) {
      return !size.contender || is_precise(size, options_);
    });
    report(running_, false, /*over=*/true);
    return {.sizes = std::move(sizes_), .complete = !stopped, .precise = precise, .refused = refused_};
  }

  const sweep_plan& plan_;
  const tuning_options& options_;
  const sweep_ground& ground_;
  random_numbers random_;
  std::vector<measured_size> sizes_;  // the sizes that have run, in order
  std::size_t measurements_ = 0;
  std::size_t running_ = 0;
  std::optional<std::size_t> refused_;
};

}  // namespace

sweep_result sweep(const sweep_plan& plan, const tuning_options& options, const sweep_ground& ground) {
  return sweeper(plan, options, ground).run();
}

}  // namespace fanout::detail
