#include "compare.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "exit_status.hpp"
#include "fake_workload.hpp"

namespace tool {
namespace {

/// Schedulers that do what serial does, and write down that they ran.
class Compare : public testing::Test {
 protected:
  void add(const std::string& name) {
    schedulers_.emplace_back(name, [this, name](const fanout::compared_run& tasks) {
      log_.push_back(name);
      for (std::size_t index = 0; index != tasks.size(); ++index) tasks(index);
    });
  }

  comparison run(const workload& tasks, std::size_t repetitions = 3) {
    return compare(tasks, schedulers_, {.repetitions = repetitions, .stop = {}});
  }

  std::vector<std::string> log_;
  std::vector<fanout::comparison_scheduler> schedulers_;
};

std::uint64_t square(std::size_t index) { return index * index; }

TEST_F(Compare, KeepsTheOrderOfTheCompetitors) {
  for (const char* name : {"serial", "b", "a"}) add(name);
  const comparison result = run(fake_workload(5, square));
  ASSERT_EQ(result.rows.size(), 3U);
  EXPECT_EQ(result.rows[0].name, "serial");
  EXPECT_EQ(result.rows[1].name, "b");
  EXPECT_EQ(result.rows[2].name, "a");
}

TEST_F(Compare, EqualResultsHaveEqualChecksums) {
  add("serial");
  add("other");
  const comparison result = run(fake_workload(5, square));
  EXPECT_TRUE(result.checksums_equal());
  EXPECT_EQ(result.rows[0].checksum, result.rows[1].checksum);
}

TEST_F(Compare, NamesTheCompetitorAndTheTaskThatDiffer) {
  add("serial");
  add("wrong");
  add("right");
  const comparison result =
      run(fake_workload(5, [&](std::size_t index) { return square(index) + (log_.back() == "wrong" && index == 3); }));
  EXPECT_FALSE(result.checksums_equal());
  EXPECT_TRUE(result.rows[0].checksum_equal());
  EXPECT_EQ(result.rows[1].first_difference, 3U);
  EXPECT_TRUE(result.rows[2].checksum_equal());
  EXPECT_NE(result.rows[0].checksum, result.rows[1].checksum);
  EXPECT_EQ(result.rows[0].checksum, result.rows[2].checksum);
}

TEST_F(Compare, SeesADifferenceInASingleRun) {
  std::atomic<int> calls = 0;
  add("serial");
  add("other");
  // Calls 1 and 2 warm up; the next-to-last run is wrong, the last one right again.
  const comparison result = run(fake_workload(1, [&](std::size_t) { return ++calls == 5 ? 1U : 0U; }), 2);
  ASSERT_EQ(calls, 6);
  EXPECT_FALSE(result.checksums_equal());
  EXPECT_NE(result.rows[0].checksum, result.rows[1].checksum);
}

TEST_F(Compare, UnreadableInputIsKeptAsAnErrorAndTheRestIsCompared) {
  add("serial");
  add("other");
  const comparison result = run(fake_workload(5, [](std::size_t index) {
    if (index == 2) throw input_error("path/2", "gone");
    return square(index);
  }));
  EXPECT_TRUE(result.checksums_equal());
  EXPECT_EQ(result.completed, 4U);
  ASSERT_EQ(result.errors.size(), 1U);
  EXPECT_EQ(result.errors[0].path(), "path/2");
  EXPECT_STREQ(result.errors[0].what(), "gone");
}

TEST_F(Compare, InputThatVanishesOnTheWayCountsForNoCompetitor) {
  int calls = 0;
  add("serial");
  add("other");
  const comparison result = run(fake_workload(2, [&](std::size_t index) {
    if (index == 1 && ++calls > 3) throw input_error("path/1", "gone");
    return square(index);
  }));
  EXPECT_TRUE(result.checksums_equal());
  EXPECT_EQ(result.rows[0].checksum, result.rows[1].checksum);
  EXPECT_EQ(result.completed, 1U);
  EXPECT_EQ(result.errors.size(), 1U);
}

TEST_F(Compare, OtherFailuresReachTheCaller) {
  add("serial");
  EXPECT_THROW(run(fake_workload(5, [](std::size_t) -> std::uint64_t { throw std::domain_error("no"); })),
               std::domain_error);
}

TEST_F(Compare, AStopInterruptsItWithTheRunInProgress) {
  add("serial");
  add("other");
  std::stop_source stop;
  const fake_workload tasks(5, [&](std::size_t index) {
    if (log_.size() == 2) stop.request_stop();
    return square(index);
  });
  EXPECT_THROW(compare(tasks, schedulers_, {.repetitions = 3, .stop = stop.get_token()}),
               interruption);
  EXPECT_EQ(log_.size(), 2U);
}

TEST_F(Compare, AStopAfterWholeRoundsLeavesTheirResult) {
  add("serial");
  add("other");
  std::stop_source stop;
  const fake_workload tasks(5, [&](std::size_t index) {
    if (log_.size() == 8) stop.request_stop();  // the last run of the third round, of which the first warms up
    return square(index);
  });
  const comparison result = compare(tasks, schedulers_, {.repetitions = 100, .stop = stop.get_token()});
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.repetitions, 2U);
  EXPECT_TRUE(result.checksums_equal());
  EXPECT_EQ(result.rows[0].checksum, result.rows[1].checksum);
}

}  // namespace
}  // namespace tool
