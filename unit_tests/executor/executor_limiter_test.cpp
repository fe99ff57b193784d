#include "executor/executor_limiter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stop_token>
#include <thread>
#include <vector>

#include "executor/batch_scope.hpp"
#include "executor/executor_limiter_stage.hpp"
#include "support.hpp"

/// The slots of executors: who gets which, and when.
namespace fanout::detail {
namespace {

using namespace support;

// ── Callers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecutorLimiter, GivesAsManySlotsAsItsLimit) {
  executor_limiter two(2);
  EXPECT_EQ(enter(two).how, admission::slot);
  EXPECT_EQ(enter(two).how, admission::slot);
  std::atomic<bool> inside{false};
  std::jthread third([&] {
    EXPECT_EQ(enter(two).how, admission::slot);
    inside = true;
    two.leave();
  });
  wait_until_waiting(two, 1);
  EXPECT_FALSE(inside);
  two.leave();
  third.join();
  two.leave();
  expect_all_free(two, 2);
}

TEST_F(ExecutorLimiter, ServesCallersInTheOrderOfArrival) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  std::vector<int> order;  // one has the slot at a time
  std::vector<std::jthread> threads;
  for (int i = 0; i != 8; ++i) {
    threads.emplace_back([&, i] {
      EXPECT_EQ(enter(one).how, admission::slot);
      order.push_back(i);
      one.leave();
    });
    wait_until_waiting(one, static_cast<std::size_t>(i) + 1);
  }
  one.leave();
  threads.clear();
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(ExecutorLimiter, AnswersAStopWhileACallerWaits) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  std::stop_source stop;
  std::jthread waiting([&] { EXPECT_EQ(enter(one, stop.get_token()).how, admission::stopped); });
  wait_until_waiting(one, 1);
  stop.request_stop();
  waiting.join();
  one.leave();
  expect_all_free(one, 1);
}

TEST_F(ExecutorLimiter, LetsNobodyWaitWhoseStopWasRequestedBefore) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(enter(one, stop.get_token()).how, admission::stopped);
  executor_limiter other(1);
  ASSERT_EQ(enter(other).how, admission::slot);
  {
    const task_of here(other);
    EXPECT_EQ(enter(one, stop.get_token()).how, admission::stopped);
  }
  one.leave();
  expect_all_free(one, 1);
}

TEST_F(ExecutorLimiter, LosesNoSlotWhenStopsRaceWithDepartures) {
  executor_limiter one(1);
  executor_limiter other(1);
  ASSERT_EQ(enter(other).how, admission::slot);
  const auto race = [&](bool in_a_task) {
    ASSERT_EQ(one.enter(nullptr, {}).how, admission::slot);
    std::stop_source stop;
    std::jthread waiting([&] {
      const auto go_in = [&] {
        if (enter(one, stop.get_token()).how == admission::slot) one.leave();
      };
      if (!in_a_task) return go_in();
      const task_of here(other);
      go_in();
    });
    std::jthread stopping([&] { stop.request_stop(); });
    one.leave();
  };
  for (int round = 0; round != 1'000; ++round) race(round % 2 == 0);
  expect_all_free(one, 1);
}

// ── Helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecutorLimiter, CallsHelpersAsSlotsComeFree) {
  executor_limiter three(3);
  for (int i = 0; i != 2; ++i) ASSERT_EQ(enter(three).how, admission::slot);
  batch_of_helpers batch;
  three.request(batch, 5);
  EXPECT_EQ(batch.called, 1U);
  three.leave();
  EXPECT_EQ(batch.called, 2U);
  batch.answer(2);
  three.leave();  // a helper that others go on without
  EXPECT_EQ(batch.called, 3U);
  three.close(batch, 1);
  EXPECT_EQ(batch.unanswered, 0U);
  three.leave();
  expect_all_free(three, 3);
}

TEST_F(ExecutorLimiter, ServesHelpersAndCallersInTheOrderOfArrival) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  batch_of_helpers first;
  batch_of_helpers last;
  one.request(first, 1);
  std::atomic<bool> inside{false};
  std::jthread between([&] {
    EXPECT_EQ(enter(one).how, admission::slot);
    inside = true;
  });
  wait_until_waiting(one, 2);
  one.request(last, 1);
  one.leave();
  EXPECT_EQ(first.called, 1U);
  EXPECT_FALSE(inside);
  first.answer(1);
  one.close(first, 1);
  between.join();
  EXPECT_EQ(last.called, 0U);
  one.leave();
  EXPECT_EQ(last.called, 1U);
  one.close(last, 0);
  expect_all_free(one, 1);
}

TEST_F(ExecutorLimiter, DropsARequestThatIsServedWhenNoHelpIsWantedAnyMore) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  batch_of_helpers idle;
  batch_of_helpers busy;
  one.request(idle, 3);
  one.request(busy, 1);
  idle.wants = false;
  one.leave();
  EXPECT_EQ(idle.called, 0U);
  EXPECT_EQ(busy.called, 1U);
  one.close(busy, 0);
  one.close(idle, 0);
  expect_all_free(one, 1);
}

TEST_F(ExecutorLimiter, ClosingGivesBackTheSlotsOfCallsThatNobodyAnswered) {
  executor_limiter four(4);
  ASSERT_EQ(enter(four).how, admission::slot);
  batch_of_helpers batch;
  four.request(batch, 3);
  EXPECT_EQ(batch.called, 3U);
  batch.answer(1);
  four.close(batch, 1);  // by the caller: two calls were not answered
  four.request(batch, 3);
  EXPECT_EQ(batch.called, 3U) << "nobody is called for a batch that is closed";
  four.close(batch, 1);  // by the helper
  expect_all_free(four, 4);
}

TEST_F(ExecutorLimiter, SendsWorkersAwayWhenTheirBatchIsClosed) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  batch_of_helpers batch;
  std::jthread worker([&] { EXPECT_FALSE(one.join(batch)); });
  wait_until_waiting(one, 1);
  one.close(batch, 1);
  worker.join();
  EXPECT_FALSE(one.join(batch)) << "nor does it admit one that comes later";
  expect_all_free(one, 1);
}

TEST_F(ExecutorLimiter, ClosingOneBatchKeepsTheWorkersAndTheRequestsOfAnother) {
  executor_limiter two(2);
  for (int i = 0; i != 2; ++i) ASSERT_EQ(enter(two).how, admission::slot);
  batch_of_helpers closing;
  batch_of_helpers other;
  two.request(closing, 2);
  std::jthread sent_away([&] { EXPECT_FALSE(two.join(closing)); });
  wait_until_waiting(two, 2);
  std::jthread admitted([&] { EXPECT_TRUE(two.join(other)); });
  wait_until_waiting(two, 3);
  two.request(other, 1);
  two.close(closing, 1);
  sent_away.join();
  admitted.join();
  EXPECT_EQ(other.called, 0U);
  two.leave();
  EXPECT_EQ(other.called, 1U);
  other.answer(1);
  two.close(other, 2);
  expect_all_free(two, 2);
}

TEST_F(ExecutorLimiter, NeverGivesMoreSlotsThanItsLimitToCallersHelpersAndWorkersTogether) {
  executor_limiter three(3);
  gauge inside;
  on_threads(6, [&](std::size_t number) {
    for (int round = 0; round != 1'000; ++round) {
      batch_of_helpers batch;
      ASSERT_EQ(enter(three).how, admission::slot);
      {
        const gauge::visit here(inside);
        three.request(batch, number % 3);
        const std::size_t answered = batch.unanswered.exchange(0);
        for (std::size_t helper = 0; helper != answered; ++helper) {
          { const gauge::visit its(inside); }
          three.leave();
        }
      }
      three.close(batch, 1);
    }
  });
  EXPECT_LE(inside.most(), 3);
  expect_all_free(three, 3);
}

// ── Calls inside of tasks ───────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ExecutorLimiter, LetsACallInATaskWorkUnderTheSlotOfTheTask) {
  for (const std::size_t limit : {1U, 2U}) {
    executor_limiter limiter(limit);
    ASSERT_EQ(enter(limiter).how, admission::slot);
    {
      const task_of here(limiter);
      const enter_result nested = enter(limiter);
      EXPECT_EQ(nested.how, admission::nested);
      EXPECT_EQ(nested.lender, &here.entry);
      limiter.give_back(here.entry);
    }
    limiter.leave();
    expect_all_free(limiter, limit);
  }
}

TEST_F(ExecutorLimiter, LetsANestedCallWorkUnderTheInnermostOfTheTasksAroundIt) {
  executor_limiter one(1);
  executor_limiter other(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  {
    const task_of outer(one);
    ASSERT_EQ(enter(other).how, admission::slot);
    {
      const task_of between(other);
      const enter_result first = enter(one);
      EXPECT_EQ(first.how, admission::nested);
      EXPECT_EQ(first.lender, &outer.entry);
      {
        const task_of inner(one, first);
        const enter_result second = enter(one);
        EXPECT_EQ(second.how, admission::nested);
        EXPECT_EQ(second.lender, &inner.entry);
        one.give_back(inner.entry);
      }
      one.give_back(outer.entry);
    }
    other.leave();
  }
  one.leave();
}

TEST_F(ExecutorLimiter, LendsASlotToOneThreadAtATimeInTheOrderOfArrival) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  const task_of here(one);
  ASSERT_EQ(enter(one).how, admission::nested);
  std::vector<int> order;  // of threads that have the slot one after the other
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i != 4; ++i) {
      threads.emplace_back([&, i] {
        EXPECT_EQ(one.enter(&here.entry, {}).how, admission::nested);
        order.push_back(i);
        one.give_back(here.entry);
      });
      wait_until_waiting(one, static_cast<std::size_t>(i) + 1);
    }
    one.give_back(here.entry);
  }
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

TEST_F(ExecutorLimiter, LetsATaskGoOnOnlyWhenNobodyWorksUnderItsSlot) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  const task_of here(one);
  ASSERT_EQ(enter(one).how, admission::nested);
  std::atomic<bool> given_back{false};
  std::jthread owner([&] {
    one.resume(here.entry);
    EXPECT_TRUE(given_back);
  });
  wait_until_waiting(one, 1);
  given_back = true;
  one.give_back(here.entry);
  owner.join();
  EXPECT_FALSE(here.entry.lent());
}

TEST_F(ExecutorLimiter, AnswersAStopWhileANestedCallWaits) {
  executor_limiter one(1);
  ASSERT_EQ(enter(one).how, admission::slot);
  const task_of here(one);
  ASSERT_EQ(enter(one).how, admission::nested);
  std::stop_source stop;
  std::jthread waiting([&] { EXPECT_EQ(one.enter(&here.entry, stop.get_token()).how, admission::stopped); });
  wait_until_waiting(one, 1);
  stop.request_stop();
  waiting.join();
  one.give_back(here.entry);
  EXPECT_FALSE(here.entry.lent());
}

}  // namespace
}  // namespace fanout::detail
