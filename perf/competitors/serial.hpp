#pragma once

#include <cstddef>

namespace perf {

/// The loop that everybody starts from, on the calling thread.
class serial {
 public:
  static constexpr const char* name = "serial";

  explicit serial(std::size_t) {}

  template <class Body>
  void run(std::size_t size, const Body& body) {
    for (std::size_t i = 0; i < size; ++i) body(i);
  }
};

}  // namespace perf
