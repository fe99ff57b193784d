#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "promises/meeting.hpp"
#include "support.hpp"

/// Promise 3: a number that was named is reached by blocking tasks beside other batches and within tasks; automatic batches
/// share the cores.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::executor_options;
using fanout::task_context;

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

}  // namespace
