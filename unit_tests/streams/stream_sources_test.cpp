#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <regex>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "streams/sources.hpp"
#include "support.hpp"

/// What a stream may be made from, and how the items reach the mapper.
namespace {

using namespace support;
using fanout::from_callable;
using fanout::stream_in_parallel;

template <class Stream>
auto all_of(Stream&& from) {
  std::vector<std::ranges::range_value_t<Stream>> values;
  for (auto& each : from) values.push_back(std::move(each));
  return values;
}

constexpr auto itself = [](auto item) { return item; };

TEST(StreamSources, MayBeContainers) {
  const std::vector numbers{1, 2, 3};
  EXPECT_EQ(all_of(stream_in_parallel(numbers, itself)), numbers);
  EXPECT_EQ(all_of(stream_in_parallel(std::list{1, 2, 3}, itself)), numbers);
  EXPECT_EQ(all_of(stream_in_parallel(std::forward_list{1, 2, 3}, itself)), numbers);
  int array[] = {1, 2, 3};
  EXPECT_EQ(all_of(stream_in_parallel(array, itself)), numbers);
  EXPECT_EQ(all_of(stream_in_parallel(std::array{1, 2, 3}, itself)), numbers);
  EXPECT_EQ(all_of(stream_in_parallel(std::span(array), itself)), numbers);
  EXPECT_EQ(all_of(stream_in_parallel(std::map<int, int>{{1, 1}, {2, 2}, {3, 3}}, [](auto& each) { return each.second; })),
            numbers);
}

TEST(StreamSources, ItemsOfAnLvalueAreUsedInPlace) {
  std::vector<std::string> words{"a", "b"};
  for (const std::string* place : stream_in_parallel(words, [](std::string& word) {
         word += "!";
         return &word;
       }))
    EXPECT_TRUE(place == words.data() || place == words.data() + 1);
  EXPECT_EQ(words, (std::vector<std::string>{"a!", "b!"}));
}

TEST(StreamSources, ItemsOfAnRvalueBelongToTheMapper) {
  std::vector<std::unique_ptr<int>> owned;
  for (int i = 0; i != 5; ++i) owned.push_back(std::make_unique<int>(i));
  const auto take = [](std::unique_ptr<int> item) { return *item; };
  EXPECT_EQ(all_of(stream_in_parallel(std::move(owned), take)), (std::vector{0, 1, 2, 3, 4}));
  std::list<move_only> list;
  list.emplace_back(7);
  EXPECT_EQ(all_of(stream_in_parallel(std::move(list), [](move_only item) { return item.value; })), std::vector{7});
}

TEST(StreamSources, AnOwnedSourceOutlivesItsExpression) {
  const auto make = [] { return stream_in_parallel(std::vector<std::string>(100, "x"), itself, {.ahead = 3}); };
  auto made = make();
  EXPECT_EQ(all_of(made).size(), 100U);
}

TEST(StreamSources, MayBeViews) {
  auto even = std::views::iota(0, 10) | std::views::filter([](int i) { return i % 2 == 0; });
  EXPECT_EQ(all_of(stream_in_parallel(even, itself)), (std::vector{0, 2, 4, 6, 8}));
  EXPECT_EQ(all_of(stream_in_parallel(std::views::iota(0) | std::views::take(3), itself)), (std::vector{0, 1, 2}));
  const std::vector numbers{1, 2, 3};
  EXPECT_EQ(all_of(stream_in_parallel(numbers | std::views::reverse, itself)), (std::vector{3, 2, 1}));
  EXPECT_EQ(all_of(stream_in_parallel(numbers | std::views::transform([](int i) { return std::to_string(i); }), itself)),
            (std::vector<std::string>{"1", "2", "3"}));
}

TEST(StreamSources, MayBeInputThatIsReadOnce) {
  std::istringstream words("one two three");
  EXPECT_EQ(all_of(stream_in_parallel(std::views::istream<std::string>(words), itself)),
            (std::vector<std::string>{"one", "two", "three"}));
}

TEST(StreamSources, AreReadOnlyAsFarAsTheItemsThatWereAskedFor) {
  std::istringstream words("1 2 3 4 5 6 7 8 9");
  auto stream = stream_in_parallel(std::views::istream<int>(words), itself, {.concurrency = 2, .ahead = 3});
  EXPECT_TRUE(eventually([&] { return stream.progress().completed == 3; }));
  stream = stream_in_parallel(std::ranges::subrange(std::istream_iterator<int>{}, std::istream_iterator<int>{}), itself);
  int next = 0;
  words >> next;
  EXPECT_EQ(next, 4);
}

generator<std::unique_ptr<int>> boxes(int count) {
  for (int i = 0; i != count; ++i) co_yield std::make_unique<int>(i);
}

TEST(StreamSources, MayBeGenerators) {
  int expected = 0;
  for (const int each : stream_in_parallel(boxes(300), [](std::unique_ptr<int> box) { return *box; }, {.ahead = 5}))
    EXPECT_EQ(each, expected++);
  EXPECT_EQ(expected, 300);
}

TEST(StreamSources, MayBeCallables) {
  int next = 0;
  const auto numbers = [&]() -> std::optional<int> { return next == 5 ? std::nullopt : std::optional(next++); };
  EXPECT_EQ(all_of(stream_in_parallel(from_callable(numbers), itself)), (std::vector{0, 1, 2, 3, 4}));
  int left = 3;
  auto boxed = from_callable([&]() -> std::optional<move_only> {
    if (left == 0) return {};
    return move_only(left--);
  });
  EXPECT_EQ(all_of(stream_in_parallel(boxed, [](move_only item) { return item.value; })), (std::vector{3, 2, 1}));
  // They are ranges for the other calls as well.
  left = 2;
  EXPECT_EQ(fanout::map_in_parallel(from_callable([&] { return left == 0 ? std::nullopt : std::optional(left--); }), itself),
            (std::vector{2, 1}));
}

TEST(StreamSources, ACallableMayThrow) {
  int left = 3;
  auto failing = from_callable([&]() -> std::optional<int> {
    if (--left == 0) throw std::domain_error("no more");
    return left;
  });
  std::vector<int> seen;
  EXPECT_THROW(
      for (const int each : stream_in_parallel(failing, itself)) seen.push_back(each), std::domain_error);
  EXPECT_EQ(seen, (std::vector{2, 1}));
}

TEST(StreamSources, ItemsThatArePartOfTheirIteratorAreCopied) {
  const std::string text = "ab cd ef gh";
  const std::regex word("[a-z]+");
  const std::ranges::subrange matches(std::sregex_iterator(text.begin(), text.end(), word), std::sregex_iterator());
  EXPECT_EQ(all_of(stream_in_parallel(matches, [](const std::smatch& match) { return match.str(); }, {.ahead = 3})),
            (std::vector<std::string>{"ab", "cd", "ef", "gh"}));
}

TEST(StreamSources, BitsAreGivenAsValues) {
  const std::vector<bool> bits{true, false, true};
  EXPECT_EQ(all_of(stream_in_parallel(bits, [](bool bit) { return bit ? 1 : 0; })), (std::vector{1, 0, 1}));
  std::vector<bool> changeable{true, false, true};
  EXPECT_EQ(all_of(stream_in_parallel(changeable, [](bool bit) { return bit ? 1 : 0; })), (std::vector{1, 0, 1}));
}

template <class Source, class F>
concept streamable = requires(Source&& source, F mapper) { stream_in_parallel(std::forward<Source>(source), mapper); };

TEST(StreamSources, BadArgumentsAreRefusedByTheCompiler) {
  using lambda = int (*)(int);
  static_assert(streamable<std::vector<int>&, lambda>);
  static_assert(!streamable<int, lambda>);
  static_assert(!streamable<std::vector<std::string>&, lambda>);
  static_assert(!streamable<std::vector<int>&, void (*)(int)>);
  static_assert(!streamable<std::vector<int>&, int& (*)(int)>);
  static_assert(streamable<std::vector<int>&, int (*)(int&)>);
  static_assert(!streamable<std::vector<bool>&, int (*)(bool&)>);
  static_assert(!streamable<std::ranges::istream_view<int>, int (*)(int&)>);
  static_assert(streamable<std::ranges::istream_view<int>, int (*)(int&&)>);
}

TEST(StreamSources, TheMapperBelongsToTheStream) {
  counted::reset();
  {
    counted mapper_state(1);
    auto stream = stream_in_parallel(std::vector{1, 2, 3}, [mapper_state](int i) { return i + mapper_state.value; });
    EXPECT_EQ(all_of(stream), (std::vector{2, 3, 4}));
  }
  EXPECT_EQ(counted::population.alive(), 0);
  const auto twice = [](int i) { return 2 * i; };
  EXPECT_EQ(all_of(stream_in_parallel(std::vector{1, 2}, std::ref(twice))), (std::vector{2, 4}));
}

}  // namespace
