#pragma once

#include <chrono>
#include <cstdlib>

namespace stress {

// Under a sanitizer everything takes its time; CI gives it a quarter of the usual. The preset's environment could say
// so, too, but that goes before what is set where ctest is called.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool under_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool under_sanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool under_sanitizer = false;
#endif

/// For how long a stress test goes on: FANOUT_STRESS_SECONDS says it for each of them; `usual` where it is not set, and
/// a quarter of that under a sanitizer.
inline std::chrono::milliseconds duration(std::chrono::seconds usual) {
  const char* const seconds = std::getenv("FANOUT_STRESS_SECONDS");
  if (seconds != nullptr) return std::chrono::seconds(std::atoi(seconds));
  return std::chrono::milliseconds(usual) / (under_sanitizer ? 4 : 1);
}

}  // namespace stress
