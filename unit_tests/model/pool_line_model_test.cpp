// The line of a pool, with every interleaving of a few callers: see pool_line.hpp, and search.hpp for what that
// means.

#include "pool/pool_line.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "model/search.hpp"
#include "pool/slot_stack.hpp"

namespace {

using namespace model;
using time_point = std::chrono::steady_clock::time_point;

/// The two orders in which a pool lends idle slots. Each scenario takes one of them.
using most_recent = fanout::detail::basic_slot_stack<primitives>;

/// What the line may rely on of `tbb::concurrent_bounded_queue`, and no more. A push draws a ticket and then stores
/// its item; a pop that has drawn a ticket spins until the item is there. Drawing a ticket orders nothing.
class rotation {
 public:
  explicit rotation(std::size_t /*size*/) {}

  void push(std::size_t slot) {
    const std::size_t ticket = pushed_.fetch_add(1, std::memory_order_relaxed);
    items_.at(ticket).store(slot + 1, std::memory_order_release);
  }

  bool try_pop(std::size_t& slot) {
    std::size_t ticket = popped_.load(std::memory_order_relaxed);
    do {
      const std::size_t pushed = pushed_.load(std::memory_order_relaxed);
      if (static_cast<std::ptrdiff_t>(pushed - ticket) <= 0) return false;
    } while (!popped_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_relaxed));
    for (;; yield()) {
      const std::size_t item = items_.at(ticket).load(std::memory_order_acquire);
      if (item == 0) continue;
      slot = item - 1;
      return true;
    }
  }

 private:
  atomic<std::size_t> pushed_{0};
  atomic<std::size_t> popped_{0};
  std::array<atomic<std::size_t>, 8> items_{};  // more pushes than a scenario has
};

using fanout::detail::pool_reply;
using answer = pool_reply::answer;

/// A pool of `slots` slots, of which `lent` are lent to thread 0 at first. Each has a plain variable in place of a
/// resource, so that two owners at a time would be a data race.
template <class Scenario, class Order, std::size_t threads, std::size_t slots, std::size_t lent>
struct pool_scenario : rl::test_suite<Scenario, int{threads}> {
  using pool_line = fanout::detail::basic_pool_line<primitives, Order>;

  std::unique_ptr<pool_line> line_ = std::make_unique<pool_line>(
      slots, [this](std::size_t slot) { drop(slot); }, slots);
  std::array<rl::var<int>, slots> resource_;
  std::array<int, slots> dropped_{};
  static inline std::set<answer> answers;  // of all executions
  std::vector<unsigned> in_line_;          // threads, in the order of their arrival …
  std::vector<unsigned> served_;           // … and in the order in which they got a slot

  void before() {
    std::size_t slot = slots;
    for (std::size_t each = 0; each != lent; ++each) RL_ASSERT(line_->try_take(slot) && slot == each);
  }

  void use(std::size_t slot) { resource_[slot](RL_INFO) = 1; }

  void drop(std::size_t slot) {
    use(slot);
    ++dropped_[slot];
  }

  void give_back_all() {
    for (std::size_t each = 0; each != lent; ++each) give_back(each);
  }

  void give_back(std::size_t slot) {
    use(slot);
    line_->put_idle(slot);
  }

  /// As a caller of the pool does it.
  answer acquire_and_give_back(unsigned me, const time_point* limit = nullptr, const stop_token* stop = nullptr) {
    if (line_->closed(std::memory_order_acquire)) return answer::closed;
    pool_reply reply{answer::slot, slots};
    if (!line_->try_take(reply.slot)) {
      reply = line_->wait(limit, stop, [&] { in_line_.push_back(me); });
      if (reply.got == answer::slot) served_.push_back(me);
    }
    if (reply.got == answer::slot) give_back(reply.slot);
    answers.insert(reply.got);
    return reply.got;
  }

  void after() {
    RL_ASSERT(line_->waiting() == 0);
    std::array<int, slots> found = dropped_;
    for (std::size_t slot = slots; line_->try_take(slot);) ++found[slot];
    for (const int times : found) RL_ASSERT(times == 1);
  }
};

/// A caller that finds no slot waits forever, so a deadlock is a wake-up that was lost.
template <class Order, std::size_t threads, std::size_t slots>
struct taking_turns : pool_scenario<taking_turns<Order, threads, slots>, Order, threads, slots, 0> {
  void thread(unsigned me) { RL_ASSERT(this->acquire_and_give_back(me) == answer::slot); }
};

template <class Order, std::size_t threads, std::size_t lent>
struct waiting_for_thread_0 : pool_scenario<waiting_for_thread_0<Order, threads, lent>, Order, threads, lent, lent> {
  void thread(unsigned me) {
    if (me == 0) {
      this->give_back_all();
    } else {
      RL_ASSERT(this->acquire_and_give_back(me) == answer::slot);
    }
  }
  void after() {
    pool_scenario<waiting_for_thread_0, Order, threads, lent, lent>::after();
    if (lent == 1) RL_ASSERT(this->served_ == this->in_line_);
  }
};

/// Thread 1 has a limit, which passes at any moment; thread 2, if there is one, waits behind or before it.
template <class Order, std::size_t threads>
struct giving_up : pool_scenario<giving_up<Order, threads>, Order, threads, 1, 1> {
  void thread(unsigned me) {
    const time_point limit{};
    if (me == 0) this->give_back_all();
    if (me == 1) {
      const answer got = this->acquire_and_give_back(me, &limit);
      RL_ASSERT(got == answer::slot || got == answer::none);
    }
    if (me == 2) RL_ASSERT(this->acquire_and_give_back(me) == answer::slot);
  }
};

template <class Order>
struct stopping : pool_scenario<stopping<Order>, Order, 3, 1, 1> {
  stop_source source_;

  void thread(unsigned me) {
    const stop_token token{&source_};
    if (me == 0) this->give_back_all();
    if (me == 1) {
      const answer got = this->acquire_and_give_back(me, nullptr, &token);
      RL_ASSERT(got == answer::slot || got == answer::stopped);
    }
    if (me == 2) source_.request_stop();
  }
};

/// Thread 0 gives its slots back while thread 1 closes the pool; thread 2, if there is one, waits meanwhile.
template <class Order, std::size_t threads, std::size_t slots, std::size_t lent>
struct closing : pool_scenario<closing<Order, threads, slots, lent>, Order, threads, slots, lent> {
  void thread(unsigned me) {
    if (me == 0) this->give_back_all();
    if (me == 1) this->line_->close();
    if (me == 2) {
      const answer got = this->acquire_and_give_back(me);
      RL_ASSERT(got == answer::slot || got == answer::closed);
    }
  }
  void after() {
    pool_scenario<closing, Order, threads, slots, lent>::after();
    for (const int times : this->dropped_) RL_ASSERT(times == 1);
  }
};

/// Thread 0 gives its slot back, thread 1 waits with a limit that passes at any moment, and thread 2 closes the pool.
template <class Order>
struct closing_on_a_limit : pool_scenario<closing_on_a_limit<Order>, Order, 3, 1, 1> {
  void thread(unsigned me) {
    const time_point limit{};
    if (me == 0) this->give_back_all();
    if (me == 1) this->acquire_and_give_back(me, &limit);
    if (me == 2) this->line_->close();
  }
  void after() {
    pool_scenario<closing_on_a_limit, Order, 3, 1, 1>::after();
    RL_ASSERT(this->dropped_[0] == 1);
  }
};

/// Thread 0 closes the pool before it gives its slot back, while thread 1 tries to get it. (It may, if it does not
/// know of the closing yet; then it is let go when it comes back.)
template <class Order>
struct closing_first : pool_scenario<closing_first<Order>, Order, 2, 1, 1> {
  void thread(unsigned me) {
    if (me == 0) {
      this->line_->close();
      this->give_back_all();
    } else {
      const answer got = this->acquire_and_give_back(me);
      RL_ASSERT(got == answer::slot || got == answer::closed);
    }
  }
  void after() {
    pool_scenario<closing_first, Order, 2, 1, 1>::after();
    RL_ASSERT(this->dropped_[0] == 1);
  }
};

/// What `search` finds with each order.
template <class Search>
void expect_to_hold(Search search) {
  const finding last_first = search.template operator()<most_recent>();
  EXPECT_TRUE(last_first.holds()) << "most recent first: " << last_first;
  const finding in_turn = search.template operator()<rotation>();
  EXPECT_TRUE(in_turn.holds()) << "in rotation: " << in_turn;
}
template <class Search>
void expect_to_find(rl::test_result_e result, Search search) {
  const finding last_first = search.template operator()<most_recent>();
  EXPECT_EQ(last_first.result, result) << "most recent first: " << last_first;
  const finding in_turn = search.template operator()<rotation>();
  EXPECT_EQ(in_turn.result, result) << "in rotation: " << in_turn;
}

TEST(PoolLineModel, CallersTakeTurnsAndNoneWaitsForEver) {
  expect_to_hold([]<class Order> { return every_execution<taking_turns<Order, 2, 1>>(); });
  expect_to_hold([]<class Order> { return every_execution<taking_turns<Order, 2, 2>>(); });
}

TEST(PoolLineModel, WhoWaitsGetsTheSlotThatComesBack) {
  expect_to_hold([]<class Order> { return every_execution<waiting_for_thread_0<Order, 2, 1>>(); });
}

TEST(PoolLineModel, ASlotHandedOverAsTheLimitPassesIsNotLost) {
  expect_to_hold([]<class Order> { return every_execution<giving_up<Order, 2>>(); });
  EXPECT_EQ((giving_up<most_recent, 2>::answers), (std::set{answer::slot, answer::none}));
  EXPECT_EQ((giving_up<rotation, 2>::answers), (std::set{answer::slot, answer::none}));
}

TEST(PoolLineModel, ASlotHandedOverAsTheStopComesIsNotLost) {
  expect_to_hold([]<class Order> { return every_execution<stopping<Order>>(); });
  EXPECT_EQ(stopping<most_recent>::answers, (std::set{answer::slot, answer::stopped}));
  EXPECT_EQ(stopping<rotation>::answers, (std::set{answer::slot, answer::stopped}));
}

TEST(PoolLineModel, ClosingLetsEachSlotGoOnce) {
  expect_to_hold([]<class Order> { return every_execution<closing<Order, 2, 2, 1>>(); });
}

TEST(PoolLineModel, ClosingLeavesNobodyWaiting) {
  expect_to_hold([]<class Order> { return every_execution<closing_first<Order>>(); });
  EXPECT_EQ(closing_first<most_recent>::answers, (std::set{answer::slot, answer::closed}));
  EXPECT_EQ(closing_first<rotation>::answers, (std::set{answer::slot, answer::closed}));
}

TEST(PoolLineModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  expect_to_hold([=]<class Order> { return some_executions<taking_turns<Order, 3, 2>>(executions); });
  expect_to_hold([=]<class Order> { return some_executions<waiting_for_thread_0<Order, 3, 1>>(executions); });
  expect_to_hold([=]<class Order> { return some_executions<giving_up<Order, 3>>(executions); });
  expect_to_hold([=]<class Order> { return some_executions<stopping<Order>>(executions); });
  expect_to_hold([=]<class Order> { return some_executions<closing<Order, 3, 2, 1>>(executions); });
}

TEST(PoolLineModel, LongWhoWaitsIsServedInTheOrderOfArrival) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  expect_to_hold([]<class Order> { return every_execution<waiting_for_thread_0<Order, 3, 1>>(); });
}

TEST(PoolLineModel, LongASlotHandedOverAsTheLimitPassesGoesToWhoWaitsBehind) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  expect_to_hold([]<class Order> { return every_execution<giving_up<Order, 3>>(); });
}

TEST(PoolLineModel, LongClosingMeetsAReleaseAndALimitThatPasses) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  expect_to_hold([]<class Order> { return every_execution<closing_on_a_limit<Order>>(); });
  EXPECT_EQ(closing_on_a_limit<most_recent>::answers, (std::set{answer::slot, answer::none, answer::closed}));
  EXPECT_EQ(closing_on_a_limit<rotation>::answers, (std::set{answer::slot, answer::none, answer::closed}));
}

TEST(PoolLineModel, LongClosingMeetsAReleaseAndAWaiter) {
  if (!has_time()) GTEST_SKIP() << "takes minutes: set FANOUT_MODEL=long";
  expect_to_hold([]<class Order> { return every_execution<closing<Order, 3, 1, 1>>(); });
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

TEST(PoolLineModel, FindsThatAWakeUpIsLostWithoutTheFenceOfWhoPutsASlotBack) {
  expect_to_find(rl::test_result_deadlock, []<class Order> {
    return every_execution_with<waiting_for_thread_0<Order, 2, 1>>({"put", operation::fence, kind::left_out});
  });
}

TEST(PoolLineModel, FindsThatAWakeUpIsLostWithoutTheFenceOfWhoJoinsTheLine) {
  expect_to_find(rl::test_result_deadlock, []<class Order> {
    return every_execution_with<waiting_for_thread_0<Order, 2, 1>>({"join_line", operation::fence, kind::left_out});
  });
}

TEST(PoolLineModel, FindsThatAWakeUpIsLostIfWhoJoinsIsCountedAfterItLookedIntoTheStacks) {
  expect_to_find(rl::test_result_deadlock, []<class Order> {
    return every_execution_with<waiting_for_thread_0<Order, 2, 1>>({"join_line", operation::add, kind::late});
  });
}

TEST(PoolLineModel, FindsThatASlotStaysWithoutTheFenceOfClose) {
  expect_to_find(rl::test_result_user_assert_failed, []<class Order> {
    return every_execution_with<closing<Order, 2, 1, 1>>({"close", operation::fence, kind::left_out});
  });
}

TEST(PoolLineModel, FindsThatAnOwnerIsNotOrderedAfterTheOneBeforeIfTheQueueDoesNotReleaseItsItems) {
  const finding found =
      every_execution_with<waiting_for_thread_0<rotation, 2, 1>>({"push", operation::store, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

}  // namespace
