#include "fanout/map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <ranges>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// What `map_in_parallel` hands to its mapper, for every kind of range.
namespace {

using namespace support;
using fanout::map_in_parallel;
using fanout::run_options;
using fanout::task_context;

using ints = std::vector<int>;

ints numbers(int count) {
  ints values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

constexpr auto twice = [](int i) { return 2 * i; };

// ── Ranges ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Map, TakesTheConcurrencyInShort) {
  std::vector<int> order;
  const std::vector items{1, 2, 3};
  EXPECT_EQ(map_in_parallel(items, [&](int i) { order.push_back(i); return -i; }, 1), (std::vector{-1, -2, -3}));
  EXPECT_EQ(order, items);
  EXPECT_THROW(map_in_parallel(items, [](int) {}, 0), std::invalid_argument);
  EXPECT_THROW(map_in_parallel(items, [](int) {}, -1), std::invalid_argument);
  EXPECT_EQ(map_in_parallel(items, [](int i) { return i; }, {}), items);
}

TEST(Map, MapsAVector) { EXPECT_EQ(map_in_parallel(numbers(4), twice), (ints{0, 2, 4, 6})); }

TEST(Map, MapsIota) { EXPECT_EQ(map_in_parallel(std::views::iota(0, 4), twice), (ints{0, 2, 4, 6})); }

TEST(Map, MapsANumberOfIndices) {
  EXPECT_EQ(map_in_parallel(4, twice), (ints{0, 2, 4, 6}));
  EXPECT_EQ(map_in_parallel(0, twice), ints{});
  EXPECT_EQ(fanout::executor({.concurrency = 2}).map(4, twice, 2), (ints{0, 2, 4, 6}));
  const std::uint8_t count = 255;
  const auto itself = [](auto index) {
    static_assert(std::is_same_v<decltype(index), std::uint8_t>);
    return static_cast<int>(index);
  };
  EXPECT_EQ(map_in_parallel(count, itself).at(254), 254);
  EXPECT_EQ(map_in_parallel(std::size_t{3}, [](std::size_t index, const task_context& context) {
              return index == context.index();
            }),
            (std::vector{true, true, true}));
}

TEST(Map, RefusesANegativeNumberOfIndices) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { map_in_parallel(-1, twice); }),
            "the number of indices must be at least 0; got -1");
}

TEST(Map, MapsReversedAndCutIota) {
  const auto items = std::views::iota(0, 100) | std::views::drop(96) | std::views::reverse;
  EXPECT_EQ(map_in_parallel(items, twice), (ints{198, 196, 194, 192}));
}

TEST(Map, MapsIotaOfTheLargestNumbers) {
  constexpr auto most = std::numeric_limits<unsigned long long>::max();
  const auto down = [](unsigned long long i) { return most - i; };
  EXPECT_EQ(map_in_parallel(std::views::iota(most - 3, most), down), (std::vector<unsigned long long>{3, 2, 1}));
}

TEST(Map, MapsAnEndlessIotaThatWasCut) {
  EXPECT_EQ(map_in_parallel(std::views::iota(5) | std::views::take(2), twice), (ints{10, 12}));
}

TEST(Map, MapsAListAndADequeAndAnArray) {
  EXPECT_EQ(map_in_parallel(std::list{1, 2}, twice), (ints{2, 4}));
  EXPECT_EQ(map_in_parallel(std::deque{1, 2}, twice), (ints{2, 4}));
  EXPECT_EQ(map_in_parallel(std::array{1, 2}, twice), (ints{2, 4}));
  const int items[] = {1, 2};
  EXPECT_EQ(map_in_parallel(items, twice), (ints{2, 4}));
}

TEST(Map, MapsAnInitializerList) {
  EXPECT_EQ(map_in_parallel(std::initializer_list<std::string>{"a", "bcd"}, &std::string::size),
            (std::vector<std::size_t>{1, 3}));
}

TEST(Map, MapsTheCharactersOfAString) {
  const auto up = [](char c) { return static_cast<char>(c + 1); };
  EXPECT_EQ(map_in_parallel(std::string("HAL"), up), (std::vector<char>{'I', 'B', 'M'}));
  EXPECT_EQ(map_in_parallel(std::string_view("HAL"), up), (std::vector<char>{'I', 'B', 'M'}));
}

TEST(Map, MapsAMap) {
  std::map<std::string, int> items{{"a", 1}, {"b", 2}};
  map_in_parallel(items, [](auto& item) { item.second *= 10; });
  EXPECT_EQ(items.at("b"), 20);
}

TEST(Map, MapsTheBitsOfAVectorOfBool) {
  const std::vector<bool> items{true, false, true};
  EXPECT_EQ(map_in_parallel(items, [](bool b) { return !b; }), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(map_in_parallel(std::vector<bool>(1'000, true), std::logical_not<>()), std::vector<bool>(1'000, false));
}

TEST(Map, MapsASinglePassRange) {
  std::istringstream text("4 5 6");
  EXPECT_EQ(map_in_parallel(std::views::istream<int>(text), twice), (ints{8, 10, 12}));
}

TEST(Map, MapsASubrangeOfAList) {
  std::list items{1, 2, 3};
  const std::ranges::subrange rest(std::next(items.begin()), items.end());
  EXPECT_EQ(map_in_parallel(rest, twice), (ints{4, 6}));
}

TEST(Map, MapsAnEmptyRange) {
  EXPECT_TRUE(map_in_parallel(ints{}, twice).empty());
  EXPECT_TRUE(map_in_parallel(std::views::empty<int>, twice).empty());
}

TEST(Map, MapsARangeOfOneItem) { EXPECT_EQ(map_in_parallel(std::views::single(21), twice), ints{42}); }

// ── What the mapper gets ────────────────────────────────────────────────────────────────────────────────────────

TEST(Map, LetsAMapperChangeTheItemsOfAnLvalueRange) {
  auto items = numbers(1'000);
  map_in_parallel(items, [](int& item) { item = -item; }, {.concurrency = 4});
  for (int i = 0; i != 1'000; ++i) ASSERT_EQ(items[static_cast<std::size_t>(i)], -i);
}

TEST(Map, LetsAMapperChangeTheItemsOfAList) {
  std::list items{1, 2, 3};
  map_in_parallel(items, [](int& item) { item *= 2; });
  EXPECT_EQ(items, (std::list{2, 4, 6}));
}

TEST(Map, CopiesNothingForAMapperThatTakesAConstReference) {
  counted::reset();
  const std::vector<counted> items(10, counted(1));
  const int copied_before = counted::population.copied;
  const int moved_before = counted::population.moved;
  map_in_parallel(items, [](const counted& item) { return item.value; }, {.concurrency = 2});
  map_in_parallel(std::list<counted>(), [](const counted& item) { return item.value; });
  EXPECT_EQ(counted::population.copied, copied_before);
  EXPECT_EQ(counted::population.moved, moved_before);
}

TEST(Map, LeavesTheItemsOfAnLvalueRangeToItsOwner) {
  std::vector<std::string> items(10, "a text that is too long to be kept inside");
  map_in_parallel(items, [](std::string item) { return item.size(); });
  EXPECT_EQ(std::ranges::count(items, std::string()), 0);
}

template <class Container>
class MapOfContainer : public testing::Test {};
using containers = testing::Types<std::vector<move_only>, std::list<move_only>, std::deque<move_only>>;
TYPED_TEST_SUITE(MapOfContainer, containers, );

template <class Container>
Container hundred_move_only() {
  Container items;
  for (int i = 0; i != 100; ++i) items.emplace_back(i);
  return items;
}

TYPED_TEST(MapOfContainer, GivesTheItemsOfAnRvalueToAMapperThatTakesThemByValue) {
  const auto results =
      map_in_parallel(hundred_move_only<TypeParam>(), [](move_only item) { return item.value; }, {.concurrency = 4});
  EXPECT_EQ(results, numbers(100));
}

TYPED_TEST(MapOfContainer, GivesTheItemsOfAnRvalueToAMapperThatTakesRvalues) {
  const auto results =
      map_in_parallel(hundred_move_only<TypeParam>(), [](move_only&& item) { return std::move(item); });
  EXPECT_EQ(results[99].value, 99);
}

TYPED_TEST(MapOfContainer, LetsAMapperOfAnRvalueTakeLvalues) {
  const auto results = map_in_parallel(hundred_move_only<TypeParam>(), [](move_only& item) { return item.value; });
  EXPECT_EQ(results, numbers(100));
}

TEST(Map, GivesTheItemsOfAnRvalueArrayAway) {
  std::array<std::unique_ptr<int>, 2> items{std::make_unique<int>(1), std::make_unique<int>(2)};
  const auto results = map_in_parallel(std::move(items), [](std::unique_ptr<int> item) { return *item; });
  EXPECT_EQ(results, (ints{1, 2}));
}

TEST(Map, GivesItemsThatAreMadeOnTheFlyAway) {
  const auto items = std::views::iota(0, 50) | std::views::transform([](int i) { return std::make_unique<int>(i); });
  EXPECT_EQ(map_in_parallel(items, [](std::unique_ptr<int> item) { return *item; }), numbers(50));
}

TEST(Map, NeverGivesAwayWhatAViewOnlyShows) {
  std::vector<std::string> items(10, "a text that is too long to be kept inside");
  map_in_parallel(std::span(items), [](std::string item) { return item.size(); });
  map_in_parallel(items | std::views::reverse, [](std::string item) { return item.size(); });
  map_in_parallel(std::views::all(items), [](std::string item) { return item.size(); });
  EXPECT_EQ(std::ranges::count(items, std::string()), 0);
}

TEST(Map, GivesTheContextToAMapperThatTakesOne) {
  const auto results = map_in_parallel(
      std::list<std::string>{"a", "b"},
      [](const std::string& item, const task_context& context) { return item + std::to_string(context.index()); });
  EXPECT_EQ(results, (std::vector<std::string>{"a0", "b1"}));
}

TEST(Map, GivesOwnershipAndContextTogether) {
  const auto results = map_in_parallel(
      hundred_move_only<std::vector<move_only>>(),
      [](move_only item, const task_context& context) { return item.value == static_cast<int>(context.index()); });
  EXPECT_EQ(results, std::vector<bool>(100, true));
}

TEST(Map, ChangesItemsWithContextTogether) {
  ints items(10);
  map_in_parallel(items, [](int& item, const task_context& context) { item = static_cast<int>(context.index()); });
  EXPECT_EQ(items, numbers(10));
}

// ── The mapper itself ───────────────────────────────────────────────────────────────────────────────────────────

TEST(Map, CallsTheMapperItselfAndNoCopy) {
  struct mapper {
    std::atomic<int> calls{0};
    int operator()(int item) { return ++calls, item; }
  } counting;
  map_in_parallel(numbers(100), counting, {.concurrency = 2});
  EXPECT_EQ(counting.calls, 100);
}

TEST(Map, TakesAMapperThatCannotBeCopied) {
  const auto results = map_in_parallel(numbers(3), [one = std::make_unique<int>(1)](int i) { return i + *one; });
  EXPECT_EQ(results, (ints{1, 2, 3}));
}

int negated(int i) { return -i; }

TEST(Map, TakesAPointerToAFunction) { EXPECT_EQ(map_in_parallel(ints{1, 2}, negated), (ints{-1, -2})); }

TEST(Map, TakesAPointerToAMember) {
  const std::vector<move_only> items = hundred_move_only<std::vector<move_only>>();
  EXPECT_EQ(map_in_parallel(items, [](const move_only& item) { return item.value; }), numbers(100));
  const std::vector<std::string> texts{"a", "bc"};
  EXPECT_EQ(map_in_parallel(texts, &std::string::size), (std::vector<std::size_t>{1, 2}));
}

TEST(Map, RefusesAnEmptyMapperBeforeAnythingRuns) {
  const std::function<int(int)> empty;
  EXPECT_THROW(map_in_parallel(ints{1, 2}, empty), std::invalid_argument);
}

// ── Reading the input ───────────────────────────────────────────────────────────────────────────────────────────

TEST(Map, PassesOnTheExceptionOfATransformedRangeAndRunsNothing) {
  std::atomic<int> ran = 0;
  const auto items = std::views::iota(0, 10) | std::views::transform([](int i) {
                       if (i == 7) throw std::domain_error("seventh");
                       return i;
                     });
  EXPECT_EQ(message_of<std::domain_error>([&] { map_in_parallel(items, [&](int) { ++ran; }); }), "seventh");
  EXPECT_EQ(ran, 0);
}

// A subrange is borrowed whatever its iterators do: here they call user code, which must not become part of the tasks.
TEST(Map, PassesOnTheExceptionOfASubrangeOfATransformedRangeAndRunsNothing) {
  std::atomic<int> ran = 0;
  const auto items = std::views::iota(0, 10) | std::views::transform([](int i) {
                       if (i == 7) throw std::domain_error("seventh");
                       return i;
                     });
  const std::ranges::subrange part(items.begin(), items.end());
  EXPECT_EQ(message_of<std::domain_error>([&] { map_in_parallel(part, [&](int) { ++ran; }); }), "seventh");
  EXPECT_EQ(ran, 0);
}

/// A single-pass range whose iterator throws after some items.
struct failing_input {
  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int at = 0;
    int operator*() const { return at; }
    iterator& operator++() {
      if (++at == 5) throw 42;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.at == 10; }
  };
  iterator begin() const { return {}; }
  std::default_sentinel_t end() const { return {}; }
};

TEST(Map, PassesOnWhateverASinglePassIteratorThrowsAndRunsNothing) {
  static_assert(std::ranges::input_range<failing_input> && !std::ranges::forward_range<failing_input>);
  std::atomic<int> ran = 0;
  try {
    map_in_parallel(failing_input(), [&](int) { ++ran; });
    FAIL() << "no exception";
  } catch (const int& thrown) {
    EXPECT_EQ(thrown, 42);
  }
  EXPECT_EQ(ran, 0);
}

TEST(Map, DestroysWhatItHadReadWhenAnIteratorThrows) {
  counted::reset();
  const auto items = std::views::iota(0, 10) | std::views::transform([](int i) {
                       if (i == 7) throw std::domain_error("seventh");
                       return counted(i);
                     });
  EXPECT_THROW(map_in_parallel(items, [](const counted& item) { return item.value; }), std::domain_error);
  EXPECT_GE(counted::population.made, 7);
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Map, ReadsASinglePassRangeThatOverwritesItsItem) {
  std::istringstream text("a b c");
  const auto joined = map_in_parallel(std::views::istream<std::string>(text), [](std::string item) { return item; });
  EXPECT_EQ(joined, (std::vector<std::string>{"a", "b", "c"}));
}

// ── Errors ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Map, NamesTheItemThatFailed) {
  const auto reciprocal = [](int i) { return i != 0 ? 1. / i : throw std::domain_error("zero"); };
  const auto call = [&] { map_in_parallel(std::list{1, 0}, reciprocal); };
  EXPECT_EQ(message_of<fanout::task_error>(call), "task 1 failed: zero");
}

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// A line of /proc/self/status, in bytes.
std::size_t status_of_process(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1)) << 10U;
  std::_Exit(90);
}

TEST(MapDeathTest, OfTenMillionIntsNeedsItsResultsAndAtMostFourMebibytes) {
  if (under_address_sanitizer || under_thread_sanitizer) GTEST_SKIP() << "the sanitizer needs memory of its own";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto program = [] {
    const ints items(10'000'000, 1);
    const std::size_t before = status_of_process("VmRSS");
    const ints results = map_in_parallel(items, twice, {.concurrency = 2});
    const std::size_t needed = status_of_process("VmHWM") - before;
    const std::size_t allowed = results.size() * sizeof(int) + (std::size_t{4} << 20U);
    if (needed > allowed) std::fprintf(stderr, "needed %zu KiB, allowed %zu KiB\n", needed >> 10U, allowed >> 10U);
    std::exit(needed <= allowed && results.back() == 2 ? 0 : 1);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

/// A pair of pointers that nobody has declared to be a view.
struct foreign_view {
  std::string* first;
  std::string* last;
  std::string* begin() const { return first; }
  std::string* end() const { return last; }
};

TEST(Map, TakesNothingFromAnRvalueThatDoesNotOwnItsItems) {
  std::vector<std::string> words{"a word that is too long to be kept in place", "another one of that kind, as long"};
  const std::vector<std::string> before = words;
  fanout::map_in_parallel(foreign_view{words.data(), words.data() + words.size()},
                          [](std::string word) { return word.size(); });
  EXPECT_EQ(words, before);
}

}  // namespace
