#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace fanout::detail {

/// A thread for each task, as many as are allowed at a time; the next round begins when the last of this one has
/// ended.
class thread_rounds {
 public:
  explicit thread_rounds(std::size_t concurrency) : concurrency_(concurrency) { round_.reserve(concurrency); }

  /// `body` must not throw. Throws `std::system_error` if the system refuses a thread, when those that run have ended.
  template <class Body>
  void run(std::size_t size, const Body& body) {
    for (std::size_t first = 0; first < size; first += concurrency_) {
      const std::size_t last = std::min(first + concurrency_, size);
      try {
        for (std::size_t i = first; i < last; ++i) round_.emplace_back([&body, i] { body(i); });
      } catch (...) {
        join();
        throw;
      }
      join();
    }
  }

 private:
  void join() {
    for (std::thread& each : round_) each.join();
    round_.clear();
  }

  const std::size_t concurrency_;
  std::vector<std::thread> round_;
};

}  // namespace fanout::detail
