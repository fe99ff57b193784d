// Scopes in a program that uses oneTBB itself: it allows one thread only, or runs loops in tasks.

#include <gtest/gtest.h>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::executor;
using fanout::task_scope;

constexpr const char* one_anyway = "oneTBB allows one thread anyway, which is no wish of the application's";

struct TaskScopeAndTbb : testing::Test {
  const watchdog guard;
};

TEST_F(TaskScopeAndTbb, RunsInJoinWhereTheApplicationAllowsOneThread) {
  if (fanout::available_concurrency() == 1) GTEST_SKIP() << one_anyway;
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  const auto here = std::this_thread::get_id();
  int ran = 0;
  task_scope scope({.concurrency = 4});
  for (int i = 0; i != 10; ++i) scope.add([&] { ran += std::this_thread::get_id() == here ? 1 : 100; });
  std::this_thread::sleep_for(10ms);
  EXPECT_EQ(ran, 0);
  scope.join();
  EXPECT_EQ(ran, 10);
}

TEST_F(TaskScopeAndTbb, RunsInAddWhereTheApplicationAllowsOneThreadAndThereIsNoRoom) {
  if (fanout::available_concurrency() == 1) GTEST_SKIP() << one_anyway;
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  const executor on({.concurrency = 3});
  int ran = 0;
  task_scope free({.max_pending = 2});
  task_scope of_executor(on, {.max_pending = 2});
  for (int i = 0; i != 10; ++i) {
    free.add([&] { ++ran; });
    of_executor.add([&] { ++ran; });
  }
  EXPECT_EQ(ran, 16);
  free.join();
  of_executor.join();
  EXPECT_EQ(ran, 20);
}

TEST_F(TaskScopeAndTbb, TakesTasksFromLoopsInItsTasks) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  for (const auto concurrency : {fanout::concurrency_limit(fanout::automatic), fanout::concurrency_limit(1)}) {
    const executor on({.concurrency = concurrency});
    std::atomic<int> ran = 0;
    task_scope scope(on, {.max_pending = 1});
    for (int i = 0; i != 20; ++i) {
      scope.add([&] {
        tbb::parallel_for(0, 20, [&](int) {
          compute_for(10us);
          scope.add([&] { ++ran; });
        });
      });
    }
    scope.join();
    EXPECT_EQ(ran, 400);
  }
}

TEST_F(TaskScopeAndTbb, RunsLoopsWhosePiecesCallItsExecutor) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const executor on;
  std::atomic<int> ran = 0;
  task_scope scope(on);
  for (int i = 0; i != 10; ++i) {
    scope.add([&] { tbb::parallel_for(0, 10, [&](int) { on.execute(std::vector(2, [&] { ++ran; })); }); });
  }
  scope.join();
  EXPECT_EQ(ran, 200);
}

}  // namespace
