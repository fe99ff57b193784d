#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// How streams end: with failures, exceptions of the source, stops, and readers that leave.
namespace {

using namespace support;
using fanout::delivery;
using fanout::operation_cancelled;
using fanout::stream_in_parallel;
using fanout::stream_options;
using fanout::task_context;
using fanout::task_error;

constexpr delivery both_orders[] = {delivery::in_order, delivery::as_completed};

// ── A task fails ────────────────────────────────────────────────────────────────────────────────────────────────

TEST(StreamEnd, AFailureComesWhenItsTurnComes) {
  for (const int failing : {0, 1, 250, 499})
    for (const std::size_t ahead : {1U, 7U, 600U}) {
      int expected = 0;
      auto stream = stream_in_parallel(std::views::iota(0, 500), [&](int i) {
        if (i == failing) throw std::domain_error("bad item");
        return i;
      }, {.concurrency = 3, .ahead = ahead});
      const auto error = thrown_by<task_error>([&] {
        for (const int each : stream) EXPECT_EQ(each, expected++);
      });
      EXPECT_EQ(expected, failing);
      EXPECT_EQ(error.index(), static_cast<std::size_t>(failing));
      EXPECT_STREQ(error.what(), ("task " + std::to_string(failing) + " failed: bad item").c_str());
      EXPECT_THROW(error.rethrow_nested(), std::domain_error);
      EXPECT_TRUE(stream.begin() == stream.end());
      const auto at_end = stream.progress();
      EXPECT_EQ(at_end.started, at_end.completed);
      EXPECT_EQ(at_end.failed, 1U);
    }
}

TEST(StreamEnd, TheFirstFailureInOrderIsReported) {
  event second_has_failed;
  auto stream = stream_in_parallel(std::views::iota(0, 100), [&](int i) {
    if (i == 3) {
      EXPECT_TRUE(second_has_failed.wait());
      throw std::domain_error("first");
    }
    if (i == 4) {
      second_has_failed.set();
      throw std::range_error("second");
    }
    return i;
  }, {.concurrency = 2, .ahead = 10});
  int seen = 0;
  EXPECT_EQ(thrown_by<task_error>([&] {
              for ([[maybe_unused]] const int each : stream) ++seen;
            }).index(), 3U);
  EXPECT_EQ(seen, 3);
}

TEST(StreamEnd, AfterAFailureNothingIsReadOrStarted) {
  watched_source source(1'000'000);
  std::atomic<int> ran = 0;
  auto stream = stream_in_parallel(source, [&](int i) {
    ++ran;
    if (i == 0) throw std::domain_error("bad item");
    return i;
  }, {.concurrency = 2, .ahead = 50});
  EXPECT_THROW(stream.begin(), task_error);
  EXPECT_LE(ran, 50);
  EXPECT_LE(source.reads(), 50);
}

TEST(StreamEnd, AsCompletedAFailureComesAfterTheResultsBeforeIt) {
  auto stream = stream_in_parallel(std::views::iota(0, 100), [&](int i) {
    if (i == 4) throw std::domain_error("bad item");
    return i;
  }, {.concurrency = 1, .ahead = 50, .order = delivery::as_completed});
  std::vector<int> seen;
  EXPECT_EQ(thrown_by<task_error>([&] {
              for (const int each : stream) seen.push_back(each);
            }).index(), 4U);
  EXPECT_EQ(seen, (std::vector{0, 1, 2, 3}));
}

TEST(StreamEnd, AsCompletedAFailureStopsWhatRuns) {
  event running;
  std::atomic<bool> was_told = false;
  auto stream = stream_in_parallel(std::views::iota(0, 2), [&](int i, const task_context& context) {
    if (i == 1) {
      EXPECT_TRUE(running.wait());
      throw std::domain_error("bad item");
    }
    running.set();
    was_told = eventually([&] { return context.stop_requested(); });
    return i;
  }, {.concurrency = 2, .order = delivery::as_completed});
  EXPECT_EQ(thrown_by<task_error>([&] { stream.begin(); }).index(), 1U);
  EXPECT_TRUE(was_told);
}

// Another item may fail because of the stop before the one that caused it is delivered. The callback makes it so.
TEST(StreamEnd, AsCompletedAFailureBecauseOfTheStopDoesNotMaskItsCause) {
  event item_runs;
  event stop_seen;
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  auto stream = stream_in_parallel(std::views::iota(0, 2), [&](int i, const task_context& context) -> int {
    if (i == 0) {
      EXPECT_TRUE(item_runs.wait());
      throw std::domain_error("the cause");
    }
    on_stop.emplace(context.stop_token(), [&] {
      stop_seen.set();
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // while the other item fails
    });
    item_runs.set();
    EXPECT_TRUE(stop_seen.wait());
    throw std::runtime_error("because of the stop");
  }, {.concurrency = 2, .ahead = 2, .order = delivery::as_completed});
  const auto error = thrown_by<task_error>([&] { stream.begin(); });
  EXPECT_EQ(error.index(), 0U);
}

TEST(StreamEnd, ExceptionsOfResultsAreFailuresOfTheirItems) {
  throws_when_moved::armed = true;
  auto stream = stream_in_parallel(std::vector{1, 2}, [](int i) {
    throws_when_moved result(i);
    return i == 0 ? throws_when_moved(0) : throws_when_moved(result);
  });
  EXPECT_THROW(thrown_by<task_error>([&] { stream.begin(); }).rethrow_nested(), std::domain_error);
  throws_when_moved::armed = false;
}

// ── The source fails ────────────────────────────────────────────────────────────────────────────────────────────

TEST(StreamEnd, AnExceptionOfTheSourceArrivesAsItIsInItsTurn) {
  for (const delivery order : both_orders)
    for (const int throwing : {0, 1, 250, 499}) {
      watched_source source(500, throwing);
      auto stream = stream_in_parallel(source, itself, {.concurrency = 3, .ahead = 20, .order = order});
      int seen = 0;
      EXPECT_STREQ(thrown_by<std::out_of_range>([&] {
                     for ([[maybe_unused]] const int each : stream) ++seen;
                   }).what(), "the source");
      EXPECT_EQ(seen, throwing);
      EXPECT_TRUE(stream.begin() == stream.end());
    }
}

TEST(StreamEnd, AFailureBeforeAnExceptionOfTheSourceComesFirst) {
  watched_source source(50, 5);
  auto stream = stream_in_parallel(source, [](int i) {
    if (i == 2) throw std::domain_error("bad item");
    return i;
  }, {.concurrency = 1});
  EXPECT_THROW(for ([[maybe_unused]] const int each : stream) {}, task_error);
}

TEST(StreamEnd, ItemsMayThrowWhenTheyAreRead) {
  auto source = std::views::iota(0, 10) | std::views::transform([](int i) {
                  if (i == 7) throw std::bad_alloc();
                  return i;
                });
  int seen = 0;
  EXPECT_THROW(for ([[maybe_unused]] const int each : stream_in_parallel(source, itself)) ++seen, std::bad_alloc);
  EXPECT_EQ(seen, 7);
}

// ── A stop ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(StreamEnd, AStopBeforeTheBeginningLetsNothingStart) {
  std::stop_source stop;
  stop.request_stop();
  watched_source source(10);
  auto stream = stream_in_parallel(source, itself, {.stop = stop.get_token()});
  const auto error = thrown_by<operation_cancelled>([&] { stream.begin(); });
  EXPECT_EQ(error.completed(), 0U);
  EXPECT_EQ(error.total(), 0U);
  EXPECT_EQ(source.reads(), 0);
  EXPECT_TRUE(stream.begin() == stream.end());
}

TEST(StreamEnd, AStopEndsAnEndlessStreamAndItsCountsAddUp) {
  for (const delivery order : both_orders) {
    std::stop_source stop;
    std::atomic<std::size_t> ran = 0;
    auto stream = stream_in_parallel(std::views::iota(0), [&](int i) {
      ++ran;
      return i;
    }, {.concurrency = 2, .ahead = 30, .order = order, .stop = stop.get_token()});
    std::size_t seen = 0;
    const auto error = thrown_by<operation_cancelled>([&] {
      for ([[maybe_unused]] const int each : stream)
        if (++seen == 1'000) stop.request_stop();
    });
    EXPECT_EQ(seen, 1'000U);
    EXPECT_EQ(error.completed(), ran);
    EXPECT_GE(error.completed(), seen);
    EXPECT_GE(error.total(), error.completed());
    EXPECT_LE(error.total(), seen + 30);
    EXPECT_EQ(stream.progress().started, ran);
  }
}

TEST(StreamEnd, AStopReachesRunningTasksAndAReaderThatWaits) {
  std::stop_source stop;
  rendezvous both(2);
  auto stream = stream_in_parallel(std::views::iota(0), [&](int i, const task_context& context) {
    event told;
    const std::stop_callback on_stop(context.stop_token(), [&] { told.set(); });
    EXPECT_TRUE(both.meet());
    if (i == 1) stop.request_stop();
    EXPECT_TRUE(told.wait());
    EXPECT_TRUE(context.stop_requested());
    return i;
  }, {.concurrency = 2, .stop = stop.get_token()});
  EXPECT_EQ(thrown_by<operation_cancelled>([&] { stream.begin(); }).completed(), 2U);
}

TEST(StreamEnd, AStopAfterTheEndChangesNothing) {
  std::stop_source stop;
  auto stream = stream_in_parallel(std::views::iota(0, 10), itself, {.stop = stop.get_token()});
  for ([[maybe_unused]] const int each : stream) {
  }
  stop.request_stop();
  EXPECT_TRUE(stream.begin() == stream.end());
}

}  // namespace
