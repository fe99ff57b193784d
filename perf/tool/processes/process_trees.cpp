#include "processes/process_trees.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

namespace tool {
namespace {

namespace fs = std::filesystem;

/// The parent, from /proc/PID/stat: `PID (name) state parent …`, where the name may hold anything; or 0.
pid_t parent_of(const fs::path& directory) {
  std::ifstream file(directory / "stat");
  std::string text;
  std::getline(file, text, '\0');
  const std::size_t end_of_name = text.rfind(") ");
  if (end_of_name == std::string::npos || end_of_name + 4 >= text.size()) return 0;
  pid_t parent = 0;
  std::from_chars(text.data() + end_of_name + 4, text.data() + text.size(), parent);
  return parent;
}

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  std::error_code fault;
  for (fs::directory_iterator entry("/proc", fault), end; !fault && entry != end; entry.increment(fault)) {
    const std::string name = entry->path().filename();
    pid_t number = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || rest != name.data() + name.size()) continue;
    if (const pid_t parent = parent_of(entry->path()); parent != 0) children.emplace(parent, number);
  }
  return children;
}

void send_to(const std::vector<pid_t>& leaders, const std::vector<pid_t>& descendants, int signal) {
  for (const pid_t leader : leaders) {
    kill(-leader, signal);
    kill(leader, signal);  // which may have moved to another group of the session, even to that of the tool
  }
  for (const pid_t descendant : descendants) kill(descendant, signal);
}

}  // namespace

std::vector<pid_t> descendants_of(const std::vector<pid_t>& ancestors) {
  const std::multimap<pid_t, pid_t> children = children_by_parent();
  std::vector<pid_t> found = ancestors;
  for (std::size_t i = 0; i != found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) {
      if (std::find(found.begin(), found.end(), child->second) == found.end()) found.push_back(child->second);
    }
  }
  found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(ancestors.size()));
  return found;
}

void signal_trees(const std::vector<pid_t>& leaders, int signal) {
  if (leaders.empty()) return;
  std::vector<pid_t> descendants = descendants_of(leaders);
  if (signal != SIGCONT) {
    // What is stopped starts nothing, so the second or third look finds nothing new.
    constexpr int most_looks = 100;
    std::size_t known = 0;
    for (int look = 0; look == 0 || (descendants.size() > known && look != most_looks); ++look) {
      known = descendants.size();
      send_to(leaders, descendants, SIGSTOP);
      descendants = descendants_of(leaders);
    }
  }
  send_to(leaders, descendants, signal);
}

}  // namespace tool
