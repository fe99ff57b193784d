#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <limits>
#include <memory>
#include <ranges>
#include <string>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// The memory of a stream is bounded, however many items it has.
namespace {

using fanout::delivery;

/// The resident memory of the process in KiB, now.
long resident() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long found = 0;
    if (word == "VmRSS:" && status >> found) return found;
  }
  return -1;
}

class StreamMemory : public testing::TestWithParam<delivery> {};

TEST_P(StreamMemory, DoesNotGrowWithTheNumberOfItems) {
  if (support::under_address_sanitizer || support::under_thread_sanitizer) GTEST_SKIP() << "sanitizers use memory";
  constexpr int items = 2'000'000;
  const long start = resident();
  ASSERT_GT(start, 0);
  long sum = 0;
  int seen = 0;
  for (const int each : fanout::stream_in_parallel(std::views::iota(0, items), [](int i) { return i; },
                                                   {.ahead = 1'024, .order = GetParam()})) {
    sum += each;
    if (++seen % 50'000 != 0) continue;
    ASSERT_LE(resident(), start + 16 * 1'024) << "after " << seen;
  }
  EXPECT_EQ(seen, items);
  EXPECT_EQ(sum, static_cast<long>(items) * (items - 1) / 2);
}

TEST_P(StreamMemory, HoldsNoMoreLargeResultsThanPlaces) {
  if (support::under_address_sanitizer || support::under_thread_sanitizer) GTEST_SKIP() << "sanitizers use memory";
  constexpr std::size_t megabyte = std::size_t{1} << 20U;
  const long start = resident();
  int seen = 0;
  for (auto& each : fanout::stream_in_parallel(std::views::iota(0, 400), [](int i) {
         return std::string(megabyte, static_cast<char>('a' + i % 26));
       }, {.concurrency = 2, .ahead = 4, .order = GetParam()})) {
    EXPECT_EQ(each.size(), megabyte);
    if (++seen % 10 != 0) continue;
    ASSERT_LE(resident(), start + 64 * 1'024) << "after " << seen;
  }
  EXPECT_EQ(seen, 400);
}

INSTANTIATE_TEST_SUITE_P(InEachOrder, StreamMemory, testing::Values(delivery::in_order, delivery::as_completed),
                         [](const auto& which) {
                           return std::string(which.param == delivery::in_order ? "InOrder" : "AsCompleted");
                         });

}  // namespace
