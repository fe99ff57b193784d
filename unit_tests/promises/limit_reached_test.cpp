#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 3: a number that was named is reached by blocking tasks, also beyond the cores and beside other batches;
/// automatic batches share the cores.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;

/// Tasks that all have to be in flight at once.
struct meeting {
  explicit meeting(std::size_t size, std::chrono::seconds limit = patience)
      : all(size), tasks(size, [this, limit] {
          if (!all.meet(limit)) ++missed;
        }) {}
  meeting(const meeting&) = delete;
  meeting& operator=(const meeting&) = delete;

  rendezvous all;
  std::atomic<int> missed{0};
  std::vector<std::function<void()>> tasks;
};

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

// ── Beside other batches ────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise3LimitReachedTogether, ByTwoExecutors) {
  executor one({.concurrency = 8});
  executor other({.concurrency = 8});
  for (int round = 0; round != 20; ++round) {
    meeting all(16);
    const std::vector half(all.tasks.begin(), all.tasks.begin() + 8);
    on_threads(2, [&](std::size_t number) { (number == 0 ? one : other).execute(half); });
    ASSERT_EQ(all.missed, 0);
  }
}

TEST(Promise3LimitReachedTogether, ByTwoFreeCalls) {
  for (int round = 0; round != 20; ++round) {
    meeting all(16);
    const std::vector half(all.tasks.begin(), all.tasks.begin() + 8);
    on_threads(2, [&](std::size_t) { execute_in_parallel(half, 8); });
    ASSERT_EQ(all.missed, 0);
  }
}

TEST(Promise3LimitReachedTogether, ByTwentyFreeCallsOfTen) {
  meeting all(200);
  const std::vector part(all.tasks.begin(), all.tasks.begin() + 10);
  on_threads(20, [&](std::size_t) { execute_in_parallel(part, 10); });
  EXPECT_EQ(all.missed, 0);
}

// What counts is what runs at one time, not what exists.
TEST(Promise3LimitReachedTogether, ByEachOfSeveralExecutorsThatTogetherAreTooManyForOneTbb) {
  std::vector<executor> executors;
  for (int i = 0; i != 4; ++i) executors.emplace_back(fanout::executor_options{.concurrency = 100});
  for (int round = 0; round != 3; ++round) {
    for (executor& each : executors) {
      meeting here(100);
      each.execute(here.tasks);
      ASSERT_EQ(here.missed, 0) << "in round " << round;
    }
  }
}

TEST(Promise3LimitReachedTogether, ByFreeCallsOfManySizesOneAfterTheOther) {
  for (std::size_t size = 2; size <= 102; size += 10) {
    meeting here(size);
    execute_in_parallel(here.tasks, size);
    ASSERT_EQ(here.missed, 0) << "at limit " << size;
  }
}

TEST(Promise3LimitReachedTogether, ByFreeCallsInEachOther) {
  rendezvous all(6);
  std::atomic<int> missed = 0;
  const std::vector inner(3, [&] { missed += all.meet() ? 0 : 1; });
  execute_in_parallel(std::vector(2, [&] { execute_in_parallel(inner, 3); }), 2);
  EXPECT_EQ(missed, 0);
}

TEST(Promise3LimitReachedTogether, ByTwoCallersOfOneExecutor) {
  executor eight({.concurrency = 8});
  for (int round = 0; round != 50; ++round) {
    meeting all(8);
    const std::vector half(all.tasks.begin(), all.tasks.begin() + 4);
    on_threads(2, [&](std::size_t) { eight.execute(half); });
    ASSERT_EQ(all.missed, 0) << "in round " << round;
  }
}

TEST(Promise3, BesideAutomaticBatchesThatKeepTheCoresBusy) {
  std::atomic<bool> over = false;
  rendezvous busy(3);
  std::vector<std::jthread> others;
  for (int i = 0; i != 2; ++i)
    others.emplace_back([&] {
      static_cast<void>(busy.meet());
      while (!over) execute_in_parallel(std::vector(100, [] { compute_for(100us); }));
    });
  static_cast<void>(busy.meet());
  int missed = 0;
  for (int round = 0; round != 20; ++round) {
    meeting here(8);
    execute_in_parallel(here.tasks, 8);
    missed += here.missed;
  }
  over = true;
  EXPECT_EQ(missed, 0);
}

TEST(Promise3, BesideAnAutomaticBatchWhoseTasksBlock) {
  event release;
  event blocked;
  std::jthread other([&] {
    execute_in_parallel(std::vector(20, [&] {
      blocked.set();
      EXPECT_TRUE(release.wait());
    }));
  });
  ASSERT_TRUE(blocked.wait());
  meeting here(8);
  execute_in_parallel(here.tasks, 8);
  release.set();
  EXPECT_EQ(here.missed, 0);
}

// oneTBB takes the places of workers for vacant who are in the last tasks of a batch: it asks for no more of them.
TEST(Promise3, BesideBatchesOfWhichOnlyTheLastTasksRun) {
  executor tail({.concurrency = 4});
  executor four({.concurrency = 4});
  event release;
  std::atomic<int> missed = 0;
  rendezvous all(5);
  std::jthread other([&] {
    const auto caller = std::this_thread::get_id();
    tail.execute(std::vector(4, [&] {
      missed += all.meet() ? 0 : 1;
      if (std::this_thread::get_id() != caller) missed += release.wait() ? 0 : 1;
    }));
  });
  ASSERT_TRUE(all.meet());
  std::this_thread::sleep_for(20ms);  // so that the calling thread has found no more work there
  meeting here(4);
  four.execute(here.tasks);
  meeting free(2);
  execute_in_parallel(free.tasks, 2);
  meeting automatic(fanout::available_concurrency());
  execute_in_parallel(automatic.tasks);
  release.set();
  other.join();
  EXPECT_EQ(here.missed + free.missed + automatic.missed + missed, 0);
}

// The inner batch wants helpers that its executor has no places for: they must not keep workers from others.
TEST(Promise3, BesideAnExecutorThatIsFullAndIsCalledByItsTasks) {
  executor full({.concurrency = 8});
  executor eight({.concurrency = 8});
  event release;
  rendezvous all(9);
  std::atomic<int> missed = 0;
  std::jthread other([&] {
    full.execute(std::vector(8, [&](const fanout::task_context& context) {
      missed += all.meet() ? 0 : 1;
      const auto wait = [&] { missed += release.wait() ? 0 : 1; };
      context.index() == 0 ? full.execute(std::vector(8, wait)) : wait();
    }));
  });
  ASSERT_TRUE(all.meet());
  std::this_thread::sleep_for(20ms);  // so that workers would have come
  meeting here(8);
  eight.execute(here.tasks);
  release.set();
  other.join();
  EXPECT_EQ(here.missed + missed, 0);
}

// The helper of the outer batch comes when the calling thread has all its tasks; it must not hold a place for that.
TEST(Promise3, OfAnAutomaticBatchWithinTheLastTaskOfAnotherBesideANamedOne) {
  const auto caller = std::this_thread::get_id();
  bool is_done = false;
  for (int round = 0; round != 100 && !is_done; ++round) {
    executor four({.concurrency = 4});
    rendezvous met(5);
    event release;
    meeting here(fanout::available_concurrency());
    std::atomic<int> missed = 0;
    std::jthread other;
    execute_in_parallel(std::vector<std::function<void()>>{
        [] {},
        [&] {
          if (std::this_thread::get_id() != caller) return;
          std::this_thread::sleep_for(5ms);  // so that the helper has come
          other = std::jthread(
              [&] { four.execute(std::vector(4, [&] { missed += met.meet() && release.wait() ? 0 : 1; })); });
          missed += met.meet() ? 0 : 1;
          execute_in_parallel(here.tasks);
          release.set();
          is_done = true;
        },
    });
    if (other.joinable()) other.join();
    EXPECT_EQ(here.missed + missed, 0);
  }
  EXPECT_TRUE(is_done);
}

TEST(Promise3, BesideManyAutomaticBatchesWhoseTasksCompute) {
  std::atomic<bool> over = false;
  std::vector<std::jthread> others;
  for (int i = 0; i != 6; ++i) {
    others.emplace_back([&] {
      execute_in_parallel(std::vector(20, [&] {
        while (!over) std::this_thread::yield();
      }));
    });
  }
  for (int round = 0; round != 5; ++round) {
    meeting here(8);
    execute_in_parallel(here.tasks, 8);
    EXPECT_EQ(here.missed, 0);
  }
  over = true;
}

TEST(Promise3, OfAnExecutorWithinATaskOfItself) {
  executor four({.concurrency = 4});
  rendezvous all(4);
  std::atomic<int> missed = 0;
  four.execute(std::vector(1, [&] { four.execute(std::vector(4, [&] { missed += all.meet() ? 0 : 1; })); }));
  EXPECT_EQ(missed, 0);
}

TEST(Promise3, OfAnExecutorWithinATaskOfItsOtherBatch) {
  executor four({.concurrency = 4});
  rendezvous all(4);
  std::atomic<int> missed = 0;
  const auto join = [&] { missed += all.meet() ? 0 : 1; };
  // One task blocks at once, the other fans out: the four are one and three.
  four.execute(std::vector<std::function<void()>>{join, [&] { four.execute(std::vector(3, join)); }});
  EXPECT_EQ(missed, 0);
}

TEST(Promise3, OfAFreeCallWhileTheLastTaskOfAnotherWaitsForIt) {
  const watchdog guard;
  rendezvous both(3);
  event over;
  std::jthread first([&] {
    const auto caller = std::this_thread::get_id();
    execute_in_parallel(std::vector(2,
                                    [&] {
                                      EXPECT_TRUE(both.meet());
                                      if (std::this_thread::get_id() == caller) return;
                                      EXPECT_TRUE(over.wait());
                                    }),
                        2);
  });
  EXPECT_TRUE(both.meet());
  std::this_thread::sleep_for(20ms);  // so that its caller has found no more tasks
  meeting here(2);
  execute_in_parallel(here.tasks, 2);
  over.set();
  EXPECT_EQ(here.missed, 0);
}

// oneTBB has 256 workers at most on a small machine.
TEST(Promise3, BeyondTheWorkersOfOneTbbEveryBatchReachesItsLimit) {
  meeting all(600);
  const std::vector part(all.tasks.begin(), all.tasks.begin() + 100);
  on_threads(6, [&](std::size_t) { execute_in_parallel(part, 100); });
  EXPECT_EQ(all.missed, 0);
}

TEST(Promise3, BeyondTheWorkersOfOneTbbNestedBatchesReachTheirLimits) {
  meeting all(400);
  const std::vector inner(all.tasks.begin(), all.tasks.begin() + 20);
  execute_in_parallel(std::vector(20, [&] { execute_in_parallel(inner, 20); }), 20);
  EXPECT_EQ(all.missed, 0);
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
