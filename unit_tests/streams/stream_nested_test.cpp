#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// Streams on executors, in tasks, and in each other.
namespace {

using namespace support;
using fanout::executor;
using fanout::stream_in_parallel;

TEST(StreamNested, OnAnExecutorOfEachKind) {
  for (const auto& options : std::vector<fanout::executor_options>{
           {.concurrency = 1}, {.concurrency = 3}, {}, {.concurrency = 4, .adaptive = true}, {.stack_size = 1U << 20U}}) {
    const executor on(options);
    for (const fanout::delivery order : {fanout::delivery::in_order, fanout::delivery::as_completed})
      EXPECT_EQ(sum_of(on.stream(std::views::iota(0, 1'000), itself, {.ahead = 30, .order = order})), 499'500);
    EXPECT_EQ(sum_of(on.map(10, itself)), 45);
  }
}

TEST(StreamNested, StreamsAndBatchesShareTheLimitOfTheirExecutor) {
  constexpr std::size_t limit = 3;
  const executor shared({.concurrency = limit});
  gauge running;
  const auto visit = [&](int i) {
    const gauge::visit here(running);
    std::this_thread::yield();
    return i;
  };
  on_threads(5, [&](std::size_t number) {
    if (number < 2) {
      shared.map(500, visit);
    } else {
      EXPECT_EQ(sum_of(shared.stream(std::views::iota(0, 500), visit, {.ahead = 10})), 124'750);
    }
  });
  EXPECT_LE(running.most(), static_cast<int>(limit));
}

TEST(StreamNested, AWorkerThatHasNothingToDoHoldsNoSlot) {
  const executor one({.concurrency = 1});
  auto stream = one.stream(std::views::iota(0), itself, {.ahead = 5});
  EXPECT_EQ(*stream.begin(), 0);
  EXPECT_EQ(sum_of(one.map(10, itself)), 45);  // nobody reads the stream now
  EXPECT_EQ(*++stream.begin(), 1);
}

TEST(StreamNested, InATaskOfItsOwnExecutor) {
  const watchdog in_time;
  for (const std::size_t limit : {1U, 2U, 4U}) {
    const executor on({.concurrency = limit});
    const auto read = [&](int count) { return sum_of(on.stream(std::views::iota(0, count), itself, {.ahead = 5})); };
    EXPECT_EQ(on.map(std::vector(20, 100), read), std::vector(20, 4950));
    // Deeper, and with a batch in the mapper.
    EXPECT_EQ(on.map(4, [&](int) {
      return sum_of(on.stream(std::views::iota(0, 5), [&](int i) {
        return sum_of(on.stream(std::views::iota(0, 5), [&](int j) { return sum_of(on.map(3, itself)) + i * j; }));
      }));
    }), std::vector(4, 25 * 3 + 100));
  }
}

TEST(StreamNested, InATaskOfAFreeBatch) {
  const watchdog in_time;
  const auto read = [](int count) { return sum_of(stream_in_parallel(std::views::iota(0, count), itself)); };
  EXPECT_EQ(fanout::map_in_parallel(std::vector(20, 100), read), std::vector(20, 4950));
  EXPECT_EQ(fanout::map_in_parallel(std::vector(20, 100), read, 3), std::vector(20, 4950));
}

TEST(StreamNested, AStreamOfStreams) {
  const watchdog in_time;
  auto outer = stream_in_parallel(std::views::iota(0, 50), [](int i) {
    return stream_in_parallel(std::views::iota(0, i), itself, {.concurrency = 2});
  }, {.concurrency = 2});
  int sum = 0;
  for (auto& inner : outer) sum += sum_of(inner);
  EXPECT_EQ(sum, 50 * 49 * 48 / 6);

  auto pipeline = stream_in_parallel(
      stream_in_parallel(stream_in_parallel(std::views::iota(0, 1'000), itself), [](int i) { return i + 1; }),
      [](int i) { return 2 * i; });
  EXPECT_EQ(sum_of(pipeline), 2 * (499'500 + 1'000));
}

TEST(StreamNested, AStreamOfStreamsOnOneExecutor) {
  const watchdog in_time;
  for (const std::size_t limit : {1U, 2U, 3U}) {
    const executor on({.concurrency = limit});
    auto pipeline = on.stream(on.stream(on.stream(std::views::iota(0, 300), itself), [](int i) { return i + 1; }),
                              [](int i) { return 2 * i; });
    EXPECT_EQ(sum_of(pipeline), 2 * (44'850 + 300));
  }
}

TEST(StreamNested, AMapperMayCallTheExecutorOfTheTaskThatReads) {
  const watchdog in_time;
  for (const std::size_t limit : {1U, 2U}) {
    const executor a({.concurrency = limit});
    const executor b({.concurrency = limit});
    const auto nested = [&](int i) { return sum_of(a.map(3, itself)) + i; };
    EXPECT_EQ(a.map(6, [&](int) { return sum_of(b.stream(std::views::iota(0, 10), nested)); }), std::vector(6, 75));
    const auto free_stream = [&](int) { return sum_of(stream_in_parallel(std::views::iota(0, 10), nested)); };
    EXPECT_EQ(a.map(6, free_stream), std::vector(6, 75));
  }
}

TEST(StreamNested, TasksOfTwoExecutorsMayReadStreamsOfEachOther) {
  const watchdog in_time;
  const executor a({.concurrency = 1});
  const executor b({.concurrency = 1});
  for (int repetition = 0; repetition != 20; ++repetition) {
    rendezvous both(2);
    on_threads(2, [&](std::size_t number) {
      const executor& mine = number == 0 ? a : b;
      const executor& other = number == 0 ? b : a;
      mine.execute(std::vector(1, [&] {
        EXPECT_TRUE(both.meet());
        EXPECT_EQ(sum_of(other.stream(std::views::iota(0, 50), itself, {.ahead = 4})), 1225);
      }));
    });
  }
}

TEST(StreamNested, AHandleInAMapper) {
  const watchdog in_time;
  const executor two({.concurrency = 2});
  const auto submits = [&](int i) { return sum_of(two.submit_map(3, itself).get()) + i; };
  EXPECT_EQ(sum_of(two.stream(std::views::iota(0, 100), submits)), 300 + 4950);
  EXPECT_EQ(sum_of(stream_in_parallel(std::views::iota(0, 100), submits)), 300 + 4950);
}

TEST(StreamNested, AStreamInASubmittedTask) {
  const watchdog in_time;
  const executor one({.concurrency = 1});
  auto handle = one.submit_map(3, [&](int) { return sum_of(one.stream(std::views::iota(0, 100), itself)); });
  EXPECT_EQ(handle.get(), std::vector(3, 4950));
}

TEST(StreamNested, AFailureInAnInnerStreamHasBothIndices) {
  auto outer = stream_in_parallel(std::views::iota(0, 5), [](int i) {
    return sum_of(stream_in_parallel(std::views::iota(0, 5), [i](int j) {
      if (i == 2 && j == 3) throw std::domain_error("inner");
      return j;
    }));
  });
  const auto error = thrown_by<fanout::task_error>([&] { sum_of(outer); });
  EXPECT_EQ(error.index(), 2U);
  EXPECT_STREQ(error.what(), "task 2 failed: task 3 failed: inner");
}

// The reader maps an item under a slot of the executor, and then nobody waits who would notice that others are late.
TEST(StreamNested, ItemsThatWaitForEachOtherReachTheLimitWhileTheReaderMapsOneOfThem) {
  constexpr int meeting = 4;
  constexpr int cheap = 2'000;
  const fanout::executor outer({.concurrency = 2});
  const fanout::executor inner({.concurrency = meeting});
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> came = 0;
    event all_came;
    outer.map(std::views::iota(0, 1), [&](int) {
      for (const bool met : inner.stream(std::views::iota(0, cheap + meeting), [&](int i) {
             if (i < cheap) return true;
             if (++came == meeting) all_came.set();
             return all_came.wait(std::chrono::seconds(10));
           }, {.concurrency = meeting, .ahead = 20}))
        EXPECT_TRUE(met);
      return 0;
    });
    ASSERT_EQ(came, meeting) << "in round " << round;
    if (HasFailure()) return;
  }
}

}  // namespace
