#pragma once

#include <cstddef>

namespace fanout::detail {

/// Seeks the number of runners with which a batch gets most done, by trying: it says how many to run with, is told what
/// they got done, and says how many to run with next.
///
/// It doubles the number while that brings clearly more, halves the distance to the first number that did not, and has
/// then *settled*: it keeps to that number and now and then tries one more and one fewer, ever more rarely, and moves
/// only to what is clearly better. So a settled batch never has more than one runner more or fewer than it should, and
/// of numbers that are equally good the search finds the lowest it has come by.
///
/// Hill climbing on measured throughput is what .NET's thread pool does (Hellerstein, Morrison, Eilebrecht: "Optimizing
/// Concurrency Levels in the .NET ThreadPool", 2008). It varies the number all the time, as a wave, and filters the
/// answer out of the noise, because the work of a process changes for ever. A batch is of one kind and ends soon: steps
/// that double get there in four or five windows.
class hill_climber {
 public:
  /// Requires 1 <= start <= limit.
  hill_climber(std::size_t start, std::size_t limit);

  /// How many runners to measure now.
  std::size_t wanted() const { return wanted_; }

  /// The number it has settled for, or the best so far.
  std::size_t best() const { return best_; }

  bool settled() const { return phase_ == phase::resting || phase_ == phase::trying; }

  /// What `wanted()` runners got done in a time, in any unit. Changes `wanted()`.
  void measured(double throughput);

  /// Whether a measurement that has just begun can be ended: so little is being got done that it is no use to go on.
  bool hopeless(double throughput) const;

 private:
  enum class phase {
    doubling,   // `wanted_` is twice the best, or the first to be measured
    bisecting,  // between the best and `too_many_`
    resting,    // at the best
    trying,     // one more than the best, or one fewer
  };

  /// True if `wanted_` achieves at least `factor` times the best throughput; it is the new best then.
  bool beats_best(double throughput, double factor);
  void double_from_best();
  void bisect();
  void rest();
  void try_neighbour();

  const std::size_t limit_;
  std::size_t wanted_;
  std::size_t best_;
  std::size_t too_many_ = 0;    // the lowest number that was not better than the best
  double best_throughput_ = 0;  // which the first measurement always beats
  phase phase_ = phase::doubling;
  std::size_t windows_to_rest_ = 1;
  std::size_t windows_rested_ = 0;
  bool tries_more_ = false;  // next; at first fewer: the search came from below, and jumped over some
};

}  // namespace fanout::detail
