#pragma once

#include <filesystem>
#include <string>
#include <string_view>

/// Files that are read and written as a whole. Errors are a `tuning_error` that leaves it to the caller to name the
/// file.
namespace fanout::detail {

/// Whether there is nothing of that name. What cannot be looked at counts as there.
bool is_missing(const std::filesystem::path& file);

/// Reads no more than the largest document that will be accepted, and a byte.
std::string read_whole_file(const std::filesystem::path& file);

/// Writes a new file in the same directory and renames it: readers see the old content or the new, and when anything
/// goes wrong the old stays. Where `file` is a symbolic link, what it points to is replaced. An old file's permissions
/// are kept.
void replace_file(const std::filesystem::path& file, std::string_view content);

}  // namespace fanout::detail
