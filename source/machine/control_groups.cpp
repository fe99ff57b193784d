#include "machine/control_groups.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

// The files, as proc(5), cgroups(7) and the kernel's cgroup-v2.rst describe them:
//
//   /proc/self/cgroup         4:cpu,cpuacct:/docker/abc      the group of the process in a version 1 hierarchy
//                             0::/docker/abc                 and in the version 2 hierarchy
//   /proc/self/mountinfo      34 25 0:29 /docker /sys/fs/cgroup/cpu rw master:9 - cgroup cgroup rw,cpu,cpuacct
//                                        root    mount point   optional fields  type source super options
//
// The mount shows the hierarchy from its `root` downwards. So the directory of a group is the mount point followed by
// the rest of the group's path after `root`. Both paths are relative to the cgroup namespace of the process; outside
// of it they begin with `/..`.
namespace fanout::detail {
namespace {

// All paths of groups and mount points end with a slash here. So one is a prefix of another if and only if it names
// the same directory or a parent of it.

// The group of the process in one hierarchy: version 2, or the version 1 hierarchy of the controller.
struct membership {
  bool version_2;
  std::string group;
};

struct mount {
  bool version_2;
  std::string root;  // a group's path
  std::string point;
};

// Keeps empty fields, because the source of a mount may be empty.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> fields;
  while (true) {
    const auto end = text.find(separator);
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  auto lines = split(text, '\n');
  for (auto& line : lines) {
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  return lines;
}

// "cpu" in "rw,cpu,cpuacct", but not in "rw,cpuset" or "name=cpu".
bool lists(std::string_view comma_separated, std::string_view word) {
  return std::ranges::count(split(comma_separated, ','), word) != 0;
}

// mountinfo writes space, tab, newline and backslash of a path as three octal digits: "\040" is a space.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digits = text.substr(i + 1, 3);
    const auto* const end = digits.data() + digits.size();
    unsigned code = 0;
    const bool escaped =
        text[i] == '\\' && digits.size() == 3 && std::from_chars(digits.data(), end, code, 8).ptr == end;
    plain.push_back(escaped ? static_cast<char>(code) : text[i]);
    if (escaped) i += digits.size();
  }
  return plain;
}

// The path with a slash at its end. None if it is relative, or has a `..` after a name: the kernel writes `..` only
// at the beginning.
std::optional<std::string> directory_path(std::string path) {
  if (!path.starts_with('/')) return std::nullopt;
  if (!path.ends_with('/')) path.push_back('/');
  std::size_t down = 0;
  while (path.compare(down, 4, "/../") == 0) down += 3;
  return path.find("/../", down) == std::string::npos ? std::optional(std::move(path)) : std::nullopt;
}

std::vector<membership> parse_memberships(std::string_view proc_self_cgroup, std::string_view controller) {
  std::vector<membership> memberships;
  for (const auto line : lines_of(proc_self_cgroup)) {
    const auto fields = split(line, ':');
    if (fields.size() < 3) continue;
    const bool version_2 = fields[1].empty();
    if (!version_2 && !lists(fields[1], controller)) continue;
    // The rest of the line is the path, which may contain colons of its own.
    const auto group = directory_path(std::string(line.substr(fields[0].size() + fields[1].size() + 2)));
    if (group) memberships.push_back({version_2, *group});
  }
  return memberships;
}

std::vector<mount> parse_mounts(std::string_view proc_self_mountinfo, std::string_view controller) {
  std::vector<mount> mounts;
  for (const auto line : lines_of(proc_self_mountinfo)) {
    const auto fields = split(line, ' ');
    if (fields.size() < 5) continue;
    const auto root = directory_path(unescaped(fields[3]));
    const auto point = directory_path(unescaped(fields[4]));
    // A mount hides earlier ones at the same mount point, whatever its type.
    std::erase_if(mounts, [&](const mount& earlier) { return point == earlier.point; });
    // The number of optional fields varies; a field that is just "-" ends them. A hyphen inside a field does not, as
    // in docker-abc.scope.
    const auto separator = std::find(fields.begin() + 5, fields.end(), "-");
    if (fields.end() - separator < 4) continue;
    const auto type = separator[1];
    const bool version_2 = type == "cgroup2";
    const bool version_1 = type == "cgroup" && lists(separator[3], controller);
    if (root && point && (version_2 || version_1)) mounts.push_back({version_2, *root, *point});
  }
  return mounts;
}

// The directory of the innermost group around the process that `mount` shows. None if the process is not below the
// root of the mount, because the files there describe other processes.
std::optional<std::string> directory_of(const std::string& group, const mount& mount) {
  if (!group.starts_with(mount.root)) {
    // A root that consists of `..` only, more of them than the group has, is still around the process; the namespace
    // hides the names in between. A root with names after the `..` is in another branch, because the kernel writes
    // the shortest path.
    return mount.root.ends_with("/../") ? std::optional(mount.point) : std::nullopt;
  }
  const auto below_root = group.substr(mount.root.size());
  return below_root.starts_with("../") ? std::nullopt : std::optional(mount.point + below_root);
}

void visit_upwards(const mount& mount, std::string directory, const std::function<void(const control_group&)>& visit) {
  constexpr std::size_t longest_path = 4096;  // PATH_MAX: the kernel opens nothing longer
  while (true) {
    if (directory.size() <= longest_path) visit({mount.version_2, directory});
    if (directory.size() <= mount.point.size()) return;
    directory.pop_back();
    directory.resize(directory.rfind('/') + 1);
  }
}

}  // namespace

void for_each_control_group(const file_reader& read_file, std::string_view controller,
                            const std::function<void(const control_group&)>& visit) {
  const auto mounts = parse_mounts(read_file("/proc/self/mountinfo").value_or(""), controller);
  for (const auto& [version_2, group] : parse_memberships(read_file("/proc/self/cgroup").value_or(""), controller)) {
    for (const auto& mount : mounts) {
      if (mount.version_2 != version_2) continue;
      if (auto directory = directory_of(group, mount)) visit_upwards(mount, *std::move(directory), visit);
    }
  }
}

std::vector<std::string> words_in(const file_reader& read_file, const std::string& path) {
  std::istringstream content(read_file(path).value_or(""));
  return {std::istream_iterator<std::string>(content), {}};
}

std::optional<std::string> read_small_file(const std::string& path) {
  // 64 KiB would hold about 300 mounts; a Kubernetes node has thousands.
  constexpr std::size_t limit = std::size_t{1} << 20;
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "re"));  // e: close on exec
  if (!file) return std::nullopt;
  std::string content;
  char buffer[4096];
  while (content.size() < limit && std::feof(file.get()) == 0) {
    content.append(buffer, std::fread(buffer, 1, sizeof buffer, file.get()));
    if (std::ferror(file.get()) != 0) return std::nullopt;  // for example, a directory can be opened but not read
  }
  // Drops an incomplete last line, which could be misread: "rw,cpuset" may be cut off after "cpu".
  if (content.size() == limit) content.resize(content.rfind('\n') + 1);
  return content;
}

}  // namespace fanout::detail
