// The memory that a machine has available: see machine_files.hpp.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "machine/available_memory.hpp"
#include "fuzz.hpp"
#include "machine_files.hpp"

namespace {

using fanout::detail::available_memory;
using fuzz::content_of;
using fuzz::directory_of;
using fuzz::files_of;
using fuzz::machine;
using fuzz::tells_of_the_process;

constexpr std::string_view of_the_machine = "/proc/meminfo";

bool is_of_a_group(std::string_view path) { return !tells_of_the_process(path) && path != of_the_machine; }

/// The files of a group that may have this many bytes more than it uses, of either version.
std::optional<std::string> file_of_a_group_with(const std::string& left, std::string_view path) {
  if (path.ends_with("/memory.max") || path.ends_with("/memory.limit_in_bytes")) return left + "\n";
  if (path.ends_with("/memory.high")) return "max\n";
  if (path.ends_with("/memory.current") || path.ends_with("/memory.usage_in_bytes")) return "0\n";
  if (path.ends_with("/memory.stat")) return "";
  return std::nullopt;
}

void check_path(const std::string& path) {
  constexpr std::size_t longest = 4096 + std::string_view("/memory.limit_in_bytes").size();
  fuzz::promise(path.starts_with('/'), "only absolute paths are read");
  fuzz::promise(path.size() <= longest, "no path is read that the kernel would not open");
  fuzz::promise(!is_of_a_group(path) || file_of_a_group_with("0", path).has_value(),
                "no file is read but those of the memory");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const machine files = files_of(fuzz::text_of(data, size));
  std::vector<std::string> groups;
  const std::uint64_t memory = available_memory([&](const std::string& path) {
    check_path(path);
    if (is_of_a_group(path)) groups.push_back(directory_of(path));
    return content_of(files, path);
  });

  const std::uint64_t without_groups = available_memory([&](const std::string& path) {
    return is_of_a_group(path) ? std::nullopt : content_of(files, path);
  });
  fuzz::promise(memory <= without_groups, "a group makes no more memory available than the machine has");

  if (groups.empty()) {
    fuzz::promise(memory == without_groups, "it is what the machine has where there is no group");
    return 0;
  }
  for (const std::string& poor : {groups.front(), groups.back()}) {
    const std::uint64_t left = available_memory([&](const std::string& path) {
      return is_of_a_group(path) && directory_of(path) == poor ? file_of_a_group_with("7", path) : content_of(files, path);
    });
    fuzz::promise(left <= 7, "the group that has the least left wins");
  }
  return 0;
}
