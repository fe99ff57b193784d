// OpenEXR on the threads of fanout: pictures are written to files and read back, first one after another, then each in a
// task.

#include <OpenEXR/ImfRgbaFile.h>
#include <OpenEXR/ImfThreading.h>

#include <fanout/adapters/openexr.hpp>
#include <fanout/fanout.hpp>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

#include "threads_at_work.hpp"

namespace fs = std::filesystem;

constexpr int width = 640;
constexpr int height = 480;
using pixels = std::vector<Imf::Rgba>;

pixels picture(unsigned number) {
  pixels made(std::size_t{width} * height);
  unsigned seed = number;
  for (Imf::Rgba& each : made) {
    seed = seed * 1664525U + 1013904223U;
    each = {static_cast<float>(seed >> 26U), static_cast<float>(number), 0.5F, 1.0F};
  }
  return made;
}

void write(const fs::path& file, const pixels& picture) {
  Imf::RgbaOutputFile out(file.c_str(), Imf::Header(width, height), Imf::WRITE_RGBA);
  out.setFrameBuffer(picture.data(), 1, width);
  out.writePixels(height);
}

pixels read(const fs::path& file) {
  Imf::RgbaInputFile in(file.c_str());
  pixels picture(std::size_t{width} * height);
  in.setFrameBuffer(picture.data(), 1, width);
  in.readPixels(0, height - 1);
  return picture;
}

bool same(const pixels& left, const pixels& right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size() * sizeof left[0]) == 0;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct scratch_folder {
  const fs::path path = fs::temp_directory_path() / ("fanout_openexr." + std::to_string(::getpid()));
  scratch_folder() { fs::create_directory(path); }
  ~scratch_folder() { fs::remove_all(path); }
};

int main() {
  const scratch_folder folder;
  std::vector<pixels> pictures;
  for (unsigned i = 0; i != 16; ++i) pictures.push_back(picture(i));
  const auto file = [&](const char* way, std::size_t number) { return folder.path / (way + std::to_string(number)); };
  const auto survives = [&](const char* way, std::size_t number) {
    write(file(way, number), pictures[number]);
    return same(read(file(way, number)), pictures[number]);
  };
  const fanout::executor executor({.concurrency = 4});
  const std::size_t limit = executor.concurrency();
  std::size_t good = 0;
  const auto all_in_a_batch = [&](const char* way) {
    for (const bool each : executor.map(pictures.size(), [&](std::size_t i) { return survives(way, i); }))
      good += each ? 1U : 0U;
  };

  // A batch of fanout whose tasks call OpenEXR, which has threads of its own.
  Imf::setGlobalThreadCount(static_cast<int>(limit));
  const std::size_t own = threads_at_work::during([&] { all_in_a_batch("own"); });

  // The same batch, while OpenEXR works on the executor of the batch.
  IlmThread::ThreadPool::globalThreadPool().setThreadProvider(new fanout::adapters::openexr_provider(executor));
  const std::size_t shared = threads_at_work::during([&] { all_in_a_batch("nested"); });

  // One picture after another: the tasks of OpenEXR have all threads of the executor.
  const std::size_t alone = threads_at_work::during([&] {
    for (std::size_t i = 0; i != pictures.size(); ++i) good += survives("plain", i) ? 1U : 0U;
  });
  Imf::setGlobalThreadCount(0);  // lets go of the executor, which ends before OpenEXR does

  for (std::size_t i = 0; i != pictures.size(); ++i)
    for (const char* way : {"plain", "nested"}) good += bytes_of(file(way, i)) == bytes_of(file("own", i)) ? 1U : 0U;
  std::printf("threads at work, with a limit of %zu:\n", limit);
  std::printf("  OpenEXR on the executor:                             %zu\n", alone);
  std::printf("  a batch that calls OpenEXR on its executor:          %zu\n", shared);
  std::printf("  a batch that calls OpenEXR with threads of its own:  %zu\n", own);
  const bool identical = good == 5 * pictures.size();
  std::printf("the files are %s\n", identical ? "identical, bit for bit" : "different");
  return identical && alone <= limit && shared <= limit ? 0 : 1;
}
