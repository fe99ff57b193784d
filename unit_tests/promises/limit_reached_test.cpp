#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "promises/meeting.hpp"
#include "support.hpp"

/// Promise 3: a number that was named is reached by blocking tasks, also beyond the cores; there are no rounds.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;

// ── One batch ───────────────────────────────────────────────────────────────────────────────────────────────────

class Promise3LimitReached : public testing::TestWithParam<std::size_t> {};

TEST_P(Promise3LimitReached, ByBlockingTasksOfAFreeCall) {
  meeting here(GetParam());
  execute_in_parallel(here.tasks, GetParam());
  EXPECT_EQ(here.missed, 0);
}

TEST_P(Promise3LimitReached, ByBlockingTasksOfAnExecutor) {
  executor some({.concurrency = GetParam()});
  meeting here(GetParam());
  some.execute(here.tasks);
  EXPECT_EQ(here.missed, 0);
}

TEST_P(Promise3LimitReached, ByBlockingTasksOfAnUnlimitedCall) {
  meeting here(GetParam());
  execute_in_parallel(here.tasks, fanout::unlimited);
  EXPECT_EQ(here.missed, 0);
}

TEST_P(Promise3LimitReached, ByTasksThatReportProgress) {
  meeting here(GetParam());
  run_options options{.concurrency = GetParam()};
  options.on_progress = [](std::size_t, std::size_t) {};
  execute_in_parallel(here.tasks, options);
  EXPECT_EQ(here.missed, 0);
}

INSTANTIATE_TEST_SUITE_P(OfSeveralSizes, Promise3LimitReached, testing::Values(2, 3, 8, 100));

// Far beyond oneTBB's 256 workers.
TEST(Promise3LimitReachedOnce, ByThousandsOfTasks) {
  const std::size_t most = under_thread_sanitizer || under_address_sanitizer ? 500 : 4'000;
  meeting here(most);
  execute_in_parallel(here.tasks, most);
  EXPECT_EQ(here.missed, 0);
}

// oneTBB may overlook work that arrives just when its workers go to sleep; a promise may not.
TEST(Promise3LimitReachedAgainAndAgain, ByFreeCalls) {
  const watchdog guard;
  for (int round = 0; round != 2'000; ++round) {
    meeting here(4);
    execute_in_parallel(here.tasks, 4);
    ASSERT_EQ(here.missed, 0) << "in round " << round;
  }
}

TEST(Promise3LimitReachedAgainAndAgain, ByAnExecutorThatRestsBetween) {
  executor some({.concurrency = 4});
  for (int round = 0; round != 300; ++round) {
    meeting here(4);
    some.execute(here.tasks);
    ASSERT_EQ(here.missed, 0) << "in round " << round;
    std::this_thread::sleep_for(std::chrono::microseconds(round * 10));
  }
}

// A few in each round. Without end they would starve the batch: see the note on them in docs/concurrency-limits.md.
TEST(Promise3LimitReachedAgainAndAgain, WhileOtherExecutorsComeAndGo) {
  constexpr std::size_t in_a_round = 5;
  std::atomic<std::size_t> rounds = 0;
  std::atomic<bool> over = false;
  std::jthread others([&] {
    for (std::size_t made = 0; !over; ++made) {
      while (!over && made > in_a_round * rounds) std::this_thread::yield();
      const std::size_t limit = made % 20 + 1;
      executor other({.concurrency = limit});
      other.execute(std::vector(limit, [] { std::this_thread::yield(); }));
    }
  });
  executor kept({.concurrency = 5});
  int missed = 0;
  for (; rounds != 100 && missed == 0; ++rounds) {
    meeting here(5);
    kept.execute(here.tasks);
    missed += here.missed;
  }
  over = true;
  EXPECT_EQ(missed, 0);
}

// ── No rounds ───────────────────────────────────────────────────────────────────────────────────────────────────

// One task lasts as long as all others together: at limit 2 they run beside it, one after the other.
TEST(Promise3, TheNextTaskStartsAsSoonAsOneEnds) {
  constexpr int others = 10;
  std::atomic<int> ended = 0;
  event all_ended;
  std::vector<std::function<void()>> tasks(others, [&] {
    std::this_thread::sleep_for(2ms);
    if (++ended == others) all_ended.set();
  });
  tasks.insert(tasks.begin(), [&] { EXPECT_TRUE(all_ended.wait()); });
  execute_in_parallel(tasks, 2);
}

TEST(Promise3, SleepingTasksSleepTogether) {
  const auto begin = std::chrono::steady_clock::now();
  execute_in_parallel(std::vector(40, [] { std::this_thread::sleep_for(100ms); }), 8);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, 500ms);
  EXPECT_LT(took, 2s);  // one after the other they take four seconds
}

// Most items come from a cache, the last few from a slow server: these have to be fetched together.
TEST(Promise3, ByBlockingTasksBehindCheapOnes) {
  for (const std::size_t cheap : {std::size_t{10}, std::size_t{100}, std::size_t{1'000}, std::size_t{10'000}}) {
    rendezvous all(8);
    std::atomic<int> missed = 0;
    std::vector<std::function<void()>> tasks(cheap, [] {});
    tasks.insert(tasks.end(), 8, [&] { missed += all.meet(2s) ? 0 : 1; });
    execute_in_parallel(tasks, 8);
    EXPECT_EQ(missed, 0) << "behind " << cheap << " cheap tasks";
  }
}

TEST(Promise3, SlowTasksBehindCheapOnesAreSharedByTheRunners) {
  std::vector<std::function<void()>> tasks(10'000, [] {});
  tasks.insert(tasks.end(), 64, [] { std::this_thread::sleep_for(20ms); });
  const auto begin = std::chrono::steady_clock::now();
  execute_in_parallel(tasks, 8);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took, 640ms);  // 160 ms where they are shared evenly, 1280 ms by one runner
}

}  // namespace
