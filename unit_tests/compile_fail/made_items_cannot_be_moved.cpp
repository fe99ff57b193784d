// expect: items that a range makes must be movable
#include <iterator>

#include <fanout/fanout.hpp>

struct immovable {
  immovable() = default;
  immovable(immovable&&) = delete;
};

struct maker {
  struct iterator {
    using value_type = immovable;
    using difference_type = std::ptrdiff_t;
    immovable operator*() const { return {}; }
    iterator& operator++() { return ++at, *this; }
    iterator operator++(int) { return {at++}; }
    bool operator==(const iterator&) const = default;
    int at = 0;
  };
  iterator begin() const { return {0}; }
  iterator end() const { return {3}; }
};

void wrong_use() {
  fanout::map_in_parallel(maker(), [](const immovable&) { return 1; });
}
