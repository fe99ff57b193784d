#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>

#include "fanout/resource_pool.hpp"
#include "support.hpp"

/// What the tests of `resource_pool` share.
namespace support {

/// A resource that knows its number, and counts itself.
struct numbered : counted {
  using counted::counted;
};

/// A factory of resources 1, 2, 3, …
class numbers {
 public:
  numbered operator()() { return numbered(++*made_); }
  int made() const { return *made_; }

 private:
  std::shared_ptr<std::atomic<int>> made_ = std::make_shared<std::atomic<int>>(0);
};

/// Returns when `count` callers wait for a resource.
template <class T>
void wait_for_waiters(fanout::resource_pool<T>& pool, std::size_t count) {
  while (pool.waiting() != count) std::this_thread::yield();
}

/// A test of pools that must not hang and must destroy every resource.
class ResourcePool : public testing::Test {
 protected:
  ResourcePool() { counted::reset(); }
  ~ResourcePool() override { EXPECT_EQ(counted::population.alive(), 0) << "resources were left behind"; }

  watchdog guard_;
};

}  // namespace support
