#include <OpenEXR/ImfArray.h>
#include <OpenEXR/ImfIO.h>
#include <OpenEXR/ImfRgbaFile.h>

#include <fanout/adapters/openexr.hpp>
#include <fanout/executor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "drop_in/drop_in.hpp"

/// Pictures that are written to memory and read back, one, and many, each in a task.
namespace {

constexpr int width = 1024;
constexpr int height = 512;
using pixels = std::vector<Imf::Rgba>;

fanout::executor& executor() {
  static fanout::executor made({.concurrency = drop_in::threads()});
  return made;
}

class written_file final : public Imf::OStream {
 public:
  explicit written_file(std::string& bytes) : OStream("memory"), bytes_(bytes) { bytes_.clear(); }
  void write(const char from[], int count) override {
    const auto size = static_cast<std::size_t>(count);
    bytes_.resize(std::max(bytes_.size(), at_ + size));
    std::memcpy(bytes_.data() + at_, from, size);
    at_ += size;
  }
  std::uint64_t tellp() override { return at_; }
  void seekp(std::uint64_t to) override { at_ = to; }

 private:
  std::string& bytes_;
  std::size_t at_ = 0;
};

class read_file final : public Imf::IStream {
 public:
  explicit read_file(const std::string& bytes) : IStream("memory"), bytes_(bytes) {}
  bool read(char into[], int count) override {
    std::memcpy(into, bytes_.data() + at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return at_ != bytes_.size();
  }
  std::uint64_t tellg() override { return at_; }
  void seekg(std::uint64_t to) override { at_ = to; }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

class job {
 public:
  job(std::size_t count, bool writes) : writes_(writes), files_(count), read_(count, pixels(size)) {
    for (std::size_t i = 0; i != count; ++i) {
      pixels& made = pictures_.emplace_back(size);
      auto seed = static_cast<unsigned>(i);
      for (Imf::Rgba& each : made) {
        seed = seed * 1664525U + 1013904223U;
        each = {static_cast<float>(seed >> 26U), static_cast<float>(seed >> 30U), 0.5F, 1.0F};
      }
      write(i);
    }
    expected_ = files_;
  }

  void run() {
    const auto one = [this](std::size_t i) { writes_ ? write(i) : read(i); };
    files_.size() == 1 ? one(0) : executor().map(files_.size(), one);
  }

  bool is_right() const {
    for (std::size_t i = 0; !writes_ && i != files_.size(); ++i)
      if (std::memcmp(read_[i].data(), pictures_[i].data(), size * sizeof(Imf::Rgba)) != 0) return false;
    return files_ == expected_;
  }

 private:
  static constexpr std::size_t size = std::size_t{width} * height;

  void write(std::size_t i) {
    written_file file(files_[i]);
    Imf::RgbaOutputFile out(file, Imf::Header(width, height), Imf::WRITE_RGBA);
    out.setFrameBuffer(pictures_[i].data(), 1, width);
    out.writePixels(height);
  }

  void read(std::size_t i) {
    read_file file(files_[i]);
    Imf::RgbaInputFile in(file);
    in.setFrameBuffer(read_[i].data(), 1, width);
    in.readPixels(0, height - 1);
  }

  const bool writes_;
  std::vector<pixels> pictures_;
  std::vector<std::string> files_;
  std::vector<std::string> expected_;
  std::vector<pixels> read_;
};

/// OpenEXR 3.1 cannot go back from another provider to threads of its own, so it gets another global pool.
void make_global_pool(int threads) {
  IlmThread::ThreadPool& global = IlmThread::ThreadPool::globalThreadPool();
  std::destroy_at(&global);
  ::new (static_cast<void*>(&global)) IlmThread::ThreadPool(static_cast<unsigned>(threads));
}

struct pool_of {
  pool_of(bool is_fanout, int threads) {
    make_global_pool(is_fanout ? 0 : threads);
    if (is_fanout)
      IlmThread::ThreadPool::globalThreadPool().setThreadProvider(new fanout::adapters::openexr_provider(executor()));
  }
  pool_of(const pool_of&) = delete;
  pool_of& operator=(const pool_of&) = delete;
  ~pool_of() { make_global_pool(0); }
};

void enter(const std::string& workload, std::size_t count, bool writes) {
  const auto measured = std::make_shared<std::unique_ptr<job>>();
  const auto add = [&](const char* competitor, bool is_fanout, int threads) {
    const auto begin = [=] {
      if (!*measured) *measured = std::make_unique<job>(count, writes);
      return std::make_unique<pool_of>(is_fanout, threads);
    };
    drop_in::enter(workload, competitor, begin, [=] { (*measured)->run(); }, [=] { return (*measured)->is_right(); });
  };
  const auto cores = static_cast<int>(drop_in::threads());
  add("fanout", true, cores);
  add("own_pool", false, cores);
  add("serial", false, 0);
}

const bool entered = [] {
  enter("openexr_write", 1, true);
  enter("openexr_read", 1, false);
  enter("openexr_write_nested", 8, true);
  enter("openexr_read_nested", 8, false);
  return true;
}();

}  // namespace
