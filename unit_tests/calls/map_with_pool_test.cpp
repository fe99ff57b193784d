#include "fanout/execute_with_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <ranges>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "calls/with_pool.hpp"
#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// `map_with_pool`: what the mapper is called with.
namespace {

using namespace support;
using fanout::executor;
using fanout::map_with_pool;
using fanout::resource_pool;
using fanout::task_context;
using fanout::task_error;

class MapWithPool : public ExecuteWithPool {};

TEST_F(MapWithPool, HandsEachItemAndAResourceToTheMapper) {
  resource_pool<int> pool([] { return 5; }, 2);
  executor two({.concurrency = 2});
  const auto sum = [](int item, int& five) { return item + five; };
  EXPECT_EQ(map_with_pool(ints{1, 2, 3}, pool, sum), (ints{6, 7, 8}));
  EXPECT_EQ(map_with_pool(std::views::iota(0, 2), pool, sum), (ints{5, 6}));
  EXPECT_EQ(two.map_with_pool(std::list{1, 2, 3}, pool, sum), (ints{6, 7, 8}));
  EXPECT_TRUE(map_with_pool(ints(), pool, sum).empty());
  EXPECT_EQ(pool.idle(), 2U);
}

TEST_F(MapWithPool, GivesTheContextToAMapperThatTakesOne) {
  resource_pool<int> pool(zero, 3);
  executor two({.concurrency = 2});
  const auto difference = [](int item, int&, const task_context& context) {
    return item - static_cast<int>(context.index());
  };
  EXPECT_EQ(map_with_pool(numbers(1'000), pool, difference), ints(1'000));
  EXPECT_EQ(two.map_with_pool(numbers(1'000), pool, difference), ints(1'000));
}

TEST_F(MapWithPool, GivesTheItemsOfAnRvalueAwayAndThoseOfAnLvalueNot) {
  resource_pool<int> pool(zero, 2);
  std::vector<move_only> items;
  for (int i = 0; i != 3; ++i) items.emplace_back(i);
  const ints seen = map_with_pool(items, pool, [](const move_only& item, int&) { return item.value; });
  EXPECT_EQ(seen, numbers(3));
  map_with_pool(items, pool, [](move_only& item, int&) { ++item.value; });
  items = map_with_pool(std::move(items), pool, [](move_only&& item, int&) { return std::move(item); });
  EXPECT_EQ(map_with_pool(std::move(items), pool, [](move_only item, int&) { return item.value; }), (ints{1, 2, 3}));

  std::vector<std::string> words(10, "a text that is too long to be kept inside");
  map_with_pool(words, pool, [](std::string word, int&) { return word.size(); });
  EXPECT_EQ(std::ranges::count(words, std::string()), 0);
}

TEST_F(MapWithPool, CallsTheMapperItselfAndNoCopy) {
  struct mapper {
    std::atomic<int> calls{0};
    void operator()(int, int&) { ++calls; }
  } counting;
  resource_pool<int> pool(zero, 2);
  map_with_pool(numbers(100), pool, counting);
  EXPECT_EQ(counting.calls, 100);
}

TEST_F(MapWithPool, NamesTheItemThatFailed) {
  resource_pool<int> pool(zero, 2);
  const auto reciprocal = [](int i, int&) { return i != 0 ? 1. / i : throw std::domain_error("zero"); };
  EXPECT_EQ(message_of<task_error>([&] { map_with_pool(ints{1, 0}, pool, reciprocal); }), "task 1 failed: zero");
  EXPECT_EQ(pool.idle(), 2U);
}

TEST_F(MapWithPool, RefusesAnEmptyMapperBeforeAnythingRuns) {
  resource_pool<int> pool(zero, 2);
  executor two({.concurrency = 2});
  const std::function<int(int, int&)> empty;
  int (*const nothing)(int, int&) = nullptr;
  EXPECT_THROW(map_with_pool(ints{1, 2}, pool, empty), std::invalid_argument);
  EXPECT_THROW(map_with_pool(ints(), pool, empty), std::invalid_argument);
  EXPECT_THROW(map_with_pool(ints{1, 2}, pool, nothing), std::invalid_argument);
  EXPECT_THROW(two.map_with_pool(ints{1, 2}, pool, empty), std::invalid_argument);
  EXPECT_EQ(pool.statistics().acquired_total, 0U);
}

}  // namespace
