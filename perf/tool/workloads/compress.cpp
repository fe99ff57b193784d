#include "workloads/compress.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#include "workloads/checksum.hpp"

namespace tool {
namespace {

constexpr std::size_t piece_size = std::size_t{64} * 1024;
using piece = std::array<std::byte, piece_size>;

[[noreturn]] void fail_for(const std::string& path, int code) {
  throw input_error(path, std::generic_category().message(code));
}

/// An open regular file.
class input_file {
 public:
  explicit input_file(const std::string& path) : path_(path) {
    // Something else may stand here since the files were listed: a link is refused, a pipe must not block.
    descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor_ < 0) fail_for(path, errno);
    struct stat status {};
    const int code = fstat(descriptor_, &status) != 0 ? errno : 0;
    if (code == 0 && S_ISREG(status.st_mode)) return;
    close(descriptor_);
    if (code != 0) fail_for(path, code);
    throw input_error(path, "no longer a regular file");
  }
  ~input_file() { close(descriptor_); }
  input_file(const input_file&) = delete;
  input_file& operator=(const input_file&) = delete;

  /// Fills `buffer` and returns how much of it; less than all only at the end of the file.
  std::size_t read_into(std::span<std::byte> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      const ssize_t count = read(descriptor_, buffer.data() + filled, buffer.size() - filled);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_for(path_, errno);
      if (count == 0) break;
      filled += static_cast<std::size_t>(count);
    }
    return filled;
  }

 private:
  const std::string& path_;
  int descriptor_ = -1;
};

std::size_t check(std::size_t result) {
  if (ZSTD_isError(result) != 0) throw std::runtime_error(fmt::format("zstd: {}", ZSTD_getErrorName(result)));
  return result;
}

}  // namespace

/// What a task needs beside its file: a zstd stream that keeps size and checksum of what it writes and nothing else,
/// and the piece of the file that is read.
class compress_workload::compressor {
 public:
  explicit compressor(int level) : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    if (!context_) throw std::bad_alloc();
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level));
  }

  std::span<std::byte> buffer() { return *read_; }

  void add(std::span<const std::byte> bytes, bool last) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    bool finished = false;
    while (!finished) {
      ZSTD_outBuffer output{compressed_->data(), compressed_->size(), 0};
      const std::size_t remaining =
          check(ZSTD_compressStream2(context_.get(), &output, &input, last ? ZSTD_e_end : ZSTD_e_continue));
      checksum_ = combine_bytes(checksum_, std::span(*compressed_).first(output.pos));
      size_ += output.pos;
      finished = last ? remaining == 0 : input.pos == input.size;
    }
  }

  std::uint64_t size() const { return size_; }
  std::uint64_t checksum() const { return checksum_; }

  /// Begins a stream anew, at the same level, wherever the one before was left.
  void reset() {
    check(ZSTD_CCtx_reset(context_.get(), ZSTD_reset_session_only));
    size_ = 0;
    checksum_ = 0;
  }

 private:
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::unique_ptr<piece> read_ = std::make_unique_for_overwrite<piece>();
  std::unique_ptr<piece> compressed_ = std::make_unique_for_overwrite<piece>();
  std::uint64_t size_ = 0;
  std::uint64_t checksum_ = 0;
};

compress_workload::compress_workload(std::string directory, file_list files, int level, std::size_t concurrency)
    : directory_(std::move(directory)),
      files_(std::move(files)),
      level_(level),
      compressors_([level] { return compressor(level); }, concurrency,
                   {.lazy = true, .reset = [](compressor& used) { used.reset(); }}) {}

compress_workload::~compress_workload() = default;

std::string compress_workload::summary() const {
  return fmt::format("{} files below {}, {:.1f} MB, zstd level {}", files_.paths.size(), directory_,
                     static_cast<double>(files_.bytes) / 1e6, level_);
}

parameters compress_workload::description() const {
  return {{"input", directory_}, {"bytes", files_.bytes}, {"level", static_cast<std::uint64_t>(level_)}};
}

// Every competitor takes its compressors from one pool, which has one for each task that may run at once: nobody waits,
// and each is made once. If threads made their own, thread-rounds would make one a task all the same, and the table
// would compare the cost of compressors instead of schedules.
std::uint64_t compress_workload::run(std::size_t index, const std::stop_token& stop) const {
  input_file file(files_.paths[index]);
  const fanout::lease<compressor> lent = compressors_.acquire();
  for (bool last = false; !last && !stop.stop_requested();) {
    const std::size_t size = file.read_into(lent->buffer());
    last = size < lent->buffer().size();
    lent->add(lent->buffer().first(size), last);
  }
  return combine(combine(index, lent->size()), lent->checksum());
}

}  // namespace tool
