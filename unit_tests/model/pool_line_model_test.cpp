// The line of a pool, with every interleaving of a few callers: see pool_line.hpp, and search.hpp for what that means.

#include "pool/pool_line.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "model/search.hpp"

namespace {

using namespace model;
using pool_line = fanout::detail::basic_pool_line<primitives>;
using time_point = pool_line::time_point;

/// A pool of `slots` slots, of which `lent` are lent to thread 0 at first. Each has a plain variable in place of a
/// resource, so that two owners at a time would be a data race.
template <class Scenario, std::size_t threads, std::size_t slots, std::size_t lent>
struct pool_scenario : rl::test_suite<Scenario, int{threads}> {
  std::unique_ptr<pool_line> line_ = std::make_unique<pool_line>(slots, [this](std::size_t slot) { let_go(slot); });
  std::array<rl::var<int>, slots> resource_;
  std::array<int, slots> let_go_{};
  static inline std::set<pool_line::answer> answers;  // of all executions
  std::vector<unsigned> in_line_;                     // threads, in the order of their arrival …
  std::vector<unsigned> served_;                      // … and in the order in which they got a slot

  void before() {
    std::size_t slot = slots;
    for (std::size_t each = 0; each != lent; ++each) RL_ASSERT(line_->try_take(slot) && slot == each);
  }

  void use(std::size_t slot) { resource_[slot](RL_INFO) = 1; }

  void let_go(std::size_t slot) {
    use(slot);
    ++let_go_[slot];
  }

  void give_back_all() {
    for (std::size_t each = 0; each != lent; ++each) give_back(each);
  }

  void give_back(std::size_t slot) {
    use(slot);
    line_->put_idle(slot);
  }

  /// As a caller of the pool does it.
  pool_line::answer acquire_and_give_back(unsigned me, const time_point* limit = nullptr,
                                          const stop_token* stop = nullptr) {
    if (line_->closed(std::memory_order_acquire)) return pool_line::answer::closed;
    pool_line::reply reply{pool_line::answer::slot, slots};
    if (!line_->try_take(reply.slot)) {
      reply = line_->wait(limit, stop, [&] { in_line_.push_back(me); });
      if (reply.got == pool_line::answer::slot) served_.push_back(me);
    }
    if (reply.got == pool_line::answer::slot) give_back(reply.slot);
    answers.insert(reply.got);
    return reply.got;
  }

  void after() {
    RL_ASSERT(line_->waiting() == 0);
    std::array<int, slots> found = let_go_;
    for (std::size_t slot = slots; line_->try_take(slot);) ++found[slot];
    for (const int times : found) RL_ASSERT(times == 1);
  }
};

/// Whoever finds none waits for ever, so a deadlock is a wake-up that was lost.
template <std::size_t threads, std::size_t slots>
struct taking_turns : pool_scenario<taking_turns<threads, slots>, threads, slots, 0> {
  void thread(unsigned me) { RL_ASSERT(this->acquire_and_give_back(me) == pool_line::answer::slot); }
};

template <std::size_t threads, std::size_t lent>
struct waiting_for_thread_0 : pool_scenario<waiting_for_thread_0<threads, lent>, threads, lent, lent> {
  void thread(unsigned me) {
    if (me == 0) {
      this->give_back_all();
    } else {
      RL_ASSERT(this->acquire_and_give_back(me) == pool_line::answer::slot);
    }
  }
  void after() {
    pool_scenario<waiting_for_thread_0, threads, lent, lent>::after();
    if (lent == 1) RL_ASSERT(this->served_ == this->in_line_);
  }
};

/// Thread 1 has a limit, which passes at any moment; thread 2, if there is one, waits behind or before it.
template <std::size_t threads>
struct giving_up : pool_scenario<giving_up<threads>, threads, 1, 1> {
  void thread(unsigned me) {
    const time_point limit{};
    if (me == 0) this->give_back_all();
    if (me == 1) {
      const pool_line::answer got = this->acquire_and_give_back(me, &limit);
      RL_ASSERT(got == pool_line::answer::slot || got == pool_line::answer::none);
    }
    if (me == 2) RL_ASSERT(this->acquire_and_give_back(me) == pool_line::answer::slot);
  }
};

struct stopping : pool_scenario<stopping, 3, 1, 1> {
  stop_source source_;

  void thread(unsigned me) {
    const stop_token token{&source_};
    if (me == 0) give_back_all();
    if (me == 1) {
      const pool_line::answer got = acquire_and_give_back(me, nullptr, &token);
      RL_ASSERT(got == pool_line::answer::slot || got == pool_line::answer::stopped);
    }
    if (me == 2) source_.request_stop();
  }
};

/// Thread 0 gives its slots back while thread 1 closes the pool; thread 2, if there is one, waits meanwhile.
template <std::size_t threads, std::size_t slots, std::size_t lent>
struct closing : pool_scenario<closing<threads, slots, lent>, threads, slots, lent> {
  void thread(unsigned me) {
    if (me == 0) this->give_back_all();
    if (me == 1) this->line_->close();
    if (me == 2) {
      const pool_line::answer got = this->acquire_and_give_back(me);
      RL_ASSERT(got == pool_line::answer::slot || got == pool_line::answer::closed);
    }
  }
  void after() {
    pool_scenario<closing, threads, slots, lent>::after();
    for (const int times : this->let_go_) RL_ASSERT(times == 1);
  }
};

/// Thread 0 gives its slot back, thread 1 waits with a limit that passes at any moment, and thread 2 closes the pool.
struct closing_on_a_limit : pool_scenario<closing_on_a_limit, 3, 1, 1> {
  void thread(unsigned me) {
    const time_point limit{};
    if (me == 0) give_back_all();
    if (me == 1) acquire_and_give_back(me, &limit);
    if (me == 2) line_->close();
  }
  void after() {
    pool_scenario::after();
    RL_ASSERT(let_go_[0] == 1);
  }
};

/// Thread 0 closes the pool before it gives its slot back, while thread 1 tries to get it. (It may, if it does not know of
/// the closing yet; then it is let go when it comes back.)
struct closing_first : pool_scenario<closing_first, 2, 1, 1> {
  void thread(unsigned me) {
    if (me == 0) {
      line_->close();
      give_back_all();
    } else {
      const pool_line::answer got = acquire_and_give_back(me);
      RL_ASSERT(got == pool_line::answer::slot || got == pool_line::answer::closed);
    }
  }
  void after() {
    pool_scenario::after();
    RL_ASSERT(let_go_[0] == 1);
  }
};

TEST(PoolLineModel, CallersTakeTurnsAndNoneWaitsForEver) {
  const finding one_slot = every_execution<taking_turns<2, 1>>();
  EXPECT_TRUE(one_slot.holds()) << one_slot;
  const finding two_slots = every_execution<taking_turns<2, 2>>();
  EXPECT_TRUE(two_slots.holds()) << two_slots;
}

TEST(PoolLineModel, WhoWaitsGetsTheSlotThatComesBack) {
  const finding found = every_execution<waiting_for_thread_0<2, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(PoolLineModel, ASlotHandedOverAsTheLimitPassesIsNotLost) {
  const finding found = every_execution<giving_up<2>>();
  EXPECT_TRUE(found.holds()) << found;
  EXPECT_EQ(giving_up<2>::answers, (std::set{pool_line::answer::slot, pool_line::answer::none}));
}

TEST(PoolLineModel, ASlotHandedOverAsTheStopComesIsNotLost) {
  const finding found = every_execution<stopping>();
  EXPECT_TRUE(found.holds()) << found;
  EXPECT_EQ(stopping::answers, (std::set{pool_line::answer::slot, pool_line::answer::stopped}));
}

TEST(PoolLineModel, ClosingLetsEachSlotGoOnce) {
  const finding found = every_execution<closing<2, 2, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(PoolLineModel, ClosingLeavesNobodyWaiting) {
  const finding found = every_execution<closing_first>();
  EXPECT_TRUE(found.holds()) << found;
  EXPECT_EQ(closing_first::answers, (std::set{pool_line::answer::slot, pool_line::answer::closed}));
}

TEST(PoolLineModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  const finding turns = some_executions<taking_turns<3, 2>>(executions);
  EXPECT_TRUE(turns.holds()) << turns;
  const finding order = some_executions<waiting_for_thread_0<3, 1>>(executions);
  EXPECT_TRUE(order.holds()) << order;
  const finding limits = some_executions<giving_up<3>>(executions);
  EXPECT_TRUE(limits.holds()) << limits;
  const finding stops = some_executions<stopping>(executions);
  EXPECT_TRUE(stops.holds()) << stops;
  const finding ends = some_executions<closing<3, 2, 1>>(executions);
  EXPECT_TRUE(ends.holds()) << ends;
}

TEST(PoolLineModel, LongWhoWaitsIsServedInTheOrderOfArrival) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<waiting_for_thread_0<3, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(PoolLineModel, LongASlotHandedOverAsTheLimitPassesGoesToWhoWaitsBehind) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<giving_up<3>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(PoolLineModel, LongClosingMeetsAReleaseAndALimitThatPasses) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<closing_on_a_limit>();
  EXPECT_TRUE(found.holds()) << found;
  EXPECT_EQ(closing_on_a_limit::answers,
            (std::set{pool_line::answer::slot, pool_line::answer::none, pool_line::answer::closed}));
}

TEST(PoolLineModel, LongClosingMeetsAReleaseAndAWaiter) {
  if (!has_time()) GTEST_SKIP() << "takes a minute: set FANOUT_MODEL=long";
  const finding found = every_execution<closing<3, 1, 1>>();
  EXPECT_TRUE(found.holds()) << found;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

TEST(PoolLineModel, FindsThatAWakeUpIsLostWithoutTheFenceOfWhoPutsASlotBack) {
  const finding found = every_execution_with<waiting_for_thread_0<2, 1>>({"put", operation::fence, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_deadlock) << found;
}

TEST(PoolLineModel, FindsThatAWakeUpIsLostWithoutTheFenceOfWhoJoinsTheLine) {
  const finding found =
      every_execution_with<waiting_for_thread_0<2, 1>>({"join_line", operation::fence, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_deadlock) << found;
}

TEST(PoolLineModel, FindsThatAWakeUpIsLostIfWhoJoinsIsCountedAfterItLookedIntoTheStacks) {
  const finding found = every_execution_with<waiting_for_thread_0<2, 1>>({"join_line", operation::add, kind::late});
  EXPECT_EQ(found.result, rl::test_result_deadlock) << found;
}

TEST(PoolLineModel, FindsThatASlotStaysWithoutTheFenceOfClose) {
  const finding found = every_execution_with<closing<2, 1, 1>>({"close", operation::fence, kind::left_out});
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

}  // namespace
