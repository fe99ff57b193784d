#include "tuning/reason.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "tuning/number_text.hpp"

namespace fanout::detail {
namespace {

/// With fewer tasks, the time of a run depends on how they divide: five tasks of equal length take as long on three
/// threads as on four.
constexpr std::size_t least_tasks_a_thread = 4;

std::string counted(std::size_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

class explanation {
 public:
  explicit explanation(const tuning_results& results)
      : results_(results),
        chosen_(static_cast<std::size_t>(
            std::find_if(results.rows.begin(), results.rows.end(),
                         [&](const tuning_row& row) { return row.concurrency == results.recommended; }) -
            results.rows.begin())) {}

  /// The comparison with the other sizes.
  std::string choice() const {
    if (results_.rows.size() == 1) return "Only " + number(chosen()) + " was measured.";
    return smaller_sizes() + larger_sizes() + ".";
  }

  /// How the machine explains the choice; may be empty.
  std::string cause() const {
    if (is_throttled()) {
      return " CPU quota " + exact_text(*results_.machine.quota) +
             (*results_.machine.quota == 1 ? " core" : " cores") + ": sizes above " +
             std::to_string(results_.machine.available) + " are throttled.";
    }
    // On a busy machine, threads that wait for a core look like tasks that wait.
    if (!results_.busy && chosen().concurrency > results_.machine.available && busy() < 0.5) {
      return " Tasks wait most of the time (CPU busy " + percent_text(busy()) + " at " + number(smallest()) +
             "), so more of them than cores pay off.";
    }
    return {};
  }

  /// Whether there were enough tasks to tell sizes apart; may be empty.
  std::string few_tasks() const {
    const std::size_t size = chosen().concurrency;
    if (!results_.tasks || *results_.tasks >= least_tasks_a_thread * size) return {};
    if (results_.rows.back().concurrency == 1) return {};  // nothing was divided
    return std::string(*results_.tasks == 1 ? " There was only " : " There were only ") +
           counted(*results_.tasks, "task") + " for " + counted(size, "thread") +
           ", so the times say more about how these tasks divide among the threads than about the machine: measure "
           "with " +
           std::to_string(least_tasks_a_thread * size) + " tasks or more.";
  }

  std::string certainty() const {
    if (results_.confidence == 0) return " There were too few runs to say how sure that is.";
    // 99.97 % is shown as 99 %, because it is not certainty.
    const double share = results_.confidence < 1 ? std::min(results_.confidence, 0.99) : 1;
    std::string text = " Confidence " + percent_text(share);
    if (results_.busy) text += " for a machine that is as busy";
    if (!results_.complete) return text + ": it was stopped early.";
    if (!results_.precise) return text + ": the measurement ended before all times were known well.";
    return text + ".";
  }

 private:
  static std::string number(const tuning_row& row) { return std::to_string(row.concurrency); }

  const tuning_row& chosen() const { return results_.rows[chosen_]; }
  const tuning_row& smallest() const { return results_.rows.front(); }
  std::span<const tuning_row> above() const { return std::span(results_.rows).subspan(chosen_ + 1); }

  bool is_slower(const tuning_row& row) const {
    return row.median_seconds > chosen().median_seconds * (1 + results_.tolerance);
  }

  /// The row of the largest size that is not slower than the chosen one.
  const tuning_row& end_of_plateau() const {
    const auto rows = above();
    const auto last =
        std::find_if(rows.rbegin(), rows.rend(), [&](const tuning_row& row) { return !is_slower(row); });
    return last == rows.rend() ? chosen() : *last;
  }

  std::string smaller_sizes() const {
    if (chosen_ == 0) return "No size is clearly better than " + number(chosen());
    return number(chosen()) + " is " + fixed_text(chosen().speedup, 2) + " times as fast as " + number(smallest());
  }

  std::string larger_sizes() const {
    const auto rows = above();
    if (rows.empty()) return ", and the largest size measured: a larger one may be faster still";
    const tuning_row& plateau = end_of_plateau();
    const tuning_row& last = rows.back();
    if (plateau.concurrency != last.concurrency) {
      const double slower = last.median_seconds / chosen().median_seconds - 1;
      return (plateau.concurrency == chosen().concurrency || chosen_ == 0
                  ? ", sizes above "
                  : ", no larger size is clearly faster, and sizes above ") +
             number(plateau) + " are slower (by " + percent_text(slower) + " at " + number(last) + ")";
    }
    return chosen_ == 0 ? "" : ", and no larger size is clearly faster";
  }

  bool is_throttled() const {
    const machine_shape& machine = results_.machine;
    return machine.quota && *machine.quota < static_cast<double>(machine.cores) &&
           chosen().concurrency <= machine.available && results_.rows.back().concurrency > machine.available;
  }

  /// The share of time that a thread computes. Taken at the smallest size, where no thread waits for a core.
  double busy() const {
    const double time = smallest().median_seconds * static_cast<double>(smallest().concurrency);
    return time == 0 ? 1 : smallest().cpu_seconds / time;
  }

  const tuning_results& results_;
  const std::size_t chosen_;
};

}  // namespace

std::string explain(const tuning_results& results, std::optional<std::size_t> refused,
                    const std::string& disturbance) {
  const explanation why(results);
  std::string text = why.choice() + why.cause();
  if (refused) {
    text += " Sizes from " + std::to_string(*refused) + " up were left out: the machine cannot give the threads.";
  }
  return text + why.few_tasks() + disturbance + why.certainty();
}

}  // namespace fanout::detail
