#pragma once

#include <string>
#include <string_view>

/// The files that the tool writes at the end of a measurement. Whether they can be written is checked before it begins.
namespace tool {

/// Throws `std::system_error` if `write_file` could not write the file now. Leaves the content of a file as it is, and
/// creates none.
void require_writable(const std::string& path);

/// Throws `std::system_error` or `fanout::tuning_error` if `fanout::add_to_profile` could not add a measurement on this
/// machine to the file now.
void require_usable_profile(const std::string& path);

/// Replaces the content of the file, or creates it. Throws `std::system_error`.
void write_file(const std::string& path, std::string_view text);

}  // namespace tool
