#include <gtest/gtest.h>

#include <any>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 1: result i belongs to task i, whatever finished first and whatever its type.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::task_context;

TEST(Promise1Order, GivesResultsInInputOrderWhenTheTasksEndInReverse) {
  constexpr std::size_t count = 8;
  std::vector<event> ended(count + 1);
  ended[count].set();
  const std::vector tasks(count, [&](const task_context& context) {
    EXPECT_TRUE(ended[context.index() + 1].wait());
    ended[context.index()].set();
    return context.index();
  });
  EXPECT_EQ(execute_in_parallel(tasks, count), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Promise1Order, HoldsWhereCheapAndDearTasksAreMixed) {
  const std::vector tasks(20'000, [](const task_context& context) {
    if (context.index() % 997 == 0) compute_for(300us);
    return context.index();
  });
  const auto results = execute_in_parallel(tasks, 4);
  for (std::size_t index = 0; index != results.size(); ++index) ASSERT_EQ(results[index], index);
}

TEST(Promise1Order, HoldsOnAnExecutorAndForMappersAndOutcomes) {
  fanout::executor three({.concurrency = 3});
  std::vector<std::size_t> items(5'000);
  for (std::size_t index = 0; index != items.size(); ++index) items[index] = index;
  const auto mapped = three.map(items, [](std::size_t item) { return item * 2; });
  const auto settled = three.settle(std::vector(5'000, [](const task_context& context) { return context.index(); }));
  for (std::size_t index = 0; index != items.size(); ++index) {
    ASSERT_EQ(mapped[index], 2 * index);
    ASSERT_EQ(settled[index].value(), index);
  }
}

// Eight results would share a byte of a std::vector<bool>; a race would lose some.
TEST(Promise1Order, GivesResultsOfTypeBoolWithoutARace) {
  const std::vector tasks(100'000, [](const task_context& context) { return context.index() % 3 == 0; });
  for (int round = 0; round != 5; ++round) {
    const std::vector<bool> results = execute_in_parallel(tasks, 4);
    for (std::size_t index = 0; index != results.size(); ++index) ASSERT_EQ(results[index], index % 3 == 0);
  }
}

/// The number i as a result of a hostile type, and back.
template <class T>
struct codec {
  static T encode(int i) { return T(i); }
  static int decode(const T& t) { return t.value; }
};
template <>
struct codec<int> {
  static int encode(int i) { return i; }
  static int decode(int i) { return i; }
};
template <>
struct codec<over_aligned> {
  static over_aligned encode(int i) { return {i}; }
  static int decode(const over_aligned& t) { return t.well_placed() ? t.value : -1; }
};
template <>
struct codec<std::unique_ptr<int>> {
  static std::unique_ptr<int> encode(int i) { return std::make_unique<int>(i); }
  static int decode(const std::unique_ptr<int>& t) { return *t; }
};
template <>
struct codec<std::string> {
  static std::string encode(int i) { return "a text that needs memory of its own " + std::to_string(i); }
  static int decode(const std::string& t) { return std::stoi(t.substr(t.rfind(' '))); }
};
template <>
struct codec<std::any> {
  static std::any encode(int i) { return i; }
  static int decode(const std::any& t) {
    const int* const held = std::any_cast<int>(&t);
    return held != nullptr ? *held : -1;
  }
};
struct alignas(128) over_aligned_without_default {
  explicit over_aligned_without_default(int i) : value(i) {}
  int value;
};

template <class T>
class Promise1OrderOfType : public testing::Test {};
using hostile_types =
    testing::Types<int, move_only, not_default_constructible, over_aligned, over_aligned_without_default,
                   throws_when_moved, counted, counted_with_default, std::unique_ptr<int>, std::string, std::any>;
TYPED_TEST_SUITE(Promise1OrderOfType, hostile_types, );

constexpr int hostile_count = 300;

TYPED_TEST(Promise1OrderOfType, HoldsForResults) {
  const std::vector tasks(hostile_count, [](const task_context& context) -> TypeParam {
    return codec<TypeParam>::encode(static_cast<int>(context.index()));
  });
  const std::vector<TypeParam> results = execute_in_parallel(tasks, 3);
  ASSERT_EQ(results.size(), tasks.size());
  for (int i = 0; i != hostile_count; ++i)
    ASSERT_EQ(codec<TypeParam>::decode(results[static_cast<std::size_t>(i)]), i);
}

TYPED_TEST(Promise1OrderOfType, HoldsForOutcomes) {
  const std::vector tasks(hostile_count, [](const task_context& context) -> TypeParam {
    return codec<TypeParam>::encode(static_cast<int>(context.index()));
  });
  const auto outcomes = fanout::settle_in_parallel(tasks, {.concurrency = 3});
  for (int i = 0; i != hostile_count; ++i)
    ASSERT_EQ(codec<TypeParam>::decode(outcomes[static_cast<std::size_t>(i)].value()), i);
}

TYPED_TEST(Promise1OrderOfType, HoldsForATuple) {
  const auto [two, one] = fanout::invoke_in_parallel([] { return codec<TypeParam>::encode(2); },
                                                     [] { return codec<TypeParam>::encode(1); });
  EXPECT_EQ(codec<TypeParam>::decode(two), 2);
  EXPECT_EQ(codec<TypeParam>::decode(one), 1);
}

}  // namespace
