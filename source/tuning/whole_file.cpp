#include "tuning/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <system_error>

#include "fanout/detail/link_target.hpp"
#include "fanout/tuning_report.hpp"
#include "tuning/json_reader.hpp"

namespace fanout::detail {
namespace {

[[noreturn]] void fail(const std::string& what, int code) {
  throw tuning_error(what + ": " + std::generic_category().message(code));
}

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

  /// False if it fails: some file systems report a full disk only here.
  bool close() {
    const int number = number_;
    number_ = -1;
    return ::close(number) == 0;
  }

 private:
  int number_;
};

/// A new file in the directory of `target`. The destructor deletes it unless it has replaced `target`.
class new_file {
 public:
  explicit new_file(const std::filesystem::path& target) : file_(create(target)) {}
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;
  ~new_file() {
    if (!renamed_) ::unlink(path_.c_str());
  }

  void write(std::string_view content) {
    while (!content.empty()) {
      const ssize_t written = ::write(file_.number(), content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("it cannot be written", errno);
      content.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void take_permissions_of(const std::filesystem::path& old) {
    struct stat status {};
    if (::stat(old.c_str(), &status) == 0) static_cast<void>(::fchmod(file_.number(), status.st_mode & 07777));
  }

  void rename_to(const std::filesystem::path& target) {
    if (::fsync(file_.number()) != 0 || !file_.close()) fail("it cannot be written", errno);
    if (::rename(path_.c_str(), target.c_str()) != 0) fail("it cannot be replaced", errno);
    renamed_ = true;
  }

 private:
  /// Does not use mkstemp, because that ignores the umask and makes the file unreadable for others.
  int create(const std::filesystem::path& target) {
    static std::atomic<unsigned> count{0};
    for (int attempt = 0; attempt != 100; ++attempt) {  // a process that crashed may have left a file of that name
      path_ = target.parent_path() / ("." + target.filename().string() + "." + std::to_string(::getpid()) + "-" +
                                      std::to_string(count.fetch_add(1, std::memory_order_relaxed)) + ".tmp");
      const int number = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (number >= 0) return number;
      if (errno != EEXIST) break;
    }
    fail("it cannot be written", errno);
  }

  std::filesystem::path path_;
  descriptor file_;
  bool renamed_ = false;
};

}  // namespace

bool is_missing(const std::filesystem::path& file) {
  std::error_code fault;
  return std::filesystem::status(file, fault).type() == std::filesystem::file_type::not_found;
}

std::string read_whole_file(const std::filesystem::path& file) {
  const descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.number() < 0) fail("it cannot be read", errno);
  std::string content;
  constexpr std::size_t step = std::size_t{64} << 10;
  while (content.size() <= largest_document) {
    const std::size_t size = content.size();
    content.resize(size + step);
    const ssize_t got = ::read(opened.number(), content.data() + size, step);
    content.resize(size + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0) break;
    if (got < 0 && errno != EINTR) fail("it cannot be read", errno);
  }
  return content;
}

void replace_file(const std::filesystem::path& file, std::string_view content) {
  std::error_code fault;
  const std::filesystem::path target = link_target(file, fault);
  if (fault) fail("it cannot be written", fault.value());
  new_file written(target);
  written.take_permissions_of(target);
  written.write(content);
  written.rename_to(target);
}

}  // namespace fanout::detail
