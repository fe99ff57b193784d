#include "fanout/adapters/openexr.hpp"

#include <OpenEXR/ImfArray.h>
#include <OpenEXR/ImfIO.h>
#include <OpenEXR/ImfRgbaFile.h>
#include <OpenEXR/ImfThreading.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using fanout::adapters::openexr_provider;
using IlmThread::TaskGroup;
using IlmThread::ThreadPool;
using support::gauge;

constexpr int width = 240;
constexpr int height = 200;

class memory_file final : public Imf::OStream {
 public:
  memory_file() : OStream("memory") {}
  void write(const char bytes[], int count) override {
    const auto size = static_cast<std::size_t>(count);
    written.resize(std::max(written.size(), at_ + size));
    std::memcpy(written.data() + at_, bytes, size);
    at_ += size;
  }
  uint64_t tellp() override { return at_; }
  void seekp(uint64_t to) override { at_ = to; }
  std::string written;

 private:
  std::size_t at_ = 0;
};

class memory_source final : public Imf::IStream {
 public:
  explicit memory_source(const std::string& bytes) : IStream("memory"), bytes_(bytes) {}
  bool read(char into[], int count) override {
    const auto size = static_cast<std::size_t>(count);
    if (bytes_.size() - at_ < size) throw std::runtime_error("the file is too short");
    std::memcpy(into, bytes_.data() + at_, size);
    at_ += size;
    return at_ != bytes_.size();
  }
  uint64_t tellg() override { return at_; }
  void seekg(uint64_t to) override { at_ = to; }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

std::vector<Imf::Rgba> picture(unsigned seed) {
  std::vector<Imf::Rgba> made(std::size_t{width} * height);
  for (Imf::Rgba& each : made) {
    seed = seed * 1664525U + 1013904223U;
    const auto part = [&](unsigned by) { return static_cast<float>((seed >> by) % 64U); };
    each = {part(8), part(14), part(20), 1.0F};
  }
  return made;
}

std::string written(const std::vector<Imf::Rgba>& pixels) {
  memory_file file;
  {
    Imf::RgbaOutputFile out(file, Imf::Header(width, height), Imf::WRITE_RGBA);
    out.setFrameBuffer(pixels.data(), 1, width);
    out.writePixels(height);
  }
  return std::move(file.written);
}

std::vector<Imf::Rgba> read(const std::string& bytes) {
  memory_source file(bytes);
  Imf::RgbaInputFile in(file);
  std::vector<Imf::Rgba> pixels(std::size_t{width} * height);
  in.setFrameBuffer(pixels.data(), 1, width);
  in.readPixels(0, height - 1);
  return pixels;
}

bool same(const std::vector<Imf::Rgba>& one, const std::vector<Imf::Rgba>& other) {
  return one.size() == other.size() && std::memcmp(one.data(), other.data(), one.size() * sizeof one[0]) == 0;
}

/// Writes and reads a picture, and says whether the file and the pixels are what they should be.
bool survives(const std::vector<Imf::Rgba>& pixels, const std::string& file) {
  return written(pixels) == file && same(read(file), pixels);
}

/// The global pool works on the executor while this exists.
class openexr_on {
 public:
  explicit openexr_on(const fanout::executor& executor) {
    ThreadPool::globalThreadPool().setThreadProvider(new openexr_provider(executor));
  }
  openexr_on(const openexr_on&) = delete;
  openexr_on& operator=(const openexr_on&) = delete;
  ~openexr_on() { Imf::setGlobalThreadCount(0); }
};

template <class F>
class task_of final : public IlmThread::Task {
 public:
  task_of(TaskGroup& group, F does) : Task(&group), does_(std::move(does)) {}
  void execute() override { does_(); }

 private:
  F does_;
};

template <class F>
void post(ThreadPool& pool, TaskGroup& group, F does) {
  pool.addTask(new task_of<F>(group, std::move(does)));
}

/// What threads of OpenEXR's own have written, before the pool gets a provider: OpenEXR 3.1 cannot go back to them.
const std::string& own_file() {
  static const std::string bytes = [] {
    Imf::setGlobalThreadCount(2);
    std::string made = written(picture(1));
    Imf::setGlobalThreadCount(0);
    return made;
  }();
  return bytes;
}

class OpenexrAtLimit : public testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() { own_file(); }
  const support::watchdog guard{};
  const fanout::executor executor{{.concurrency = GetParam()}};
  const std::vector<Imf::Rgba> pixels = picture(1);
  const std::string& file = own_file();
};

INSTANTIATE_TEST_SUITE_P(Threads, OpenexrAtLimit, testing::Values(1, 2, 4, 8), testing::PrintToStringParamName());

TEST_P(OpenexrAtLimit, WritesAndReadsBitForBitWhatItsOwnPoolDoes) {
  const openexr_on here(executor);
  EXPECT_EQ(Imf::globalThreadCount(), GetParam());
  for (int round = 0; round != 5; ++round) EXPECT_TRUE(survives(pixels, file));
}

TEST_P(OpenexrAtLimit, EndsWhereTasksOfTheExecutorWriteAndRead) {
  const openexr_on here(executor);
  for (const bool good : executor.map(12, [&](int) { return survives(pixels, file); })) EXPECT_TRUE(good);
}

TEST_P(OpenexrAtLimit, EndsWhereTasksOfAnotherExecutorInTasksWriteAndRead) {
  const openexr_on here(executor);
  const fanout::executor other({.concurrency = 2});
  executor.map(4, [&](int) { other.map(2, [&](int) { EXPECT_TRUE(survives(pixels, file)); }); });
}

TEST_P(OpenexrAtLimit, EndsWhereATaskWaitsForABatchThatWritesAndReads) {
  const openexr_on here(executor);
  executor.map(4, [&](int) {
    for (const bool good : fanout::submit_map(2, [&](int) { return survives(pixels, file); }, 2).get()) EXPECT_TRUE(good);
  });
}

TEST_P(OpenexrAtLimit, EndsWhereSeveralThreadsWriteAndRead) {
  const openexr_on here(executor);
  std::vector<std::jthread> threads;
  for (int i = 0; i != 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(survives(pixels, file)); });
}

TEST_P(OpenexrAtLimit, HoldsOverTasksInsideAndOutsideOfTheExecutor) {
  const openexr_on here(executor);
  gauge threads;
  const auto run_some = [&] {
    TaskGroup group;
    for (int i = 0; i != 20; ++i) {
      post(ThreadPool::globalThreadPool(), group, [&] {
        const gauge::visit inside(threads);
        support::compute_for(std::chrono::microseconds(20));
      });
    }
  };
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i != 3; ++i) callers.emplace_back(run_some);
    executor.map(8, [&](int) { run_some(); });
  }
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(OpenexrAtLimit, HoldsOverBatchesInItsTasks) {
  const openexr_on here(executor);
  gauge threads;
  {
    TaskGroup group;
    for (int i = 0; i != 10; ++i) {
      post(ThreadPool::globalThreadPool(), group, [&] {
        executor.map(3, [&](int) { const gauge::visit inside(threads); });
      });
    }
  }
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(OpenexrAtLimit, IsReached) {
  const openexr_on here(executor);
  support::rendezvous all(static_cast<std::size_t>(GetParam()));
  TaskGroup group;
  for (int i = 0; i != GetParam(); ++i)
    post(ThreadPool::globalThreadPool(), group, [&] { EXPECT_TRUE(all.meet()); });
}

TEST_P(OpenexrAtLimit, RunsEverythingBeforeThePoolGetsAnotherProvider) {
  ThreadPool pool;
  pool.setThreadProvider(new openexr_provider(executor));
  TaskGroup group;
  std::atomic<int> ran = 0;
  for (int i = 0; i != 50; ++i) post(pool, group, [&] { ++ran; });
  pool.setThreadProvider(new openexr_provider(executor));
  EXPECT_EQ(ran, 50);
  post(pool, group, [&] { ++ran; });
  pool.setNumThreads(0);
  EXPECT_EQ(ran, 51);
}

TEST_P(OpenexrAtLimit, LetsGoOfTheExecutorWhenThePoolHasNoThreads) {
  {
    const fanout::executor brief({.concurrency = GetParam()});
    ThreadPool::globalThreadPool().setThreadProvider(new openexr_provider(brief));
    EXPECT_EQ(Imf::globalThreadCount(), GetParam());
    Imf::setGlobalThreadCount(7);
    EXPECT_EQ(Imf::globalThreadCount(), GetParam());
    Imf::setGlobalThreadCount(0);
  }
  EXPECT_EQ(Imf::globalThreadCount(), 0);
  EXPECT_TRUE(survives(pixels, file));
}

TEST_P(OpenexrAtLimit, RunsATaskAtOnceAfterFinish) {
  openexr_provider provider(executor);
  provider.finish();
  TaskGroup group;
  bool ran = false;
  const auto does = [&] { ran = true; };
  provider.addTask(new task_of<decltype(does)>(group, does));
  EXPECT_TRUE(ran);
  provider.finish();
}

TEST_P(OpenexrAtLimit, FinishesWhileOthersPost) {
  openexr_provider provider(executor);
  TaskGroup group;
  std::atomic<int> ran = 0;
  const auto does = [&] { ++ran; };
  {
    std::vector<std::jthread> others;
    for (int i = 0; i != 2; ++i)
      others.emplace_back([&] {
        for (int round = 0; round != 200; ++round) provider.addTask(new task_of<decltype(does)>(group, does));
      });
    provider.finish();
  }
  EXPECT_EQ(ran, 400);
}

}  // namespace
