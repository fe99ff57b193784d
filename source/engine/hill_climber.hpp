#pragma once

#include <cstddef>

namespace fanout::detail {

/// Finds the number of runners with the highest throughput, by trial: it names a number, is told the throughput
/// measured with it, and names the next one.
///
/// It doubles the number while that gains clearly, then bisects between the best number and the first one that gained
/// nothing, and then it has *settled*. From then on it keeps the best number. It tries one runner more and one fewer
/// at growing intervals, and moves only to a number that is clearly better. So a settled batch has at most one runner
/// more or fewer than the best number, and of equally good numbers the search picks the lowest that it has tried.
///
/// The thread pool of .NET also climbs on measured throughput (Hellerstein, Morrison, Eilebrecht: "Optimizing
/// Concurrency Levels in the .NET ThreadPool", 2008). It varies the number all the time, as a wave, and filters the
/// response out of the noise, because the work of a process keeps changing. The tasks of one batch are alike and end
/// soon, and doubling reaches the best number in four or five windows.
class hill_climber {
 public:
  /// Requires 1 <= start <= limit.
  hill_climber(std::size_t start, std::size_t limit);

  /// The number of runners to measure next.
  std::size_t wanted() const { return wanted_; }

  /// The number that it has settled on, or the best so far.
  std::size_t best() const { return best_; }

  bool settled() const { return phase_ == phase::resting || phase_ == phase::trying; }

  /// Takes the throughput measured with `wanted()` runners, in any unit, and may change `wanted()`.
  void measured(double throughput);

  /// Whether a measurement that has just begun can be cut short, because the throughput so far is far below the best.
  bool hopeless(double throughput) const;

 private:
  enum class phase {
    doubling,   // `wanted_` is twice the best, or the first number
    bisecting,  // `wanted_` is between the best and `too_many_`
    resting,    // `wanted_` is the best
    trying,     // `wanted_` is one more than the best, or one fewer
  };

  /// True if `throughput` is at least `factor` times the best one; then makes `wanted_` the new best.
  bool beats_best(double throughput, double factor);
  void double_from_best();
  void bisect();
  void rest();
  void try_neighbour();

  std::size_t limit_;
  std::size_t wanted_;
  std::size_t best_;
  std::size_t too_many_ = 0;    // the lowest number that was not better than the best
  double best_throughput_ = 0;  // 0, so that the first measurement always beats it
  phase phase_ = phase::doubling;
  std::size_t windows_to_rest_ = 1;
  std::size_t windows_rested_ = 0;
  bool tries_more_ = false;  // whether the next try is one more; first one fewer, as the search skipped lower numbers
};

}  // namespace fanout::detail
