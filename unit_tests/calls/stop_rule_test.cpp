#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Batches that end when they have seen enough: `run_options::stop_when`, and `first_in_parallel`.
namespace {

using namespace support;
using namespace std::chrono_literals;
using fanout::failed_share;
using fanout::failures;
using fanout::successes;
using fanout::task_context;

TEST(StopRule, OfFailuresStopsAtThatNumber) {
  std::atomic<int> started = 0;
  const auto error = thrown_by<fanout::aggregate_error>([&] {
    fanout::map_in_parallel(100, [&](int i) {
      ++started;
      if (i % 2 == 1) throw std::runtime_error(std::to_string(i));
    }, {.concurrency = 1, .stop_when = failures(3)});
  });
  ASSERT_EQ(error.errors().size(), 3U);
  EXPECT_EQ(error.errors()[2].index(), 5U);
  EXPECT_EQ(started, 6);
}

TEST(StopRule, OfFailuresLetsFewerPass) {
  const auto run = [](int failing) {
    fanout::map_in_parallel(100, [&](int i) {
      if (i < failing) throw i;
    }, {.concurrency = 4, .stop_when = failures(3)});
  };
  EXPECT_NO_THROW(run(0));
  EXPECT_EQ(thrown_by<fanout::aggregate_error>([&] { run(2); }).errors().size(), 2U);
}

TEST(StopRule, CountsWhatHasEndedNotWhatHasStarted) {
  rendezvous both(2);
  const auto error = thrown_by<fanout::aggregate_error>([&] {
    fanout::map_in_parallel(50, [&](int i, const task_context& context) {
      static_cast<void>(both.meet());
      if (i == 0) throw i;
      while (!context.stop_requested()) std::this_thread::yield();
      throw i;  // it ran when the rule was fulfilled, so its failure is told
    }, {.concurrency = 2, .stop_when = failures(1)});
  });
  EXPECT_EQ(error.errors().size(), 2U);
}

TEST(StopRule, OfAShareWaitsForEnoughTasks) {
  std::atomic<int> started = 0;
  const auto run = [&](double share, std::size_t at_least) {
    started = 0;
    try {
      fanout::map_in_parallel(1'000, [&](int i) {
        ++started;
        if (i % 4 == 0) throw i;
      }, {.concurrency = 1, .stop_when = failed_share(share, at_least)});
    } catch (const fanout::aggregate_error&) {
    }
    return started.load();
  };
  EXPECT_EQ(run(0.25, 20), 20);
  EXPECT_EQ(run(0.25, 0), 1);
  EXPECT_EQ(run(0.26, 1'000), 1'000);
  EXPECT_EQ(run(0.3, 2), 2);
  EXPECT_EQ(run(0.257, 100), 101);  // 26 of 101
}

TEST(StopRule, OfAShareIsExactHoweverTheProductIsRounded) {
  for (const int direction : directions_of_rounding) {
    const rounding here(direction);
    volatile double seven_percent = 0.07;  // times 100 is rounded up to more than 7
    volatile double tenth = 0.1;
    EXPECT_TRUE(fanout::failed_share(seven_percent).stops(100, 7)) << direction;
    EXPECT_TRUE(fanout::failed_share(tenth, 2).stops(10, 1)) << direction;
    EXPECT_FALSE(fanout::failed_share(tenth, 2).stops(11, 1)) << direction;
    EXPECT_FALSE(fanout::failed_share(seven_percent).stops(101, 7)) << direction;
  }
}

TEST(StopRule, OfSuccessesKeepsWhatThereIsAsOutcomes) {
  const auto outcomes = fanout::settle_map(100, [](int i) {
    if (i == 1) throw i;
    return i;
  }, {.concurrency = 1, .stop_when = successes(3)});
  EXPECT_EQ(outcomes[0].value(), 0);
  EXPECT_FALSE(outcomes[1].has_value());
  EXPECT_FALSE(outcomes[1].cancelled());
  EXPECT_EQ(outcomes[3].value(), 3);
  EXPECT_TRUE(outcomes[4].cancelled());
  EXPECT_TRUE(outcomes[99].cancelled());
}

TEST(StopRule, OfFailuresThatAreDataCountsThem) {
  const auto outcomes = fanout::settle_map(100, [](int i) -> int { throw i; },
                                           {.concurrency = 1, .stop_when = failures(7)});
  EXPECT_FALSE(outcomes[6].cancelled());
  EXPECT_TRUE(outcomes[7].cancelled());
}

TEST(StopRule, WithoutAFailureIsACancellation) {
  const auto error = thrown_by<fanout::operation_cancelled>([] {
    fanout::map_in_parallel(100, [](int) {}, {.concurrency = 1, .stop_when = successes(3)});
  });
  EXPECT_EQ(error.completed(), 3U);
  EXPECT_EQ(error.total(), 100U);
}

TEST(StopRule, ThatTheLastTaskFulfilsChangesNothing) {
  EXPECT_EQ(fanout::map_in_parallel(3, [](int i) { return i; }, {.stop_when = successes(3)}),
            (std::vector<int>{0, 1, 2}));
  fanout::task_scope scope({.stop_when = successes(1)});
  scope.add([] {});
  EXPECT_NO_THROW(scope.join());
}

TEST(StopRule, StopsAScopeAHandleAndABatchWithALimitOfTime) {
  std::atomic<int> ran = 0;
  const auto fails = [&](int) {
    ++ran;
    throw 1;
  };
  const fanout::run_options options{.concurrency = 1, .timeout = 1h, .stop_when = failures(2)};
  EXPECT_THROW(fanout::map_in_parallel(100, fails, options), fanout::aggregate_error);
  EXPECT_EQ(ran.exchange(0), 2);
  EXPECT_THROW(fanout::submit_map(100, fails, options).get(), fanout::aggregate_error);
  EXPECT_EQ(ran.exchange(0), 2);
  fanout::task_scope scope(options);
  for (int i = 0; i != 100; ++i) scope.add([&] { fails(0); });
  EXPECT_THROW(scope.join(), fanout::aggregate_error);
  EXPECT_EQ(ran, 2);
}

TEST(StopRule, IsRefusedIfItCannotBeMeant) {
  EXPECT_THROW(failures(0), std::invalid_argument);
  EXPECT_THROW(successes(0), std::invalid_argument);
  for (const double share : {0.0, -0.5, 1.01, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_THROW(failed_share(share), std::invalid_argument);
  EXPECT_FALSE(fanout::stop_rule().is_set());
}

using tasks = std::vector<std::function<std::string(const task_context&)>>;

std::string stopped(const task_context& context) {
  wait_for_stop(context);
  return "late";
}

TEST(First, GivesTheIndexAndValueOfTheFirstThatReturns) {
  const tasks mirrors{stopped, [](const task_context&) -> std::string { throw std::runtime_error("down"); },
                      [](const task_context&) { return std::string("page"); }, stopped};
  const auto first = fanout::first_in_parallel(mirrors, {.concurrency = 3});
  EXPECT_EQ(first.index, 2U);
  EXPECT_EQ(first.value, "page");
  const fanout::executor three({.concurrency = 3});
  EXPECT_EQ(three.first(mirrors).value, "page");
}

TEST(First, OfTasksThatAllFailTellsAll) {
  const std::vector<std::function<int()>> failing(5, []() -> int { throw std::runtime_error("no"); });
  EXPECT_EQ(thrown_by<fanout::aggregate_error>([&] { fanout::first_in_parallel(failing); }).errors().size(), 5U);
  const auto error = thrown_by<fanout::aggregate_error>([&] {
    fanout::first_in_parallel(failing, {.concurrency = 1, .stop_when = failures(2)});
  });
  EXPECT_EQ(error.errors().size(), 2U);
}

TEST(First, OfTasksThatReturnNothingOrMoveOnly) {
  EXPECT_LT(fanout::first_in_parallel(std::vector<std::function<void()>>(3, [] {})).index, 3U);
  const auto make = [](int i) { return [i] { return std::make_unique<int>(i); }; };
  const std::vector making{make(4), make(5)};
  EXPECT_EQ(*fanout::first_in_parallel(making, 1).value, 4);
}

TEST(First, StartsNoTaskAfterIt) {
  std::atomic<int> started = 0;
  const std::vector<std::function<int()>> counting(100, [&] { return ++started; });
  EXPECT_EQ(fanout::first_in_parallel(counting, 1).index, 0U);
  EXPECT_EQ(started, 1);
}

TEST(First, ThatIsStoppedSaysSo) {
  std::stop_source stop;
  const tasks waiting(3, [&](const task_context& context) {
    stop.request_stop();
    while (!context.stop_requested()) std::this_thread::yield();
    throw std::runtime_error("stopped");
    return std::string();
  });
  EXPECT_THROW(fanout::first_in_parallel(waiting, {.stop = stop.get_token()}), fanout::operation_cancelled);
  const tasks slow(3, [](const task_context& context) -> std::string {
    static_cast<void>(stopped(context));
    throw std::runtime_error("stopped");
  });
  EXPECT_THROW(fanout::first_in_parallel(slow, {.timeout = 5ms}), fanout::deadline_exceeded);
}

TEST(First, ThatComesAfterAStopIsDropped) {
  std::stop_source stop;
  const auto first = [&](auto result) {
    const std::vector<std::function<decltype(result)()>> stopping(2, [&] {
      stop.request_stop();
      return result;
    });
    stop = std::stop_source();
    static_cast<void>(fanout::first_in_parallel(stopping, {.concurrency = 1, .stop = stop.get_token()}));
  };
  EXPECT_THROW(first(1), fanout::operation_cancelled);
  const std::vector<std::function<void()>> without_result(2, [&] { stop.request_stop(); });
  stop = std::stop_source();
  EXPECT_THROW(static_cast<void>(fanout::first_in_parallel(without_result, {.stop = stop.get_token()})),
               fanout::operation_cancelled);
}

TEST(First, CallsAProgressCallbackNoMoreAfterItHasThrown) {
  event both_run;
  event callback_throws;
  int calls = 0;
  const std::vector<std::function<int()>> two{[&] { return both_run.wait() ? 1 : 0; },
                                              [&] {
                                                both_run.set();
                                                return callback_throws.wait() ? 2 : 0;
                                              }};
  const auto on_progress = [&](std::size_t, std::size_t) {
    ++calls;
    callback_throws.set();
    throw std::runtime_error("too late");
  };
  const auto first = fanout::first_in_parallel(two, {.concurrency = 2, .on_progress = on_progress});
  EXPECT_EQ(first.value, 1) << "it came before the exception";
  EXPECT_EQ(calls, 1);
}

TEST(First, OfNoTasksIsRefused) {
  EXPECT_THROW(fanout::first_in_parallel(tasks{}), std::invalid_argument);
}

}  // namespace
