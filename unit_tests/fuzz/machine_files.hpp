#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Machines that a fuzzer makes up. An input is a machine, as its files: each begins with a line "=== <path>".
namespace fuzz {

using machine = std::map<std::string, std::string, std::less<>>;

inline machine files_of(std::string_view text) {
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

inline std::optional<std::string> content_of(const machine& files, const std::string& path) {
  const auto found = files.find(path);
  return found == files.end() ? std::nullopt : std::optional(found->second);
}

/// The files that say which groups there are; all others are of groups.
inline bool tells_of_the_process(std::string_view path) {
  return path == "/proc/self/cgroup" || path == "/proc/self/mountinfo";
}

/// Where the group is of which a file tells.
inline std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace fuzz
