#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <ranges>

#include "fanout/fanout.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// Items that take long, and sources that wait, hold back nothing else.
namespace {

using namespace support;
using fanout::delivery;
using fanout::stream_in_parallel;

TEST(StreamSlowItems, ASlowItemHoldsBackNoOtherAsCompleted) {
  for (const int slow : {0, 1, 20, 500}) {
    event over;
    int seen = 0;
    auto stream = stream_in_parallel(std::views::iota(0, 2'000), [&](int i) {
      EXPECT_TRUE(i != slow || over.wait());
      return i;
    }, {.concurrency = 2, .ahead = 100, .order = delivery::as_completed});
    for (const int each : stream) {
      if (++seen == 1'999) over.set();
      EXPECT_TRUE(each != slow || seen == 2'000);
    }
    EXPECT_EQ(seen, 2'000);
  }
}

TEST(StreamSlowItems, InOrderASlowItemLetsAllOthersOfTheLookAheadBeMapped) {
  for (const int slow : {0, 1, 300, 900}) {
    std::atomic<int> others = 0;
    auto stream = stream_in_parallel(std::views::iota(0, 1'000), [&](int i) {
      if (i != slow) {
        ++others;
      } else {
        EXPECT_TRUE(eventually([&] { return others == std::min(999, slow + 63); }));
      }
      return i;
    }, {.concurrency = 2, .ahead = 64});
    int expected = 0;
    for (const int each : stream) EXPECT_EQ(each, expected++);
    EXPECT_EQ(expected, 1'000);
  }
}

TEST(StreamSlowItems, AnEndlessSourceGivesItsFirstResultAtOnce) {
  for (const int i : stream_in_parallel(std::views::iota(0), itself, {.concurrency = 2, .ahead = 1'000})) {
    EXPECT_EQ(i, 0);
    break;
  }
}

TEST(StreamSlowItems, ItemsThatWereReadAreMappedWhileTheSourceWaits) {
  for (const std::size_t workers : {1U, 2U, 4U}) {
    event over;
    auto source = std::views::iota(0, 100) | std::views::transform([&](int i) {
                    EXPECT_TRUE(i != 50 || over.wait());
                    return i;
                  });
    auto stream = stream_in_parallel(source, itself, {.concurrency = workers, .ahead = 90});
    auto here = stream.begin();
    for (int i = 0; i != 49; ++i) ++here;
    EXPECT_EQ(*here, 49);
    over.set();
    for (int i = 50; i != 100; ++i) EXPECT_EQ(*++here, i);
  }
}

}  // namespace
