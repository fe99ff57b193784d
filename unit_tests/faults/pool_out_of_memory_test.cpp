#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "fanout/resource_pool.hpp"
#include "faults/refusing_memory.hpp"
#include "support.hpp"

/// A pool that is in use while every allocation is refused.
namespace {

using namespace support;
using fanout::lease;
using fanout::pool_reuse;
using fanout::resource_pool;

struct shortage_of {
  memory::source from;
  pool_reuse order;
};

class PoolOutOfMemory : public testing::TestWithParam<shortage_of> {
 private:
  watchdog guard_;
};

INSTANTIATE_TEST_SUITE_P(InRotation, PoolOutOfMemory,
                         testing::Values(shortage_of{memory::source::language, pool_reuse::rotate},
                                         shortage_of{memory::source::scheduler, pool_reuse::rotate}));
INSTANTIATE_TEST_SUITE_P(MostRecentFirst, PoolOutOfMemory,
                         testing::Values(shortage_of{memory::source::language, pool_reuse::most_recent},
                                         shortage_of{memory::source::scheduler, pool_reuse::most_recent}));

template <class T>
std::size_t count_of_all(resource_pool<T>& pool) {
  std::vector<lease<T>> all;
  while (auto lent = pool.try_acquire()) all.push_back(*std::move(lent));
  return all.size();
}

TEST_P(PoolOutOfMemory, TakesBackEveryResourceWithoutMemory) {
  for (const std::size_t size : {1U, 8U, 33U, 257U}) {
    resource_pool<int> pool([] { return 1; }, size, {.reuse = GetParam().order});
    constexpr std::size_t threads = 6;
    rendezvous begun(threads + 1);
    rendezvous over(threads + 1);
    std::atomic<bool> short_of_memory = false;
    std::atomic<std::size_t> leases = 0;
    std::vector<std::jthread> users;
    for (std::size_t each = 0; each != threads; ++each) {
      users.emplace_back([&] {
        EXPECT_TRUE(begun.meet());
        while (!short_of_memory) std::this_thread::yield();
        for (int round = 0; round != 3'000; ++round)
          if (const auto lent = pool.try_acquire()) ++leases;
        EXPECT_TRUE(over.meet());
      });
    }
    EXPECT_TRUE(begun.meet());
    {
      memory::shortage all(GetParam().from, memory::of::all_threads, memory::refusal::then_on, 0);
      short_of_memory = true;
      EXPECT_TRUE(over.meet());
      EXPECT_FALSE(all.end()) << "something was allocated";
    }
    users.clear();
    EXPECT_GT(leases, threads);
    EXPECT_EQ(pool.idle(), size);
    EXPECT_EQ(count_of_all(pool), size);
  }
}

// More leases than fit into the pages in use at the beginning, so that the pool needs others.
TEST_P(PoolOutOfMemory, TakesBackAllItLentWithoutMemory) {
  for (const std::size_t size : {1U, 8U, 33U, 257U, 1'000U}) {
    resource_pool<int> pool([] { return 1; }, size, {.reuse = GetParam().order});
    std::vector<lease<int>> all;
    all.reserve(size);
    {
      memory::shortage any(GetParam().from, memory::of::all_threads, memory::refusal::then_on, 0);
      for (int round = 0; round != 20; ++round) {
        while (auto lent = pool.try_acquire()) all.push_back(*std::move(lent));
        EXPECT_EQ(all.size(), size);
        all.clear();
      }
      EXPECT_FALSE(any.end()) << "something was allocated";
    }
    EXPECT_EQ(count_of_all(pool), size);
  }
}

}  // namespace
