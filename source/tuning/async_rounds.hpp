#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <vector>

namespace fanout::detail {

/// `std::async`, as many calls as are allowed at a time. The standard library of g++ starts a thread for each.
class async_rounds {
 public:
  explicit async_rounds(std::size_t concurrency) : concurrency_(concurrency) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    std::vector<std::future<void>> round;  // of this call: calls may nest
    round.reserve(std::min(concurrency_, size));
    for (std::size_t first = 0; first < size; first += concurrency_) {
      const std::size_t last = std::min(first + concurrency_, size);
      for (std::size_t i = first; i < last; ++i) {
        round.push_back(std::async(std::launch::async, [&body, i] { body(i); }));
      }
      for (std::future<void>& each : round) each.get();
      round.clear();
    }
  }

 private:
  const std::size_t concurrency_;
};

}  // namespace fanout::detail
