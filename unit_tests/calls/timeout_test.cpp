#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// `run_options::timeout`: of every call, and with everything that a batch may wait for.
namespace {

using namespace support;
using namespace std::chrono_literals;
using fanout::deadline_exceeded;
using fanout::task_context;

/// Occupies an executor of 1 until it is destroyed.
class occupied {
 public:
  explicit occupied(const fanout::executor& on)
      : batch_(on.submit_map(1, [this](int) {
          running_.set();
          static_cast<void>(over_.wait());
        })) {
    EXPECT_TRUE(running_.wait());
  }
  ~occupied() { over_.set(); }

 private:
  event running_;
  event over_;
  fanout::batch<void> batch_;
};

TEST(Timeout, StopsTheBatchWhichSaysSo) {
  std::atomic<int> started = 0;
  const auto call = [&] {
    fanout::map_in_parallel(1'000, [&](int, const task_context& context) {
      ++started;
      wait_for_stop(context);
    }, {.concurrency = 2, .timeout = 20ms});
  };
  const auto error = thrown_by<deadline_exceeded>(call);
  EXPECT_LE(error.completed(), 2U);
  EXPECT_EQ(error.completed(), static_cast<std::size_t>(started.load()));
  EXPECT_EQ(error.total(), 1'000U);
  EXPECT_EQ(std::string(error.what()), "the time limit was over after " + std::to_string(started) + " of 1000 tasks");
  EXPECT_THROW(call(), fanout::operation_cancelled);
}

TEST(Timeout, IsNeverEarly) {
  for (const auto limit : {1ms, 3ms, 10ms}) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THROW(fanout::map_in_parallel(1, [](int, const task_context& context) { wait_for_stop(context); },
                                         {.timeout = limit}),
                 deadline_exceeded);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, limit);
  }
}

TEST(Timeout, OfABatchThatEndsInTimeChangesNothing) {
  for (const auto limit : {std::chrono::nanoseconds(1h), fanout::no_limit, fanout::no_limit - 1ns}) {
    std::vector<int> squares(10);
    for (int i = 0; i != 10; ++i) squares[static_cast<std::size_t>(i)] = i * i;
    EXPECT_EQ(fanout::map_in_parallel(10, [](int i) { return i * i; }, {.timeout = limit}), squares);
  }
}

TEST(Timeout, ThatIsOverAtOnceLetsNoTaskStart) {
  for (const auto limit : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
    std::atomic<int> ran = 0;
    const auto error = thrown_by<deadline_exceeded>([&] {
      fanout::map_in_parallel(10, [&](int) { ++ran; }, {.timeout = limit});
    });
    EXPECT_EQ(error.completed(), 0U);
    EXPECT_THROW(fanout::submit_map(10, [&](int) { ++ran; }, {.timeout = limit}).get(), deadline_exceeded);
    EXPECT_EQ(ran, 0);
    EXPECT_NO_THROW(fanout::map_in_parallel(0, [&](int) { ++ran; }, {.timeout = limit}));
  }
}

TEST(Timeout, ReachesTheTokensOfTasks) {
  EXPECT_THROW(fanout::map_in_parallel(2, [](int, const task_context& context) {
    event stopped;
    const std::stop_callback on_stop(context.stop_token(), [&] { stopped.set(); });
    EXPECT_TRUE(stopped.wait());
  }, {.concurrency = 2, .timeout = 5ms}), deadline_exceeded);
}

TEST(Timeout, OfAnOuterBatchEndsAnInnerOneThatHasItsToken) {
  const auto outer = [](int, const task_context& context) {
    EXPECT_THROW(fanout::map_in_parallel(2, [](int, const task_context& inner) { wait_for_stop(inner); },
                                         {.stop = context.stop_token()}),
                 fanout::operation_cancelled);
  };
  EXPECT_THROW(fanout::map_in_parallel(2, outer, {.timeout = 5ms}), deadline_exceeded);
}

TEST(Timeout, CountsTheWaitForAnExecutor) {
  const fanout::executor busy({.concurrency = 1});
  const occupied until_the_end(busy);
  std::atomic<int> ran = 0;
  EXPECT_THROW(busy.map(3, [&](int) { ++ran; }, {.timeout = 5ms}), deadline_exceeded);
  auto submitted = busy.submit_map(3, [&](int) { ++ran; }, {.timeout = 5ms});
  EXPECT_TRUE(submitted.wait_for(patience));
  EXPECT_THROW(submitted.get(), deadline_exceeded);
  EXPECT_EQ(ran, 0);
}

TEST(Timeout, CountsTheWaitForAPool) {
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  const auto lent = pool.acquire();
  EXPECT_THROW(fanout::map_with_pool(3, pool, [](int, int&) {}, {.timeout = 5ms}), deadline_exceeded);
}

TEST(Timeout, ComesAfterWhatCameFirst) {
  std::stop_source stop;
  const auto stops_first = [&] {
    fanout::map_in_parallel(1, [&](int) {
      stop.request_stop();
      std::this_thread::sleep_for(400ms);
    }, {.stop = stop.get_token(), .timeout = 300ms});
  };
  try {
    stops_first();
  } catch (const deadline_exceeded&) {
    ADD_FAILURE() << "the stop came first";
  } catch (const fanout::operation_cancelled&) {
  }
  EXPECT_THROW(fanout::map_in_parallel(2, [](int i, const task_context& context) {
    if (i == 0) throw i;
    wait_for_stop(context);
    std::this_thread::sleep_for(400ms);
  }, {.concurrency = 2, .timeout = 300ms}), fanout::task_error);
}

TEST(Timeout, TellsTheFailuresBeforeIt) {
  const auto error = thrown_by<deadline_exceeded>([&] {
    fanout::map_in_parallel(3, [](int i, const task_context& context) {
      if (i == 0) throw std::runtime_error("first");
      wait_for_stop(context);
    }, {.concurrency = 1, .on_error = fanout::error_policy::run_all, .timeout = 200ms});
  });
  ASSERT_EQ(error.errors().size(), 1U);
  EXPECT_EQ(error.errors()[0].index(), 0U);
  EXPECT_EQ(std::string(error.what()), "the time limit was over after 2 of 3 tasks, 1 of which failed");
}

TEST(Timeout, IsDataWhereOutcomesAre) {
  const auto outcomes = fanout::settle_map(3, [](int i, const task_context& context) {
    if (i == 1) wait_for_stop(context);
    return i;
  }, {.concurrency = 1, .timeout = 20ms});
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_TRUE(outcomes[2].cancelled());
}

TEST(Timeout, DoesNotStopTheProgressCallback) {
  std::size_t told = 0;
  fanout::map_in_parallel(10, [](int) {}, {.on_progress = [&](std::size_t n, std::size_t) { told = n; }, .timeout = 1h});
  EXPECT_EQ(told, 10U);
}

TEST(Timeout, OfManyHandlesIsThatOfEach) {
  constexpr int handles = 30;
  std::vector<fanout::batch<void>> batches;
  for (int i = 0; i != handles; ++i) {
    batches.push_back(fanout::submit_map(1, [](int, const task_context& context) { wait_for_stop(context); },
                                         {.timeout = 1ms * ((i * 7) % handles)}));
  }
  for (auto& each : batches) EXPECT_THROW(each.get(), deadline_exceeded);
}

TEST(Timeout, OfHandlesThatAreDroppedAtEveryMomentLeavesNothing) {
  for (int i = 0; i != 300; ++i) {
    const auto dropped = fanout::submit_map(3, [](int) {}, {.timeout = std::chrono::microseconds(i)});
    if (i % 3 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i));
  }
}

TEST(Timeout, OfAScopeCountsFromItsConstructor) {
  fanout::task_scope scope({.concurrency = 2, .timeout = 5ms});
  scope.add([](const task_context& context) { wait_for_stop(context); });
  const auto error = thrown_by<deadline_exceeded>([&] { scope.join(); });
  EXPECT_EQ(error.total(), 1U);
}

TEST(Timeout, OfAScopeThatHasNothingLeftToDoDoesNotCount) {
  fanout::task_scope scope({.timeout = 500ms});
  event ran;
  scope.add([&] { ran.set(); });
  ASSERT_TRUE(ran.wait());
  std::this_thread::sleep_for(600ms);
  try {
    scope.join();
  } catch (const deadline_exceeded& e) {  // the task had not quite ended on a loaded machine
    EXPECT_EQ(e.completed(), 1U);
  }
}

TEST(Timeout, OfAStreamReachesItsReader) {
  std::size_t read = 0;
  const auto call = [&] {
    for (const int each : fanout::stream_in_parallel(std::views::iota(0), [](int i, const task_context& context) {
           if (i == 3) wait_for_stop(context);
           return i;
         }, {.concurrency = 2, .timeout = 20ms})) {
      EXPECT_EQ(static_cast<std::size_t>(each), read++);
    }
  };
  EXPECT_THROW(call(), deadline_exceeded);
  EXPECT_LE(read, 4U);
}

TEST(Seed, IsAFunctionOfTheOptionAndTheIndexAlone) {
  const auto seeds = [](std::uint64_t seed, std::size_t limit) {
    return fanout::map_in_parallel(100, [](int, const task_context& context) { return context.seed(); },
                                   {.concurrency = limit, .seed = seed});
  };
  const auto first = seeds(7, 1);
  EXPECT_EQ(seeds(7, 4), first);
  EXPECT_NE(seeds(8, 4), first);
  EXPECT_EQ(first[0], 7191089600892374487U);
  auto sorted = first;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());

  EXPECT_EQ(fanout::submit_map(100, [](int, const task_context& context) { return context.seed(); }, {.seed = 7}).get(),
            first);
  std::vector<std::uint64_t> streamed;
  for (const auto each : fanout::stream_in_parallel(std::views::iota(0, 100),
                                                    [](int, const task_context& context) { return context.seed(); },
                                                    {.seed = 7})) {
    streamed.push_back(each);
  }
  EXPECT_EQ(streamed, first);
  std::atomic<std::uint64_t> in_scope = 0;
  fanout::task_scope scope({.seed = 7});
  scope.add([&](const task_context& context) { in_scope = context.seed(); });
  scope.join();
  EXPECT_EQ(in_scope, first[0]);
}

}  // namespace
