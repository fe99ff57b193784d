#pragma once

#include <filesystem>
#include <system_error>

/// For those who write files: the tuning library and the tool.
namespace fanout::detail {

/// The file that a symbolic link leads to, which need not exist. A path that is no link is returned as it is. `error`
/// is set if the target cannot be found.
inline std::filesystem::path link_target(std::filesystem::path file, std::error_code& error) {
  constexpr int most_links = 40;  // as many as Linux follows
  error.clear();
  std::error_code ignored;
  for (int links = 0; std::filesystem::is_symlink(std::filesystem::symlink_status(file, ignored)); ++links) {
    if (links == most_links) {
      error = std::make_error_code(std::errc::too_many_symbolic_link_levels);
      return file;
    }
    const std::filesystem::path target = std::filesystem::read_symlink(file, error);
    if (error) return file;
    file = file.parent_path() / target;
  }
  return file;
}

}  // namespace fanout::detail
