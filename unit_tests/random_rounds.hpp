#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "support.hpp"

namespace support {

/// Makes a `Round` of each seed from 1 and runs it, for FANOUT_STRESS_SECONDS or for `time`, or until a test fails. Each
/// is printed, because the watchdog says no more than that it hangs. FANOUT_STRESS_SEED=N runs the one of that seed
/// alone. Returns how many there were.
template <class Round>
std::uint64_t run_random_rounds(std::chrono::seconds time) {
  if (const char* const named = std::getenv("FANOUT_STRESS_SEED")) {
    const watchdog guard;
    Round(std::stoull(named)).run();
    return 1;
  }
  if (const char* const asked = std::getenv("FANOUT_STRESS_SECONDS")) time = std::chrono::seconds(std::atoi(asked));
  const auto end = std::chrono::steady_clock::now() + time;
  std::uint64_t seed = 1;
  for (; std::chrono::steady_clock::now() < end && !testing::Test::HasFailure(); ++seed) {
    const watchdog guard;
    SCOPED_TRACE("FANOUT_STRESS_SEED=" + std::to_string(seed));
    std::cerr << "\rseed " << seed << std::flush;
    Round(seed).run();
  }
  std::cerr << '\n';
  return seed - 1;
}

}  // namespace support
