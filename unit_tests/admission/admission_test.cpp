#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "admission/applicants.hpp"
#include "admission/memory_guard.hpp"
#include "fanout/admission.hpp"
#include "fanout/error.hpp"
#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using admission_tests::admission_reply;
using admission_tests::batch;
using fanout::admission;
using fanout::admission_answer;
using clock = std::chrono::steady_clock;

TEST(Admission, IsAskedForEachTaskAndItsAnswerIsTaken) {
  std::vector<std::size_t> asked;
  batch one(admission([&](std::size_t index) {
    asked.push_back(index);
    return index % 2 == 0 ? admission_answer::yes() : admission_answer::not_yet(1h);
  }));
  EXPECT_TRUE(one.starts(4));
  EXPECT_TRUE(one.waits(5));
  EXPECT_TRUE(one.waits(5));
  EXPECT_EQ(asked, (std::vector<std::size_t>{4, 5, 5}));
}

TEST(Admission, WaitsAsLongAsTheRuleSays) {
  batch one(admission([](std::size_t) { return admission_answer::not_yet(1h); }));
  const auto before = clock::now();
  const auto until = one.reply_to(0).until;
  EXPECT_GE(until, before + 1h);
  EXPECT_LE(until, clock::now() + 1h);
}

TEST(Admission, WaitsForAMillisecondAtLeastAndForeverAtMost) {
  std::chrono::nanoseconds after{0};
  batch one(admission([&](std::size_t) { return admission_answer::not_yet(after); }));
  for (const auto& each : {0ns, -5ns, std::chrono::nanoseconds::min(), 999'999ns}) {
    after = each;
    const auto before = clock::now();
    EXPECT_GE(one.reply_to(0).until, before + 1ms);
  }
  after = std::chrono::nanoseconds::max();
  EXPECT_EQ(one.reply_to(0).until, clock::time_point::max());
}

TEST(Admission, RefusesATaskWithTheReasonOfTheRule) {
  batch one(admission([](std::size_t) { return admission_answer::never("the disk is full"); }));
  const admission_reply reply = one.reply_to(0);
  EXPECT_EQ(reply.what, admission_reply::kind::never);
  EXPECT_EQ(support::message_of<fanout::task_refused>([&] { std::rethrow_exception(reply.why); }),
            "the task was refused: the disk is full");
  EXPECT_THROW(std::rethrow_exception(reply.why), fanout::error);
}

TEST(Admission, PassesOnWhatTheRuleThrows) {
  batch one(admission([](std::size_t) -> admission_answer { throw std::domain_error("broken"); }));
  EXPECT_EQ(support::message_of<std::domain_error>([&] { one.reply_to(0); }), "broken");
}

TEST(Admission, RefusesAnEmptyFunction) {
  EXPECT_EQ(support::message_of<std::invalid_argument>(
                [] { admission(std::function<admission_answer(std::size_t)>()); }),
            "the rule of an admission is an empty function");
}

TEST(Admission, KeepsTheRuleAliveAsLongAsABatchUsesIt) {
  auto rule = std::make_unique<admission>([value = std::vector<int>(1'000, 7)](std::size_t index) {
    return value.at(index) == 7 ? admission_answer::yes() : admission_answer::never("");
  });
  batch one(*rule);
  rule.reset();
  EXPECT_TRUE(one.starts(99));
}

// ── free_memory_above ───────────────────────────────────────────────────────────────────────────────────────────

std::uint64_t memory = 0;
std::uint64_t available() { return memory; }

TEST(FreeMemoryAbove, LetsTasksStartWhileMoreIsAvailable) {
  batch one(admission(std::make_shared<fanout::detail::memory_guard>(1'000, available)));
  memory = 1'001;
  EXPECT_EQ(one.reply_to(0, 5).what, admission_reply::kind::yes);
  memory = 1'000;
  const auto before = clock::now();
  const admission_reply reply = one.reply_to(0, 5);
  EXPECT_EQ(reply.what, admission_reply::kind::wait);
  EXPECT_GE(reply.until, before + 10ms);
  EXPECT_LE(reply.until, clock::now() + 10ms);
  memory = 2'000;
  EXPECT_EQ(one.reply_to(0, 5).what, admission_reply::kind::yes);
}

TEST(FreeMemoryAbove, LetsOneTaskOfABatchRunInAnyCase) {
  batch one(admission(std::make_shared<fanout::detail::memory_guard>(1'000, available)));
  memory = 0;
  EXPECT_EQ(one.reply_to(0, 0).what, admission_reply::kind::yes);
  EXPECT_EQ(one.reply_to(0, 1).what, admission_reply::kind::wait);
}

TEST(FreeMemoryAbove, LooksAtThisMachine) {
  batch one(fanout::free_memory_above(0));
  EXPECT_EQ(one.reply_to(0, 1).what, admission_reply::kind::yes) << "the test itself has some";
  batch other(fanout::free_memory_above(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(other.reply_to(0, 1).what, admission_reply::kind::wait) << "no machine has more than the largest number";
}

}  // namespace
