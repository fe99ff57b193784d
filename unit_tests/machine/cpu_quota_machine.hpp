#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "machine/cpu_quota.hpp"

/// Machines as the tests of the CPU quota describe them: by the files that the kernel would show.
namespace fanout::detail {

/// Path → content.
using machine = std::map<std::string, std::string>;

inline const std::string memberships = "/proc/self/cgroup";
inline const std::string mounts = "/proc/self/mountinfo";

inline std::optional<double> quota_of(const machine& files) {
  return cpu_quota([&](const std::string& path) -> std::optional<std::string> {
    EXPECT_LT(path.size(), 4200U) << "no file has a path that long";
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
}

/// The quota of a machine with some files more, or others in their place.
inline std::optional<double> quota_of(machine files, const machine& more) {
  for (const auto& [path, content] : more) files[path] = content;
  return quota_of(files);
}

// A line of mountinfo for each version; the paths as the kernel writes them, escaped.
inline std::string v2_mount(const std::string& root = "/", const std::string& point = "/sys/fs/cgroup") {
  return "35 24 0:30 " + root + " " + point + " rw,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate\n";
}
inline std::string v1_mount(const std::string& root = "/", const std::string& point = "/sys/fs/cgroup/cpu,cpuacct") {
  return "34 25 0:29 " + root + " " + point + " rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct\n";
}

/// The two files of a version 1 group.
inline machine v1_group(const std::string& directory, const std::string& quota, const std::string& period) {
  return {{directory + "/cpu.cfs_quota_us", quota}, {directory + "/cpu.cfs_period_us", period}};
}

}  // namespace fanout::detail
