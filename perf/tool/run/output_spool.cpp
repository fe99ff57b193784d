#include "run/output_spool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "temporary_file.hpp"

namespace tool {
namespace {

[[noreturn]] void fail(int code, const char* what) {
  throw std::system_error(code, std::generic_category(), what);
}

}  // namespace

output_spool::piece output_spool::keep(std::string_view bytes) {
  std::call_once(opened_, [this] { file_ = open_temporary_file(O_RDWR); });
  const piece kept{end_.fetch_add(static_cast<off_t>(bytes.size()), std::memory_order_relaxed), bytes.size()};
  off_t at = kept.begin;
  while (!bytes.empty()) {
    const ssize_t count = pwrite(file_.get(), bytes.data(), bytes.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno, "cannot keep the output of a command in a temporary file");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    at += count;
  }
  return kept;
}

void output_spool::copy(const piece& kept, int to) const {
  constexpr std::size_t most_at_once = std::size_t{256} * 1024;
  const std::size_t size = std::min(kept.size, most_at_once);
  const auto memory = std::make_unique_for_overwrite<char[]>(size);  // NOLINT(modernize-avoid-c-arrays)
  for (std::size_t done = 0; done != kept.size;) {
    const std::size_t next = std::min(size, kept.size - done);
    const ssize_t count = pread(file_.get(), memory.get(), next, kept.begin + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(count == 0 ? EIO : errno, "cannot read the output of a command from a temporary file");
    write_all(to, {memory.get(), static_cast<std::size_t>(count)});
    done += static_cast<std::size_t>(count);
  }
}

void output_spool::forget(const piece& kept) noexcept {
  fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kept.begin, static_cast<off_t>(kept.size));
}

std::size_t output_spool::blocks_on_disk() const {
  struct stat status {};
  return fstat(file_.get(), &status) == 0 ? static_cast<std::size_t>(status.st_blocks) : 0;
}

void write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(to, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {  // somebody has made it non-blocking, as some programs do with a terminal
      pollfd waiting{to, POLLOUT, 0};
      poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      fail(errno, to == STDOUT_FILENO ? "cannot write to standard output" : "cannot write to standard error");
    }
  }
}

}  // namespace tool
