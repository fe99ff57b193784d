#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// Readers that leave early, and what is left of streams and results: nothing.
namespace {

using namespace support;
using fanout::delivery;
using fanout::stream_in_parallel;
using fanout::task_context;
using fanout::task_error;

constexpr delivery both_orders[] = {delivery::in_order, delivery::as_completed};

TEST(StreamLeaving, AReaderThatLeavesHasAnExactPrefix) {
  for (const int taken : {0, 1, 2, 77}) {
    std::atomic<int> running = 0;
    std::vector<int> seen;
    {
      auto stream = stream_in_parallel(std::views::iota(0), [&](int i) {
        ++running;
        std::this_thread::yield();
        --running;
        return i;
      }, {.concurrency = 3, .ahead = 40});
      if (taken == 0) continue;
      for (const int each : stream) {
        seen.push_back(each);
        if (each + 1 == taken) break;
      }
    }
    EXPECT_EQ(running, 0);
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(taken));
    for (int i = 0; i != taken; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  }
}

TEST(StreamLeaving, AReaderThatLeavesStopsWhatRunsAndWaitsForIt) {
  for (const delivery order : both_orders) {
    rendezvous running(3);
    std::atomic<int> told = 0;
    {
      auto stream = stream_in_parallel(std::views::iota(0), [&](int i, const task_context& context) {
        EXPECT_TRUE(running.meet());
        if (eventually([&] { return context.stop_requested(); })) ++told;
        return i;
      }, {.concurrency = 2, .order = order});
      EXPECT_TRUE(running.meet());
    }
    EXPECT_EQ(told, 2);
  }
}

TEST(StreamLeaving, NothingIsLeftOfAStreamWhoseReaderLeaves) {
  for (const delivery order : both_orders)
    for (int repetition = 0; repetition != 100; ++repetition) {
      counted::reset();
      {
        auto source = std::views::iota(0) | std::views::transform([](int i) { return counted(i); });
        auto stream = stream_in_parallel(source, [](counted&& item) { return counted(item.value); },
                                         {.concurrency = 3, .ahead = 20, .order = order});
        auto here = stream.begin();
        for (int i = 0; i != repetition % 40; ++i) ++here;
      }
      ASSERT_EQ(counted::population.alive(), 0);
    }
}

TEST(StreamLeaving, LargeResultsAreDestroyedOnTheWay) {
  using large = std::array<char, 1 << 20U>;
  int seen = 0;
  for (const auto& each : stream_in_parallel(std::views::iota(0), [](int i) {
         auto result = std::make_unique<large>();
         result->front() = static_cast<char>(i);
         return result;
       }, {.concurrency = 2, .ahead = 4})) {
    EXPECT_EQ(each->front(), static_cast<char>(seen));
    if (++seen == 300) break;
  }
}

TEST(StreamLeaving, AResultThatWasHandedOverIsNotKeptAlive) {
  for (const delivery order : both_orders) {
    counted::reset();
    auto stream = stream_in_parallel(std::views::iota(0, 100), [](int i) { return std::make_shared<counted>(i); },
                                     {.concurrency = 2, .ahead = 4, .order = order});
    std::weak_ptr<counted> before;
    for (auto& each : stream) {
      EXPECT_TRUE(before.expired());
      before = each;
    }
    EXPECT_TRUE(before.expired());
    auto other = stream_in_parallel(std::views::iota(0, 100), [](int i) { return std::make_shared<counted>(i); });
    std::shared_ptr<counted> mine = std::move(*other.begin());
    EXPECT_EQ(mine.use_count(), 1);
  }
}

TEST(StreamLeaving, ThousandsOfStreamsInEveryStateLeaveNothingBehind) {
  counted::reset();
  for (int i = 0; i != 2'000; ++i) {
    const delivery order = i % 2 == 0 ? delivery::in_order : delivery::as_completed;
    auto stream = stream_in_parallel(std::views::iota(0, i % 7), [i](int item) {
      if (i % 5 == 0 && item == 3) throw std::domain_error("bad item");
      return counted(item);
    }, {.concurrency = static_cast<std::size_t>(1 + i % 3), .order = order});
    try {
      int left = i % 9;
      for ([[maybe_unused]] const counted& each : stream)
        if (left-- == 0) break;
    } catch (const task_error&) {
    }
  }
  EXPECT_EQ(counted::population.alive(), 0);
}

}  // namespace
