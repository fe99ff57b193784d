#include "machine/cpu_quota.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

// The files, as the kernel's cgroup-v2.rst and sched-bwc.rst describe them:
//
//   <group>/cpu.max           150000 100000                  version 2: microseconds of CPU time in each period
//   <group>/cpu.cfs_quota_us, <group>/cpu.cfs_period_us      version 1: the same two numbers
namespace fanout::detail {
namespace {

constexpr double no_quota = std::numeric_limits<double>::infinity();

// The number of cores if both words are whole numbers above 0, otherwise no quota. "max" and -1 (version 1) mean no
// quota, and the kernel never accepts 0 for either number.
double cores(const std::string& quota, const std::string& period) {
  const auto number = [](const std::string& word) {
    long long value = 0;
    const auto* const end = word.data() + word.size();
    const auto [parsed, error] = std::from_chars(word.data(), end, value);
    return error == std::errc{} && parsed == end ? static_cast<double>(value) : 0.0;
  };
  return number(quota) > 0 && number(period) > 0 ? number(quota) / number(period) : no_quota;
}

double quota_of_group(const file_reader& read_file, const control_group& group) {
  if (group.version_2) {
    // Missing in the root group, and where the cpu controller is not enabled.
    auto words = words_in(read_file, group.directory + "cpu.max");
    if (words.size() == 1) words.emplace_back("100000");  // the default period
    return words.empty() ? no_quota : cores(words[0], words[1]);
  }
  const auto quota = words_in(read_file, group.directory + "cpu.cfs_quota_us");
  const auto period = words_in(read_file, group.directory + "cpu.cfs_period_us");
  return quota.size() == 1 && period.size() == 1 ? cores(quota[0], period[0]) : no_quota;
}

}  // namespace

std::optional<double> cpu_quota(const file_reader& read_file) {
  double tightest = no_quota;
  for_each_control_group(read_file, "cpu", [&](const control_group& group) {
    tightest = std::min(tightest, quota_of_group(read_file, group));
  });
  return tightest < no_quota ? std::optional(tightest) : std::nullopt;
}

std::size_t whole_cores(double quota) {
  constexpr double most = 1e9;  // more than any machine has, and small enough for a defined conversion to std::size_t
  if (!(quota > 1)) return 1;   // also if quota is NaN
  return static_cast<std::size_t>(std::ceil(std::min(quota, most)));
}

}  // namespace fanout::detail
