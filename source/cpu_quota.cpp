#include "cpu_quota.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

// The files, as proc(5), cgroups(7) and the kernel's cgroup-v2.rst and sched-bwc.rst describe them:
//
//   /proc/self/cgroup         4:cpu,cpuacct:/docker/abc      the group of the process in a version 1 hierarchy
//                             0::/docker/abc                 and in the version 2 hierarchy
//   /proc/self/mountinfo      34 25 0:29 /docker /sys/fs/cgroup/cpu rw master:9 - cgroup cgroup rw,cpu,cpuacct
//                                        root    mount point   optional fields  type source super options
//   <group>/cpu.max           150000 100000                  version 2: microseconds of CPU time in each period
//   <group>/cpu.cfs_quota_us, <group>/cpu.cfs_period_us      version 1: the same two numbers
//
// The mount shows the hierarchy from its `root` downwards, so the directory of a group is the mount point followed
// by what the group's path has beyond `root`. Both paths are relative to the cgroup namespace of the process and
// begin with `/..` when they lie outside of it.
namespace fanout::detail {
namespace {

enum class hierarchy { version_1_cpu, version_2 };

struct group_path {
  std::size_t above = 0;                // how many groups above the root of the namespace it begins
  std::vector<std::string_view> names;  // and how it goes down from there
};

struct membership {
  hierarchy kind;
  group_path group;
};

struct mount {
  hierarchy kind;
  std::string root;  // a group's path; kept as text, because `group_path` only refers to it
  std::string point;
};

// Keeps empty fields: a mount without a source has one.
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
  const auto entries = split(comma_separated, ',');
  return std::find(entries.begin(), entries.end(), word) != entries.end();
}

// mountinfo writes space, tab, newline and backslash of a path as three octal digits: "\040" is a space.
std::string unescaped(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
      const int code = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      plain.push_back(static_cast<char>(static_cast<unsigned char>(code)));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

std::optional<group_path> parse_group_path(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  group_path path;
  for (const auto name : split(text, '/')) {
    if (name.empty()) continue;
    if (name != "..") {
      path.names.push_back(name);
    } else if (path.names.empty()) {
      ++path.above;
    } else {
      return std::nullopt;  // the kernel goes up only at the beginning
    }
  }
  return path;
}

std::vector<membership> parse_memberships(std::string_view proc_self_cgroup) {
  std::vector<membership> memberships;
  for (const auto line : lines_of(proc_self_cgroup)) {
    const auto first = line.find(':');
    if (first == std::string_view::npos) continue;
    const auto second = line.find(':', first + 1);  // the path after it may contain colons of its own
    if (second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const bool version_2 = controllers.empty();
    if (!version_2 && !lists(controllers, "cpu")) continue;
    if (auto group = parse_group_path(line.substr(second + 1))) {
      memberships.push_back({version_2 ? hierarchy::version_2 : hierarchy::version_1_cpu, *std::move(group)});
    }
  }
  return memberships;
}

std::optional<mount> parse_mount(const std::vector<std::string_view>& fields, std::string point) {
  // The optional fields vary in number. The first field that is nothing but "-" ends them; a hyphen inside a path,
  // as in docker-abc.scope, does not.
  const auto separator = std::find(fields.begin() + 5, fields.end(), "-");
  if (fields.end() - separator < 4) return std::nullopt;
  const auto type = separator[1];
  const auto super_options = separator[3];
  const bool version_2 = type == "cgroup2";
  if (!version_2 && !(type == "cgroup" && lists(super_options, "cpu"))) return std::nullopt;
  return mount{version_2 ? hierarchy::version_2 : hierarchy::version_1_cpu, unescaped(fields[3]), std::move(point)};
}

std::vector<mount> parse_mounts(std::string_view proc_self_mountinfo) {
  std::vector<mount> mounts;
  for (const auto line : lines_of(proc_self_mountinfo)) {
    const auto fields = split(line, ' ');
    if (fields.size() < 5 || !fields[4].starts_with('/')) continue;
    std::string point = unescaped(fields[4]);
    while (point.ends_with('/')) point.pop_back();
    // Whatever is mounted later at the same place hides the earlier mount.
    std::erase_if(mounts, [&](const mount& earlier) { return earlier.point == point; });
    if (auto found = parse_mount(fields, std::move(point))) mounts.push_back(*std::move(found));
  }
  return mounts;
}

// The directory of the innermost group that `mount` shows and that holds the process; none when the process is not
// below the root of the mount, whose files are then about somebody else.
std::optional<std::string> directory_of(const group_path& group, const mount& mount) {
  const auto root = parse_group_path(mount.root);
  if (!root) return std::nullopt;
  if (root->above > group.above) {
    // The namespace hides the names between the two. The root itself still holds the process, unless it goes down
    // again: the kernel writes the shortest way, so that is another branch.
    return root->names.empty() ? std::optional(mount.point) : std::nullopt;
  }
  if (root->above < group.above || root->names.size() > group.names.size()) return std::nullopt;
  if (!std::equal(root->names.begin(), root->names.end(), group.names.begin())) return std::nullopt;
  std::string directory = mount.point;
  for (std::size_t i = root->names.size(); i < group.names.size(); ++i) directory.append("/").append(group.names[i]);
  return directory;
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  std::vector<std::string_view> words;
  for (auto begin = text.find_first_not_of(blanks); begin != std::string_view::npos;) {
    const auto end = text.find_first_of(blanks, begin);
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(blanks, end);
  }
  return words;
}

// None for what is no whole number above 0: "max", -1 (no quota in version 1), 0, which the kernel never accepts
// for either number, and what does not fit.
std::optional<double> positive_number(std::string_view word) {
  long long number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size() || number <= 0) return std::nullopt;
  return static_cast<double>(number);
}

std::optional<double> cores(std::optional<double> quota, std::optional<double> period) {
  return quota && period ? std::optional(*quota / *period) : std::nullopt;
}

std::optional<double> version_1_quota(const file_reader& read_file, const std::string& directory) {
  const auto number_in = [&](const char* name) -> std::optional<double> {
    const auto content = read_file(directory + name);
    if (!content) return std::nullopt;
    const auto words = words_of(*content);
    return words.size() == 1 ? positive_number(words.front()) : std::nullopt;
  };
  const auto quota = number_in("/cpu.cfs_quota_us");
  return quota ? cores(quota, number_in("/cpu.cfs_period_us")) : std::nullopt;
}

std::optional<double> version_2_quota(const file_reader& read_file, const std::string& directory) {
  constexpr double default_period = 100'000;  // microseconds
  const auto content = read_file(directory + "/cpu.max");
  if (!content) return std::nullopt;  // the root group, or the cpu controller is not enabled here
  const auto words = words_of(*content);
  if (words.empty()) return std::nullopt;
  return cores(positive_number(words[0]), words.size() > 1 ? positive_number(words[1]) : default_period);
}

std::optional<double> tighter(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::min(a, b) : a ? a : b;
}

// A group's quota binds the groups inside it, which often have none of their own (a container in a limited pod).
std::optional<double> tightest_upwards(const file_reader& read_file, const mount& mount, std::string directory) {
  constexpr std::size_t longest_path = 4096;  // PATH_MAX: the kernel opens nothing longer
  std::optional<double> tightest;
  while (true) {
    if (directory.size() < longest_path) {
      tightest = tighter(tightest, mount.kind == hierarchy::version_2 ? version_2_quota(read_file, directory)
                                                                      : version_1_quota(read_file, directory));
    }
    if (directory.size() <= mount.point.size()) return tightest;
    directory.resize(directory.rfind('/'));
  }
}

struct file_closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

std::optional<double> cpu_quota(const file_reader& read_file) {
  const auto proc_self_cgroup = read_file("/proc/self/cgroup").value_or("");  // outlives the names that refer to it
  const auto memberships = parse_memberships(proc_self_cgroup);
  if (memberships.empty()) return std::nullopt;
  const auto mounts = parse_mounts(read_file("/proc/self/mountinfo").value_or(""));
  std::optional<double> tightest;
  for (const auto& [kind, group] : memberships) {
    for (const auto& mount : mounts) {
      if (mount.kind != kind) continue;
      if (auto directory = directory_of(group, mount)) {
        tightest = tighter(tightest, tightest_upwards(read_file, mount, *std::move(directory)));
      }
    }
  }
  return tightest;
}

std::size_t whole_cores(double quota) {
  constexpr double most = 1e9;  // far above any machine and well inside std::size_t, where the conversion is defined
  if (!(quota > 1)) return 1;   // also for what is not a number
  return static_cast<std::size_t>(std::ceil(std::min(quota, most)));
}

std::optional<std::string> read_small_file(const std::string& path) {
  // 64 KiB would hold some 300 mounts; a Kubernetes node has thousands.
  constexpr std::size_t limit = std::size_t{1} << 20;
  const std::unique_ptr<std::FILE, file_closer> file(std::fopen(path.c_str(), "re"));  // e: close on exec
  if (!file) return std::nullopt;
  std::string content;
  char buffer[4096];
  while (content.size() < limit) {
    const auto count = std::fread(buffer, 1, sizeof buffer, file.get());
    content.append(buffer, count);
    if (count < sizeof buffer) {
      if (std::ferror(file.get()) != 0) return std::nullopt;  // a directory, for one, opens and fails here
      return content;
    }
  }
  // Half a line can lie: "rw,cpuset" may end after "cpu".
  content.resize(content.rfind('\n') + 1);
  return content;
}

}  // namespace fanout::detail
