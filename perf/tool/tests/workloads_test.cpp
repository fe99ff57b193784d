#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "temporary_directory.hpp"
#include "workloads/checksum.hpp"
#include "workloads/compress.hpp"
#include "workloads/file_list.hpp"
#include "workloads/mandelbrot.hpp"
#include "workloads/sleep.hpp"

namespace tool {
namespace {

// ---- Checksums ----

TEST(Checksum, SeesOrder) { EXPECT_NE(combine(combine(0, 1), 2), combine(combine(0, 2), 1)); }

TEST(Checksum, SeesEveryByte) {
  std::vector<std::byte> bytes(37);
  std::set<std::uint64_t> seen{combine_bytes(0, bytes)};
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    bytes[index] = std::byte{1};
    seen.insert(combine_bytes(0, bytes));
    bytes[index] = std::byte{0};
  }
  EXPECT_EQ(seen.size(), bytes.size() + 1);
}

// ---- Lists of files ----

TEST(FileList, HoldsRegularFilesOfAnyDepthInOrder) {
  const temporary_directory directory;
  const std::string b = directory.write("b", "12");
  const std::string deep = directory.write("a/deeper/file", "345");
  const std::string hidden = directory.write(".hidden", "");
  const file_list files = list_files(directory.path());
  EXPECT_EQ(files.paths, (std::vector<std::string>{hidden, deep, b}));
  EXPECT_EQ(files.bytes, 5U);
  EXPECT_TRUE(files.errors.empty());
}

TEST(FileList, LeavesOutLinksAndPipes) {
  const temporary_directory directory;
  const std::string file = directory.write("file", "x");
  std::filesystem::create_symlink(file, directory.path("link_to_file"));
  std::filesystem::create_symlink("nowhere", directory.path("dangling_link"));
  std::filesystem::create_directory_symlink(directory.path(), directory.path("link_to_itself"));
  ASSERT_EQ(mkfifo(directory.path("pipe").c_str(), 0600), 0);
  const file_list files = list_files(directory.path());
  EXPECT_EQ(files.paths, std::vector<std::string>{file});
  EXPECT_TRUE(files.errors.empty());
}

TEST(FileList, FollowsALinkThatTheUserNamed) {
  const temporary_directory directory;
  directory.write("real/file", "x");
  std::filesystem::create_directory_symlink("real", directory.path("link"));
  EXPECT_EQ(list_files(directory.path("link")).paths, std::vector<std::string>{directory.path("link/file")});
}

TEST(FileList, OfWhatIsNoDirectoryThrowsItsName) {
  const temporary_directory directory;
  for (const std::string& path : {directory.path("missing"), directory.write("file", "x")}) {
    try {
      list_files(path);
      FAIL();
    } catch (const input_error& error) {
      EXPECT_EQ(error.path(), path);
    }
  }
}

// ---- compress ----

class Compress : public testing::Test {
 protected:
  compress_workload workload_of_all(int level = 3) const {
    return {directory_.path(), list_files(directory_.path()), level, 2};
  }

  void expect_input_error(const compress_workload& tasks, const std::string& path) const {
    try {
      tasks.run(0, {});
      FAIL();
    } catch (const input_error& error) {
      EXPECT_EQ(error.path(), path);
      EXPECT_STRNE(error.what(), "");
    }
  }

  temporary_directory directory_;
};

TEST_F(Compress, ChecksumsDependOnTheContentAlone) {
  directory_.write("file", std::string(200'000, 'x') + "tail");
  const std::uint64_t first = workload_of_all().run(0, {});
  EXPECT_EQ(workload_of_all().run(0, {}), first);
  directory_.write("file", std::string(200'000, 'x') + "tall");
  EXPECT_NE(workload_of_all().run(0, {}), first);
}

TEST_F(Compress, ATaskFindsTheLevelAndNothingElseOfTheOneBefore) {
  std::string words;
  for (int number = 0; number < 50'000; ++number)
    words += std::to_string(static_cast<long>(number) * number % 1'009) + ' ';
  directory_.write("file", words);
  const compress_workload tasks = workload_of_all(19);
  const std::uint64_t with_a_new_compressor = tasks.run(0, {});
  EXPECT_EQ(tasks.run(0, {}), with_a_new_compressor);
  EXPECT_NE(workload_of_all(1).run(0, {}), with_a_new_compressor) << "the level makes no difference to this file";
}

TEST_F(Compress, FilesOfEverySizeAroundThePiecesAreRead) {
  std::set<std::uint64_t> checksums;
  const std::vector<std::size_t> sizes{0, 1, 65'535, 65'536, 65'537, 131'072, 1'000'000};
  for (const std::size_t size : sizes) {
    directory_.write("file", std::string(size, 'x'));
    checksums.insert(workload_of_all().run(0, {}));
  }
  EXPECT_EQ(checksums.size(), sizes.size());
}

TEST_F(Compress, AFileThatVanishedIsAnInputError) {
  const std::string path = directory_.write("file", "x");
  const compress_workload tasks = workload_of_all();
  std::filesystem::remove(path);
  expect_input_error(tasks, path);
}

TEST_F(Compress, WhatTookThePlaceOfAFileIsNotRead) {
  const std::string path = directory_.write("file", "x");
  const compress_workload tasks = workload_of_all();
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  expect_input_error(tasks, path);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  expect_input_error(tasks, path);
  std::filesystem::remove(path);
  std::filesystem::create_symlink("elsewhere", path);
  expect_input_error(tasks, path);
}

TEST_F(Compress, ItsSummarySaysHowMuchThereIs) {
  directory_.write("a", std::string(1'500'000, 'x'));
  directory_.write("b", "");
  EXPECT_EQ(workload_of_all().summary(), "2 files below " + directory_.path() + ", 1.5 MB, zstd level 3");
}

// ---- mandelbrot and sleep ----

TEST(Mandelbrot, RowsHaveChecksumsOfTheirOwn) {
  const mandelbrot_workload tasks(16);
  ASSERT_EQ(tasks.task_count(), 16U);
  std::set<std::uint64_t> checksums;
  for (std::size_t index = 0; index < 16; ++index) {
    checksums.insert(tasks.run(index, {}));
    EXPECT_EQ(tasks.run(index, {}), tasks.run(index, {}));
  }
  EXPECT_EQ(checksums.size(), 16U);
}

TEST(Sleep, AStopWakesATask) {
  const sleep_workload tasks(1, std::chrono::hours(24));
  std::stop_source stop;
  stop.request_stop();
  tasks.run(0, stop.get_token());
}

}  // namespace
}  // namespace tool
