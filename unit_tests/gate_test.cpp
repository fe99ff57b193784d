#include "gate.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "executor_core.hpp"

namespace fanout::detail {
namespace {

using entry = gate::entry;

/// An executor whose gate is tested; nothing runs on it.
struct guarded {
  explicit guarded(std::size_t limit) : core(limit, false, executor_core::sharing::by_all) {}
  executor_core core;
  gate& door = *core.entrance();
};

entry enter_from_outside(gate& door) { return door.enter(nullptr, {}); }

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

TEST(Gate, AdmitsUpToItsLimitAtOnce) {
  guarded two(2);
  EXPECT_EQ(enter_from_outside(two.door), entry::admitted);
  EXPECT_EQ(enter_from_outside(two.door), entry::admitted);
  std::atomic<bool> inside{false};
  std::jthread third([&] {
    EXPECT_EQ(enter_from_outside(two.door), entry::admitted);
    inside = true;
    two.door.leave();
  });
  wait_until([&] { return two.door.waiting() == 1; });
  EXPECT_FALSE(inside);
  two.door.leave();
  third.join();
  EXPECT_TRUE(inside);
  two.door.leave();
}

TEST(Gate, AdmitsWaitersInTheOrderOfArrival) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> threads;
  for (int i = 0; i != 8; ++i) {
    threads.emplace_back([&, i] {
      enter_from_outside(one.door);
      {
        const std::lock_guard lock(mutex);
        order.push_back(i);
      }
      one.door.leave();
    });
    wait_until([&] { return one.door.waiting() == static_cast<std::size_t>(i) + 1; });
  }
  one.door.leave();
  threads.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Gate, AnswersAStopWhileWaiting) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  std::stop_source stop;
  std::jthread waiting([&] { EXPECT_EQ(one.door.enter(nullptr, stop.get_token()), entry::stopped); });
  wait_until([&] { return one.door.waiting() == 1; });
  stop.request_stop();
  waiting.join();
  one.door.leave();
  EXPECT_EQ(enter_from_outside(one.door), entry::admitted) << "the one who was stopped left nothing behind";
  one.door.leave();
}

TEST(Gate, DoesNotWaitWhenTheStopWasRequestedBefore) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(one.door.enter(nullptr, stop.get_token()), entry::stopped);
  one.door.leave();
}

TEST(Gate, LosesNoPlaceWhenStopsRaceWithDepartures) {
  guarded one(1);
  for (int round = 0; round != 2'000; ++round) {
    ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
    std::stop_source stop;
    std::jthread waiting([&] {
      if (one.door.enter(nullptr, stop.get_token()) == entry::admitted) one.door.leave();
    });
    std::jthread stopping([&] { stop.request_stop(); });
    one.door.leave();
  }
  EXPECT_EQ(enter_from_outside(one.door), entry::admitted);
  one.door.leave();
}

TEST(Gate, SendsHelpersAwayWhenTheirBatchHasNoWorkLeft) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  gate::session batch;
  std::jthread helper([&] { EXPECT_FALSE(one.door.join(batch)); });
  wait_until([&] { return one.door.waiting() == 1; });
  one.door.close(batch);
  helper.join();
  EXPECT_FALSE(one.door.join(batch)) << "who comes later need not wait";
  one.door.leave();
}

TEST(Gate, ClosingOneBatchKeepsTheHelpersOfAnother) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  gate::session closing;
  gate::session other;
  std::jthread first([&] { EXPECT_FALSE(one.door.join(closing)); });
  wait_until([&] { return one.door.waiting() == 1; });
  std::jthread second([&] {
    EXPECT_TRUE(one.door.join(other));
    one.door.leave();
  });
  wait_until([&] { return one.door.waiting() == 2; });
  one.door.close(closing);
  one.door.leave();
}

TEST(Gate, RefusesAWaitThatWouldCloseACycle) {
  guarded a(1);
  guarded b(1);
  ASSERT_EQ(enter_from_outside(a.door), entry::admitted);
  ASSERT_EQ(enter_from_outside(b.door), entry::admitted);
  const frame in_a{.executor = &a.core, .holds_place = true};
  const frame in_b{.executor = &b.core, .holds_place = true};
  std::jthread from_a([&] {
    EXPECT_EQ(b.door.enter(&in_a, {}), entry::admitted);
    b.door.leave();
  });
  wait_until([&] { return b.door.waiting() == 1; });
  EXPECT_EQ(a.door.enter(&in_b, {}), entry::would_deadlock);
  b.door.leave();
  from_a.join();
  a.door.leave();
}

TEST(Gate, RefusesAWaitThatWouldCloseACycleOverThree) {
  guarded a(1);
  guarded b(1);
  guarded c(1);
  for (guarded* each : {&a, &b, &c}) ASSERT_EQ(enter_from_outside(each->door), entry::admitted);
  const frame in_a{.executor = &a.core, .holds_place = true};
  const frame in_b{.executor = &b.core, .holds_place = true};
  const frame in_c{.executor = &c.core, .holds_place = true};
  const auto pass = [](gate& door, const frame& from) {
    EXPECT_EQ(door.enter(&from, {}), entry::admitted);
    door.leave();
  };
  std::jthread a_to_b([&] { pass(b.door, in_a); });
  wait_until([&] { return b.door.waiting() == 1; });
  std::jthread b_to_c([&] { pass(c.door, in_b); });
  wait_until([&] { return c.door.waiting() == 1; });
  EXPECT_EQ(a.door.enter(&in_c, {}), entry::would_deadlock);
  c.door.leave();
  b_to_c.join();
  b.door.leave();
  a_to_b.join();
  a.door.leave();
}

TEST(Gate, LetsNestedCallersWaitWhereNoCycleIs) {
  guarded a(1);
  guarded b(1);
  ASSERT_EQ(enter_from_outside(b.door), entry::admitted);
  const frame in_a{.executor = &a.core, .holds_place = true};
  std::jthread from_a([&] {
    EXPECT_EQ(b.door.enter(&in_a, {}), entry::admitted);
    b.door.leave();
  });
  wait_until([&] { return b.door.waiting() == 1; });
  b.door.leave();
}

}  // namespace
}  // namespace fanout::detail
