#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The control groups of this process (Linux cgroups, version 1 and 2), and how their files are read.
///
/// They are a pure function of files, so that tests can describe any machine as a map of path → content.
namespace fanout::detail {

/// Returns the content of a file, or none if it cannot be read.
using file_reader = std::function<std::optional<std::string>(const std::string& path)>;

struct control_group {
  bool version_2;
  const std::string& directory;  // where its files are; ends with a slash
};

/// Visits the group of the process and its parents, as far as a mount shows them: those of version 2, and those of
/// version 1 that `controller` has. A group is bound by the limits of its parents, and often has none of its own (a
/// container in a limited pod). If several mounts show a group, it is visited as often. Reads /proc/self/mountinfo
/// and /proc/self/cgroup, and skips what it does not understand there.
void for_each_control_group(const file_reader& read_file, std::string_view controller,
                            const std::function<void(const control_group&)>& visit);

/// The words of a file; none if it cannot be read.
std::vector<std::string> words_in(const file_reader& read_file, const std::string& path);

/// Reads from the real file system. For a file above 1 MiB, returns the complete lines of the first 1 MiB.
std::optional<std::string> read_small_file(const std::string& path);

}  // namespace fanout::detail
