#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// `run_options::task_timeout`: a limit of time for each task.
namespace {

using namespace support;
using namespace std::chrono_literals;
using fanout::task_context;
using fanout::task_timed_out;

/// Calls `check` with the cause of the `task_error` that `call` throws.
template <class Call>
std::string cause_of(const Call& call) {
  const auto error = thrown_by<fanout::task_error>(call);
  try {
    error.rethrow_nested();
  } catch (const task_timed_out& e) {
    return e.what();
  } catch (...) {
  }
  return "another exception";
}

TEST(TaskTimeout, TellsTheTaskAndFailsIt) {
  EXPECT_EQ(cause_of([] {
    fanout::map_in_parallel(3, [](int i, const task_context& context) {
      if (i == 1) wait_for_stop(context);
      return i;
    }, {.concurrency = 1, .task_timeout = 20ms});
  }), "it took longer than 20 ms");
}

TEST(TaskTimeout, IsNeverEarlyAndReachesTokens) {
  for (const auto limit : {1ms, 5ms}) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(fanout::map_in_parallel(2, [](int, const task_context& context) {
      event stopped;
      const std::stop_callback on_stop(context.stop_token(), [&] { stopped.set(); });
      EXPECT_TRUE(stopped.wait());
      EXPECT_TRUE(context.stop_requested());
    }, {.concurrency = 1, .task_timeout = limit}), fanout::task_error);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, limit);
  }
}

TEST(TaskTimeout, CountsForEachTaskAlone) {
  const auto outcomes = fanout::settle_map(10, [](int i, const task_context& context) {
    if (i % 3 == 0) wait_for_stop(context);
    EXPECT_EQ(context.stop_requested(), i % 3 == 0);
    return i;
  }, {.concurrency = 2, .task_timeout = 100ms});
  for (std::size_t i = 0; i != outcomes.size(); ++i) EXPECT_EQ(outcomes[i].has_value(), i % 3 != 0) << i;
}

TEST(TaskTimeout, IsTheFailureWhateverTheTaskReturnsOrThrows) {
  const auto late_throw = [](int, const task_context& context) {
    wait_for_stop(context);
    throw std::runtime_error("given up");
  };
  EXPECT_EQ(cause_of([&] { fanout::map_in_parallel(1, late_throw, {.task_timeout = 5ms}); }),
            "it took longer than 5 ms, and then threw: given up");
  try {
    fanout::settle_map(1, late_throw, {.task_timeout = 5ms})[0].value();
    ADD_FAILURE();
  } catch (const fanout::task_error& e) {
    try {
      e.rethrow_nested();
    } catch (const task_timed_out& timed_out) {
      EXPECT_THROW(std::rethrow_if_nested(timed_out), std::runtime_error);
    }
  }
  try {
    thrown_by<fanout::task_error>([] {
      fanout::map_in_parallel(1, [](int, const task_context& context) { wait_for_stop(context); }, {.task_timeout = 5ms});
    }).rethrow_nested();
  } catch (const task_timed_out& timed_out) {
    EXPECT_NO_THROW(std::rethrow_if_nested(timed_out));
  }
}

TEST(TaskTimeout, KeepsThePlaceOfTheTaskUntilItHasReturned) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  EXPECT_THROW(fanout::map_in_parallel(6, [&](int, const task_context& context) {
    const int now = ++running;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    wait_for_stop(context);
    std::this_thread::sleep_for(2ms);
    --running;
  }, {.concurrency = 2, .on_error = fanout::error_policy::run_all, .task_timeout = 1ms}), fanout::aggregate_error);
  EXPECT_LE(most, 2);
}

TEST(TaskTimeout, IsNotThatOfTheBatch) {
  const auto waits = [](int, const task_context& context) { wait_for_stop(context); };
  EXPECT_THROW(fanout::map_in_parallel(2, waits, {.timeout = 5ms, .task_timeout = 1h}), fanout::deadline_exceeded);
  EXPECT_THROW(fanout::map_in_parallel(2, waits, {.timeout = 1h, .task_timeout = 5ms}), fanout::task_error);
}

TEST(TaskTimeout, StillSeesTheStopOfTheBatch) {
  std::stop_source stop;
  EXPECT_THROW(fanout::map_in_parallel(1, [&](int, const task_context& context) {
    event stopped;
    const std::stop_callback on_stop(context.stop_token(), [&] { stopped.set(); });
    stop.request_stop();
    EXPECT_TRUE(stopped.happened());
    EXPECT_TRUE(context.stop_token().stop_requested());
  }, {.stop = stop.get_token(), .task_timeout = 1h}), fanout::operation_cancelled);
}

TEST(TaskTimeout, HoldsForEveryKindOfBatch) {
  const fanout::run_options options{.concurrency = 2, .task_timeout = 5ms};
  const auto waits = [](int, const task_context& context) { wait_for_stop(context); };
  EXPECT_THROW(fanout::submit_map(2, waits, options).get(), fanout::task_error);
  EXPECT_THROW(fanout::for_each_range(2, [&](int, int, const task_context& context) { wait_for_stop(context); }, options),
               fanout::task_error);
  fanout::task_scope scope(options);
  scope.add([](const task_context& context) {
    event stopped;
    const std::stop_callback on_stop(context.stop_token(), [&] { stopped.set(); });
    EXPECT_TRUE(stopped.wait());
  });
  EXPECT_EQ(cause_of([&] { scope.join(); }), "it took longer than 5 ms");
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  const auto lent = pool.acquire();
  EXPECT_EQ(cause_of([&] { fanout::map_with_pool(1, pool, [](int, int&) {}, options); }).substr(0, 24),
            "it took longer than 5 ms");
}

TEST(TaskTimeout, IsInsideOfAround) {
  std::atomic<int> seen = 0;
  EXPECT_THROW(fanout::map_in_parallel(1, [](int, const task_context& context) { wait_for_stop(context); },
                                       {.task_timeout = 5ms, .around = [&](const task_context& context, const auto& body) {
                                         body();
                                         seen += context.stop_requested() ? 1 : 0;
                                       }}),
               fanout::task_error);
  EXPECT_EQ(seen, 1);
}

TEST(TaskTimeout, OfManyShortTasksChangesNothing) {
  for (const std::size_t limit : {1U, 2U, 8U}) {
    const auto doubled = fanout::map_in_parallel(5'000, [](int i) { return 2 * i; },
                                                 {.concurrency = limit, .task_timeout = 1h});
    EXPECT_EQ(doubled[4'999], 9'998);
  }
}

TEST(TaskTimeout, OfTasksThatEndAtThatMomentIsDecidedOnce) {
  std::size_t failed = 0;
  for (int round = 0; round != 20; ++round) {
    const auto outcomes = fanout::settle_map(20, [](int i) {
      std::this_thread::sleep_for(std::chrono::microseconds(190 + i));
      return i;
    }, {.concurrency = 2, .task_timeout = 250us});
    for (const auto& each : outcomes) {
      EXPECT_FALSE(each.cancelled());
      failed += each.has_value() ? 0U : 1U;
    }
  }
  EXPECT_LE(failed, 400U);
}

TEST(TaskTimeout, MustBeMoreThanNothing) {
  for (const auto limit : {0ns, -1ns}) {
    EXPECT_THROW(fanout::map_in_parallel(1, [](int) {}, {.task_timeout = limit}), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(fanout::submit_map(1, [](int) {}, {.task_timeout = limit})), std::invalid_argument);
    EXPECT_THROW(fanout::task_scope({.task_timeout = limit}), std::invalid_argument);
  }
}

}  // namespace
