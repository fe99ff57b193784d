#include "fanout/native_tbb.hpp"

#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <atomic>
#include <concepts>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/execute.hpp"
#include "fanout/executor.hpp"
#include "support.hpp"

/// oneTBB and fanout beside and inside each other.
namespace {

using namespace support;
using fanout::executor;
using fanout::native_arena;

TEST(NativeArena, IsTheSameForTheWholeLifeOfAnExecutor) {
  executor two({.concurrency = 2});
  static_assert(std::same_as<decltype(native_arena(two)), tbb::task_arena&>);
  tbb::task_arena* const arena = &native_arena(two);
  two.execute(std::vector(10, [] {}));
  EXPECT_EQ(&native_arena(two), arena);
  executor moved = std::move(two);
  EXPECT_EQ(&native_arena(moved), arena);
}

TEST(NativeArena, OfAnExecutorThatWasMovedFromIsRefused) {
  executor two({.concurrency = 2});
  const executor moved = std::move(two);
  EXPECT_THROW(static_cast<void>(native_arena(two)), std::logic_error);  // NOLINT: on purpose
}

TEST(NativeArena, RunsAParallelForOfTheUser) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
    executor some({.concurrency = limit});
    std::atomic<int> ran = 0;
    native_arena(some).execute([&] { tbb::parallel_for(0, 1'000, [&](int) { ++ran; }); });
    EXPECT_EQ(ran, 1'000);
  }
}

TEST(NativeArena, CanBeWatchedByAnObserver) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  if (under_address_sanitizer) GTEST_SKIP() << "oneTBB leaks 40 bytes of an observer whose workers sleep at the exit";
  struct observer : tbb::task_scheduler_observer {
    explicit observer(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) { observe(true); }
    ~observer() override { observe(false); }
    void on_scheduler_entry(bool) override { ++entries; }
    std::atomic<int> entries{0};
  };
  executor four({.concurrency = 4});
  observer watching(native_arena(four));
  rendezvous all(4);
  four.execute(std::vector(4, [&] { EXPECT_TRUE(all.meet()); }));
  EXPECT_GE(watching.entries, 4);
}

TEST(NativeArena, TakesBatchesFromInside) {
  executor two({.concurrency = 2});
  const watchdog guard;
  std::atomic<int> ran = 0;
  native_arena(two).execute([&] { two.execute(std::vector(10, [&] { ++ran; })); });
  EXPECT_EQ(ran, 10);
}

// ── oneTBB inside tasks ─────────────────────────────────────────────────────────────────────────────────────────

TEST(ParallelForInATask, FinishesInEveryKindOfBatch) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const watchdog guard;
  std::atomic<int> ran = 0;
  const std::vector tasks(8, [&] { tbb::parallel_for(0, 100, [&](int) { ++ran; }); });
  fanout::execute_in_parallel(tasks);
  fanout::execute_in_parallel(tasks, 1);
  fanout::execute_in_parallel(tasks, 5);
  executor({.concurrency = 3}).execute(tasks);
  executor({.concurrency = 1}).execute(tasks);
  EXPECT_EQ(ran, 5 * 8 * 100);
}

// A thread that waits in a task for oneTBB must not begin another task of the batch meanwhile: a task may hold a lock.
TEST(ParallelForInATask, NeverMakesItsThreadTakeAnotherTask) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const watchdog guard;
  thread_local int depth = 0;
  std::atomic<int> deepest = 0;
  const std::vector tasks(200, [&] {
    ++depth;
    if (depth > deepest) deepest = depth;
    tbb::parallel_for(0, 64, [](int) { compute_for(2us); });
    --depth;
  });
  fanout::execute_in_parallel(tasks);
  executor({.concurrency = 4}).execute(tasks);
  EXPECT_EQ(deepest, 1);
}

TEST(ParallelForInATask, MayRunBatchesItself) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const watchdog guard;
  std::atomic<int> ran = 0;
  const std::vector tasks(4, [&] {
    tbb::parallel_for(0, 4, [&](int) { fanout::execute_in_parallel(std::vector(4, [&] { ++ran; }), 2); });
  });
  fanout::execute_in_parallel(tasks, 3);
  EXPECT_EQ(ran, 64);
}

// ── Batches inside oneTBB ───────────────────────────────────────────────────────────────────────────────────────

// While the worker of the loop is in its last piece oneTBB asks for no worker, and takes this one's place for vacant.
TEST(BatchBesideAParallelFor, ReachesItsLimitWhileTheLastPieceOfTheLoopRuns) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  if (fanout::available_concurrency() == 1) GTEST_SKIP() << "oneTBB has no worker";
  const watchdog guard;
  executor eight({.concurrency = 8});
  event release;
  event blocked;
  std::jthread loop([&] {
    const auto caller = std::this_thread::get_id();
    tbb::task_group group;
    const auto piece = [&] {
      if (std::this_thread::get_id() == caller) {
        EXPECT_TRUE(blocked.wait());  // the other piece is for the worker
      } else {
        blocked.set();
        EXPECT_TRUE(release.wait());
      }
    };
    group.run(piece);
    group.run(piece);
    group.wait();
  });
  ASSERT_TRUE(blocked.wait());
  std::this_thread::sleep_for(20ms);  // so that the calling thread has found no more work there
  rendezvous all(8);
  std::atomic<int> missed = 0;
  eight.execute(std::vector(8, [&] { missed += all.meet() ? 0 : 1; }));
  release.set();
  EXPECT_EQ(missed, 0);
}

TEST(BatchInAParallelFor, RunsToItsEnd) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const watchdog guard;
  executor two({.concurrency = 2});
  std::atomic<int> ran = 0;
  const std::vector tasks(5, [&] { ++ran; });
  tbb::parallel_for(0, 50, [&](int i) {
    if (i % 2 == 0) {
      two.execute(tasks);
    } else {
      fanout::execute_in_parallel(tasks);
    }
  });
  EXPECT_EQ(ran, 250);
}

TEST(BatchInAParallelFor, NeverMakesItsThreadTakeWorkOfTheOuterLoop) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const watchdog guard;
  thread_local bool inside = false;
  std::atomic<int> mixed = 0;
  const std::vector tasks(4, [] { compute_for(20us); });
  tbb::parallel_for(0, 200, [&](int) {
    if (inside) ++mixed;
    inside = true;
    fanout::execute_in_parallel(tasks);
    inside = false;
  });
  EXPECT_EQ(mixed, 0);
}

// ── Arenas of the user between batches ──────────────────────────────────────────────────────────────────────────
// A thread that leaves an arena in the middle of a task keeps its slot there: coming back must not wait for one.

class NativeTbbDeathTest : public testing::Test {
 protected:
  NativeTbbDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

using actions = std::vector<std::function<void()>>;

/// Batches inside each other, the two tasks of a batch at once if possible, each task in an arena of its own.
void nest_in_user_arenas(int depth, const std::function<void(const actions&)>& run) {
  if (depth == 0) return;
  rendezvous both(2);
  run(actions(2, [&] {
    static_cast<void>(both.meet(100ms));
    tbb::task_arena own(2);
    own.execute([&] { nest_in_user_arenas(depth - 1, run); });
  }));
}

TEST_F(NativeTbbDeathTest, AutomaticBatchesNestThroughAnArenaOfTheUser) {
  const auto call = [] {
    const watchdog guard(patience);
    nest_in_user_arenas(3, [](const auto& tasks) { fanout::execute_in_parallel(tasks); });
    std::exit(0);
  };
  EXPECT_EXIT(call(), testing::ExitedWithCode(0), "");
}

TEST_F(NativeTbbDeathTest, BatchesOfAnExecutorNestThroughAnArenaOfTheUser) {
  const auto call = [] {
    const watchdog guard(patience);
    executor two({.concurrency = 2});
    nest_in_user_arenas(4, [&](const auto& tasks) { two.execute(tasks); });
    std::exit(0);
  };
  EXPECT_EXIT(call(), testing::ExitedWithCode(0), "");
}

TEST_F(NativeTbbDeathTest, NamedFreeBatchesNestThroughAnArenaOfTheUser) {
  const auto call = [] {
    const watchdog guard(patience);
    nest_in_user_arenas(4, [](const auto& tasks) { fanout::execute_in_parallel(tasks, 2); });
    std::exit(0);
  };
  EXPECT_EXIT(call(), testing::ExitedWithCode(0), "");
}

}  // namespace
