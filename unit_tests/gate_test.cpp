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

void go(gate& door) {
  door.leave();
  door.vacate();
}

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
    go(two.door);
  });
  wait_until([&] { return two.door.waiting() == 1; });
  EXPECT_FALSE(inside);
  go(two.door);
  third.join();
  EXPECT_TRUE(inside);
  go(two.door);
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
      go(one.door);
    });
    wait_until([&] { return one.door.waiting() == static_cast<std::size_t>(i) + 1; });
  }
  go(one.door);
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
  go(one.door);
  EXPECT_EQ(enter_from_outside(one.door), entry::admitted) << "the one who was stopped left nothing behind";
  go(one.door);
}

TEST(Gate, DoesNotWaitWhenTheStopWasRequestedBefore) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(one.door.enter(nullptr, stop.get_token()), entry::stopped);
  go(one.door);
}

TEST(Gate, LosesNoPlaceWhenStopsRaceWithDepartures) {
  guarded one(1);
  for (int round = 0; round != 2'000; ++round) {
    ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
    std::stop_source stop;
    std::jthread waiting([&] {
      if (one.door.enter(nullptr, stop.get_token()) == entry::admitted) go(one.door);
    });
    std::jthread stopping([&] { stop.request_stop(); });
    go(one.door);
  }
  EXPECT_EQ(enter_from_outside(one.door), entry::admitted);
  go(one.door);
}

TEST(Gate, SendsHelpersAwayWhenTheirBatchHasNoWorkLeft) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  gate::session batch;
  std::jthread helper([&] { EXPECT_FALSE(one.door.join(batch)); });
  wait_until([&] { return one.door.waiting() == 1; });
  one.door.leave(&batch);
  helper.join();
  EXPECT_FALSE(one.door.join(batch)) << "nor does it admit who comes later";
  one.door.vacate();
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
  one.door.leave(&closing);
  first.join();
  second.join();
  one.door.vacate();
}

TEST(Gate, KeepsTheSeatOfACallerThatWaitsForItsHelpers) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  one.door.leave();
  gate::session batch;
  EXPECT_TRUE(one.door.join(batch)) << "its place is free";
  one.door.leave();
  std::atomic<bool> vacated{false};
  std::jthread second([&] {
    EXPECT_EQ(enter_from_outside(one.door), entry::admitted);
    EXPECT_TRUE(vacated);
    go(one.door);
  });
  wait_until([&] { return one.door.waiting() == 1; });
  vacated = true;
  one.door.vacate();
}

// ── Callers in tasks ────────────────────────────────────────────────────────────────────────────────────────────

TEST(Gate, KeepsThePlaceOfWhoSteppedOut) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  one.door.step_out();
  std::atomic<bool> inside{false};
  std::jthread second([&] {
    EXPECT_EQ(enter_from_outside(one.door), entry::admitted);
    inside = true;
    go(one.door);
  });
  wait_until([&] { return one.door.waiting() == 1; });
  one.door.step_in();
  EXPECT_FALSE(inside);
  go(one.door);
}

TEST(Gate, LendsATurnToACallerInATaskOfItsOwn) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  one.door.step_out();
  const frame inner{.executor = &one.core};
  EXPECT_EQ(one.door.enter(&inner, {}), entry::borrowed_turn);
  one.door.return_turn();
  one.door.step_in();
  go(one.door);
}

TEST(Gate, GivesAPlaceToACallerInATaskOfItsOwnWhereThereIsOne) {
  guarded two(2);
  ASSERT_EQ(enter_from_outside(two.door), entry::admitted);
  const frame inner{.executor = &two.core};
  EXPECT_EQ(two.door.enter(&inner, {}), entry::admitted);
  go(two.door);
  go(two.door);
}

TEST(Gate, LendsOneTurnAtATime) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  one.door.step_out();
  const frame inner{.executor = &one.core};
  std::atomic<int> working{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i != 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round != 500; ++round) {
          EXPECT_EQ(one.door.enter(&inner, {}), entry::borrowed_turn);
          EXPECT_EQ(++working, 1);
          --working;
          one.door.return_turn();
        }
      });
    }
  }
  one.door.step_in();
  go(one.door);
}

TEST(Gate, LetsWhoStepsInWaitForATurnThatIsLent) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  one.door.step_out();
  const frame inner{.executor = &one.core};
  ASSERT_EQ(one.door.enter(&inner, {}), entry::borrowed_turn);
  std::atomic<bool> returned{false};
  std::jthread owner([&] {
    one.door.step_in();
    EXPECT_TRUE(returned);
    go(one.door);
  });
  wait_until([&] { return one.door.waiting() == 1; });
  returned = true;
  one.door.return_turn();
}

TEST(Gate, ServesTurnsBeforePlaces) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  std::vector<int> order;  // each thread writes while it works, and one works at a time
  std::jthread newcomer([&] {
    enter_from_outside(one.door);
    order.push_back(2);
    go(one.door);
  });
  wait_until([&] { return one.door.waiting() == 1; });
  const frame inner{.executor = &one.core};
  std::jthread nested([&] {
    EXPECT_EQ(one.door.enter(&inner, {}), entry::borrowed_turn);
    order.push_back(1);
    one.door.return_turn();
  });
  wait_until([&] { return one.door.waiting() == 2; });
  one.door.step_out();
  nested.join();
  one.door.step_in();
  go(one.door);
  newcomer.join();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Gate, AnswersAStopWhileWaitingForATurn) {
  guarded one(1);
  ASSERT_EQ(enter_from_outside(one.door), entry::admitted);
  const frame inner{.executor = &one.core};
  std::stop_source stop;
  std::jthread waiting([&] { EXPECT_EQ(one.door.enter(&inner, stop.get_token()), entry::stopped); });
  wait_until([&] { return one.door.waiting() == 1; });
  stop.request_stop();
  waiting.join();
  go(one.door);
}

/// A caller that stands in a task, which steps out of it meanwhile, gets what it is expected to get.
void call_from(guarded& around, gate& door, entry expected) {
  const frame from{.executor = &around.core};
  around.door.step_out();
  EXPECT_EQ(door.enter(&from, {}), expected);
  expected == entry::admitted ? go(door) : door.return_turn();
  around.door.step_in();
  go(around.door);
}

TEST(Gate, LendsATurnWhereAWaitWouldCloseACycle) {
  guarded a(1);
  guarded b(1);
  for (guarded* each : {&a, &b}) ASSERT_EQ(enter_from_outside(each->door), entry::admitted);
  std::jthread a_to_b([&] { call_from(a, b.door, entry::admitted); });
  wait_until([&] { return b.door.waiting() == 1; });
  call_from(b, a.door, entry::borrowed_turn);
}

TEST(Gate, LendsATurnWhereAWaitWouldCloseACycleOverThree) {
  guarded a(1);
  guarded b(1);
  guarded c(1);
  for (guarded* each : {&a, &b, &c}) ASSERT_EQ(enter_from_outside(each->door), entry::admitted);
  std::jthread a_to_b([&] { call_from(a, b.door, entry::admitted); });
  wait_until([&] { return b.door.waiting() == 1; });
  std::jthread b_to_c([&] { call_from(b, c.door, entry::admitted); });
  wait_until([&] { return c.door.waiting() == 1; });
  call_from(c, a.door, entry::borrowed_turn);
}

TEST(Gate, LetsNestedCallersWaitWhereNoCycleIs) {
  guarded a(1);
  guarded b(1);
  for (guarded* each : {&a, &b}) ASSERT_EQ(enter_from_outside(each->door), entry::admitted);
  std::jthread a_to_b([&] { call_from(a, b.door, entry::admitted); });
  wait_until([&] { return b.door.waiting() == 1; });
  go(b.door);
}

}  // namespace
}  // namespace fanout::detail
