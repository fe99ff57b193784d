#include "tuning/thread_room.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>

#include "tuning/readable_file.hpp"

namespace fanout::detail {
namespace {

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

using file_reader = std::function<std::optional<std::string>(const std::string& path)>;

/// The number that the text begins with; none for `max` and anything else.
std::optional<std::size_t> number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::size_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() ? std::optional(number) : std::nullopt;
}

/// The number after the first occurrence of `name`.
std::optional<std::size_t> number_after(std::string_view name, std::string_view text) {
  const std::size_t position = text.find(name);
  return position == std::string_view::npos ? std::nullopt : number_at(text.substr(position + name.size()));
}

class room {
 public:
  explicit room(const file_reader& read_file) : read_file_(read_file) {}

  std::size_t of_process(std::optional<std::size_t> limit_of_user) {
    if (limit_of_user) most_ = *limit_of_user;
    own_ = number_after("Threads:", content_of("/proc/self/status")).value_or(1);
    // In loadavg: `0.20 0.18 0.12 1/80 11206`, with 80 threads in the system.
    const auto all = number_after("/", content_of("/proc/loadavg"));
    for (const char* const file : {"/proc/sys/kernel/threads-max", "/proc/sys/kernel/pid_max"}) {
      if (all) limit(number_at(content_of(file)), *all);
    }
    const std::string groups = content_of("/proc/self/cgroup");
    for (std::size_t at = 0; at < groups.size();) {
      const std::size_t end = std::min(groups.find('\n', at), groups.size());
      limit_by_group(groups.substr(at, end - at));
      at = end + 1;
    }
    return std::max(most_, own_);
  }

 private:
  std::string content_of(const std::string& path) const { return read_file_(path).value_or(""); }

  /// `used`: how many of the `most` threads exist, with those of the process.
  void limit(std::optional<std::size_t> most, std::size_t used) {
    if (!most) return;
    const std::size_t others = used - std::min(used, own_);
    most_ = std::min(most_, *most - std::min(*most, others));
  }

  /// Limits by the group and its parents. A line is `0::/path`, or `8:pids:/path` in version 1. Where a control group is
  /// not at its usual place, it limits nothing.
  void limit_by_group(const std::string& line) {
    const std::size_t colon = line.find(':');
    const std::size_t path = colon == std::string::npos ? colon : line.find(':', colon + 1);
    if (path == std::string::npos) return;
    const std::string controllers = line.substr(colon + 1, path - colon - 1);
    if (!controllers.empty() && controllers != "pids") return;
    const std::string base = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
    std::string group = line.substr(path + 1);
    while (true) {
      while (group.ends_with('/')) group.pop_back();
      if (const auto used = number_at(content_of(base + group + "/pids.current"))) {
        limit(number_at(content_of(base + group + "/pids.max")), *used);
      }
      const std::size_t parent = group.rfind('/');
      if (parent == std::string::npos) return;
      group.resize(parent);
    }
  }

  const file_reader& read_file_;
  std::size_t most_ = no_limit;
  std::size_t own_ = 1;
};

std::optional<std::string> content(const std::string& path) {
  const readable_file file(path.c_str());
  return file.is_open() ? std::optional(file.rest()) : std::nullopt;
}

}  // namespace

std::size_t thread_room(const file_reader& read_file, std::optional<std::size_t> limit_of_user) {
  return room(read_file).of_process(limit_of_user);
}

std::size_t thread_room() {
  rlimit limit{};
  // It does not count for root.
  const bool limited = geteuid() != 0 && getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return thread_room(content, limited ? std::optional<std::size_t>(limit.rlim_cur) : std::nullopt);
}

}  // namespace fanout::detail
