#include "tuning/sweep.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "fanout/error.hpp"
#include "tuning/ladder.hpp"
#include "tuning/number_text.hpp"
#include "tuning/race.hpp"
#include "tuning/random.hpp"

namespace fanout::detail {
namespace {

/// The budget must allow this many runs of every size: fewer tell nothing.
constexpr std::size_t least_repetitions = 3;

class sweeper {
 public:
  sweeper(const sweep_plan& plan, const tuning_options& options, const sweep_ground& ground)
      : plan_(plan), options_(options), ground_(ground), random_(options.seed) {}

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
      if (!warm_up(sizes[next])) return false;
      if (refused_) break;
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
  bool warm_up(std::size_t concurrency) {
    if (options_.stop.stop_requested()) return false;
    report(concurrency, true);
    try {
      ground_.prepare(concurrency);
    } catch (const resource_error&) {
      if (plan_.named || sizes_.empty()) throw;
      refused_ = concurrency;
      return true;
    }
    const std::optional<run_figures> figures = run_unless_stopped();
    if (!figures) return false;
    sizes_.push_back({.concurrency = concurrency, .warm_up_seconds = figures->seconds});
    return true;
  }

  /// The seconds needed for the first pass and for `least_repetitions` counted runs of each size.
  struct need {
    double certain;   ///< If sizes that have not run yet are as fast as they can be.
    double cautious;  ///< If they are no faster than the last one.
  };

  need needed(std::span<const std::size_t> missing) const {
    double known = spent();
    for (std::size_t i = 0; i != sizes_.size(); ++i) known += least_repetitions * expected_seconds(sizes_, i);
    need sum{known, known};
    const double last = (1 + least_repetitions) * expected_seconds(sizes_, sizes_.size() - 1);
    for (const std::size_t size : missing) {
      sum.certain += last * static_cast<double>(sizes_.back().concurrency) / static_cast<double>(size);
      sum.cautious += last;
    }
    return sum;
  }

  /// Throws as soon as it is certain that the budget is too small. False once a stop has been requested.
  bool refuse_small_budget(std::span<const std::size_t> missing) {
    if (needed(missing).certain <= budget()) return true;
    measured_size& last = sizes_.back();
    if (sizes_.size() == 1 && spent() + last.warm_up_seconds <= budget()) {
      // The first run of all may have been slow because everything was cold, so this runs it again.
      if (options_.stop.stop_requested()) return false;
      report(last.concurrency, true);
      const std::optional<run_figures> again = run_unless_stopped();
      if (!again) return false;
      last.warm_up_seconds = std::min(last.warm_up_seconds, again->seconds);
    }
    const need least = needed(missing);
    if (least.certain <= budget()) return true;
    const std::size_t count = sizes_.size() + missing.size();
    throw std::invalid_argument("a budget of " + duration_text(budget()) + " is too small: at least " +
                                duration_text(least.cautious * 1.05) + " are needed for " + std::to_string(count) +
                                (count == 1 ? " size" : " sizes"));
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
        if (!warm_up(next_rung(sizes_.back().concurrency))) return false;
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
      if (plan_.named) throw;
      sizes_[index].contender = false;
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
    ++measurements_;
    return true;
  }

  /// None if the stop has ended the workload.
  std::optional<run_figures> run_unless_stopped() {
    try {
      return ground_.run();
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
    constexpr double long_time = 1e9;  // seconds; a 64-bit number of nanoseconds holds at most 9.2e9
    const double left = sizes_.empty() ? long_time : std::min(expected_left(), long_time);
    const auto expected = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(left));
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
