#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fanout::detail {

/// A small generator of random numbers (splitmix64; Steele, Lea and Flood 2014). It gives the same numbers on every
/// platform, which the distributions of the standard library do not: a report should be reproducible from its seed.
class random_numbers {
 public:
  explicit random_numbers(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }

  /// A number in 0 … bound - 1. Requires 1 <= bound < 2^32. For small bounds the bias is below 2^-20.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(((next() >> 32) * bound) >> 32); }

 private:
  std::uint64_t state_;
};

/// Shuffles so that every order is equally likely (Fisher and Yates).
template <class T>
void shuffle(std::vector<T>& items, random_numbers& random) {
  for (std::size_t left = items.size(); left > 1; --left) std::swap(items[left - 1], items[random.below(left)]);
}

}  // namespace fanout::detail
