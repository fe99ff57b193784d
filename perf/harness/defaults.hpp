#pragma once

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

}  // namespace perf
