#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "exit_status.hpp"
#include "quantity.hpp"
#include "run/captured_output.hpp"
#include "run/run_summary.hpp"
#include "temporary_directory.hpp"
#include "temporary_file.hpp"

namespace tool {
namespace {

using namespace std::chrono_literals;

// ---- Captured output ----

class CapturedOutput : public testing::Test {
 protected:
  std::string flushed(captured_output& output) const {
    const std::string path = place_.write("out", "");
    const descriptor file(open(path.c_str(), O_WRONLY | O_TRUNC));
    output.flush(file.get());
    return place_.content("out");
  }

  temporary_directory place_;
  output_spool spool_;
};

TEST_F(CapturedOutput, HasNoMoreThanAMebibyteInMemory) {
  captured_output output(spool_);
  std::string all;
  for (int i = 0; i != 100; ++i) {
    const std::string next(50'000, static_cast<char>('a' + i % 26));
    output.append(next);
    all += next;
    EXPECT_LE(output.in_memory(), 1024U * 1024);
  }
  EXPECT_TRUE(flushed(output) == all);
  EXPECT_TRUE(output.empty());
}

TEST_F(CapturedOutput, IsTheSameOutsideOfMemory) {
  captured_output one(spool_);
  captured_output other(spool_);
  for (int i = 0; i != 3; ++i) {
    one.append("one ");
    other.append("other ");
    one.leave_memory();
    other.leave_memory();
  }
  EXPECT_EQ(one.in_memory(), 0U);
  captured_output moved = std::move(one);
  EXPECT_EQ(flushed(moved), "one one one ");
  EXPECT_EQ(flushed(other), "other other other ");
}

TEST_F(CapturedOutput, KnowsWhetherItEndsALine) {
  captured_output output(spool_);
  EXPECT_TRUE(output.ends_line());
  output.append("a");
  EXPECT_FALSE(output.ends_line());
  output.append("\n");
  output.append("");
  flushed(output);
  EXPECT_TRUE(output.ends_line());
}

TEST_F(CapturedOutput, TakesNoSpaceOnTheDiskWhenItWasWritten) {
  // The spool has no name, so its size is seen only in a file of the same kind.
  const descriptor probe = open_temporary_file(O_RDWR);
  if (fallocate(probe.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0) {
    GTEST_SKIP() << "the file system cannot give space back";
  }
  captured_output output(spool_);
  output.append(std::string(1'000'000, 'x'));
  const output_spool::piece piece = spool_.keep(std::string(1'000'000, 'y'));
  output.leave_memory();
  const auto blocks = [this] { return spool_.blocks_on_disk(); };
  EXPECT_GE(blocks(), 1'900'000U / 512);
  spool_.forget(piece);
  flushed(output);
  EXPECT_LE(blocks(), 100'000U / 512);
}

// ---- Quantities ----

TEST(Size, IsANumberOfBytesWithAUnit) {
  EXPECT_EQ(parse_size("--s", "1"), 1U);
  EXPECT_EQ(parse_size("--s", "3K"), 3'072U);
  EXPECT_EQ(parse_size("--s", "1.5M"), 1'572'864U);
  EXPECT_EQ(parse_size("--s", "2G"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("--s", "1T"), std::uint64_t{1} << 40);
  for (const char* text : {"", "0", "0.5", "-1", "1k", "1KB", " 1", "M", "1e3", "99999999999T", "nan", "inf"}) {
    EXPECT_THROW(static_cast<void>(parse_size("--s", text)), usage_error) << text;
  }
}

TEST(Rate, IsANumberOfStartsInATime) {
  const auto expect = [](const char* text, std::size_t starts, std::chrono::nanoseconds per) {
    const start_rate rate = parse_rate("--r", text);
    EXPECT_EQ(rate.starts, starts) << text;
    EXPECT_EQ(rate.per, per) << text;
  };
  expect("10/s", 10, 1s);
  expect("100/m", 100, 1min);
  expect("5000/h", 5'000, 1h);
  expect("3/500ms", 3, 500ms);
  expect("1/1.5s", 1, 1500ms);
  for (const char* text : {"", "10", "/s", "10/", "0/s", "-1/s", "1.5/s", "1/0s", "1/d", "1/s/s", "10 /s", "1000001/s"}) {
    EXPECT_THROW(static_cast<void>(parse_rate("--r", text)), usage_error) << text;
  }
}

// ---- The summary ----

TEST(RunSummary, HasNumbersThatAddUp) {
  using state = command_record::state;
  run_result result{.records = {}, .wall = 1'234ms};
  const auto add = [&](state ended, std::size_t attempts, const std::string& what) {
    result.records.push_back({.ended = ended, .attempts = attempts, .what = what});
  };
  add(state::succeeded, 1, "");
  add(state::succeeded, 2, "");
  add(state::failed, 3, "was ended by signal 6");
  add(state::timed_out, 1, "took longer than 1 s");
  add(state::stopped, 1, "was stopped");
  add(state::not_started, 0, "");
  EXPECT_EQ(summary_line(result),
            "6 commands in 1.23 s: 2 succeeded, 1 failed, 1 timed out, 1 stopped, 1 not started; 2 retried");
  command_list list{.name = "list", .lines = {}};
  for (const char* text : {"a", "b", "c\nc", "d", "e", "f"}) list.lines.push_back({list.lines.size() + 1, text});
  EXPECT_EQ(summary_text(result, list), summary_line(result) +
                                            "\nwas ended by signal 6, in attempt 3\tc\\nc"
                                            "\ntook longer than 1 s\td\nwas stopped\te\n");
  EXPECT_EQ(unfinished_lines(result, list, separator::null), std::string("c\nc\0d\0e\0f\0", 10));
}

TEST(RunSummary, IsInTheSingularForOneCommand) {
  run_result result{.records = std::vector<command_record>(1), .wall = 0ms, .time_over = true};
  EXPECT_EQ(summary_line(result),
            "1 command in 0.00 s: 0 succeeded, 0 failed, 0 timed out, 0 stopped, 1 not started; 0 retried; the time was "
            "over");
}

}  // namespace
}  // namespace tool
