#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stop_token>
#include <thread>

#include "executor/batch_scope.hpp"
#include "executor/executor_limiter.hpp"
#include "executor/executor_limiter_stage.hpp"
#include "support.hpp"

/// The slots of executors whose limit changes: who makes way, and who comes then.
namespace fanout::detail {
namespace {

using namespace support;

enter_result step_aside(executor_limiter& of, batch_of_helpers& batch, const std::stop_token& stop = {}) {
  return of.step_aside(batch, current_entry(), stop, nullptr, nullptr);
}

void take_all(executor_limiter& of, std::size_t limit) {
  for (std::size_t taken = 0; taken != limit; ++taken) ASSERT_EQ(enter(of).how, admission::slot);
}

TEST_F(ExecutorLimiter, GrantsNoSlotWhileAsManyAreUsedAsAreAllowed) {
  executor_limiter three(3);
  take_all(three, 3);
  three.allow(1);
  batch_of_helpers batch;
  three.request(batch, 2);
  three.leave();
  three.leave();
  EXPECT_EQ(batch.called, 0U);
  three.leave();
  EXPECT_EQ(batch.called, 1U);
  three.allow(2);
  EXPECT_EQ(batch.called, 2U);
  three.close(batch, 0);
  EXPECT_EQ(three.allowed(), 2U);
  expect_all_free(three, 2);
}

TEST_F(ExecutorLimiter, TellsAsManyToMakeWayAsAreTooMany) {
  executor_limiter five(5);
  take_all(five, 5);
  EXPECT_FALSE(five.may_be_too_many());
  EXPECT_FALSE(five.is_one_too_many());
  five.allow(3);
  EXPECT_TRUE(five.is_one_too_many());
  EXPECT_TRUE(five.is_one_too_many());
  EXPECT_FALSE(five.is_one_too_many());
  EXPECT_FALSE(five.may_be_too_many());
  five.allow(2);
  EXPECT_TRUE(five.is_one_too_many());
  EXPECT_FALSE(five.is_one_too_many());
  for (int leaving = 0; leaving != 3; ++leaving) five.make_way(nullptr);
  five.leave();
  five.leave();
  expect_all_free(five, 2);
}

TEST_F(ExecutorLimiter, SeesThatEnoughHaveLeftByThemselves) {
  executor_limiter two(2);
  take_all(two, 2);
  two.allow(1);
  two.leave();
  EXPECT_FALSE(two.is_one_too_many());
  EXPECT_FALSE(two.may_be_too_many());
  two.leave();
}

TEST_F(ExecutorLimiter, CallsAHelperForOneThatMadeWay) {
  executor_limiter two(2);
  batch_of_helpers batch;
  two.request(batch, 2);
  batch.answer(2);
  two.allow(1);
  ASSERT_TRUE(two.is_one_too_many());
  two.make_way(&batch);
  EXPECT_EQ(batch.called, 2U);
  EXPECT_EQ(two.waiting(), 1U);
  two.allow(2);
  EXPECT_EQ(batch.called, 3U);
  batch.answer(1);
  two.allow(1);
  ASSERT_TRUE(two.is_one_too_many());
  two.close(batch, 1);
  two.make_way(&batch);  // which is over
  EXPECT_EQ(two.waiting(), 0U);
  two.allow(2);
  expect_all_free(two, 2);
}

TEST_F(ExecutorLimiter, ClosesNoBatchWhoseRunnerHasPausedBeforeItsLastTask) {
  executor_limiter two(2);
  batch_of_helpers batch;
  take_all(two, 2);
  two.allow(1);
  ASSERT_TRUE(two.is_one_too_many(batch));  // the runner that has paused: it has left a task
  two.make_way(nullptr);
  EXPECT_FALSE(two.try_close(batch, 1));  // another one, which had found none
  batch.wants = false;
  EXPECT_TRUE(two.try_close(batch, 1));
  two.allow(2);
  expect_all_free(two, 2);
}

TEST_F(ExecutorLimiter, LetsNoRunnerMakeWayOnceItsBatchIsClosed) {
  executor_limiter three(3);
  batch_of_helpers batch;
  take_all(three, 3);
  three.allow(1);
  batch.wants = false;
  EXPECT_TRUE(three.try_close(batch, 1));
  EXPECT_FALSE(three.is_one_too_many(batch));  // nobody else would run what it has left
  EXPECT_TRUE(three.is_one_too_many());
  three.make_way(nullptr);
  three.leave();
  three.allow(3);
  expect_all_free(three, 3);
}

TEST_F(ExecutorLimiter, AdmitsALeaderThatHasSteppedAsideBeforeAllOthers) {
  executor_limiter two(2);
  take_all(two, 2);
  two.allow(1);
  std::atomic<bool> other_is_in{false};
  std::jthread other([&] {
    EXPECT_EQ(enter(two).how, admission::slot);
    other_is_in = true;
  });
  wait_until_waiting(two, 1);
  batch_of_helpers batch;
  event is_back;
  std::jthread leader([&] {
    EXPECT_EQ(step_aside(two, batch).how, admission::slot);
    is_back.set();
  });
  wait_until_waiting(two, 2);
  two.leave();
  EXPECT_TRUE(is_back.wait());
  EXPECT_FALSE(other_is_in);
  two.close(batch, 1);
  other.join();
  two.leave();
  two.allow(2);
  expect_all_free(two, 2);
}

TEST_F(ExecutorLimiter, LetsALeaderKeepItsSlotIfNoMoreAreUsedThanAllowed) {
  executor_limiter two(2);
  take_all(two, 2);
  batch_of_helpers batch;
  EXPECT_EQ(step_aside(two, batch).how, admission::slot);
  two.allow(1);
  two.leave();
  EXPECT_TRUE(two.may_be_too_many());
  EXPECT_EQ(step_aside(two, batch).how, admission::slot);
  EXPECT_FALSE(two.may_be_too_many());
  two.close(batch, 1);
  EXPECT_TRUE(two.is_idle());
}

TEST_F(ExecutorLimiter, SendsALeaderAwayWhenItsBatchIsClosedOrStopped) {
  executor_limiter two(2);
  take_all(two, 2);
  two.allow(1);
  {
    batch_of_helpers batch;
    std::jthread leader([&] { EXPECT_EQ(step_aside(two, batch).how, admission::stopped); });
    wait_until_waiting(two, 1);
    two.close(batch, 0);
    leader.join();
    EXPECT_EQ(step_aside(two, batch).how, admission::slot) << "it would wait for nobody";
  }
  two.allow(2);
  ASSERT_EQ(enter(two).how, admission::slot);
  two.allow(1);
  batch_of_helpers batch;
  std::stop_source stop;
  std::jthread leader([&] { EXPECT_EQ(step_aside(two, batch, stop.get_token()).how, admission::stopped); });
  wait_until_waiting(two, 1);
  stop.request_stop();
  leader.join();
  two.close(batch, 0);
  two.leave();
  EXPECT_TRUE(two.is_idle());
}

TEST_F(ExecutorLimiter, SeesADeadlockThatALowerLimitCompletes) {
  executor_limiter a(2);
  executor_limiter b(1);
  ASSERT_EQ(enter(a).how, admission::slot);  // by a thread that waits for nothing
  std::atomic<int> borrowed{0};
  const auto call_from_task = [&](executor_limiter& around, executor_limiter& wanted) {
    {
      const task_of here(around);
      const enter_result result = enter(wanted);
      if (result.how == admission::borrowed) {
        ++borrowed;
        wanted.give_back(*result.lender);
      } else {
        wanted.leave();
      }
      if (here.entry.lent()) around.resume(here.entry);
    }
    around.leave();
  };
  ASSERT_EQ(enter(a).how, admission::slot);
  ASSERT_EQ(enter(b).how, admission::slot);
  std::jthread a_to_b([&] { call_from_task(a, b); });
  wait_until_waiting(b, 1);
  std::jthread b_to_a([&] { call_from_task(b, a); });  // the newer wait: it is the one that borrows
  wait_until_waiting(a, 1);
  EXPECT_EQ(borrowed, 0);
  a.allow(1);
  a_to_b.join();
  b_to_a.join();
  EXPECT_EQ(borrowed, 1);
  a.leave();
  expect_all_free(a, 1);
  expect_all_free(b, 1);
}

TEST_F(ExecutorLimiter, LendsALeaderThatStepsAsideTheSlotOfAThreadThatWaitsForIt) {
  executor_limiter a(2);
  executor_limiter b(1);
  ASSERT_EQ(enter(b).how, admission::slot);
  {
    const task_of here(b);
    ASSERT_EQ(enter(a).how, admission::slot);
    std::jthread other([&] {
      EXPECT_EQ(enter(a).how, admission::slot);
      {
        const task_of there(a);
        EXPECT_EQ(enter(b).how, admission::slot);
        b.leave();
        if (there.entry.lent()) a.resume(there.entry);
      }
      a.leave();
    });
    wait_until_waiting(b, 1);
    a.allow(1);
    batch_of_helpers batch;
    const enter_result result = step_aside(a, batch);
    ASSERT_EQ(result.how, admission::borrowed);
    EXPECT_EQ(result.lender->entered().limiter, &a);
    a.close(batch, 0);
    a.give_back(*result.lender);
    b.leave();
  }
  expect_all_free(a, 1);
  expect_all_free(b, 1);
}

}  // namespace
}  // namespace fanout::detail
