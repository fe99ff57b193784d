#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <vector>

#include "calls/proxies.hpp"
#include "observer.hpp"

/// Items of the stress test whose references are objects.
namespace stress {

/// Items in which each task of a batch leaves a mark. Notes at its end if a mark has not arrived.
class marked_items {
 public:
  marked_items(observer& seen_by, std::size_t size) : seen_(seen_by), bits_(size), numbers_(size) {}
  marked_items(const marked_items&) = delete;
  marked_items& operator=(const marked_items&) = delete;
  ~marked_items() {
    const auto arrived =
        std::count(bits_.begin(), bits_.end(), true) + std::count(numbers_.begin(), numbers_.end(), 1);
    if (static_cast<std::size_t>(arrived) != marked_) seen_.notice("what a mapper wrote to its item was lost");
  }

  /// Both call `map(items, mark)`.
  template <class Map>
  void as_bits(const Map& map) {
    map(bits_, [this](bool& bit) { note(!bit), bit = true; });
  }
  template <class Map>
  void as_proxies(const Map& map) {
    map(support::seen_through_proxies(numbers_), [this](support::proxy number) { note(number == 0), number = 1; });
  }

 private:
  void note(bool is_new) { marked_ += is_new ? 1 : 0; }

  observer& seen_;
  std::vector<bool> bits_;
  std::vector<int> numbers_;
  std::atomic<std::size_t> marked_{0};
};

}  // namespace stress
