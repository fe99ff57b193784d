#pragma once

#include <filesystem>
#include <string>
#include <string_view>

/// Reads and writes whole files. Errors throw a `tuning_error` without the name of the file, which the caller adds.
namespace fanout::detail {

/// Whether no file of that name exists. False if that cannot be found out.
bool is_missing(const std::filesystem::path& file);

/// Stops reading once the content is longer than `largest_document`, which the parser refuses anyway.
std::string read_whole_file(const std::filesystem::path& file);

/// Writes a new file in the same directory and renames it. So readers see the old content or the new, and after any
/// error the old file is unchanged. If `file` is a symbolic link, its target is replaced, or created. The permissions of an
/// old file are kept.
void replace_file(const std::filesystem::path& file, std::string_view content);

}  // namespace fanout::detail
