#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

#include "support.hpp"

namespace support {

/// Tasks that all have to be in flight at once.
struct meeting {
  explicit meeting(std::size_t size, std::chrono::seconds limit = patience)
      : all(size), tasks(size, [this, limit] {
          if (!all.meet(limit)) ++missed;
        }) {}
  meeting(const meeting&) = delete;
  meeting& operator=(const meeting&) = delete;

  rendezvous all;
  std::atomic<int> missed{0};
  std::vector<std::function<void()>> tasks;
};

}  // namespace support
