#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// `run_options::retry`: tasks that are tried again.
namespace {

using namespace support;
using namespace std::chrono_literals;
using fanout::task_context;

/// A task that fails at its first attempts. Counts them.
struct fails_first {
  explicit fails_first(std::size_t tasks, unsigned failures) : attempts(tasks), most(failures) {}

  std::size_t operator()(std::size_t index, const task_context& context) {
    EXPECT_EQ(context.index(), index);
    EXPECT_EQ(context.attempt(), ++attempts[index]);
    if (context.attempt() <= most) throw std::runtime_error("attempt " + std::to_string(context.attempt()));
    return index;
  }

  std::vector<unsigned> attempts;
  unsigned most;
};

TEST(Retry, TriesAgainUntilTheTaskReturns) {
  for (const auto limit : std::initializer_list<std::size_t>{1, 2, 4}) {
    for (const auto size : std::initializer_list<std::size_t>{1, 2, 3, 4, 5, 1000}) {
      fails_first task(size, 2);
      const auto results = fanout::map_in_parallel(size, std::ref(task), {.concurrency = limit, .retry = {.again = 2}});
      for (std::size_t i = 0; i != size; ++i) EXPECT_EQ(results[i], i);
      EXPECT_EQ(task.attempts, std::vector<unsigned>(size, 3));
    }
  }
}

TEST(Retry, ThrowsTheFailureOfTheLastAttempt) {
  fails_first task(1, 100);
  const auto error = thrown_by<fanout::task_error>([&] {
    fanout::map_in_parallel(std::size_t{1}, std::ref(task), {.retry = {.again = 3}});
  });
  EXPECT_STREQ(error.what(), "task 0 failed after 4 attempts: attempt 4");
  EXPECT_EQ(error.attempts(), 4U);
  EXPECT_THROW(error.rethrow_nested(), std::runtime_error);
  EXPECT_EQ(task.attempts[0], 4U);
}

TEST(Retry, CountsForEachTaskAlone) {
  fails_first task(20, 1);
  const auto error = thrown_by<fanout::aggregate_error>([&] {
    fanout::map_in_parallel(20, [&](std::size_t i, const task_context& context) {
      if (i % 5 == 0) throw std::runtime_error("always");
      return task(i, context);
    }, {.concurrency = 3, .on_error = fanout::error_policy::run_all, .retry = {.again = 1}});
  });
  EXPECT_EQ(error.errors().size(), 4U);
  for (const auto& each : error.errors()) EXPECT_EQ(each.attempts(), 2U);
}

TEST(Retry, GivesThePlaceAwayDuringAPause) {
  std::atomic<int> others{0};
  const auto results = fanout::map_in_parallel(50, [&](int i, const task_context& context) {
    if (i == 0 && context.attempt() == 1) throw std::runtime_error("once");
    if (i == 0) return others.load();
    ++others;
    return 0;
  }, {.concurrency = 1, .retry = {.again = 1, .pause = 300ms, .jitter = 0}});
  EXPECT_EQ(results[0], 49);
}

TEST(Retry, PausesForAtLeastAsLongAsAsked) {
  std::vector<std::chrono::steady_clock::time_point> starts;
  EXPECT_THROW(fanout::map_in_parallel(1, [&](int) {
    starts.push_back(std::chrono::steady_clock::now());
    throw std::runtime_error("always");
  }, {.retry = {.again = 4, .pause = 10ms, .longest_pause = 30ms, .jitter = 0}}), fanout::task_error);
  ASSERT_EQ(starts.size(), 5U);
  EXPECT_GE(starts[1] - starts[0], 10ms);
  EXPECT_GE(starts[2] - starts[1], 20ms);
  EXPECT_GE(starts[3] - starts[2], 30ms);
  EXPECT_GE(starts[4] - starts[3], 30ms);
}

TEST(Retry, AsksWhetherToTryAgain) {
  std::atomic<int> attempts{0};
  EXPECT_THROW(fanout::map_in_parallel(1, [&](int) {
    if (++attempts < 3) throw std::runtime_error("temporary");
    throw std::domain_error("for good");
  }, {.retry = {.again = 10, .when = [](const std::exception_ptr& cause) {
    try {
      std::rethrow_exception(cause);
    } catch (const std::domain_error&) {
      return false;
    } catch (...) {
      return true;
    }
  }}}), fanout::task_error);
  EXPECT_EQ(attempts, 3);
}

TEST(Retry, PassesOnWhatTheQuestionThrows) {
  EXPECT_THROW(fanout::map_in_parallel(100, [](int) { throw std::runtime_error("fails"); }, {
      .concurrency = 2, .retry = {.again = 1, .when = [](const std::exception_ptr&) -> bool {
        throw std::range_error("no answer");
      }}}), std::range_error);
}

TEST(Retry, IsNotForTasksThatWereInterrupted) {
  std::atomic<int> attempts{0};
  EXPECT_THROW(fanout::map_in_parallel(1, [&](int) {
    ++attempts;
    throw fanout::operation_cancelled("interrupted");
  }, {.retry = {.again = 5}}), fanout::task_error);
  EXPECT_EQ(attempts, 1);
  attempts = 0;
  EXPECT_THROW(fanout::map_in_parallel(1, [&](int) {
    ++attempts;
    fanout::map_in_parallel(1, [](int, const task_context& context) { wait_for_stop(context); }, {.timeout = 5ms});
  }, {.retry = {.again = 2}}), fanout::task_error);
  EXPECT_EQ(attempts, 3);
}

TEST(Retry, MakesNoAttemptAfterAStop) {
  std::stop_source stop;
  std::atomic<int> attempts{0};
  const auto error = thrown_by<fanout::operation_cancelled>([&] {
    fanout::map_in_parallel(4, [&](int i) {
      ++attempts;
      if (i == 3) stop.request_stop();
      throw std::runtime_error("failed before the stop");
    }, {.concurrency = 1, .on_error = fanout::error_policy::run_all, .stop = stop.get_token(),
        .retry = {.again = 1, .pause = 1h}});
  });
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(error.completed(), 4U);
  EXPECT_EQ(error.errors().size(), 4U);  // what waited for another attempt has failed
  for (const auto& each : error.errors()) EXPECT_EQ(each.attempts(), 1U);
}

TEST(Retry, EndsAtTheTimeLimitInAPause) {
  const auto error = thrown_by<fanout::deadline_exceeded>([&] {
    fanout::map_in_parallel(3, [&](int i) {
      if (i == 1) throw std::runtime_error("once");
    }, {.concurrency = 2, .timeout = 50ms, .retry = {.again = 1, .pause = 1h}});
  });
  EXPECT_EQ(error.completed(), 3U);
  ASSERT_EQ(error.errors().size(), 1U);
  EXPECT_EQ(error.errors()[0].index(), 1U);
}

TEST(Retry, StopsAtTheFirstTaskThatFailsForGood) {
  std::atomic<int> started{0};
  EXPECT_THROW(fanout::map_in_parallel(1'000'000, [&](int i) {
    ++started;
    if (i == 10) throw std::runtime_error("always");
  }, {.concurrency = 2, .retry = {.again = 2}}), fanout::task_error);
  EXPECT_LT(started, 1'000'000);
}

TEST(Retry, TellsTheProgressOfATaskOnce) {
  fails_first task(100, 2);
  std::size_t last = 0;
  fanout::map_in_parallel(std::size_t{100}, std::ref(task), {
      .concurrency = 3,
      .on_progress = [&](std::size_t completed, std::size_t total) {
        EXPECT_GT(completed, last);
        EXPECT_EQ(total, 100U);
        last = completed;
      },
      .retry = {.again = 2}});
  EXPECT_EQ(last, 100U);
}

TEST(Retry, CountsARuleByTasksNotByAttempts) {
  fails_first task(100, 2);
  const auto outcomes = fanout::settle_map(std::size_t{100}, std::ref(task), {
      .concurrency = 2, .retry = {.again = 2}, .stop_when = fanout::failures(1)});
  for (std::size_t i = 0; i != outcomes.size(); ++i) EXPECT_EQ(outcomes[i].value(), i);
}

TEST(Retry, GivesTheOutcomeOfTheLastAttempt) {
  const auto outcomes = fanout::settle_map(10, [](int i, const task_context& context) {
    if (context.attempt() < 3 || i == 4) throw std::runtime_error("attempt " + std::to_string(context.attempt()));
    return i;
  }, {.concurrency = 2, .retry = {.again = 2}});
  for (int i = 0; i != 10; ++i) {
    if (i != 4) {
      EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].value(), i);
    } else {
      EXPECT_FALSE(outcomes[4].has_value());
      const auto error = thrown_by<fanout::task_error>([&] { static_cast<void>(outcomes[4].value()); });
      EXPECT_STREQ(error.what(), "task 4 failed after 3 attempts: attempt 3");
    }
  }
}

TEST(Retry, IsForTasksThatTakeTooLong) {
  std::atomic<int> attempts{0};
  const auto results = fanout::map_in_parallel(1, [&](int, const task_context& context) {
    if (++attempts < 3) wait_for_stop(context);
    return attempts.load();
  }, {.task_timeout = 10ms, .retry = {.again = 5}});
  EXPECT_EQ(results[0], 3);
}

TEST(Retry, CallsAroundForEachAttempt) {
  std::atomic<int> around{0};
  fails_first task(10, 1);
  fanout::map_in_parallel(std::size_t{10}, std::ref(task), {
      .concurrency = 2, .retry = {.again = 1}, .around = [&](const task_context&, const std::function<void()>& body) {
        ++around;
        body();
      }});
  EXPECT_EQ(around, 20);
}

TEST(Retry, WorksOnExecutors) {
  for (const auto limit : std::initializer_list<std::size_t>{1, 2, 3}) {
    fanout::executor exec({.concurrency = limit});
    gauge seen;
    fails_first task(200, 1);
    exec.map(std::size_t{200}, [&](std::size_t i, const task_context& context) {
      const gauge::visit here(seen);
      return task(i, context);
    }, {.retry = {.again = 1, .pause = 1us}});
    EXPECT_LE(seen.most(), static_cast<int>(limit));
  }
}

/// Calls `check` with an executor of one, of which a submitted batch pauses for an hour.
template <class Check>
void beside_a_pause(const Check& check) {
  fanout::executor exec({.concurrency = 1});
  std::stop_source stop;
  auto paused = exec.submit_map(1, [&](int, const task_context& context) {
    if (context.attempt() == 1) throw std::runtime_error("once");
  }, {.stop = stop.get_token(), .retry = {.again = 1, .pause = 1h}});
  while (paused.progress().started == 0) std::this_thread::sleep_for(1ms);
  check(exec);
  stop.request_stop();
  EXPECT_THROW(paused.get(), fanout::operation_cancelled);
}

TEST(Retry, LeavesTheExecutorToOthersDuringAPause) {
  const std::vector<int> expected{0, 1, 2};
  beside_a_pause([&](auto& exec) { EXPECT_EQ(exec.map(3, [](int i) { return i; }), expected); });
  beside_a_pause([&](auto& exec) { EXPECT_EQ(exec.submit_map(3, [](int i) { return i; }).get(), expected); });
  beside_a_pause([&](auto& exec) {
    auto beside = exec.submit_map(3, [](int i, const task_context& context) {
      if (context.attempt() == 1) throw std::runtime_error("once");
      return i;
    }, {.retry = {.again = 1, .pause = 1ms}});
    while (!beside.ready()) std::this_thread::sleep_for(1ms);  // a thread that waits would lead the batch
    EXPECT_EQ(beside.get(), expected);
  });
}

TEST(Retry, OfASubmittedBatchNeedsNoThreadBesideItsLeader) {
  for (int round = 0; round != 20; ++round) {
    fanout::release_idle();
    fanout::executor exec({.concurrency = 1});
    auto batch = exec.submit_map(2, [](int i, const task_context& context) {
      if (context.attempt() < 3) throw std::runtime_error("not yet");
      return i;
    }, {.retry = {.again = 2, .pause = 100us}});
    while (!batch.ready()) std::this_thread::sleep_for(100us);
    EXPECT_EQ(batch.get(), (std::vector<int>{0, 1}));
  }
}

TEST(Retry, NestsOnOneExecutor) {
  fanout::executor exec({.concurrency = 2});
  std::atomic<int> inner{0};
  exec.map(6, [&](int) {
    exec.map(3, [&](int, const task_context& context) {
      ++inner;
      if (context.attempt() == 1) throw std::runtime_error("once");
    }, {.retry = {.again = 1, .pause = 1ms}});
  }, {.retry = {.again = 1}});
  EXPECT_EQ(inner, 36);
}

TEST(Retry, FindsTheFirstThatSucceeds) {
  const std::vector<std::function<int(const task_context&)>> tasks(3, [](const task_context& context) {
    if (context.attempt() < 2 || context.index() != 1) throw std::runtime_error("no");
    return 5;
  });
  const auto first = fanout::first_in_parallel(tasks, {.concurrency = 2, .retry = {.again = 1}});
  EXPECT_EQ(first.index, 1U);
  EXPECT_EQ(first.value, 5);
}

TEST(Retry, RefusesItemsThatAreGivenAway) {
  const fanout::run_options twice{.retry = {.again = 1}};
  const auto none = [](auto&&...) { ADD_FAILURE(); };
  EXPECT_THROW(fanout::map_in_parallel(std::vector<std::string>{"a"}, none, twice), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(fanout::settle_map(std::vector<std::string>{"a"}, none, twice)), std::invalid_argument);
  std::vector<std::string> kept{"a", "b"};
  EXPECT_EQ(fanout::map_in_parallel(kept, [](std::string& each) { return each; }, twice), kept);
  EXPECT_EQ(fanout::map_in_parallel(std::vector<int>{1, 2}, [](int i) { return i; }, twice), (std::vector<int>{1, 2}));
}

TEST(Retry, RefusesBadPolicies) {
  const auto refused = [](const fanout::retry_policy& policy) {
    EXPECT_THROW(fanout::map_in_parallel(1, [](int) { ADD_FAILURE(); }, {.retry = policy}), std::invalid_argument);
  };
  refused({.again = 1, .pause = -1ns});
  refused({.again = 1, .longest_pause = -1ns});
  refused({.again = 1, .factor = 0.5});
  refused({.again = 1, .factor = std::numeric_limits<double>::quiet_NaN()});
  refused({.again = 1, .factor = std::numeric_limits<double>::infinity()});
  refused({.again = 1, .jitter = 1.5});
  refused({.again = 1, .jitter = -0.1});
}

TEST(Retry, TakesPausesOfAnyLength) {
  std::stop_source stop;
  std::jthread stops([&] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  EXPECT_THROW(fanout::map_in_parallel(2, [](int) { throw std::runtime_error("always"); }, {
      .on_error = fanout::error_policy::run_all, .stop = stop.get_token(),
      .retry = {.again = 3, .pause = std::chrono::nanoseconds::max(), .longest_pause = std::chrono::nanoseconds::max(),
                .factor = 1e300}}), fanout::operation_cancelled);
}

}  // namespace
