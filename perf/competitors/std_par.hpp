#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <execution>
#include <iterator>

#include "competitors/tbb.hpp"

namespace perf {

/// Counts. That of `views::iota` is an input iterator to the old algorithms, which then run all on the calling
/// thread.
class index_iterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using pointer = const std::size_t*;
  using reference = std::size_t;

  index_iterator() = default;
  explicit index_iterator(std::size_t index) : index_(index) {}

  std::size_t operator*() const { return index_; }
  std::size_t operator[](std::ptrdiff_t distance) const { return *(*this + distance); }
  index_iterator& operator++() { return *this += 1; }
  index_iterator& operator+=(std::ptrdiff_t distance) {
    index_ += static_cast<std::size_t>(distance);
    return *this;
  }
  index_iterator operator+(std::ptrdiff_t distance) const { return index_iterator(*this) += distance; }
  std::ptrdiff_t operator-(index_iterator other) const { return static_cast<std::ptrdiff_t>(index_ - other.index_); }
  auto operator<=>(const index_iterator&) const = default;

 private:
  std::size_t index_ = 0;
};

/// The parallel algorithm of the standard library. That of g++ runs on oneTBB; it knows no limit, so the arena sets
/// one.
class std_par : tbb_arena {
 public:
  static constexpr const char* name = "std_par";

  using tbb_arena::tbb_arena;

  template <class Body>
  void run(std::size_t size, const Body& body) {
    arena().execute([&] {
      std::for_each(std::execution::par, index_iterator(0), index_iterator(size),
                    [&body](std::size_t i) { body(i); });
    });
  }
};

}  // namespace perf
