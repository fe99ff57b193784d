#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "admission/applicants.hpp"
#include "fanout/admission.hpp"
#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using admission_tests::asking_thread;
using admission_tests::batch;
using fanout::rate_limit;
using clock = std::chrono::steady_clock;

void start(batch& of, std::size_t index) {
  ASSERT_TRUE(of.starts(index));
  of.begin(index);
  of.end(index);
}

TEST(RateLimit, AllowsSoManyStartsAndTellsTheTimeOfTheNext) {
  batch one{fanout::admission(rate_limit(2, 1h))};
  const auto before = clock::now();
  start(one, 0);
  const auto between = clock::now();
  start(one, 1);
  const auto reply = one.reply_to(2);
  EXPECT_EQ(reply.what, fanout::detail::admission_reply::kind::wait);
  EXPECT_GE(reply.until, before + 1h);
  EXPECT_LE(reply.until, between + 1h) << "when the first start is out of the window";
}

TEST(RateLimit, IsSharedByBatchesAndCopies) {
  const rate_limit limit(2, 1h);
  const rate_limit copy = limit;
  batch one{fanout::admission(limit)};
  batch other{fanout::admission(copy)};
  start(one, 0);
  start(other, 0);
  EXPECT_TRUE(one.waits(1));
  EXPECT_TRUE(other.waits(1));
}

TEST(RateLimit, CountsEachAttempt) {
  batch one{fanout::admission(rate_limit(2, 1h))};
  start(one, 0);
  start(one, 0);
  EXPECT_TRUE(one.waits(0));
}

TEST(RateLimit, LetsOthersStartIfATaskDoesNotStartAfterAll) {
  const rate_limit limit(1, 1h);
  batch one{fanout::admission(limit)};
  batch other{fanout::admission(limit)};
  ASSERT_TRUE(one.starts(0));
  ASSERT_TRUE(other.waits(0));
  one.end(0);
  EXPECT_TRUE(other.was_told());
  start(other, 0);
}

TEST(RateLimit, TellsNobodyWhenATaskBeginsBecauseWhoIsWokenMightTakeItsCore) {
  const rate_limit limit(1, 1h);
  batch one{fanout::admission(limit)};
  batch other{fanout::admission(limit)};
  ASSERT_TRUE(one.starts(0));
  const auto before = clock::now();
  const auto until = other.reply_to(0).until;  // the start is pending, and happens now or later
  EXPECT_GE(until, before + 1h);
  EXPECT_LE(until, clock::now() + 1h);
  one.begin(0);
  EXPECT_FALSE(other.was_told());
  EXPECT_GE(other.reply_to(0).until, until);
}

TEST(RateLimit, TellsTheNextWhenTheFirstHasTakenOrLeft) {
  const rate_limit limit(1, 1ms);
  batch one{fanout::admission(limit)};
  batch first{fanout::admission(limit)};
  batch second{fanout::admission(limit)};
  batch third{fanout::admission(limit)};
  ASSERT_TRUE(one.starts(0));
  ASSERT_TRUE(first.waits(0) && second.waits(0) && third.waits(0));
  one.begin(0);
  std::this_thread::sleep_for(2ms);
  EXPECT_TRUE(first.starts(0));
  EXPECT_TRUE(second.was_told()) << "to learn its time";
  EXPECT_FALSE(third.was_told());
  second.leave();
  EXPECT_TRUE(third.was_told());
}

// Nobody tells the others that the time of the first has come, so they find out by themselves.
TEST(RateLimit, LetsThoseBehindPassAFirstThatCannotAskWhenItsTimeComes) {
  constexpr auto per = 400ms;  // more than a loaded machine suspends this thread
  const rate_limit limit(1, per);
  batch one{fanout::admission(limit)};
  batch first{fanout::admission(limit)};
  batch second{fanout::admission(limit)};
  start(one, 0);
  ASSERT_TRUE(first.waits(0));
  EXPECT_LT(second.reply_to(0).until, clock::now() + 10min);
  std::this_thread::sleep_for(per);
  first.can_ask = false;
  EXPECT_TRUE(second.starts(0));
  second.begin(0);
  first.can_ask = true;
  EXPECT_TRUE(first.waits(0));
  std::this_thread::sleep_for(per);
  EXPECT_TRUE(second.waits(1)) << "the first is back at its old place";
  EXPECT_TRUE(first.was_told());
  start(first, 0);
}

TEST(RateLimit, RefusesZero) {
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { rate_limit(0, 1s); }),
            "a rate_limit must allow at least 1 start");
  for (const auto& each : {0ns, -1ns})
    EXPECT_EQ(support::message_of<std::invalid_argument>([&] { rate_limit(1, each); }),
              "the time of a rate_limit must be more than 0");
}

TEST(RateLimit, CannotBeUsedTwiceByOneBatch) {
  const rate_limit limit(2, 1h);
  batch one{fanout::admission(limit)};
  EXPECT_THROW(static_cast<void>(fanout::admission(limit).rule()->open(100, one)), std::invalid_argument);
}

// A start is between a reading before `begin` and one after it. So if more starts are certainly inside a window than
// are allowed, a promise is broken, however the threads were suspended in between.
TEST(RateLimit, HoldsInEachWindowOverManyThreads) {
  constexpr std::size_t starts = 5;
  constexpr auto per = 5ms;
  constexpr std::size_t threads = 6;
  constexpr std::size_t tasks = 25;
  const rate_limit limit(starts, per);
  std::mutex mutex;
  std::vector<clock::time_point> before;
  std::vector<clock::time_point> after;
  support::on_threads(threads, [&](std::size_t number) {
    asking_thread batch{fanout::admission(limit)};
    for (std::size_t index = 0; index != tasks; ++index) {
      batch.wait_for(index);
      if ((index + number) % 7 == 0) {
        batch.at().end(index);  // it does not start
        continue;
      }
      const auto earliest = clock::now();
      batch.at().begin(index);
      const auto latest = clock::now();
      batch.at().end(index);
      const std::lock_guard lock(mutex);
      before.push_back(earliest);
      after.push_back(latest);
    }
  });
  ASSERT_GT(before.size(), threads * tasks * 3 / 4);
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  // Of the starts in their order, number i was not later than the i-th reading after, and not earlier than the i-th
  // before.
  for (std::size_t each = starts; each < before.size(); ++each)
    EXPECT_GE(after[each] - before[each - starts], per) << each;
  EXPECT_GE(after.back() - before.front(), per * (before.size() / starts - 1));
}

TEST(RateLimit, IsUsedUpWhileTasksWaitForIt) {
  const rate_limit limit(1, 1ms);
  asking_thread batch{fanout::admission(limit)};
  const auto begin = clock::now();
  for (std::size_t index = 0; index != 20; ++index) {
    batch.wait_for(index);
    batch.at().begin(index);
    batch.at().end(index);
  }
  EXPECT_GE(clock::now() - begin, 19ms);
}

}  // namespace
