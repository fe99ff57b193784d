#include "workloads/file_list.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tool {
namespace {

namespace fs = std::filesystem;

void add_entry(const fs::directory_entry& entry, file_list& files, std::vector<fs::path>& directories) {
  std::error_code error;
  const fs::file_status status = entry.symlink_status(error);
  if (error) {
    files.errors.emplace_back(entry.path().native(), error.message());
  } else if (fs::is_directory(status)) {
    directories.push_back(entry.path());
  } else if (fs::is_regular_file(status)) {
    const std::uintmax_t size = entry.file_size(error);
    if (!error) files.bytes += size;
    files.paths.push_back(entry.path().native());
  }
}

/// Returns what ended the listing early, if anything did; what was found until then is kept.
std::error_code list_directory(const fs::path& directory, file_list& files, std::vector<fs::path>& directories) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    add_entry(*entry, files, directories);
  }
  return error;
}

}  // namespace

// Not a recursive_directory_iterator: its first error ends the whole walk.
file_list list_files(const std::string& directory, const std::stop_token& stop) {
  file_list files;
  std::vector<fs::path> directories;
  if (const std::error_code error = list_directory(directory, files, directories)) {
    throw input_error(directory, error.message());
  }
  while (!directories.empty() && !stop.stop_requested()) {
    const fs::path next = std::move(directories.back());
    directories.pop_back();
    if (const std::error_code error = list_directory(next, files, directories)) {
      files.errors.emplace_back(next.native(), error.message());
    }
  }
  std::sort(files.paths.begin(), files.paths.end());
  return files;
}

void leave_out(file_list& files, const std::vector<std::string>& others) {
  std::error_code error;
  const auto is_other = [&](const std::string& path) {
    return std::any_of(others.begin(), others.end(),
                       [&](const std::string& other) { return fs::equivalent(path, other, error); });
  };
  std::erase_if(files.paths, [&](const std::string& path) {
    if (!is_other(path)) return false;
    const std::uintmax_t size = fs::file_size(path, error);
    if (!error) files.bytes -= std::min<std::uint64_t>(files.bytes, size);
    return true;
  });
}

}  // namespace tool
