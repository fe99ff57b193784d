#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// `run_options::priority`: which task starts next.
namespace {

using namespace support;
using fanout::task_context;

/// The indices of a batch of `size` in the order of their starts, on one runner.
std::vector<std::size_t> order_of(std::size_t size, const std::function<std::int64_t(std::size_t)>& priority) {
  std::vector<std::size_t> order;
  fanout::map_in_parallel(size, [&](std::size_t i) { order.push_back(i); }, {.concurrency = 1, .priority = priority});
  return order;
}

TEST(Priority, StartsTheHighestFirst) {
  EXPECT_EQ(order_of(5, [](std::size_t i) { return static_cast<std::int64_t>(i % 3); }),
            (std::vector<std::size_t>{2, 1, 4, 0, 3}));
  EXPECT_EQ(order_of(4, [](std::size_t i) { return -static_cast<std::int64_t>(i); }),
            (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(Priority, BreaksTiesByTheIndex) {
  std::vector<std::size_t> expected(1000);
  std::iota(expected.begin(), expected.end(), std::size_t{0});
  EXPECT_EQ(order_of(1000, [](std::size_t) { return 7; }), expected);
}

TEST(Priority, KnowsTheSmallestAndLargestNumbers) {
  using numbers = std::numeric_limits<std::int64_t>;
  const std::vector<std::int64_t> of{0, numbers::min(), numbers::max(), -1};
  EXPECT_EQ(order_of(4, [&](std::size_t i) { return of[i]; }), (std::vector<std::size_t>{2, 0, 3, 1}));
}

TEST(Priority, IsAskedOnceForEachTaskBeforeAnyStarts) {
  for (const auto size : std::initializer_list<std::size_t>{1, 2, 3, 100}) {
    std::vector<int> asked(size);
    std::atomic<bool> started{false};
    fanout::map_in_parallel(size, [&](std::size_t) { started = true; },
                            {.concurrency = 3, .priority = [&](std::size_t i) {
                              EXPECT_FALSE(started);
                              ++asked[i];
                              return 0;
                            }});
    EXPECT_EQ(asked, std::vector<int>(size, 1));
  }
}

TEST(Priority, ReturnsResultsInTheOrderOfTheInput) {
  for (const auto size : std::initializer_list<std::size_t>{0, 1, 2, 3, 4, 5, 10'000}) {
    const auto results = fanout::map_in_parallel(size, [](std::size_t i) { return 2 * i; }, {
        .concurrency = 4, .priority = [](std::size_t i) { return static_cast<std::int64_t>(i); }});
    ASSERT_EQ(results.size(), size);
    for (std::size_t i = 0; i != size; ++i) EXPECT_EQ(results[i], 2 * i);
  }
}

TEST(Priority, PassesOnWhatTheFunctionThrows) {
  EXPECT_THROW(fanout::map_in_parallel(3, [](int) { ADD_FAILURE(); }, {.priority = [](std::size_t i) -> std::int64_t {
    if (i == 2) throw std::domain_error("no priority");
    return 0;
  }}), std::domain_error);
}

TEST(Priority, HoldsTheLimit) {
  gauge seen;
  fanout::map_in_parallel(200, [&](int) { const gauge::visit here(seen); },
                          {.concurrency = 3, .priority = [](std::size_t) { return 0; }});
  EXPECT_LE(seen.most(), 3);
}

TEST(Priority, IsRefusedWhereTasksHaveNoIndex) {
  const fanout::run_options options{.priority = [](std::size_t) { return 0; }};
  EXPECT_THROW(fanout::for_each_range(10, [](int, int) {}, options), std::invalid_argument);
  EXPECT_THROW(fanout::task_scope{options}, std::invalid_argument);
}

}  // namespace
