#pragma once

#include <string>
#include <string_view>
#include <vector>

/// The files that the tool writes at the end of a measurement. It checks before the measurement that it can.
namespace tool {

/// A file or a standard stream, as messages name it.
struct named_file {
  std::string option;   // or the name of the stream
  std::string path{};   // empty for a stream
  int descriptor = -1;  // of a stream

  std::string name() const;
};

/// Throws `std::runtime_error` if one of the `written` files is also one of the `others`, or another written one, under
/// any name: a link, or another path. The message names both. Pipes and devices may occur several times.
void require_different_files(const std::vector<named_file>& others, const std::vector<named_file>& written);

/// Throws `std::system_error` if `write_file` could not write the file now. Leaves the content of a file as it is,
/// and creates none.
void require_writable(const std::string& path);

/// Throws `std::system_error` or `fanout::tuning_error` if `fanout::add_to_profile` could not add a measurement on
/// this machine to the file now.
void require_usable_profile(const std::string& path);

/// Replaces the content of the file, or creates it. Throws `std::system_error`.
void write_file(const std::string& path, std::string_view text);

}  // namespace tool
