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

/// The slots of executors that call each other: which slot is lent where threads would wait for each other.
namespace fanout::detail {
namespace {

using namespace support;

/// A thread with a slot of `around`, in whose task it calls `wanted`; it gets a slot there.
void call_from_task(executor_limiter& around, executor_limiter& wanted) {
  ASSERT_EQ(enter(around).how, admission::slot);
  {
    const task_of here(around);
    EXPECT_EQ(enter(wanted).how, admission::slot);
    wanted.leave();
    if (here.entry.lent()) around.resume(here.entry);
  }
  around.leave();
}

TEST_F(ExecutorLimiter, LendsTheSlotOfAThreadThatWaitsWhereTwoWouldWaitForEachOther) {
  executor_limiter a(1);
  executor_limiter b(1);
  ASSERT_EQ(enter(b).how, admission::slot);
  std::jthread a_to_b([&] { call_from_task(a, b); });
  wait_until_waiting(b, 1);
  {
    const task_of here(b);
    const enter_result borrowed = enter(a);
    ASSERT_EQ(borrowed.how, admission::borrowed);
    EXPECT_EQ(borrowed.lender->entered().limiter, &a);
    EXPECT_TRUE(borrowed.lender->lent());
    a.give_back(*borrowed.lender);
  }
  b.leave();
  a_to_b.join();
  expect_all_free(a, 1);
  expect_all_free(b, 1);
}

TEST_F(ExecutorLimiter, LendsTheSlotOfAThreadThatWaitsWhereThreeWouldWaitForEachOther) {
  executor_limiter a(1);
  executor_limiter b(1);
  executor_limiter c(1);
  ASSERT_EQ(enter(c).how, admission::slot);
  event b_is_taken;
  std::jthread b_to_c([&] {
    ASSERT_EQ(enter(b).how, admission::slot);
    {
      const task_of here(b);
      b_is_taken.set();
      EXPECT_EQ(enter(c).how, admission::slot);
      c.leave();
    }
    b.leave();
  });
  ASSERT_TRUE(b_is_taken.wait());
  std::jthread a_to_b([&] { call_from_task(a, b); });
  wait_until_waiting(b, 1);
  wait_until_waiting(c, 1);
  {
    const task_of here(c);
    const enter_result borrowed = enter(a);
    ASSERT_EQ(borrowed.how, admission::borrowed);
    EXPECT_EQ(borrowed.lender->entered().limiter, &a);
    a.give_back(*borrowed.lender);
  }
  c.leave();
}

/// The last of the waits cannot borrow: that thread waits for its own slot, which another one works under. The calling
/// thread can, if its wait is not stopped meanwhile.
void complete_a_deadlock_by_taking_back(std::stop_source stop_of_caller, int spins_before_it) {
  executor_limiter a(1);
  executor_limiter b(2);
  executor_limiter c(1);
  ASSERT_EQ(enter(c).how, admission::slot);
  for (int i = 0; i != 2; ++i) ASSERT_EQ(enter(b).how, admission::slot);
  event is_in_b;
  event has_borrowed;
  event may_go_back;
  std::stop_source stop;
  std::jthread a_to_b([&] {
    ASSERT_EQ(enter(a).how, admission::slot);
    {
      const task_of here(a);
      EXPECT_EQ(enter(b).how, admission::slot);
      is_in_b.set();
      EXPECT_TRUE(may_go_back.wait());
      b.leave();
      EXPECT_TRUE(here.entry.lent() || spins_before_it >= 0);
      if (here.entry.lent()) a.resume(here.entry);
    }
    a.leave();
  });
  wait_until_waiting(b, 1);
  std::jthread b_to_a([&] {
    {
      const task_of here(b);
      EXPECT_EQ(enter(a, stop.get_token()).how, admission::stopped);
    }
    b.leave();
  });
  wait_until_waiting(a, 1);
  std::jthread b_to_a_to_c([&] {
    {
      const task_of here(b);
      const enter_result borrowed = enter(a);
      EXPECT_EQ(borrowed.how, admission::borrowed);
      {
        const task_of inside(a, borrowed);
        has_borrowed.set();
        const enter_result in_c = enter(c);  // borrowed, if the caller's wait was stopped first
        in_c.how == admission::borrowed ? c.give_back(*in_c.lender) : c.leave();
      }
      a.give_back(*borrowed.lender);
    }
    b.leave();
  });
  ASSERT_TRUE(has_borrowed.wait());
  stop.request_stop();
  ASSERT_TRUE(is_in_b.wait());
  wait_until_waiting(c, 1);
  std::jthread last([&] {
    wait_until_waiting(a, 1);
    may_go_back.set();
    for (int spin = 0; spin < spins_before_it; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    if (spins_before_it >= 0) stop_of_caller.request_stop();
  });
  {
    const task_of here(c);
    const enter_result entered = enter(a, stop_of_caller.get_token());
    ASSERT_TRUE(entered.how == admission::borrowed || (spins_before_it >= 0 && entered.how == admission::stopped));
    if (entered.how == admission::borrowed) a.give_back(*entered.lender);
  }
  c.leave();
  for (std::jthread* each : {&a_to_b, &b_to_a, &b_to_a_to_c, &last}) each->join();
  expect_all_free(a, 1);
  expect_all_free(b, 2);
  expect_all_free(c, 1);
}

TEST_F(ExecutorLimiter, LendsASlotToAnotherThreadWhereTheLastOneTakesBackItsOwn) {
  complete_a_deadlock_by_taking_back(std::stop_source(), /*spins_before_it=*/-1);
}

// A wait that was sent away is no longer one to lend to, though its thread has not removed it yet.
TEST_F(ExecutorLimiter, EndsWhereAStopMeetsTheWaitThatCompletesADeadlock) {
  for (int round = 0; round != 300 && !HasFatalFailure(); ++round)
    complete_a_deadlock_by_taking_back(std::stop_source(), 40 * round);
}

TEST_F(ExecutorLimiter, LetsACallInATaskWaitWhereASlotWillComeFree) {
  executor_limiter a(2);
  executor_limiter b(1);
  ASSERT_EQ(enter(b).how, admission::slot);
  ASSERT_EQ(enter(a).how, admission::slot);  // of a thread that waits for nobody
  std::jthread a_to_b([&] { call_from_task(a, b); });
  wait_until_waiting(b, 1);
  std::atomic<bool> free{false};
  std::jthread b_to_a([&] {
    const task_of here(b);
    EXPECT_EQ(enter(a).how, admission::slot);
    EXPECT_TRUE(free);
    a.leave();
  });
  wait_until_waiting(a, 1);
  free = true;
  a.leave();
  b_to_a.join();
  b.leave();
}

TEST_F(ExecutorLimiter, LendsNothingWhereThreadsOnlyPassThroughEachOthersExecutors) {
  executor_limiter x(1);
  executor_limiter y(1);
  executor_limiter z(1);
  std::atomic<bool> over{false};
  std::vector<std::jthread> passing;
  for (int i = 0; i != 2; ++i) {
    passing.emplace_back([&] {
      while (!over) {
        EXPECT_EQ(enter(y).how, admission::slot);
        y.leave();
      }
    });
  }
  std::atomic<int> calls{0};
  std::jthread x_to_y([&] {
    for (; !over; ++calls) call_from_task(x, y);
  });
  while (calls < 2'000) call_from_task(z, x);
  over = true;
}

TEST_F(ExecutorLimiter, AnswersAStopOfAWaitInAKnotOnceTheSlotIsGivenBack) {
  executor_limiter a(1);
  executor_limiter b(1);
  ASSERT_EQ(enter(b).how, admission::slot);
  std::stop_source stop;
  event stopped;
  std::jthread a_to_b([&] {
    ASSERT_EQ(enter(a).how, admission::slot);
    {
      const task_of here(a);
      EXPECT_EQ(enter(b, stop.get_token()).how, admission::stopped);
      EXPECT_FALSE(here.entry.lent());
      stopped.set();
    }
    a.leave();
  });
  wait_until_waiting(b, 1);
  {
    const task_of here(b);
    const enter_result borrowed = enter(a);
    ASSERT_EQ(borrowed.how, admission::borrowed);
    stop.request_stop();
    wait_until_waiting(a, 1);  // its task must not go on beside this one
    EXPECT_FALSE(stopped.happened());
    a.give_back(*borrowed.lender);
  }
  EXPECT_TRUE(stopped.wait());
  b.leave();
  a_to_b.join();
  expect_all_free(a, 1);
  expect_all_free(b, 1);
}

// Thread 1 is in a task of x and in it, with thread 3, in tasks of v. It waits for z, in whose task thread 4 borrows its
// slot of x; thread 3 waits until that is given back. Then thread 4 wants a slot of v.
TEST_F(ExecutorLimiter, FindsAKnotBehindASlotThatIsLent) {
  executor_limiter x(1);
  executor_limiter z(1);
  executor_limiter v(2);
  ASSERT_EQ(enter(z).how, admission::slot);
  std::atomic<const scope_entry*> in_x{nullptr};
  event all_over;
  std::jthread thread_1([&] {
    ASSERT_EQ(enter(x).how, admission::slot);
    {
      const task_of outer(x);
      in_x = &outer.entry;
      ASSERT_EQ(enter(v).how, admission::slot);
      {
        const task_of inner(v);
        EXPECT_EQ(enter(z).how, admission::slot);
        z.leave();
      }
      v.leave();
      EXPECT_TRUE(all_over.wait());
    }
    x.leave();
  });
  wait_until_waiting(z, 1);
  const task_of in_z(z);
  const enter_result of_x = enter(x);
  ASSERT_EQ(of_x.how, admission::borrowed);
  ASSERT_EQ(of_x.lender, in_x);
  std::jthread thread_3([&] {
    EXPECT_EQ(v.enter(nullptr, {}).how, admission::slot);
    {
      const task_of inner(v, {admission::slot}, in_x);
      EXPECT_EQ(enter(x).how, admission::nested);
      x.give_back(*in_x);
    }
    v.leave();
  });
  wait_until_waiting(x, 1);
  {
    const task_of here(x, of_x);
    const enter_result of_v = enter(v);
    ASSERT_EQ(of_v.how, admission::borrowed);
    v.give_back(*of_v.lender);
  }
  x.give_back(*of_x.lender);
  z.leave();
  thread_3.join();
  all_over.set();
}

// A stop ends a wait in a knot, and then the thread waits until its slot is given back by a borrower, which wants another
// one that it holds.
TEST_F(ExecutorLimiter, FindsAKnotOfWhichOneThreadTakesItsSlotBack) {
  executor_limiter w(1);
  executor_limiter x(1);
  executor_limiter y(1);
  ASSERT_EQ(enter(y).how, admission::slot);
  std::stop_source stop;
  std::jthread thread_1([&] {
    ASSERT_EQ(enter(w).how, admission::slot);
    {
      const task_of outer(w);
      ASSERT_EQ(enter(x).how, admission::slot);
      {
        const task_of inner(x);
        EXPECT_EQ(enter(y, stop.get_token()).how, admission::stopped);
      }
      x.leave();
      if (outer.entry.lent()) w.resume(outer.entry);
    }
    w.leave();
  });
  wait_until_waiting(y, 1);
  const task_of in_y(y);
  const enter_result of_x = enter(x);
  ASSERT_EQ(of_x.how, admission::borrowed);
  {
    const task_of in_x(x, of_x);
    stop.request_stop();
    wait_until_waiting(x, 1);
    const enter_result of_w = enter(w);
    ASSERT_EQ(of_w.how, admission::borrowed);
    w.give_back(*of_w.lender);
  }
  x.give_back(*of_x.lender);
  y.leave();
  thread_1.join();
  expect_all_free(w, 1);
  expect_all_free(x, 1);
}

}  // namespace
}  // namespace fanout::detail
