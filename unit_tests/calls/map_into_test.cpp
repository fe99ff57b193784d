#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/map.hpp"
#include "support.hpp"

namespace {

using fanout::map_in_parallel_into;
using ints = std::vector<int>;

const auto squared = [](int number) { return number * number; };

ints numbers(int count) {
  ints all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(MapInto, WritesEachResultToItsPlace) {
  for (const int count : {0, 1, 2, 3, 1'000}) {
    const ints items = numbers(count);
    ints out(items.size(), -1);
    map_in_parallel_into(out, items, squared, 3);
    ints expected;
    for (const int each : items) expected.push_back(each * each);
    EXPECT_EQ(out, expected);
  }
}

TEST(MapInto, TakesAnyRandomAccessOutput) {
  const ints items = numbers(1'000);
  const ints expected = fanout::map_in_parallel(items, squared);
  std::deque<long> deque(1'000);
  map_in_parallel_into(deque, items, squared, 2);
  EXPECT_TRUE(std::equal(deque.begin(), deque.end(), expected.begin(), expected.end()));

  const auto memory = std::make_unique<int[]>(1'000);
  map_in_parallel_into(std::span(memory.get(), 1'000), items, squared, 2);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), memory.get()));

  std::array<double, 4> doubles{};
  map_in_parallel_into(doubles, 4, [](int i) { return i / 2.0; });
  EXPECT_EQ(doubles, (std::array{0.0, 0.5, 1.0, 1.5}));
}

TEST(MapInto, TakesAnyInput) {
  const std::list<std::string> words{"a", "bc", "def"};
  std::vector<std::size_t> sizes(3);
  map_in_parallel_into(sizes, words, [](const std::string& word) { return word.size(); });
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2, 3}));
}

TEST(MapInto, MayWriteOverItsInput) {
  ints items = numbers(10'000);
  map_in_parallel_into(items, items, squared, 4);
  EXPECT_EQ(items[9'999], 9'999 * 9'999);
  EXPECT_EQ(items[1], 1);
}

TEST(MapInto, MovesResultsThatCannotBeCopied) {
  std::vector<std::unique_ptr<int>> out(100);
  map_in_parallel_into(out, 100, [](int i) { return std::make_unique<int>(i); }, 2);
  for (int i = 0; i != 100; ++i) EXPECT_EQ(*out[static_cast<std::size_t>(i)], i);
}

TEST(MapInto, RefusesAnOutputOfAnotherSizeBeforeAnythingRuns) {
  for (const std::size_t size : {0U, 2U, 4U}) {
    ints out(size, -1);
    EXPECT_EQ(support::message_of<std::invalid_argument>([&] {
                map_in_parallel_into(out, 3, [](int) {
                  ADD_FAILURE() << "called";
                  return 0;
                });
              }),
              "the output must have one element for each item; it has " + std::to_string(size) +
                  ", and there are 3 items");
    EXPECT_EQ(out, ints(size, -1));
  }
}

TEST(MapInto, LeavesElementsAloneWhoseTasksThrewOrDidNotRun) {
  ints out(1'000, -1);
  std::vector<std::atomic<bool>> returned(1'000);
  EXPECT_THROW(map_in_parallel_into(
                   out, 1'000,
                   [&](int i) {
                     if (i == 500) throw std::runtime_error("500");
                     returned[static_cast<std::size_t>(i)] = true;
                     return i;
                   },
                   2),
               fanout::task_error);
  for (int i = 0; i != 1'000; ++i) {
    const auto place = static_cast<std::size_t>(i);
    EXPECT_EQ(out[place], returned[place] ? i : -1);
  }
}

TEST(MapInto, RunsOnAnExecutorAndGivesAContext) {
  const fanout::executor two({.concurrency = 2});
  std::vector<std::size_t> out(50);
  two.map_into(out, 50, [](int, const fanout::task_context& context) { return context.index(); });
  for (std::size_t i = 0; i != 50; ++i) EXPECT_EQ(out[i], i);
}

TEST(MapInto, RefusesAnEmptyMapper) {
  const std::function<int(int)> nothing;
  ints out(3);
  EXPECT_THROW(map_in_parallel_into(out, 3, nothing), std::invalid_argument);
}

}  // namespace
