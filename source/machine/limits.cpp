#include "fanout/limits.hpp"

#include <sched.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "machine/affinity.hpp"
#include "machine/cpu_quota.hpp"
#include "fanout/detail/machine.hpp"

namespace fanout {
namespace detail {

/// Empty if the kernel does not say.
static const cpu_set_t& cpus_of_process() {
  static const cpu_set_t cpus = process_affinity();
  return cpus;
}

std::size_t cores_by_affinity() {
  const auto count = static_cast<std::size_t>(CPU_COUNT(&cpus_of_process()));
  return count != 0 ? count : std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
}

bool may_run_on(unsigned cpu) {
  const cpu_set_t& cpus = cpus_of_process();
  return CPU_COUNT(&cpus) == 0 || CPU_ISSET(cpu, &cpus);
}

std::optional<double> quota_in_cores() {
  static const std::optional<double> quota = cpu_quota(read_small_file);
  return quota;
}

}  // namespace detail

std::size_t available_concurrency() {
  constexpr double no_quota = std::numeric_limits<double>::infinity();
  static const std::size_t available =
      std::min(detail::cores_by_affinity(), detail::whole_cores(detail::quota_in_cores().value_or(no_quota)));
  return available;
}

std::size_t max_concurrency() {
  // oneTBB numbers the slots of an arena in 16 bits: Debian's 2021.8 crashes when it destroys an arena of 200,000
  // slots. Also, Linux allows about this many threads by default: each takes two of a process's 65,530 mappings.
  constexpr std::size_t most = std::size_t{1} << 15;
  return most;
}

namespace detail {

// Limits are computed: from sizes of containers, of files, of memory. What went wrong shows in the number.
static std::string what_it_probably_was(unsigned long long number) {
  constexpr unsigned long long far_too_large = 1ULL << 20U;
  if (number <= far_too_large) return "";
  for (const unsigned bits : {32U, 64U}) {
    const unsigned long long below_zero = (bits == 32 ? 1ULL << 32U : 0ULL) - number;
    if (below_zero <= far_too_large)
      return ", which is what -" + std::to_string(below_zero) + " becomes in an unsigned type of " +
             std::to_string(bits) + " bits";
  }
  return ", which looks like a size in bytes or a time, not like a number of threads";
}

// Apart from `check_limit`, so that what each call runs is short.
[[noreturn]] static void refuse_limit(unsigned long long value, bool is_negative) {
  const std::string got = is_negative ? std::to_string(static_cast<long long>(value))
                                      : std::to_string(value) + what_it_probably_was(value);
  throw std::invalid_argument("concurrency must be between 1 and " + std::to_string(max_concurrency()) +
                              ", automatic or unlimited; got " + got);
}

void check_limit(const concurrency_limit& named) {
  if (!named.is_number() || (named.number() >= 1 && named.number() <= max_concurrency())) return;
  refuse_limit(named.value_, named.is_negative_);
}

}  // namespace detail
}  // namespace fanout
