#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Tasks compute in the floating-point environment of the thread that made the call.
namespace {

using namespace support;
using fanout::executor;

using actions = std::vector<std::function<void()>>;

double third() {
  volatile double one = 1, three = 3;
  return one / three;
}

class FloatingPoint : public testing::TestWithParam<std::size_t> {
 protected:
  /// Runs batches whose tasks meet, in each direction of rounding, after another thread has used all threads in another.
  static void expect_that_of_the_caller(const std::function<void(const actions&)>& run) {
    const std::size_t size = GetParam() == fanout::automatic ? fanout::available_concurrency() : GetParam();
    std::atomic<int> missed = 0;
    const auto batch = [&](int direction) {
      const rounding here(direction);
      const double expected = third();
      rendezvous all(size);
      run(actions(size,
                  [&] { missed += all.meet() && third() == expected && std::fegetround() == direction ? 0 : 1; }));
    };
    for (const int other : directions_of_rounding) {
      std::jthread([&] { batch(other); }).join();
      for (const int direction : directions_of_rounding) batch(direction);
      EXPECT_EQ(missed, 0) << "after another thread rounded as " << other;
    }
  }

  const watchdog guard_;
};

INSTANTIATE_TEST_SUITE_P(Of, FloatingPoint, testing::Values(1, 2, 4, fanout::automatic));

TEST_P(FloatingPoint, EnvironmentOfAFreeCallIsThatOfItsCaller) {
  expect_that_of_the_caller(
      [](const actions& tasks) { fanout::execute_in_parallel(tasks, {.concurrency = GetParam()}); });
}

TEST_P(FloatingPoint, EnvironmentOfAnExecutorIsThatOfItsCaller) {
  executor some({.concurrency = GetParam()});
  expect_that_of_the_caller([&](const actions& tasks) { some.execute(tasks); });
}

TEST_P(FloatingPoint, EnvironmentOfAnInnerBatchIsThatOfItsTask) {
  expect_that_of_the_caller([](const actions& tasks) {
    const int direction = std::fegetround();
    const rounding outer(direction == FE_UPWARD ? FE_DOWNWARD : FE_UPWARD);
    fanout::execute_in_parallel(actions{[&] {
      const rounding inner(direction);
      fanout::execute_in_parallel(tasks, {.concurrency = GetParam()});
    }});
  });
}

TEST_P(FloatingPoint, EnvironmentOfAProgressCallbackIsThatOfTheCaller) {
  const rounding here(FE_UPWARD);
  std::atomic<int> missed = 0;
  fanout::execute_in_parallel(actions(100, [] {}), {
    .concurrency = GetParam(),
    .on_progress = [&](std::size_t, std::size_t) { missed += std::fegetround() == FE_UPWARD ? 0 : 1; },
  });
  EXPECT_EQ(missed, 0);
}

TEST_P(FloatingPoint, EnvironmentThatATaskLeavesBehindIsNotThatOfTheNextBatch) {
  const std::size_t size = GetParam() == fanout::automatic ? fanout::available_concurrency() : GetParam();
  const auto all_meet = [&](const std::function<void()>& then) {
    rendezvous all(size);
    fanout::execute_in_parallel(actions(size, [&] {
      EXPECT_TRUE(all.meet());
      then();
    }), {.concurrency = GetParam()});
  };
  const int before = std::fegetround();
  all_meet([] { std::fesetround(FE_UPWARD); });
  std::atomic<int> missed = 0;
  all_meet([&] { missed += std::fegetround() == before ? 0 : 1; });
  EXPECT_EQ(missed, 0);
}

TEST_P(FloatingPoint, TrapsOfTheCallerDoNotMeetWhatAThreadDidBefore) {
  const std::size_t size = GetParam() == fanout::automatic ? fanout::available_concurrency() : GetParam();
  const auto all_divide = [&](long double divisor) {
    rendezvous all(size);
    fanout::execute_in_parallel(actions(size, [&] {
      EXPECT_TRUE(all.meet());
      volatile long double by_x87 = divisor;
      volatile auto by_sse = static_cast<double>(divisor);
      by_x87 = by_x87 / divisor;
      by_sse = by_sse / static_cast<double>(divisor);
    }), {.concurrency = GetParam()});
  };
  std::feclearexcept(FE_ALL_EXCEPT);
  all_divide(0);
  std::feclearexcept(FE_ALL_EXCEPT);  // of this thread; the others keep theirs
  ::feenableexcept(FE_INVALID);
  all_divide(3);
  ::fedisableexcept(FE_INVALID);
}

TEST_P(FloatingPoint, TrapsOfTheCallerAreNotForFanoutsOwnArithmetic) {
  const fanout::run_options options{.concurrency = GetParam()};
  executor adaptive({.concurrency = GetParam(), .adaptive = true});
  ::feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW | FE_INEXACT);
  for (int round = 0; round != 3; ++round) {
    const auto work = [round](int) {
      if (round != 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
    };
    fanout::for_each_range(300, [&](int first, int last) {
      for (; first != last; ++first) work(first);
    }, options);
    fanout::map_in_parallel(300, work, options);
    adaptive.map(round == 0 ? 100'000 : 2'000, work);
  }
  ::fedisableexcept(FE_ALL_EXCEPT);
}

TEST_P(FloatingPoint, EnvironmentThatATaskLeavesBehindIsNotThatOfItsCaller) {
  const int before = std::fegetround();
  const auto round_up = [](int) { std::fesetround(FE_UPWARD); };
  const auto report_and_round_up = [](std::size_t, std::size_t) { std::fesetround(FE_UPWARD); };
  for (const int tasks : {1, 4, 100}) {
    fanout::map_in_parallel(tasks, round_up, {.concurrency = GetParam()});
    EXPECT_EQ(std::fegetround(), before) << tasks << " tasks";
    for (const auto interval : {std::chrono::hours(0), std::chrono::hours(1)}) {
      fanout::map_in_parallel(tasks, [](int) {}, {
        .concurrency = GetParam(),
        .on_progress = report_and_round_up,
        .progress_interval = interval,
      });
      EXPECT_EQ(std::fegetround(), before) << "progress of " << tasks << " tasks";
    }
  }
}

// A worker of oneTBB is lent: after the batch it computes for others as it did before.
TEST(FloatingPointOfAWorker, IsAsBeforeTheBatch) {
  if (under_thread_sanitizer) GTEST_SKIP() << "it does not see how oneTBB orders the turns of a loop";
  const std::size_t size = fanout::available_concurrency();
  const auto on_all = [&](const std::function<void()>& f) {
    rendezvous all(size);
    tbb::task_arena arena(static_cast<int>(size));
    arena.execute([&] {
      tbb::parallel_for(std::size_t{0}, size, [&](std::size_t) {
        EXPECT_TRUE(all.meet());
        f();
      }, tbb::simple_partitioner());
    });
  };
  std::atomic<int> missed = 0;
  const auto look = [&] { missed += std::fegetround() == FE_TONEAREST ? 0 : 1; };
  on_all(look);
  {
    const rounding here(FE_UPWARD);
    rendezvous all(size);
    fanout::execute_in_parallel(actions(size, [&] { EXPECT_TRUE(all.meet()); }));
  }
  on_all(look);
  EXPECT_EQ(missed, 0);
}

}  // namespace
