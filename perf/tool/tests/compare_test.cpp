#include "compare.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "exit_status.hpp"
#include "fake_workload.hpp"

namespace tool {
namespace {

/// Does what serial does, writes down that it ran, and may change one result.
class scripted_competitor final : public competitor {
 public:
  scripted_competitor(std::string name, std::vector<std::string>& log, std::optional<std::size_t> wrong_task = {})
      : name_(std::move(name)), log_(log), wrong_task_(wrong_task) {}

  std::string_view name() const override { return name_; }

  std::vector<task_outcome> run(const task_batch& batch) override {
    log_.push_back(name_);
    std::vector<task_outcome> outcomes;
    for (std::size_t index = 0; index < batch.size(); ++index) outcomes.push_back(settle(batch, index));
    if (wrong_task_) ++outcomes[*wrong_task_].checksum;
    return outcomes;
  }

 private:
  std::string name_;
  std::vector<std::string>& log_;
  std::optional<std::size_t> wrong_task_;
};

class Compare : public testing::Test {
 protected:
  void add(const std::string& name, std::optional<std::size_t> wrong_task = {}) {
    competitors_.push_back(std::make_unique<scripted_competitor>(name, log_, wrong_task));
  }

  comparison run(const workload& tasks, std::size_t repetitions = 3) {
    return compare(tasks, competitors_, {.repetitions = repetitions, .show_progress = false, .stop = {}});
  }

  std::vector<std::string> log_;
  std::vector<std::unique_ptr<competitor>> competitors_;
};

std::uint64_t square(std::size_t index) { return index * index; }

TEST_F(Compare, BeginsNoRepetitionThatWouldNotEndInTimeButMeasuresOne) {
  for (const char* name : {"a", "b"}) add(name);
  const fake_workload tasks(5, square);
  const comparison result =
      compare(tasks, competitors_,
              {.repetitions = 6, .show_progress = false, .stop = {}, .end = std::chrono::steady_clock::now()});
  EXPECT_EQ(log_.size(), 2U * 2);
  EXPECT_EQ(result.repetitions, 1U);
}

TEST_F(Compare, MeasuresEveryCompetitorInEveryRepetitionAfterOneToWarmUp) {
  for (const char* name : {"a", "b", "c", "d"}) add(name);
  const comparison result = run(fake_workload(5, square), 6);
  ASSERT_EQ(log_.size(), 4U * 7);
  std::vector<std::vector<std::string>> orders;
  for (auto first = log_.begin(); first != log_.end(); first += 4) orders.emplace_back(first, first + 4);
  EXPECT_EQ(orders.front(), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_TRUE(std::any_of(orders.begin(), orders.end(), [&](const auto& order) { return order != orders.front(); }));
  for (auto& order : orders) {
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "c", "d"}));
  }
  EXPECT_EQ(result.repetitions, 6U);
  EXPECT_EQ(result.tasks, 5U);
  EXPECT_EQ(result.completed, 5U);
}

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
  add("wrong", 3);
  add("right");
  const comparison result = run(fake_workload(5, square));
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
  EXPECT_THROW(compare(tasks, competitors_, {.repetitions = 3, .show_progress = false, .stop = stop.get_token()}),
               interruption);
  EXPECT_EQ(log_.size(), 2U);
}

}  // namespace
}  // namespace tool
