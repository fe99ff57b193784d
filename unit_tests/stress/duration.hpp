#pragma once

#include <chrono>
#include <cstdlib>

namespace stress {

// Under a sanitizer the tests run for a quarter of the usual time. This is not set in the preset's environment,
// because that would override what is set where ctest is called.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool under_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool under_sanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool under_sanitizer = false;
#endif

/// How long each stress test runs: FANOUT_STRESS_SECONDS if it is set; otherwise `usual`, or a quarter of that under
/// a sanitizer.
inline std::chrono::milliseconds duration(std::chrono::seconds usual) {
  const char* const seconds = std::getenv("FANOUT_STRESS_SECONDS");
  if (seconds != nullptr) return std::chrono::seconds(std::atoi(seconds));
  return std::chrono::milliseconds(usual) / (under_sanitizer ? 4 : 1);
}

}  // namespace stress
