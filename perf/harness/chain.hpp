#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>

/// The tasks that questions have in common: an empty one, and one that takes a given time on any machine.
///
/// The latter is a chain of multiplications, each of which needs the result of the one before. It touches no memory and
/// leaves nothing to overlap or to vectorise, so two cores do twice as much of it as one, and a task asks no clock for
/// its end: that would cost 20 to 50 ns, and let a task that lost its core end too early.
namespace perf {

/// Returns its index; the compiler must not see that, or it would fill the results without running a task.
inline long empty_task(std::size_t i) {
  long index = static_cast<long>(i);
  asm volatile("" : "+r"(index));
  return index;
}

inline constexpr unsigned long multiplier = 6364136223846793005UL;
inline constexpr unsigned long increment = 1442695040888963407UL;

inline long chain(long seed, long links) {
  for (long i = 0; i < links; ++i) {
    seed = static_cast<long>(static_cast<unsigned long>(seed) * multiplier + increment);
    asm volatile("" : "+r"(seed));  // keeps the chain, costs nothing
  }
  return seed;
}

/// What the chain gives, in a step for each binary digit of `links`. For checks: it does not do the work again.
inline long end_of_chain(long seed, long links) {
  unsigned long value = static_cast<unsigned long>(seed);
  unsigned long factor = multiplier;  // x -> factor * x + summand is 1, 2, 4, … links
  unsigned long summand = increment;
  for (; links != 0; links >>= 1) {
    if ((links & 1) != 0) value = factor * value + summand;
    summand *= factor + 1;
    factor *= factor;
  }
  return static_cast<long>(value);
}

/// How long a link takes here. The quickest of many short runs counts: the others lost their core, or shared it. Two
/// programs that are to do the same work are told the same number by FANOUT_BENCH_NS_PER_LINK: what each finds for
/// itself may differ by a link in the 15 of a task of 20 ns.
inline double nanoseconds_per_link() {
  static const double found = [] {
    if (const char* const told = std::getenv("FANOUT_BENCH_NS_PER_LINK"); told != nullptr && std::atof(told) > 0) {
      return std::atof(told);
    }
    using clock = std::chrono::steady_clock;
    constexpr long links = 20'000;
    clock::duration quickest = clock::duration::max();
    for (int run = 0; run < 100; ++run) {
      const clock::time_point start = clock::now();
      long end = chain(run, links);
      asm volatile("" : "+r"(end));
      quickest = std::min(quickest, clock::now() - start);
    }
    return std::chrono::duration<double, std::nano>(quickest).count() / links;
  }();
  return found;
}

inline long links_in(std::chrono::nanoseconds time) {
  return static_cast<long>(static_cast<double>(time.count()) / nanoseconds_per_link() + 0.5);
}

}  // namespace perf
