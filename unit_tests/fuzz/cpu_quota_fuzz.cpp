// The parser of cgroup files. An input is a machine, as its files: each begins with a line "=== <path>".

#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "machine/cpu_quota.hpp"
#include "fuzz.hpp"

namespace {

using fanout::detail::cpu_quota;
using machine = std::map<std::string, std::string, std::less<>>;

machine files_of(std::string_view text) {
  constexpr std::string_view heading = "=== ";
  machine files;
  std::string* content = nullptr;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n') == text.npos ? text.npos : text.find('\n') + 1);
    text.remove_prefix(line.size());
    if (line.starts_with(heading)) {
      const std::string_view path = line.substr(heading.size());
      content = &files[std::string(path.substr(0, path.find('\n')))];
    } else if (content != nullptr) {
      *content += line;
    }
  }
  return files;
}

std::optional<std::string> content_of(const machine& files, const std::string& path) {
  const auto found = files.find(path);
  return found == files.end() ? std::nullopt : std::optional(found->second);
}

/// The files that say which groups there are; all others are of groups.
bool tells_of_the_process(std::string_view path) {
  return path == "/proc/self/cgroup" || path == "/proc/self/mountinfo";
}

/// Where the group is of which a file tells.
std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

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
