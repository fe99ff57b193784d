#pragma once

#include <cstdlib>

namespace perf {

/// How often a program asks its question, unless its command line says otherwise.
struct run_defaults {
  int repetitions = 15;
  double min_time = 0.05;  // seconds that a repetition takes at least
};

inline run_defaults& defaults() {
  static run_defaults ours;
  return ours;
}

/// For questions that other numbers suit better: the header of a question calls it before main.
inline bool ask(const run_defaults& suited) {
  defaults() = suited;
  return true;
}

/// Whether the program shall only show that it still runs, as the tests ask it to by FANOUT_BENCH_MOMENT: a question whose
/// batches take seconds makes them shorter then. Their times say nothing.
inline bool for_a_moment() { return std::getenv("FANOUT_BENCH_MOMENT") != nullptr; }

}  // namespace perf
