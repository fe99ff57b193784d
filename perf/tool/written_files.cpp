#include "written_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fanout/tuning.hpp>
#include <filesystem>
#include <system_error>

#include "descriptor.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int code) {
  throw std::system_error(code, std::generic_category(), fmt::format("cannot write '{}'", path));
}

}  // namespace

void require_writable(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    // A pipe, which would end for its reader if it were opened and closed here, or a device.
    if (access(path.c_str(), W_OK) != 0) fail(path, errno);
    return;
  }
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
  const descriptor created(open(path.c_str(), flags | O_EXCL, 0666));
  if (created.is_open()) {
    unlink(path.c_str());
  } else if (errno != EEXIST || !descriptor(open(path.c_str(), flags, 0666)).is_open()) {
    fail(path, errno);
  }
}

void require_usable_profile(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_other(status)) {
    throw fanout::tuning_error(fmt::format("profile {}: it is a pipe or a device, not a file", path));
  }
  if (fs::exists(status)) {
    const fanout::machine_shape made_on = fanout::tuning_profile::load(path).machine();
    if (made_on != fanout::this_machine()) {
      throw fanout::tuning_error(
          fmt::format("profile {}: it is for a machine of another shape ({}) than this one ({})", path,
                      made_on.to_string(), fanout::this_machine().to_string()));
    }
  }
  // It is replaced by a new file in its directory.
  fs::path target = fs::weakly_canonical(path, ignored);
  if (ignored) target = path;
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
