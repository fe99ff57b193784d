#include "executor/executor_limiter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stop_token>
#include <thread>
#include <vector>

#include "executor/batch_scope.hpp"
#include "support.hpp"

/// The slots of executors. Nothing runs here: the threads of a test say where they stand, and ask.
namespace fanout::detail {
namespace {

using namespace support;
using admission = executor_limiter::admission;
using enter_result = executor_limiter::enter_result;

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

void wait_until_waiting(const executor_limiter& here, std::size_t count) {
  wait_until([&] { return here.waiting() == count; });
}

enter_result enter(executor_limiter& limiter, const std::stop_token& stop = {}) { return limiter.enter(current_entry(), stop); }

/// The calling thread runs a task of a batch while this lives.
struct task_of {
  /// A batch that the task around it has started, or the task of `starter`.
  explicit task_of(executor_limiter& limiter, const enter_result& from = {admission::slot},
                   const scope_entry* starter = current_entry())
      : scope{.limiter = &limiter, .starter = starter, .lender = from.lender},
        entry(scope, from.how == admission::slot) {}

  batch_scope scope;
  scope_entry entry;
};

/// A batch that wants help.
class batch_of_helpers final : public executor_limiter::helped {
 public:
  void answer(std::size_t calls) { unanswered -= calls; }

  std::atomic<std::size_t> called{0};
  std::atomic<std::size_t> unanswered{0};
  std::atomic<bool> wants{true};

 private:
  void call_helpers(std::size_t count) noexcept override {
    called += count;
    unanswered += count;
  }
  std::size_t withdraw_helpers() noexcept override { return unanswered.exchange(0); }
  bool wants_help() const noexcept override { return wants; }
};

/// Whether all slots are free: that many can be taken, and no more.
void expect_all_free(executor_limiter& limiter, std::size_t limit) {
  EXPECT_EQ(limiter.waiting(), 0U);
  std::stop_source stop;
  for (std::size_t taken = 0; taken != limit; ++taken) EXPECT_EQ(limiter.enter(nullptr, {}).how, admission::slot);
  std::jthread one_more([&] { EXPECT_EQ(limiter.enter(nullptr, stop.get_token()).how, admission::stopped); });
  wait_until_waiting(limiter, 1);
  stop.request_stop();
  one_more.join();
  for (std::size_t taken = 0; taken != limit; ++taken) limiter.leave();
}

class ExecutorLimiter : public testing::Test {
  const watchdog guard_{patience};
};

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

// ── Executors that call each other ──────────────────────────────────────────────────────────────────────────────────

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

// The last of the waits cannot borrow: that thread waits for its own slot, which another one works under.
TEST_F(ExecutorLimiter, LendsASlotToAnotherThreadWhereTheLastOneTakesBackItsOwn) {
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
      EXPECT_TRUE(here.entry.lent());
      a.resume(here.entry);
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
        EXPECT_EQ(enter(c).how, admission::slot);
        c.leave();
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
  });
  {
    const task_of here(c);
    const enter_result borrowed = enter(a);
    ASSERT_EQ(borrowed.how, admission::borrowed);
    a.give_back(*borrowed.lender);
  }
  c.leave();
  for (std::jthread* each : {&a_to_b, &b_to_a, &b_to_a_to_c, &last}) each->join();
  expect_all_free(a, 1);
  expect_all_free(b, 2);
  expect_all_free(c, 1);
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
