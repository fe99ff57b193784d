// expect: the output must have elements, not bits or other proxies
#include <cstddef>
#include <iterator>

#include <fanout/fanout.hpp>

/// A pointer that gives its numbers as objects.
struct place {
  struct proxy {
    int* number;
    const proxy& operator=(int value) const { return *number = value, *this; }
    operator int() const { return *number; }
  };
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::random_access_iterator_tag;

  int* at = nullptr;

  proxy operator*() const { return {at}; }
  proxy operator[](difference_type by) const { return {at + by}; }
  place& operator++() { return ++at, *this; }
  place operator++(int) { return {at++}; }
  place& operator--() { return --at, *this; }
  place operator--(int) { return {at--}; }
  place& operator+=(difference_type by) { return at += by, *this; }
  place& operator-=(difference_type by) { return at -= by, *this; }
  friend place operator+(place from, difference_type by) { return {from.at + by}; }
  friend place operator+(difference_type by, place from) { return {from.at + by}; }
  friend place operator-(place from, difference_type by) { return {from.at - by}; }
  friend difference_type operator-(place one, place other) { return one.at - other.at; }
  auto operator<=>(const place&) const = default;
};

struct numbers {
  place begin() const { return {first}; }
  place end() const { return {first + 3}; }
  int* first;
};
static_assert(std::ranges::random_access_range<numbers>);

void wrong_use(numbers& out) {
  fanout::map_in_parallel_into(out, 3, [](int i) { return i; });
}
