#include <gtest/gtest.h>

#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <thread>

#include "../own_process.hpp"
#include "../support.hpp"
#include "loaded.hpp"
#include "plugin.hpp"

/// Copies of the library in one process that know nothing of each other, and that come and go.
namespace {

using namespace support;

using plugins::is_loaded;
using plugins::loaded;
using plugins::one;
using plugins::other;
using plugins::use;

/// An executor of a plugin.
class executor_in {
 public:
  executor_in(const loaded& in, std::size_t limit) : in_(in), made_(in.make_executor(limit)) {}
  executor_in(const executor_in&) = delete;
  executor_in& operator=(const executor_in&) = delete;
  ~executor_in() { in_.destroy_executor(made_); }

  bool exists() const { return made_ != nullptr; }

 private:
  const loaded& in_;
  void* const made_;
};

/// The most threads that an arena of the application has at work at once. Afterwards oneTBB has the workers that it has
/// by itself.
std::size_t threads_in_an_arena_of_64() {
  gauge at_work;
  tbb::task_arena arena(64);
  const auto body = [&](int) {
    const gauge::visit here(at_work);
    std::this_thread::sleep_for(5ms);  // so that every thread which may come does
  };
  arena.execute([&] { tbb::parallel_for(0, 64, body, tbb::simple_partitioner()); });
  return static_cast<std::size_t>(at_work.most());
}

std::size_t threads_of_one_tbb() { return static_cast<std::size_t>(tbb::info::default_concurrency()); }

class Plugins : public testing::Test {
 protected:
  const watchdog guard_{3 * patience};
};

// ── Beside each other ───────────────────────────────────────────────────────────────────────────────────────────

TEST_F(Plugins, ReachALimitWhileTheOtherHoldsAnIdleExecutorOfLess) {
  const loaded first(one);
  const loaded second(other);
  for (const std::size_t idle : {1U, 2U, 3U}) {
    const executor_in held(second, idle);
    ASSERT_TRUE(held.exists());
    for (int round = 0; round != 5; ++round) {
      ASSERT_TRUE(first.executor_reaches(8)) << "beside an idle executor of " << idle;
      ASSERT_TRUE(first.free_call_reaches(8)) << "beside an idle executor of " << idle;
    }
  }
}

TEST_F(Plugins, ReachALimitThatAnExecutorHadBeforeTheOtherCame) {
  const loaded first(one);
  const executor_in eight(first, 8);
  ASSERT_TRUE(eight.exists());
  const loaded second(other);
  const executor_in three(second, 3);
  ASSERT_TRUE(three.exists());
  EXPECT_TRUE(first.free_call_reaches(8));
  EXPECT_TRUE(second.free_call_reaches(3));
}

TEST_F(Plugins, ReachTheirLimitsAtOnce) {
  const loaded first(one);
  const loaded second(other);
  std::atomic<int> missed = 0;
  on_threads(4, [&](std::size_t number) {
    const loaded& used = number % 2 == 0 ? first : second;
    for (int round = 0; round != 30; ++round) {
      missed += used.executor_reaches(2 + number) ? 0 : 1;
      missed += used.free_call_reaches(8 - number) ? 0 : 1;
    }
  });
  EXPECT_EQ(missed, 0);
}

TEST_F(Plugins, GiveTheApplicationsArenasNoMoreThreads) {
  ASSERT_LE(threads_in_an_arena_of_64(), threads_of_one_tbb());
  const loaded first(one);
  const loaded second(other);
  use(first);
  use(second);
  EXPECT_TRUE(first.free_call_reaches(16));
  EXPECT_LE(threads_in_an_arena_of_64(), threads_of_one_tbb());
  const executor_in held(second, 12);
  EXPECT_LE(threads_in_an_arena_of_64(), threads_of_one_tbb());
}

// ── Coming and going ────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(Plugins, CanBeLoadedUsedAndUnloadedAlternately) {
  for (int round = 0; round != 50; ++round) {
    const loaded used(round % 2 == 0 ? one : other);
    use(used);
    ASSERT_FALSE(HasFailure()) << "in round " << round;
  }
}

TEST_F(Plugins, CanBeLoadedUsedAndUnloadedByTwoThreadsAtOnce) {
  on_threads(2, [&](std::size_t number) {
    for (int round = 0; round != 50 && !HasFailure(); ++round) {
      const loaded used(number == 0 ? one : other);
      use(used);
    }
  });
}

// No tasks of automatic batches meet here: oneTBB's workers may all be with the other plugin's batches, for good where
// these come without a pause.
TEST_F(Plugins, CanBeUnloadedWhileTheOtherIsUsed) {
  const loaded stays(other);
  const executor_in held(stays, 3);
  std::atomic<bool> over = false;
  std::atomic<int> missed = 0;
  const auto use_without_workers = [&missed](const loaded& used) {
    missed += used.free_call_reaches(4) && used.executor_reaches(3) ? 0 : 1;
    missed += executor_in(used, plugin::automatic).exists() ? 0 : 1;
  };
  std::jthread user([&] {
    while (!over) use_without_workers(stays);
  });
  for (int round = 0; round != 50; ++round) use_without_workers(loaded(one));
  over = true;
  user.join();
  EXPECT_EQ(missed, 0);
}

TEST_F(Plugins, CanBeUnloadedRightAfterABatchOfManyThreads) {
  for (int round = 0; round != 50; ++round) {
    const loaded used(one);
    ASSERT_TRUE(used.executor_reaches(16));
  }
}

TEST_F(Plugins, CanBeUnloadedByAThreadThatHasNotUsedThem) {
  for (int round = 0; round != 50; ++round) {
    auto used = std::make_unique<const loaded>(one);
    std::jthread([&] { use(*used); }).join();
    std::jthread([&] { used.reset(); }).join();
  }
}

TEST_F(Plugins, LeaveNoThreadWhenTheyHaveBeenUnloaded) {
  threads_in_an_arena_of_64();
  const std::size_t before = threads_of_process();
  {
    const loaded first(one);
    const loaded second(other);
    use(first);
    use(second);
    EXPECT_TRUE(first.executor_reaches(8));
    EXPECT_TRUE(second.free_call_reaches(16));
  }
  if (is_loaded(one) || is_loaded(other)) GTEST_SKIP() << "the system does not unload these";
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (threads_of_process() > before && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
  EXPECT_LE(threads_of_process(), before);
}

TEST_F(Plugins, LeaveNoMoreThreadsEachTimeTheyAreLoaded) {
  threads_in_an_arena_of_64();
  const auto round = [] {
    const loaded used(one);
    EXPECT_TRUE(used.free_call_reaches(8));
  };
  round();
  const std::size_t once = threads_of_process();
  for (int i = 0; i != 30; ++i) round();
  EXPECT_LE(threads_of_process(), once);
}

// ── The end of the process ──────────────────────────────────────────────────────────────────────────────────────

class PluginsDeathTest : public testing::Test {
 protected:
  PluginsDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(PluginsDeathTest, LetTheProcessEndWhileTheyAreLoaded) {
  const auto program = [] {
    const watchdog guard;
    use(*new loaded(one));
    use(*new loaded(other));
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(PluginsDeathTest, LetTheProcessEndWhenOneHasBeenUnloaded) {
  const auto program = [] {
    const watchdog guard;
    use(*new loaded(one));
    use(loaded(other));
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

}  // namespace
