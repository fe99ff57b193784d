#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

namespace fanout::detail {

/// A file of the system, such as those of /proc.
class readable_file {
 public:
  /// A relative path begins at the open directory.
  explicit readable_file(const char* path, int directory = AT_FDCWD)
      : descriptor_(::openat(directory, path, O_RDONLY | O_CLOEXEC)) {}
  readable_file(const readable_file&) = delete;
  readable_file& operator=(const readable_file&) = delete;
  ~readable_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool is_open() const { return descriptor_ >= 0; }

  /// 0 at the end, and if the file cannot be read.
  std::size_t read(char* buffer, std::size_t size) const {
    for (;;) {
      const auto count = ::read(descriptor_, buffer, size);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return 0;
    }
  }

  /// Whatever is left; empty if the file cannot be read.
  std::string rest() const {
    std::string text;
    std::array<char, 4096> part;
    while (const std::size_t size = read(part.data(), part.size())) text.append(part.data(), size);
    return text;
  }

 private:
  const int descriptor_;
};

}  // namespace fanout::detail
