#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 10: where the process may not have the threads, a call says so, and fanout stays usable.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::resource_error;

/// Leaves the process some addresses, which is room for some dozens of threads.
void limit_addresses(std::size_t mebibytes) {
  const rlim_t bytes = mebibytes << 20U;
  const rlimit limit{bytes, bytes};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(90);
}

/// Keeps glibc from reserving 64 MiB of addresses for each thread that allocates: what is left is for stacks.
void save_addresses() {
#if defined(__GLIBC__)
  ::mallopt(M_ARENA_MAX, 1);
  ::setenv("MALLOC_ARENA_MAX", "1", 1);  // as if the program had been started so
#endif
}

/// What a child process says by its exit code.
void require(bool condition, int code) {
  if (!condition) std::_Exit(code);
}

/// What could be had, according to the error for an executor that is too large; none if it was not.
std::optional<resource_error> refusal_of(std::size_t limit) {
  try {
    const executor too_large({.concurrency = limit});
    return std::nullopt;
  } catch (const resource_error& e) {
    return e;
  }
}

void require_that_batches_work(int code) {
  std::atomic<int> ran = 0;
  execute_in_parallel(std::vector(20, [&] { ++ran; }), 2);
  executor two({.concurrency = 2});
  two.execute(std::vector(20, [&] { ++ran; }));
  execute_in_parallel(std::vector(20, [&] { ++ran; }));
  require(ran == 60, code);
}

class Promise10ResourceLimitsDeathTest : public testing::Test {
 protected:
  Promise10ResourceLimitsDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
  void SetUp() override {
    if (under_address_sanitizer || under_thread_sanitizer)
      GTEST_SKIP() << "the sanitizer needs more addresses than the test allows";
  }
};

TEST_F(Promise10ResourceLimitsDeathTest, AnExecutorOf200UnderALimitOf300MiBIsRefused) {
  const auto program = [] {
    limit_addresses(300);
    const auto error = refusal_of(200);
    require(error.has_value(), 1);
    require(error->requested() == 200, 2);
    require(error->available() >= 2 && error->available() < 200, 3);
    require_that_batches_work(4);
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise10ResourceLimitsDeathTest, AFreeCallOf200UnderALimitOf300MiBIsRefusedBeforeAnythingRuns) {
  const auto program = [] {
    limit_addresses(300);
    std::atomic<int> ran = 0;
    try {
      execute_in_parallel(std::vector(200, [&] { ++ran; }), 200);
      std::_Exit(1);
    } catch (const resource_error&) {
    }
    require(ran == 0, 2);
    require_that_batches_work(3);
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise10ResourceLimitsDeathTest, ARefusalLeavesExecutorsThatExistAsTheyWere) {
  const auto program = [] {
    limit_addresses(300);
    executor four({.concurrency = 4});
    for (int round = 0; round != 10; ++round) {
      require(refusal_of(200).has_value(), 1);
      require(four.concurrency() == 4, 2);
      rendezvous all(4);
      std::atomic<int> missed = 0;
      four.execute(std::vector(4, [&] { missed += all.meet() ? 0 : 1; }));
      require(missed == 0, 3);
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

// The threads behind free calls that are over are idle: they must not stand in the way of an executor.
TEST_F(Promise10ResourceLimitsDeathTest, IdleThreadsOfFreeCallsAreAvailableToAnExecutor) {
  const auto program = [] {
    save_addresses();
    limit_addresses(300);
    for (const std::size_t limit : {20U, 19U, 18U, 17U, 16U}) {
      rendezvous all(limit);  // so that each thread is known: one that comes too late for its batch is not
      std::atomic<std::size_t> met = 0;
      execute_in_parallel(std::vector(limit, [&] { met += all.meet() ? 1 : 0; }), limit);
      require(met == limit, 2);
    }
    try {
      executor some({.concurrency = 20});
      some.execute(std::vector(20, [] {}));
    } catch (const resource_error&) {
      std::_Exit(3);
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

// oneTBB may still be starting threads for a call that is over when the next one asks how many there can be.
TEST_F(Promise10ResourceLimitsDeathTest, AThreadThatIsJustStartingEndsNoProcess) {
  const auto program = [] {
    save_addresses();
    limit_addresses(300);
    for (int round = 0; round != 20; ++round) {
      for (const std::size_t limit : {20U, 19U, 18U, 17U, 16U}) {
        try {
          execute_in_parallel(std::vector(limit, [] {}), limit);
        } catch (const resource_error&) {
        }
      }
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise10ResourceLimitsDeathTest, ExecutorsThatWereDestroyedLeaveTheirThreadsToOthers) {
  const auto program = [] {
    save_addresses();
    limit_addresses(300);
    for (int round = 0; round != 20; ++round) {
      executor some({.concurrency = 20});
      rendezvous all(20);
      std::atomic<int> missed = 0;
      some.execute(std::vector(20, [&] { missed += all.meet() ? 0 : 1; }));
      require(missed == 0, 1);
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

/// A limit of the addresses in MiB, and an executor that may just have its threads, or just not.
class Promise10ResourceLimitsOnTheEdgeDeathTest
    : public Promise10ResourceLimitsDeathTest,
      public testing::WithParamInterface<std::tuple<std::size_t, std::size_t>> {};

TEST_P(Promise10ResourceLimitsOnTheEdgeDeathTest, AnExecutorWorksOrIsRefusedAndTheProcessLives) {
  const auto program = [] {
    const auto [mebibytes, limit] = GetParam();
    limit_addresses(mebibytes);
    try {
      executor some({.concurrency = limit});
      some.execute(std::vector(limit, [] { std::this_thread::sleep_for(5ms); }));
    } catch (const resource_error&) {
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(Sizes, Promise10ResourceLimitsOnTheEdgeDeathTest,
                         testing::Combine(testing::Values(300, 1'000), testing::Values(24, 40, 60, 100, 150)));

TEST_F(Promise10ResourceLimitsDeathTest, ABatchThatFindsNoMemoryLeavesNothingBehind) {
  const auto program = [] {
    save_addresses();  // for the workers of three batches: where oneTBB finds no allocator of its own, each has a heap
    limit_addresses(300);
    for (int round = 0; round != 3; ++round) {
      try {
        struct large {
          char bytes[1'000];
        };
        static_cast<void>(execute_in_parallel(std::vector(1'000'000, [] { return large(); }), 2));
        std::_Exit(1);
      } catch (const std::bad_alloc&) {
      }
      require_that_batches_work(2);
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

// ── A lower limit that the application itself set ───────────────────────────────────────────────────────────────

/// The highest that can be told from none; 0 on a machine of one core.
std::size_t lower_parallelism() { return static_cast<std::size_t>(tbb::info::default_concurrency()) - 1; }

TEST(Promise10ResourceLimits, OfTheApplicationAreSeenInTheConcurrency) {
  const std::size_t most = lower_parallelism();
  if (most == 0) GTEST_SKIP() << "no limit is lower than oneTBB's own";
  executor eight({.concurrency = most + 7});
  {
    const tbb::global_control lower(tbb::global_control::max_allowed_parallelism, most);
    EXPECT_EQ(eight.concurrency(), most);
    EXPECT_EQ(executor({.concurrency = most + 4}).concurrency(), most);
    EXPECT_EQ(executor({.concurrency = 1}).concurrency(), 1U);
  }
  EXPECT_EQ(eight.concurrency(), most + 7);
}

TEST(Promise10ResourceLimits, OfTheApplicationAreKeptByNamedLimits) {
  const std::size_t most = lower_parallelism();
  if (most == 0) GTEST_SKIP() << "no limit is lower than oneTBB's own";
  executor eight({.concurrency = most + 7});
  const tbb::global_control lower(tbb::global_control::max_allowed_parallelism, most);
  gauge in_flight;
  const std::vector tasks(30, [&] {
    const gauge::visit here(in_flight);
    std::this_thread::sleep_for(1ms);
  });
  eight.execute(tasks);
  execute_in_parallel(tasks, most + 7);
  EXPECT_LE(in_flight.most(), static_cast<int>(most));
}

// oneTBB does not say whether there is one; and an application that raises its parallelism asks for no fewer threads.
TEST(Promise10ResourceLimits, OfTheApplicationAreNoneWhereTheyAreNotLowerThanTheDefault) {
  executor many({.concurrency = lower_parallelism() + 7});
  for (const std::size_t parallelism : {lower_parallelism() + 1, lower_parallelism() + 2}) {
    const tbb::global_control not_lower(tbb::global_control::max_allowed_parallelism, parallelism);
    EXPECT_EQ(many.concurrency(), lower_parallelism() + 7);
  }
}

TEST(Promise10ResourceLimits, OfTheApplicationLetEveryBatchEnd) {
  executor eight({.concurrency = 8});
  for (const std::size_t parallelism : {1U, 2U, 3U}) {
    const tbb::global_control lower(tbb::global_control::max_allowed_parallelism, parallelism);
    const watchdog guard;
    gauge in_flight;
    const std::vector tasks(50, [&] {
      const gauge::visit here(in_flight);
      std::this_thread::sleep_for(200us);
      return 1;
    });
    EXPECT_EQ(eight.execute(tasks), std::vector(50, 1));
    EXPECT_EQ(execute_in_parallel(tasks, 6), std::vector(50, 1));
    EXPECT_EQ(execute_in_parallel(tasks), std::vector(50, 1));
    EXPECT_EQ(execute_in_parallel(std::vector(4, [&] { return execute_in_parallel(tasks, 3).size(); }), 4).back(),
              50U);
  }
}

TEST(Promise10ResourceLimits, OfTheApplicationAreForgottenWhenTheyEnd) {
  executor four({.concurrency = 4});
  {
    const tbb::global_control lower(tbb::global_control::max_allowed_parallelism, 1);
    four.execute(std::vector(20, [] {}));
  }
  rendezvous all(4);
  std::atomic<int> missed = 0;
  four.execute(std::vector(4, [&] { missed += all.meet() ? 0 : 1; }));
  EXPECT_EQ(missed, 0);
}

TEST(Promise10ResourceLimits, OfTheApplicationAreForgottenByExecutorsThatWereMadeMeanwhile) {
  for (const std::size_t parallelism : {1U, 2U, 3U}) {
    const std::size_t size = 10 * parallelism;  // each more than whatever was there before
    std::optional<tbb::global_control> lower(std::in_place, tbb::global_control::max_allowed_parallelism,
                                             parallelism);
    executor many({.concurrency = size});
    lower.reset();
    EXPECT_EQ(many.concurrency(), size);
    rendezvous all(size);
    std::atomic<int> missed = 0;
    many.execute(std::vector(size, [&] { missed += all.meet() ? 0 : 1; }));
    EXPECT_EQ(missed, 0);
  }
}

}  // namespace
