#include <gtest/gtest.h>

#include <cstddef>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "fanout/fanout.hpp"

/// Ranges, items and functions of programs that do not keep to the rules, or have names in common with fanout.
namespace {

const std::string long_text = "a text that is too long for the buffer within a string";

/// Iterators that call themselves forward iterators and refer to an item within themselves, as many parsers' do.
struct texts {
  struct iterator {
    using value_type = std::string;
    using difference_type = std::ptrdiff_t;
    const std::string& operator*() const { return item; }
    iterator& operator++() {
      item = long_text + std::to_string(++at);
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const iterator& other) const { return at == other.at; }
    int at = 0;
    std::string item = long_text + "0";
  };
  iterator begin() const { return {}; }
  iterator end() const { return {.at = 5}; }
};
static_assert(std::ranges::forward_range<texts>);

TEST(AwkwardItems, ThatEndWithTheirIteratorAreCopied) {
  const auto same = [](const std::string& item) { return item; };
  for (const int limit : {1, 2}) {
    const std::vector<std::string> found = fanout::map_in_parallel(texts(), same, limit);
    ASSERT_EQ(found.size(), 5U);
    for (std::size_t i = 0; i != found.size(); ++i) EXPECT_EQ(found[i], long_text + std::to_string(i));
  }
}

struct immovable {
  explicit immovable(int number) : value(number) {}
  immovable(const immovable&) = delete;
  immovable& operator=(const immovable&) = delete;
  int value;
};

struct one_immovable {
  struct iterator {
    using value_type = immovable;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    explicit iterator(int place) : at(place) {}
    iterator(const iterator& other) : at(other.at) {}
    iterator& operator=(const iterator& other) { return at = other.at, *this; }
    const immovable& operator*() const { return item; }
    iterator& operator++() { return ++at, *this; }
    iterator operator++(int) { return iterator(at++); }
    bool operator==(const iterator& other) const { return at == other.at; }
    int at = 0;
    immovable item{7};
  };
  iterator begin() const { return iterator(0); }
  iterator end() const { return iterator(1); }
};
static_assert(std::ranges::forward_range<one_immovable>);

TEST(AwkwardItems, ThatEndWithTheirIteratorAndCannotBeCopiedAreRefused) {
  EXPECT_THROW(fanout::map_in_parallel(one_immovable(), [](const immovable& item) { return item.value; }),
               std::invalid_argument);
}

/// A row of a matrix passes constness on as containers do, but owns nothing.
struct row {
  std::string* begin() { return first; }
  std::string* end() { return last; }
  const std::string* begin() const { return first; }
  const std::string* end() const { return last; }
  std::string* first;
  std::string* last;
};

TEST(AwkwardItems, OfARangeThatOwnsNothingStayInPlace) {
  std::vector<std::string> cells(4, long_text);
  fanout::map_in_parallel(row{cells.data(), cells.data() + 4}, [](std::string taken) { return taken.size(); }, 2);
  EXPECT_EQ(cells, std::vector<std::string>(4, long_text));
}

}  // namespace

/// Names of a program that are also fanout's. Calls must not find them by the types of tasks and items.
namespace jobs {

struct job {
  int operator()() const { return 7; }
};
struct request {};

template <class Queue, class Task>
bool call_task(Queue&&, Task&&) {
  return false;
}
template <class Queue, class Task, class Item>
bool call_mapper(Queue&&, Task&&, Item&&) {
  return false;
}
template <class Server, class... Rest>
int call(const Server&, request&, Rest&&...) {
  return 0;
}
template <class Index, class Task>
void refuse_if_empty(Index&&, Task&&) {}
template <class Task>
void refuse_empty_mapper(Task&&) {}

}  // namespace jobs

namespace {

TEST(AwkwardNames, OfTheProgramAreNotCalled) {
  const std::vector<jobs::job> tasks(3);
  const auto results = fanout::execute_in_parallel(tasks, 2);
  static_assert(std::is_same_v<decltype(results), const std::vector<int>>);
  EXPECT_EQ(results, std::vector<int>(3, 7));
  std::vector<jobs::request> requests(3);
  EXPECT_EQ(fanout::map_in_parallel(requests, [](jobs::request&) { return 1; }), std::vector<int>(3, 1));
}

/// A function with a conversion to `bool` that does not say whether it is empty.
struct filter {
  int operator()(int i) const { return enabled ? -i : i; }
  explicit operator bool() const { return enabled; }
  bool enabled = false;
};

TEST(AwkwardFunctions, ThatConvertToFalseAreNotEmpty) {
  EXPECT_EQ(fanout::map_in_parallel(3, filter{}), (std::vector<int>{0, 1, 2}));
}

TEST(AwkwardSizes, AreRefusedBeforeMemoryIsAllocatedForResults) {
  constexpr auto too_many = (1ULL << 40U) + 1;
  const auto square = [](auto i) { return static_cast<double>(i * i); };
  EXPECT_THROW(fanout::map_in_parallel(too_many, square), std::length_error);
  EXPECT_THROW(fanout::map_in_parallel(~0ULL, square), std::length_error);
  EXPECT_THROW(fanout::settle_map(too_many, square), std::length_error);
}

}  // namespace
