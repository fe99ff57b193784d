#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <ostream>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "promises/cancellation.hpp"
#include "support.hpp"

/// Promise 8: after a stop no task starts, and the call tells how far it came.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::executor_options;
using fanout::operation_cancelled;
using fanout::run_options;
using fanout::task_context;

using task = std::function<void(const task_context&)>;

std::stop_token requested() {
  std::stop_source source;
  source.request_stop();
  return source.get_token();
}

// ── Before ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise8Cancellation, BeforeTheCallLetsNothingStart) {
  std::atomic<int> ran = 0;
  executor three({.concurrency = 3});
  executor one({.concurrency = 1});
  const std::vector tasks(10, [&] { ++ran; });
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { execute_in_parallel(tasks, {.stop = requested()}); },
           [&] { execute_in_parallel(tasks, {.concurrency = 1, .stop = requested()}); },
           [&] { execute_in_parallel(tasks, {.concurrency = 200, .stop = requested()}); },
           [&] { three.execute(tasks, {.stop = requested()}); }, [&] { one.execute(tasks, {.stop = requested()}); },
           [&] { fanout::map_in_parallel(tasks, [](auto& each) { each(); }, {.stop = requested()}); }}) {
    const auto error = cancellation_of(call);
    EXPECT_EQ(error.completed(), 0U);
    EXPECT_EQ(error.total(), 10U);
    EXPECT_TRUE(error.errors().empty());
  }
  EXPECT_EQ(ran, 0);
}

TEST(Promise8Cancellation, BeforeTheCallTellsNoProgress) {
  int calls = 0;
  run_options options{.concurrency = 2, .stop = requested()};
  options.on_progress = [&](std::size_t, std::size_t) { ++calls; };
  EXPECT_THROW(execute_in_parallel(std::vector(10, [] {}), options), operation_cancelled);
  EXPECT_EQ(calls, 0);
}

TEST(Promise8Cancellation, OfAnEmptyBatchChangesNothing) {
  EXPECT_TRUE(execute_in_parallel(std::vector<std::function<int()>>(), {.stop = requested()}).empty());
}

struct kind_of_executor {
  const char* name;
  executor_options options;
};
void PrintTo(const kind_of_executor& kind, std::ostream* out) { *out << kind.name; }

class Promise8CancellationOnABusyExecutor : public testing::TestWithParam<kind_of_executor> {};

std::vector<std::function<void()>> functions(std::size_t count) {
  return std::vector<std::function<void()>>(count, [] { ADD_FAILURE() << "started"; });
}

TEST_P(Promise8CancellationOnABusyExecutor, BeforeTheCallWaitsForNoPlaceHoweverManyFunctionsThereAre) {
  for (const std::size_t count : {16'383U, 16'384U, 100'000U}) {
    const auto tasks = functions(count);
    executor busy(GetParam().options);
    full_house others(busy);
    const auto error = cancellation_of([&] { busy.execute(tasks, {.stop = requested()}); });
    EXPECT_EQ(error.total(), count);
    EXPECT_EQ(error.completed(), 0U);
    EXPECT_EQ(cancellation_of([&] { busy.execute(tasks, {.concurrency = 1, .stop = requested()}); }).total(), count);
    for (const auto& each : busy.settle(tasks, {.stop = requested()})) ASSERT_TRUE(each.cancelled());
    EXPECT_TRUE(others.held_until_now()) << "a call waited for a place, with " << count << " tasks";
  }
}

// The batch waits for a place, and it is the wait that the request ends.
TEST_P(Promise8CancellationOnABusyExecutor, MeanwhileEndsTheWaitHoweverManyFunctionsThereAre) {
  for (const std::size_t count : {16'383U, 16'384U, 100'000U}) {
    const auto tasks = functions(count);
    executor busy(GetParam().options);
    full_house others(busy);
    std::stop_source source;
    std::jthread requester([&] {
      std::this_thread::sleep_for(1ms);  // more often than not the call waits by then
      source.request_stop();
    });
    EXPECT_EQ(cancellation_of([&] { busy.execute(tasks, {.stop = source.get_token()}); }).total(), count);
    EXPECT_TRUE(others.held_until_now()) << "the call waited for a place, with " << count << " tasks";
  }
}

INSTANTIATE_TEST_SUITE_P(Executors, Promise8CancellationOnABusyExecutor,
                         testing::Values(kind_of_executor{"one", {.concurrency = 1}},
                                         kind_of_executor{"two", {.concurrency = 2}},
                                         kind_of_executor{"automatic", {}},
                                         kind_of_executor{"adaptive", {.concurrency = 4, .adaptive = true}}));

// ── During ──────────────────────────────────────────────────────────────────────────────────────────────────────

class Promise8CancellationAtLimit : public testing::TestWithParam<std::size_t> {};

TEST_P(Promise8CancellationAtLimit, FromWithinATaskLetsNoTaskStart) {
  std::stop_source source;
  std::atomic<std::size_t> ran = 0;
  std::atomic<int> started_late = 0;
  const std::vector<task> tasks(100'000, [&](const task_context& context) {
    if (context.stop_requested()) ++started_late;
    ++ran;
    if (context.index() == 1'000) {
      source.request_stop();
      EXPECT_TRUE(context.stop_requested());
    }
  });
  const auto error =
      cancellation_of([&] { execute_in_parallel(tasks, {.concurrency = GetParam(), .stop = source.get_token()}); });
  EXPECT_EQ(error.completed(), ran);
  EXPECT_EQ(error.total(), tasks.size());
  EXPECT_LT(ran, tasks.size());
  EXPECT_LT(started_late, static_cast<int>(GetParam()));  // between a runner's look and the task's
}

TEST_P(Promise8CancellationAtLimit, FromAnotherThreadIsSeenByRunningTasks) {
  std::stop_source source;
  event running;
  std::jthread requester([&] {
    EXPECT_TRUE(running.wait());
    source.request_stop();
  });
  const std::vector<task> tasks(1'000, [&](const task_context& context) {
    running.set();
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!context.stop_requested() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  const auto error =
      cancellation_of([&] { execute_in_parallel(tasks, {.concurrency = GetParam(), .stop = source.get_token()}); });
  EXPECT_GE(error.completed(), 1U);
  EXPECT_LE(error.completed(), GetParam());
}

// A batch of many runners, of which few have come: it takes a while to tell them all.
TEST(Promise8Cancellation, LetsNoTaskStartOnAThreadThatHasSeenIt) {
  // A round takes milliseconds; 0.2 s under ThreadSanitizer, and where coverage is counted.
  const auto end = std::chrono::steady_clock::now() + 10s;
  for (int round = 0; round != 300 && (round == 0 || std::chrono::steady_clock::now() < end); ++round) {
    std::stop_source source;
    std::atomic<int> started_afterwards = 0;
    std::atomic<bool> begun = false;
    const auto note = [&, round](const task_context& context) {
      thread_local int saw_it_in_round = -1;
      if (saw_it_in_round == round) ++started_afterwards;
      if (!begun.load(std::memory_order_relaxed)) begun = true;
      for (int i = 0; i != 100; ++i) {
        if (context.stop_requested()) saw_it_in_round = round;
      }
    };
    std::jthread stopping([&] {
      while (!begun) std::this_thread::yield();
      source.request_stop();
    });
    try {
      execute_in_parallel(std::vector(200'000, note), {.concurrency = 200, .stop = source.get_token()});
    } catch (const operation_cancelled&) {  // or it was over before
    }
    ASSERT_EQ(started_afterwards, 0) << "in round " << round;
  }
}

TEST_P(Promise8CancellationAtLimit, FromWithinTheProgressCallbackStopsTheBatch) {
  std::stop_source source;
  run_options options{.concurrency = GetParam(), .stop = source.get_token()};
  options.on_progress = [&](std::size_t completed, std::size_t) {
    if (completed >= 5) source.request_stop();
  };
  const auto error = cancellation_of([&] { execute_in_parallel(std::vector(100'000, [] {}), options); });
  EXPECT_GE(error.completed(), 5U);
  EXPECT_LT(error.completed(), 100'000U);
}

TEST_P(Promise8CancellationAtLimit, FromWithinTheLastProgressCallbackChangesNothing) {
  for (const auto interval : {0ns, 3'600'000'000'000ns}) {
    std::stop_source source;
    run_options options{.concurrency = GetParam(), .progress_interval = interval, .stop = source.get_token()};
    options.on_progress = [&](std::size_t completed, std::size_t total) {
      if (completed == total) source.request_stop();
    };
    EXPECT_EQ(execute_in_parallel(std::vector(100, [] { return 1; }), options), std::vector(100, 1));
    EXPECT_TRUE(source.stop_requested());
  }
}

INSTANTIATE_TEST_SUITE_P(Limits, Promise8CancellationAtLimit, testing::Values(1, 2, 4));

TEST(Promise8Cancellation, FromWithinTheLastTaskIsACancellationOfAllTasks) {
  std::stop_source source;
  const std::vector<task> tasks(5, [&](const task_context& context) {
    if (context.index() == 4) source.request_stop();
  });
  const auto error =
      cancellation_of([&] { execute_in_parallel(tasks, {.concurrency = 1, .stop = source.get_token()}); });
  EXPECT_EQ(error.completed(), 5U);
  EXPECT_EQ(error.total(), 5U);
}

// ── After ───────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise8Cancellation, AfterTheLastTaskChangesNothing) {
  std::stop_source source;
  const auto results = execute_in_parallel(std::vector(3, [] { return 1; }), {.stop = source.get_token()});
  source.request_stop();
  EXPECT_EQ(results, std::vector(3, 1));
}

TEST(Promise8Cancellation, ThatIsPossibleButNeverComesChangesNothing) {
  const std::stop_source source;
  std::vector<int> expected(10'000);
  std::iota(expected.begin(), expected.end(), 0);
  const std::vector tasks(10'000, [](const task_context& context) { return static_cast<int>(context.index()); });
  EXPECT_EQ(execute_in_parallel(tasks, {.concurrency = 3, .stop = source.get_token()}), expected);
}

// Whenever the request comes, a call either returns everything or says what is missing.
TEST(Promise8Cancellation, AtAnyMomentGivesAllResultsOrTheTruth) {
  for (int round = 0; round != 500; ++round) {
    std::stop_source source;
    std::atomic<std::size_t> ran = 0;
    std::jthread requester([&] {
      compute_for(std::chrono::microseconds(round / 5));
      source.request_stop();
    });
    try {
      const auto results = execute_in_parallel(std::vector(200, [&] { return ++ran != 0 ? 1 : 0; }),
                                               {.concurrency = 3, .stop = source.get_token()});
      ASSERT_EQ(results, std::vector(200, 1));
    } catch (const operation_cancelled& e) {
      ASSERT_EQ(e.completed(), ran);
      ASSERT_EQ(e.total(), 200U);
    }
  }
}

// ── Nesting ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise8Cancellation, ReachesThroughALadderOfBatches) {
  std::stop_source source;
  std::atomic<int> leaves = 0;
  const std::function<void(int, std::stop_token)> descend = [&](int depth, std::stop_token stop) {
    if (depth == 0) {
      if (++leaves == 5) source.request_stop();
      return;
    }
    execute_in_parallel(
        std::vector<task>(4, [&](const task_context& context) { descend(depth - 1, context.stop_token()); }),
        {.concurrency = 1, .stop = std::move(stop)});
  };
  EXPECT_THROW(descend(4, source.get_token()), operation_cancelled);
  EXPECT_EQ(leaves, 5);
}

TEST(Promise8Cancellation, OfOneBatchLeavesTheOthersOfAnExecutorAlone) {
  executor three({.concurrency = 3});
  std::atomic<int> cancelled = 0;
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != 100; ++round) {
      std::stop_source source;
      const std::vector<task> tasks(20, [&](const task_context& context) {
        if (number == 0 && context.index() == 3) source.request_stop();
      });
      try {
        three.execute(tasks, {.stop = source.get_token()});
        EXPECT_NE(number, 0U);
      } catch (const operation_cancelled&) {
        EXPECT_EQ(number, 0U);
        ++cancelled;
      }
    }
  });
  EXPECT_EQ(cancelled, 100);
}

}  // namespace
