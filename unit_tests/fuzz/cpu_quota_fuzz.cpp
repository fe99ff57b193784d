// The CPU quota of a machine: see machine_files.hpp.

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "machine/cpu_quota.hpp"
#include "fuzz.hpp"
#include "machine_files.hpp"

namespace {

using fanout::detail::cpu_quota;
using fuzz::content_of;
using fuzz::directory_of;
using fuzz::files_of;
using fuzz::machine;
using fuzz::tells_of_the_process;

/// The files of a group that has next to nothing, of either version.
std::optional<std::string> file_of_the_poorest(std::string_view path) {
  if (path.ends_with("/cpu.max")) return "1 1000000\n";
  if (path.ends_with("/cpu.cfs_quota_us")) return "1\n";
  if (path.ends_with("/cpu.cfs_period_us")) return "1000000\n";
  return std::nullopt;
}

void check_path(const std::string& path) {
  constexpr std::size_t longest = 4096 + std::string_view("/cpu.cfs_period_us").size();
  fuzz::promise(path.starts_with('/'), "only absolute paths are read");
  fuzz::promise(path.size() <= longest, "no path is read that the kernel would not open");
  fuzz::promise(tells_of_the_process(path) || file_of_the_poorest(path).has_value(),
                "no file is read but those of the quota");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const machine files = files_of(fuzz::text_of(data, size));
  std::vector<std::string> groups;
  const auto quota = cpu_quota([&](const std::string& path) {
    check_path(path);
    if (!tells_of_the_process(path)) groups.push_back(directory_of(path));
    return content_of(files, path);
  });
  fuzz::promise(!quota || (std::isfinite(*quota) && *quota > 0), "a quota is a finite number above 0");
  const std::size_t cores = fanout::detail::whole_cores(quota.value_or(1));
  fuzz::promise(cores >= 1 && cores <= 1'000'000'000, "a quota is some cores, one at least");

  const auto without_groups = cpu_quota([&](const std::string& path) -> std::optional<std::string> {
    return tells_of_the_process(path) ? content_of(files, path) : std::nullopt;
  });
  fuzz::promise(!without_groups, "there is no quota where no group has one");

  if (groups.empty()) return 0;
  for (const std::string& poorest : {groups.front(), groups.back()}) {
    const auto tightened = cpu_quota([&](const std::string& path) {
      return directory_of(path) == poorest && !tells_of_the_process(path) ? file_of_the_poorest(path)
                                                                          : content_of(files, path);
    });
    fuzz::promise(tightened && *tightened <= 1e-6, "the tightest quota of all groups wins");
  }
  return 0;
}
