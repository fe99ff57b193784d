#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include "plan.hpp"

/// Random draws for the plans. It uses no distributions of the standard library, because their algorithms are not
/// specified, and a seed must give the same plans everywhere.
namespace stress {

class draws {
 public:
  draws(std::uint64_t seed, unsigned driver) {
    std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U), driver};
    random_.seed(words);
  }

  std::size_t below(std::size_t end) { return random_() % end; }
  std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
  bool one_in(std::size_t times) { return below(times) == 0; }

  template <class T>
  T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }

  /// Chooses the `count` of `size` tasks that do something: neighbours, tasks at equal distances or at both ends, or
  /// groups.
  std::vector<habit> places(action what, std::size_t count, std::size_t size) {
    switch (below(count > size / 2 ? 2 : 4)) {
      case 0: {
        const std::size_t first = below(size - count + 1);
        return {{what, first, 1, first + count}};
      }
      case 1: {
        const std::size_t front = below(count + 1);
        return {{what, 0, 1, front}, {what, size - (count - front), 1, size}};
      }
      case 2: {
        const std::size_t every = between(1, size / count);
        const std::size_t length = (count - 1) * every + 1;
        const std::size_t first = below(size - length + 1);
        return {{what, first, every, first + length}};
      }
      default:
        return groups(what, count, size);
    }
  }

 private:
  /// Up to 8 groups of neighbours, each somewhere in its own part of the batch.
  std::vector<habit> groups(action what, std::size_t count, std::size_t size) {
    const std::size_t number = std::min<std::size_t>(count, 8);
    const std::size_t part = size / number;
    std::vector<habit> all;
    for (std::size_t group = 0; group != number; ++group) {
      const std::size_t share = count / number + (group < count % number ? 1 : 0);
      const std::size_t first = group * part + below(part - share + 1);
      all.push_back({what, first, 1, first + share});
    }
    return all;
  }

  std::mt19937_64 random_;
};

}  // namespace stress
