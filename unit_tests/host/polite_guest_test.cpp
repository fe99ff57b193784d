#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "host/on_all.hpp"
#include "own_process.hpp"
#include "support.hpp"

/// What the rest of the process notices of fanout: oneTBB is as the application knows it, and there are no more threads
/// than the limits need.
namespace {

using namespace support;
using fanout::executor;

void free_call(std::size_t limit) {
  EXPECT_TRUE(on_all(limit, [&](const auto& tasks) { fanout::execute_in_parallel(tasks, limit); }));
}

void on_an_executor(std::size_t limit) {
  executor some({.concurrency = limit});
  EXPECT_TRUE(on_all(limit, [&](const auto& tasks) { some.execute(tasks); }));
}

// ── The application's own arenas ────────────────────────────────────────────────────────────────────────────────

/// How many threads an arena of the application has at work at once.
std::size_t threads_in_an_arena_of_64() {
  gauge at_work;
  tbb::task_arena arena(64);
  arena.execute([&] {
    tbb::parallel_for(
        0, 64,
        [&](int) {
          const gauge::visit here(at_work);
          std::this_thread::sleep_for(5ms);  // so that every thread which may come does
        },
        tbb::simple_partitioner());
  });
  return static_cast<std::size_t>(at_work.most());
}

struct use {
  const char* name;
  void (*run)();
};

const use uses[] = {
    {"FreeCallsOf16",
     [] {
       for (int i = 0; i != 5; ++i) free_call(16);
     }},
    {"FreeCallsOf64",
     [] {
       for (int i = 0; i != 5; ++i) free_call(64);
     }},
    {"FreeCallsOfManyLimits",
     [] {
       for (std::size_t limit = 2; limit != 40; ++limit) free_call(limit);
     }},
    {"ExecutorsOf16",
     [] {
       for (int i = 0; i != 5; ++i) on_an_executor(16);
     }},
    {"AutomaticBatches",
     [] {
       EXPECT_TRUE(
           on_all(fanout::available_concurrency(), [](const auto& tasks) { fanout::execute_in_parallel(tasks); }));
       fanout::execute_in_parallel(std::vector(100, [] {}));
     }},
};

class PoliteGuestAfter : public testing::TestWithParam<use> {};

// oneTBB gives an arena its default number of threads at most, unless somebody allows more.
TEST_P(PoliteGuestAfter, LeavesAnArenaOfTheApplicationAsItWas) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const auto most = static_cast<std::size_t>(tbb::info::default_concurrency());
  ASSERT_LE(threads_in_an_arena_of_64(), most);
  GetParam().run();
  EXPECT_LE(threads_in_an_arena_of_64(), most);
}

TEST_P(PoliteGuestAfter, LeavesTheLimitOfOneTbbAsItWas) {
  const auto limit = [] { return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism); };
  const std::size_t before = limit();
  GetParam().run();
  EXPECT_EQ(limit(), before);
}

INSTANTIATE_TEST_SUITE_P(Of, PoliteGuestAfter, testing::ValuesIn(uses),
                         [](const auto& given) { return given.param.name; });

TEST(PoliteGuest, LeavesAnArenaOfTheApplicationAsItIsBesideIdleExecutors) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  executor idle({.concurrency = 16});
  executor also_idle({.concurrency = 8});
  EXPECT_TRUE(on_all(16, [&](const auto& tasks) { idle.execute(tasks); }));
  EXPECT_LE(threads_in_an_arena_of_64(), static_cast<std::size_t>(tbb::info::default_concurrency()));
}

TEST(PoliteGuest, LeavesAnArenaOfTheApplicationAsItIsBesideTasksThatRun) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  event release;
  rendezvous all(17);
  std::atomic<int> missed = 0;
  std::jthread other([&] {
    fanout::execute_in_parallel(std::vector(16, [&] { missed += all.meet() && release.wait() ? 0 : 1; }), 16);
  });
  EXPECT_TRUE(all.meet());
  EXPECT_LE(threads_in_an_arena_of_64(), static_cast<std::size_t>(tbb::info::default_concurrency()));
  release.set();
  other.join();
  EXPECT_EQ(missed, 0);
}

TEST(PoliteGuest, NeverChangesTheLimitOfOneTbb) {
  const auto limit = [] { return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism); };
  const std::size_t before = limit();
  std::atomic<int> changed = 0;
  const auto look = [&] { changed += limit() == before ? 0 : 1; };
  executor sixteen({.concurrency = 16});
  look();
  sixteen.execute(std::vector(64, [&] {
    look();
    fanout::execute_in_parallel(std::vector(4, look), 4);
    fanout::execute_in_parallel(std::vector(4, look));
  }));
  fanout::resource_pool<int> pool([] { return 0; }, 7);
  fanout::map_with_pool(std::views::iota(0, 20), pool, [&](int, int&) { look(); });
  executor adaptive({.concurrency = 12, .adaptive = true});
  adaptive.execute(std::vector(100, look));
  look();
  EXPECT_EQ(changed, 0);
}

TEST(PoliteGuest, NeverChangesTheLimitThatTheApplicationSet) {
  for (const std::size_t set : {1U, 2U, 6U}) {
    const tbb::global_control own(tbb::global_control::max_allowed_parallelism, set);
    const auto limit = [] { return tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism); };
    ASSERT_EQ(limit(), set);
    executor four({.concurrency = 4});
    std::atomic<int> changed = 0;
    const auto look = [&] { changed += limit() == set ? 0 : 1; };
    four.execute(std::vector(20, look));
    fanout::execute_in_parallel(std::vector(20, look), 16);
    fanout::execute_in_parallel(std::vector(20, look));
    look();
    EXPECT_EQ(changed, 0) << "where it is " << set;
  }
}

// ── Threads ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Lets oneTBB create the workers that it has anyway, and fanout the threads for this limit.
void warm_up(std::size_t limit) {
  free_call(limit);
  EXPECT_TRUE(on_all(fanout::available_concurrency(), [](const auto& tasks) { fanout::execute_in_parallel(tasks); }));
}

TEST(PoliteGuest, NeedsNoMoreThreadsForBatchesOfOtherSizesAtTheSameLimit) {
  constexpr std::size_t limit = 64;
  warm_up(limit);
  const std::size_t before = threads_of_process();
  for (std::size_t size = 2; size <= limit; ++size) {
    fanout::map_in_parallel(std::views::iota(std::size_t{0}, size), [](std::size_t) {}, {.concurrency = limit});
    EXPECT_TRUE(on_all(size, [](const auto& tasks) { fanout::execute_in_parallel(tasks, limit); }));
    ASSERT_LE(threads_of_process(), before) << "after a batch of " << size;
  }
}

TEST(PoliteGuest, NeedsNoMoreThreadsForSmallerLimits) {
  warm_up(64);
  const std::size_t before = threads_of_process();
  for (std::size_t limit = 2; limit != 64; ++limit) {
    free_call(limit);
    ASSERT_LE(threads_of_process(), before) << "after a batch at limit " << limit;
  }
}

TEST(PoliteGuest, NeedsNoMoreThreadsForExecutorsOneAfterTheOtherThanForOne) {
  for (const std::size_t limit : {std::size_t{2}, std::size_t{8}, std::size_t{20}}) {
    on_an_executor(limit);
    warm_up(2);
    const std::size_t before = threads_of_process();
    for (int i = 0; i != 1'000; ++i) {
      executor one({.concurrency = limit});
      if (i % 100 == 0) one.execute(std::vector(limit, [] {}));
    }
    EXPECT_LE(threads_of_process(), before) << "after executors of " << limit;
    EXPECT_TRUE(on_all(limit, [&](const auto& tasks) { fanout::execute_in_parallel(tasks, limit); }));
    EXPECT_LE(threads_of_process(), before) << "after executors of " << limit << " and a free call";
  }
}

TEST(PoliteGuest, CreatesNoThreadForAnAutomaticBatchBeyondTheCores) {
  std::thread([] {}).join();  // with the first one ThreadSanitizer starts a thread of its own
  const std::size_t before = threads_of_process();
  for (int i = 0; i != 100; ++i) fanout::execute_in_parallel(std::vector(1'000, [] {}));
  EXPECT_LE(threads_of_process(), before + static_cast<std::size_t>(tbb::info::default_concurrency()) - 1);
}

// ── Loops of oneTBB in tasks ────────────────────────────────────────────────────────────────────────────────────

class PoliteGuestWithALimit : public testing::TestWithParam<std::size_t> {
 protected:
  /// Runs a loop of oneTBB in each of the tasks, which meet first, and tells how many threads were in the loops at once.
  static std::size_t threads_in_loops(std::size_t tasks,
                                      const std::function<void(const std::vector<std::function<void()>>&)>& run) {
    gauge in_loops;
    for (int round = 0; round != 5; ++round) {
      rendezvous all(tasks);
      std::atomic<int> missed = 0;
      run(std::vector<std::function<void()>>(tasks, [&] {
        missed += all.meet() ? 0 : 1;
        tbb::parallel_for(
            0, 64,
            [&](int) {
              const gauge::visit here(in_loops);
              std::this_thread::sleep_for(1ms);
            },
            tbb::simple_partitioner());
      }));
      EXPECT_EQ(missed, 0);
    }
    return static_cast<std::size_t>(in_loops.most());
  }

  const watchdog guard_;
};

TEST_P(PoliteGuestWithALimit, HasNoMoreThreadsInTheLoopsOfAnExecutorsTasks) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  executor some({.concurrency = GetParam()});
  EXPECT_LE(threads_in_loops(GetParam(), [&](const auto& tasks) { some.execute(tasks); }), GetParam());
}

TEST_P(PoliteGuestWithALimit, HasNoMoreThreadsInTheLoopsOfTasksThatAreFewerThanTheLimit) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  executor some({.concurrency = GetParam()});
  EXPECT_LE(threads_in_loops(1, [&](const auto& tasks) { some.execute(tasks); }), GetParam());
}

TEST_P(PoliteGuestWithALimit, HasNoMoreThreadsInTheLoopsBesideAnotherExecutor) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  executor some({.concurrency = GetParam()});
  executor other({.concurrency = 7});
  event release;
  rendezvous all(8);
  std::atomic<int> missed = 0;
  std::jthread beside(
      [&] { other.execute(std::vector(7, [&] { missed += all.meet() && release.wait() ? 0 : 1; })); });
  EXPECT_TRUE(all.meet());
  EXPECT_LE(threads_in_loops(GetParam(), [&](const auto& tasks) { some.execute(tasks); }), GetParam());
  release.set();
  beside.join();
  EXPECT_EQ(missed, 0);
}

// As many callers as the limit, each with a task of its own.
TEST_P(PoliteGuestWithALimit, HasNoMoreThreadsInTheLoopsOfSeveralCallers) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  executor some({.concurrency = GetParam()});
  EXPECT_LE(threads_in_loops(GetParam(),
                             [&](const auto& tasks) {
                               on_threads(tasks.size(),
                                          [&](std::size_t i) { some.execute(std::vector(1, tasks[i])); });
                             }),
            GetParam());
}

TEST_P(PoliteGuestWithALimit, HasNoMoreThreadsInTheLoopsOfAFreeCallsTasks) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  EXPECT_LE(threads_in_loops(GetParam(), [](const auto& tasks) { fanout::execute_in_parallel(tasks, GetParam()); }),
            GetParam());
}

INSTANTIATE_TEST_SUITE_P(Of, PoliteGuestWithALimit, testing::Values(2, 3, 7));

TEST(PoliteGuest, LeadsASubmittedBatchWhereTheApplicationForbidsWorkers) {
  const tbb::global_control lower(tbb::global_control::max_allowed_parallelism, 1);
  gauge at_work;
  std::atomic<int> left = 20;
  const auto task = [&](int) {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(1ms);
    --left;
  };
  const executor some({.concurrency = 4});
  auto free_one = fanout::submit_map(10, task);
  while (left > 10) std::this_thread::yield();  // the submitter only looks
  free_one.get();
  auto on_executor = some.submit_map(10, task);
  while (left != 0) std::this_thread::yield();
  on_executor.get();
  EXPECT_EQ(at_work.most(), 1);
}

}  // namespace
