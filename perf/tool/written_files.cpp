#include "written_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fanout/detail/link_target.hpp>
#include <fanout/tuning.hpp>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "descriptor.hpp"
#include "text_output.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int code) {
  throw std::system_error(code, std::generic_category(), fmt::format("cannot write '{}'", short_line(path)));
}

/// The file that a symbolic link leads to, or the path itself.
fs::path target_of(const std::string& path) {
  std::error_code error;
  fs::path target = fanout::detail::link_target(path, error);
  if (error) fail(path, error.value());
  return target;
}

/// What is the same for all names of a regular file.
struct file_identity {
  dev_t device = 0;
  ino_t inode = 0;
  std::string name{};  // of a file that does not exist yet, whose directory has the device and the inode

  bool operator==(const file_identity&) const = default;
};

std::optional<file_identity> identity_of(const named_file& file) {
  struct stat status {};
  const int result = file.descriptor >= 0 ? fstat(file.descriptor, &status) : stat(file.path.c_str(), &status);
  if (result == 0 && S_ISREG(status.st_mode)) return file_identity{status.st_dev, status.st_ino};
  if (result == 0 || errno != ENOENT) return std::nullopt;
  const fs::path target = target_of(file.path);
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (stat(directory.c_str(), &status) != 0) return std::nullopt;
  return file_identity{status.st_dev, status.st_ino, target.filename()};
}

}  // namespace

std::string named_file::name() const {
  return descriptor >= 0 ? option : fmt::format("{} '{}'", option, short_line(path));
}

void require_different_files(const std::vector<named_file>& others, const std::vector<named_file>& written) {
  std::vector<named_file> before = others;
  for (const named_file& file : written) {
    const std::optional<file_identity> identity = identity_of(file);
    for (const named_file& other : before) {
      if (!identity || identity != identity_of(other)) continue;
      throw std::runtime_error(
          fmt::format("{} and {} are the same file, which would be overwritten", other.name(), file.name()));
    }
    before.push_back(file);
  }
}

void require_writable(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    // A pipe, which would end for its reader if it were opened and closed here, or a device.
    if (access(path.c_str(), W_OK) != 0) fail(path, errno);
    return;
  }
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
  const fs::path target = fs::exists(status) ? fs::path(path) : target_of(path);
  const descriptor created(open(target.c_str(), flags | O_EXCL, 0666));
  if (created.is_open()) {
    unlink(target.c_str());
  } else if (errno != EEXIST || !descriptor(open(target.c_str(), flags, 0666)).is_open()) {
    fail(path, errno);
  }
}

void require_usable_profile(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_other(status)) {
    throw fanout::tuning_error(fmt::format("profile {}: it is a pipe or a device, not a file", path));
  }
  if (status.type() != fs::file_type::not_found) {
    const fanout::machine_shape made_on = fanout::tuning_profile::load(path).machine();
    if (made_on != fanout::this_machine()) {
      throw fanout::tuning_error(
          fmt::format("profile {}: it is for a machine of another shape ({}) than this one ({})", path,
                      made_on.to_string(), fanout::this_machine().to_string()));
    }
  }
  // It is replaced by a new file in its directory.
  const fs::path target = target_of(path);
  if (target.filename().empty()) fail(path, ENOENT);
  try {
    require_writable(target.parent_path() / fmt::format(".{}.{}.tmp", target.filename().string(), getpid()));
  } catch (const std::system_error& error) {
    fail(path, error.code().value());
  }
}

void write_file(const std::string& path, std::string_view text) {
  // Without waiting for a reader, if it is a pipe.
  const int number = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  if (number < 0 && errno == ENXIO) {
    throw std::runtime_error(fmt::format("cannot write '{}': it is a pipe that nobody reads", path));
  }
  if (number >= 0) fcntl(number, F_SETFL, O_WRONLY);
  std::FILE* const file = number < 0 ? nullptr : fdopen(number, "wb");
  bool written = file != nullptr;
  if (written) written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  int error = errno;
  if (file != nullptr && std::fclose(file) != 0) {
    error = errno;
    written = false;
  }
  if (!written) fail(path, error);
}

}  // namespace tool
