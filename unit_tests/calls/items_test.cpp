#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <functional>
#include <iterator>
#include <list>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "calls/proxies.hpp"
#include "fanout/fanout.hpp"
#include "support.hpp"

/// Items of ranges whose references are objects, or that can be read only once: what a mapper writes reaches the
/// range, and nothing is copied that the range did not copy.
namespace {

using namespace support;
using fanout::map_in_parallel;
using fanout::run_options;

using ints = std::vector<int>;
using bits = std::vector<bool>;

/// Calls `mapper` for the range that `range` returns, by every call that has items, at several limits, and `check`
/// with the number of calls so far. The mapper must return a number.
template <class Range, class Mapper, class Check>
void by_every_call(const Range& range, const Mapper& mapper, const Check& check) {
  const auto with_resource = [&](auto&& item, int&) -> decltype(mapper(std::forward<decltype(item)>(item))) {
    return mapper(std::forward<decltype(item)>(item));
  };
  fanout::resource_pool<int> pool([] { return 0; }, 4);
  int calls = 0;
  for (const fanout::concurrency_limit limit :
       {fanout::concurrency_limit(1), fanout::concurrency_limit(2), fanout::concurrency_limit(4),
        fanout::concurrency_limit(fanout::automatic)}) {
    const run_options options{.concurrency = limit};
    const fanout::executor on({.concurrency = limit});
    std::vector<int> out(static_cast<std::size_t>(std::ranges::distance(range())));
    map_in_parallel(range(), mapper, options), check(++calls);
    on.map(range(), mapper), check(++calls);
    fanout::settle_map(range(), mapper, options), check(++calls);
    on.settle_map(range(), mapper), check(++calls);
    fanout::map_in_parallel_into(out, range(), mapper, options), check(++calls);
    on.map_into(out, range(), mapper), check(++calls);
    fanout::map_with_pool(range(), pool, with_resource, options), check(++calls);
    on.map_with_pool(range(), pool, with_resource), check(++calls);
  }
}

constexpr auto flip = [](auto&& flag) {
  flag = !flag;
  return 0;
};
constexpr auto count_up = [](auto&& item) {
  item = item + 1;
  return 0;
};

// ── Bits ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Enough for neighbours to be in the hands of two threads.
constexpr std::size_t many = 10'007;

TEST(Items, AreTheBitsOfAVectorOfBoolWhateverTheCall) {
  bits flags(many);
  by_every_call([&]() -> bits& { return flags; }, flip,
                [&](int calls) { ASSERT_EQ(flags, bits(many, calls % 2 == 1)) << calls; });
}

TEST(Items, AreBitsForAMapperThatTakesABool) {
  bits flags(many);
  const auto by_reference = [](bool& flag) { return flag = !flag, 0; };
  by_every_call([&]() -> bits& { return flags; }, by_reference,
                [&](int calls) { ASSERT_EQ(flags, bits(many, calls % 2 == 1)) << calls; });
  EXPECT_EQ(map_in_parallel(flags, [](bool flag) { return flag; }), flags);
  EXPECT_EQ(map_in_parallel(flags, std::logical_not<>()), bits(many, true));
}

TEST(Items, AreBitsOfViews) {
  bits flags(many);
  by_every_call([&] { return flags | std::views::drop(1) | std::views::reverse; }, flip,
                [&](int calls) {
                  ASSERT_FALSE(flags[0]);
                  ASSERT_EQ(std::ranges::count(flags, calls % 2 == 1), calls % 2 == 1 ? many - 1 : many) << calls;
                });
  const auto set_ones = [&] { return flags | std::views::filter(std::identity()); };
  flags = {true, false, true, true};
  map_in_parallel(set_ones(), flip, {.concurrency = 2});
  EXPECT_EQ(flags, bits(4));
}

TEST(Items, AreBitsOfABitset) {
  std::bitset<1'000> flags;
  const auto all = [&] {
    return std::views::iota(std::size_t{0}, flags.size()) | std::views::transform([&](auto i) { return flags[i]; });
  };
  by_every_call(all, flip, [&](int calls) { ASSERT_EQ(flags.count(), calls % 2 == 1 ? 1'000U : 0U) << calls; });
}

TEST(Items, AreBitsWhoseReferencesAreKeptInAnotherContainer) {
  bits flags(many);
  std::list<bits::reference> chosen;
  for (std::size_t i = 0; i < many; i += 2) chosen.push_back(flags[i]);
  map_in_parallel(chosen, flip, {.concurrency = 4});
  for (std::size_t i = 0; i != many; ++i) ASSERT_EQ(flags[i], i % 2 == 0);
}

TEST(Items, AreBitsThatAreWrittenEvenIfALaterTaskThrows) {
  bits flags(100);
  const auto set_until_50 = [](bool& flag, const fanout::task_context& context) {
    if (context.index() == 50) throw std::domain_error("fifty");
    flag = true;
  };
  EXPECT_THROW(map_in_parallel(flags, set_until_50, {.concurrency = 1}), fanout::task_error);
  for (std::size_t i = 0; i != 100; ++i) EXPECT_EQ(flags[i], i < 50);
}

TEST(Items, AreBitsOfARangeThatMayThrowWhenTheyAreWritten) {
  bits flags(10);
  int visits = 0;
  const auto until = [&](std::size_t i) {
    if (++visits == 15) throw std::domain_error("fifteenth visit");
    return flags[i];
  };
  const auto all = std::views::iota(std::size_t{0}, flags.size()) | std::views::transform(until);
  EXPECT_EQ(message_of<std::domain_error>([&] { map_in_parallel(all, flip, 2); }), "fifteenth visit");
  EXPECT_EQ(std::ranges::count(flags, true), 4);
  visits = 0;
  const auto fail = [](bool& flag, const fanout::task_context& context) {
    flag = !flag;
    if (context.index() == 9) throw 42;
  };
  EXPECT_THROW(map_in_parallel(all, fail, 1), fanout::task_error) << "what came first";
}

TEST(Items, AreBitsOfWhichOnlyThoseAreWrittenThatTheMapperChanged) {
  bits flags(100);
  map_in_parallel(flags,
                  [&](bool& flag, const fanout::task_context& context) {
                    if (context.index() == 0) flags[99] = true;  // not through its item
                    if (context.index() == 1) flag = true;
                  },
                  {.concurrency = 1});
  EXPECT_EQ(std::ranges::count(flags, true), 2);
  EXPECT_TRUE(flags[1] && flags[99]);
}

TEST(Items, OfAConstantVectorOfBoolAreValues) {
  const bits flags{true, false};
  EXPECT_EQ(map_in_parallel(flags,
                            [](auto&& flag) {
                              static_assert(std::same_as<decltype(flag), bool&&>);
                              return flag;
                            }),
            flags);
}

// ── Other references that are objects ──────────────────────────────────────────────────────────────────────────

TEST(Items, AreProxiesThroughWhichAMapperWrites) {
  ints numbers(1'000);
  by_every_call([&] { return seen_through_proxies(numbers); }, count_up,
                [&](int calls) { ASSERT_EQ(numbers, ints(1'000, calls)); });
}

TEST(Items, AreProxiesThatATransformationReturns) {
  ints numbers(1'000);
  by_every_call([&] { return numbers | std::views::transform([](int& number) { return proxy(number); }); }, count_up,
                [&](int calls) { ASSERT_EQ(numbers, ints(1'000, calls)); });
  by_every_call([&] { return numbers | std::views::transform([](int& number) { return std::ref(number); }); },
                [](int& number) { return number = 0; }, [&](int) { ASSERT_EQ(numbers, ints(1'000)); });
}

TEST(Items, AreProxiesThatAMapperMayTakeByValue) {
  ints numbers{1, 2, 3};
  EXPECT_EQ(map_in_parallel(seen_through_proxies(numbers), [](int number) { return 2 * number; }), (ints{2, 4, 6}));
  map_in_parallel(seen_through_proxies(numbers), [](proxy number) { number = 7; });
  EXPECT_EQ(numbers, ints(3, 7));
}

TEST(Items, AreTuplesOfReferencesOfWhichNothingIsCopied) {
  counted::reset();
  std::vector<counted> left(1'000, counted(0));
  ints right(1'000);
  const int before = counted::population.copied + counted::population.moved;
  const auto count_both = [](auto&& both) {
    ++std::get<0>(both).value;
    return ++std::get<1>(both);
  };
  by_every_call([&] { return zipped(left, right); }, count_both,
                [&](int calls) {
                  ASSERT_EQ(right, ints(1'000, calls));
                  ASSERT_TRUE(std::ranges::all_of(left, [=](const counted& each) { return each.value == calls; }));
                });
  EXPECT_EQ(counted::population.copied + counted::population.moved, before);
}

#ifdef __cpp_lib_ranges_zip
TEST(Items, AreThoseOfStandardZipViews) {
  ints left(1'000);
  std::vector<long> right(1'000);
  const auto count_both = [](auto&& both) { return ++std::get<0>(both) + ++std::get<1>(both); };
  by_every_call([&] { return std::views::zip(left, right); }, count_both,
                [&](int calls) {
                  ASSERT_EQ(left, ints(1'000, calls));
                  ASSERT_EQ(right, std::vector<long>(1'000, calls));
                });
  const bits flags(1'000, true);
  EXPECT_EQ(map_in_parallel(std::views::zip(flags, left), [](auto both) { return std::get<0>(both); }), flags);
}
#endif

TEST(Items, AreRvaluesThatStayInTheRange) {
  counted::reset();
  std::vector<counted> items(1'000, counted(0));
  const int before = counted::population.copied + counted::population.moved;
  const auto away = [&] {
    return items | std::views::transform([](counted& item) -> counted&& { return std::move(item); });
  };
  by_every_call(
      away, [](counted&& item) { return ++item.value; },
      [&](int calls) {
        ASSERT_TRUE(std::ranges::all_of(items, [=](const counted& each) { return each.value == calls; }));
      });
  EXPECT_EQ(counted::population.copied + counted::population.moved, before);
}

// ── Items that are made, or read only once ─────────────────────────────────────────────────────────────────────

TEST(Items, ThatARangeMakesAreNeitherCopiedNorMoved) {
  counted::reset();
  const auto made = std::views::iota(0, 1'000) | std::views::transform([](int i) { return counted(i); });
  auto even = std::views::iota(0, 1'000) | std::views::filter([](int i) { return i % 2 == 0; }) |
              std::views::transform([](int i) { return counted(i); });
  static_assert(std::ranges::sized_range<decltype(made)> && !std::ranges::sized_range<decltype(even)>);
  const auto value = [](const counted& item) { return item.value; };
  EXPECT_EQ(map_in_parallel(made, value, {.concurrency = 4}).at(999), 999);
  EXPECT_EQ(fanout::settle_map(even, value, {.concurrency = 4}).at(499).value(), 998);
  EXPECT_EQ(counted::population.made, 1'500);
  EXPECT_EQ(counted::population.copied + counted::population.moved, 0);
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Items, ThatCanBeReadOnlyOnceAreCopiedOnceAndBelongToTheMapper) {
  counted::reset();
  std::vector<counted> items(1'000, counted(1));
  const int before = counted::population.copied;
  EXPECT_EQ(map_in_parallel(read_once(items), [](const counted& item) { return item.value; }), ints(1'000, 1));
  EXPECT_EQ(counted::population.copied - before, 1'000);
  EXPECT_EQ(counted::population.moved, 0);
  map_in_parallel(read_once(items), [](counted item) { return item.value; });
  EXPECT_EQ(counted::population.copied - before, 2'000);
  EXPECT_EQ(counted::population.moved, 1'000);
}

TEST(Items, ThatCanBeReadOnlyOnceMayBeProxies) {
  ints left{1, 2, 3};
  ints right{4, 5, 6};
  EXPECT_EQ(map_in_parallel(read_once(zipped(left, right)),
                            [](auto both) { return std::get<0>(both) + std::get<1>(both); }),
            (ints{5, 7, 9}));
}

// ── Tasks ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// A task that counts its calls, and how often it was copied.
struct counting_task {
  explicit counting_task(int v) : counts(v) {}
  int operator()() { return ++calls; }
  counted counts;
  int calls = 0;
};

TEST(Items, ThatAreTasksAreCalledWhereTheyAre) {
  counted::reset();
  std::vector<counting_task> tasks(100, counting_task(0));
  const int before = counted::population.copied + counted::population.moved;
  const auto references = tasks | std::views::transform([](counting_task& task) { return std::ref(task); });
  const auto rvalues =
      tasks | std::views::transform([](counting_task& t) -> counting_task&& { return std::move(t); });
  int calls = 0;
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{4}, fanout::automatic}) {
    const fanout::executor on({.concurrency = limit});
    EXPECT_EQ(fanout::execute_in_parallel(references, {.concurrency = limit}), ints(100, ++calls));
    EXPECT_EQ(on.execute(rvalues), ints(100, ++calls));
    EXPECT_EQ(fanout::settle_in_parallel(rvalues, {.concurrency = limit}).at(99).value(), ++calls);
    EXPECT_EQ(on.settle(references).at(99).value(), ++calls);
  }
  EXPECT_EQ(counted::population.copied + counted::population.moved, before);
}

}  // namespace
