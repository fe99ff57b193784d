#include "tuning/resource_use.hpp"

#include <sys/resource.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <string>

namespace fanout::detail {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

resource_use resource_use_of_process() {
  resource_use sum;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage use{};
    if (::getrusage(who, &use) != 0) continue;
    const double cpu_seconds = seconds_of(use.ru_utime) + seconds_of(use.ru_stime);
    sum.cpu_seconds += cpu_seconds;
    if (who == RUSAGE_CHILDREN) sum.child_cpu_seconds = cpu_seconds;
    sum.voluntary_switches += static_cast<double>(use.ru_nvcsw);
    sum.involuntary_switches += static_cast<double>(use.ru_nivcsw);
  }
  return sum;
}

bool forget_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

std::optional<std::uint64_t> peak_memory_bytes() {
  std::ifstream file("/proc/self/status");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return peak_in_status(text);
}

std::optional<std::uint64_t> peak_in_status(std::string_view status) {
  constexpr std::string_view name = "VmHWM:";
  const std::size_t position = status.find(name);
  if (position == std::string_view::npos) return std::nullopt;
  const std::size_t digits = status.find_first_not_of(" \t", position + name.size());
  if (digits == std::string_view::npos) return std::nullopt;
  std::uint64_t kibibytes = 0;
  const auto [end, fault] = std::from_chars(status.data() + digits, status.data() + status.size(), kibibytes);
  const std::string_view unit = status.substr(static_cast<std::size_t>(end - status.data()), 3);
  if (fault != std::errc() || unit != " kB" || kibibytes > UINT64_MAX / 1024) return std::nullopt;
  return kibibytes * 1024;
}

}  // namespace fanout::detail
