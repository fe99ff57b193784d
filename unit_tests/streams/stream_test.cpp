#include "fanout/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// What a stream gives to its reader, and how far it reads its source.
namespace {

using namespace support;
using fanout::delivery;
using fanout::stream_in_parallel;
using fanout::task_context;

static_assert(std::ranges::input_range<fanout::stream<int>>);
static_assert(std::ranges::view<fanout::stream<int>> == false);
static_assert(std::is_same_v<std::ranges::range_reference_t<fanout::stream<std::string>>, std::string&>);
static_assert(!std::is_copy_constructible_v<fanout::stream<int>>);
static_assert(std::is_nothrow_move_constructible_v<fanout::stream<int>>);

template <class Stream>
auto all_of(Stream&& from) {
  std::vector<std::ranges::range_value_t<Stream>> values;
  for (auto& each : from) values.push_back(std::move(each));
  return values;
}

std::vector<int> first(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(Stream, GivesResultsInTheOrderOfTheSource) {
  for (const std::size_t ahead : {1U, 2U, 3U, 7U, 64U, 1'000U, 5'000U})
    for (const std::size_t workers : {1U, 2U, 5U})
      EXPECT_EQ(all_of(stream_in_parallel(std::views::iota(0, 2'000), itself, {.concurrency = workers, .ahead = ahead})),
                first(2'000))
          << ahead << " ahead, " << workers << " workers";
}

TEST(Stream, GivesEachResultOnceAsCompleted) {
  for (const std::size_t ahead : {1U, 2U, 3U, 7U, 64U, 1'000U, 5'000U}) {
    auto values = all_of(stream_in_parallel(std::views::iota(0, 2'000), itself,
                                            {.concurrency = 3, .ahead = ahead, .order = delivery::as_completed}));
    std::ranges::sort(values);
    EXPECT_EQ(values, first(2'000)) << ahead;
  }
}

TEST(Stream, EndsAtOnceIfTheSourceIsEmpty) {
  auto nothing = stream_in_parallel(std::vector<int>{}, itself);
  EXPECT_TRUE(nothing.begin() == nothing.end());
  EXPECT_TRUE(nothing.begin() == nothing.end());
  EXPECT_EQ(nothing.progress().total, 0U);
}

TEST(Stream, TakesTheConcurrencyInShort) {
  EXPECT_EQ(all_of(stream_in_parallel(first(10), itself, 2)), first(10));
  fanout::executor two({.concurrency = 2});
  EXPECT_EQ(all_of(two.stream(first(10), itself, 1)), first(10));
  EXPECT_EQ(all_of(two.stream(first(10), itself, {.concurrency = 200})), first(10));
}

TEST(Stream, TellsTheIndexOfEachResult) {
  for (const delivery order : {delivery::in_order, delivery::as_completed}) {
    auto stream = stream_in_parallel(std::views::iota(100, 400), itself, {.concurrency = 3, .ahead = 10, .order = order});
    std::size_t seen = 0;
    for (auto each = stream.begin(); each != stream.end(); ++each, ++seen)
      ASSERT_EQ(each.index() + 100, static_cast<std::size_t>(*each));
    EXPECT_EQ(seen, 300U);
  }
}

TEST(Stream, BeginReturnsToTheCurrentResult) {
  auto stream = stream_in_parallel(first(3), itself);
  EXPECT_EQ(*stream.begin(), 0);
  EXPECT_EQ(*stream.begin(), 0);
  ++stream.begin();
  EXPECT_EQ(*stream.begin(), 1);
  stream.begin()++;
  auto last = stream.begin();
  EXPECT_EQ(*last, 2);
  EXPECT_TRUE(++last == stream.end());
  EXPECT_TRUE(stream.begin() == stream.end());
}

TEST(Stream, MovesWhileItIsRead) {
  auto one = stream_in_parallel(first(100), itself, {.concurrency = 2, .ahead = 5});
  auto here = one.begin();
  ++here;
  auto other = std::move(one);
  EXPECT_EQ(*here, 1);
  EXPECT_EQ(*++here, 2);
  std::jthread([&] { EXPECT_EQ(*++here, 3); }).join();
  other = stream_in_parallel(first(2), itself);
  EXPECT_EQ(*other.begin(), 0);
}

TEST(Stream, ResultsNeedNoDefaultConstructorAndNoMove) {
  struct rooted {
    explicit rooted(int v) : value(v) {}
    rooted(const rooted&) = delete;
    int value;
  };
  int sum = 0;
  for (const rooted& each : stream_in_parallel(first(100), [](int i) { return rooted(i); })) sum += each.value;
  EXPECT_EQ(sum, 4950);
  sum = 0;
  for (move_only& each : stream_in_parallel(first(100), [](int i) { return move_only(i); })) {
    const move_only mine = std::move(each);
    sum += mine.value;
  }
  EXPECT_EQ(sum, 4950);
  for (over_aligned& each : stream_in_parallel(first(20), [](int) { return over_aligned{}; }))
    EXPECT_TRUE(each.well_placed());
  for (const greedy& each : stream_in_parallel(first(3), [](int) { return greedy{}; })) EXPECT_FALSE(each.swallowed);
  EXPECT_EQ(all_of(stream_in_parallel(first(3), [](int i) { return i == 1; })),
            (std::vector{false, true, false}));
}

TEST(Stream, MappersMayAskForTheContext) {
  std::atomic<std::size_t> largest = 0;
  auto stream = stream_in_parallel(first(500), [&](int i, const task_context& context) {
    EXPECT_EQ(context.index(), static_cast<std::size_t>(i));
    EXPECT_EQ(fanout::current_runner(), context.runner());
    EXPECT_FALSE(context.stop_requested());
    EXPECT_FALSE(context.stop_token().stop_requested());
    std::size_t seen = largest;
    while (context.runner() > seen && !largest.compare_exchange_weak(seen, context.runner())) {
    }
    return i;
  }, {.concurrency = 3, .ahead = 20});
  EXPECT_EQ(all_of(stream), first(500));
  EXPECT_LT(largest, 3U);
}

// ── How far it reads ────────────────────────────────────────────────────────────────────────────────────────────

TEST(Stream, ReadsAheadExactlyAsFarAsItMay) {
  for (const delivery order : {delivery::in_order, delivery::as_completed})
    for (const std::size_t workers : {1U, 2U, 4U})
      for (const int ahead : {1, 2, 7, 30}) {
        watched_source source(1'000);
        auto stream = stream_in_parallel(
            source, itself, {.concurrency = workers, .ahead = static_cast<std::size_t>(ahead), .order = order});
        EXPECT_TRUE(eventually([&] { return source.reads() == ahead; }));
        std::this_thread::sleep_for(3ms);
        EXPECT_EQ(source.reads(), ahead);
        auto here = stream.begin();
        std::this_thread::sleep_for(1ms);
        EXPECT_EQ(source.reads(), ahead) << "the first result still has its place";
        for (int moved = 1; moved != 4; ++moved) {
          ++here;
          EXPECT_TRUE(eventually([&] { return source.reads() == ahead + moved; }));
        }
        EXPECT_FALSE(source.was_read_by_two_at_once());
      }
}

TEST(Stream, IsNeverFurtherAheadThanItMay) {
  for (const delivery order : {delivery::in_order, delivery::as_completed}) {
    watched_source source(20'000);
    auto stream = stream_in_parallel(source, itself, {.concurrency = 3, .ahead = 50, .order = order});
    int taken = 0;
    for ([[maybe_unused]] const int each : stream) ASSERT_LE(source.reads(), 50 + taken++);
    EXPECT_EQ(source.reads(), 20'001);
    EXPECT_FALSE(source.was_read_by_two_at_once());
  }
}

TEST(Stream, ReadsTwiceTheConcurrencyByDefault) {
  watched_source source(1'000);
  fanout::executor five({.concurrency = 5});
  auto stream = five.stream(source, itself);
  EXPECT_TRUE(eventually([&] { return source.reads() == 10; }));
  std::this_thread::sleep_for(3ms);
  EXPECT_EQ(source.reads(), 10);
}

TEST(Stream, DoesNotTouchTheSourceWhenItIsRefused) {
  watched_source source(10);
  EXPECT_THROW(stream_in_parallel(source, itself, 0), std::invalid_argument);
  EXPECT_THROW(stream_in_parallel(source, itself, -1), std::invalid_argument);
  EXPECT_THROW(stream_in_parallel(source, itself, {.ahead = (std::size_t{1} << 30U) + 1}), std::invalid_argument);
  EXPECT_THROW(stream_in_parallel(source, std::function<int(int)>()), std::invalid_argument);
  EXPECT_EQ(source.reads(), 0);
}

TEST(Stream, ReachesItsConcurrencyAndNeverExceedsIt) {
  for (const delivery order : {delivery::in_order, delivery::as_completed}) {
    constexpr std::size_t limit = 5;
    gauge running;
    rendezvous all_in(limit);
    auto stream = stream_in_parallel(std::views::iota(0, 400), [&](int i) {
      const gauge::visit here(running);
      EXPECT_TRUE(i >= static_cast<int>(limit) || all_in.meet());
      return i;
    }, {.concurrency = limit, .ahead = 40, .order = order});
    EXPECT_EQ(all_of(stream).size(), 400U);
    EXPECT_EQ(running.most(), static_cast<int>(limit));
  }
}

TEST(Stream, TheReaderMapsNothing) {
  std::set<std::thread::id> threads;
  for (const auto id : stream_in_parallel(first(300), [](int) { return std::this_thread::get_id(); }, 1))
    threads.insert(id);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST(Stream, CountsItsProgress) {
  event over;
  auto stream = stream_in_parallel(std::views::iota(0, 50), [&](int i) {
    EXPECT_TRUE(i < 10 || over.wait());
    return i;
  }, {.concurrency = 3, .ahead = 20});
  EXPECT_TRUE(eventually([&] {
    const auto now = stream.progress();
    EXPECT_LE(now.completed, now.started);
    EXPECT_LE(now.started, now.total);
    return now.completed == 10 && now.started == 13;
  }));
  over.set();
  EXPECT_EQ(all_of(stream).size(), 50U);
  const auto at_end = stream.progress();
  EXPECT_EQ(at_end.started, 50U);
  EXPECT_EQ(at_end.completed, 50U);
  EXPECT_EQ(at_end.failed, 0U);
  EXPECT_EQ(at_end.total, 50U);
}

TEST(Stream, ComputesWithTheFloatingPointSettingsOfItsMaker) {
  const rounding up(FE_UPWARD);
  auto stream = stream_in_parallel(first(50), [](int) { return std::fegetround(); }, 2);
  const rounding down(FE_DOWNWARD);
  for (const int direction : stream) EXPECT_EQ(direction, FE_UPWARD);
  EXPECT_EQ(std::fegetround(), FE_DOWNWARD);
}

}  // namespace
