#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/resource_pool.hpp"
#include "pool/pool_fixture.hpp"
#include "support.hpp"

/// Which of several idle resources is lent: in rotation by default, or the one that came back last.
namespace {

using namespace support;
using fanout::lease;
using fanout::pool_reuse;
using fanout::resource_pool;

constexpr pool_reuse both_orders[] = {pool_reuse::rotate, pool_reuse::most_recent};

// Around 8 micro-queues, a page of 32 items, and both together.
constexpr std::size_t sizes[] = {1, 2, 7, 8, 9, 31, 32, 33, 255, 256, 257, 100'000};

template <class T>
std::vector<lease<T>> all_of(resource_pool<T>& pool) {
  std::vector<lease<T>> leases;
  while (leases.size() != pool.size()) leases.push_back(pool.acquire());
  return leases;
}

TEST_F(ResourcePool, LendsItsResourcesInRotation) {
  resource_pool<numbered> pool(numbers(), 3);
  for (int round = 0; round != 100; ++round)
    for (int expected = 1; expected <= 3; ++expected) ASSERT_EQ(pool.acquire()->value, expected);
}

TEST_F(ResourcePool, LendsTheResourceThatHasBeenIdleLongest) {
  resource_pool<numbered> pool(numbers(), 4);
  auto leases = all_of(pool);
  for (const std::size_t each : {2U, 0U, 3U, 1U}) leases[each].release();
  for (const int expected : {3, 1, 4, 2}) EXPECT_EQ(pool.acquire()->value, expected);
}

TEST_F(ResourcePool, LendsWhatCameBackLastFirst) {
  resource_pool<numbered> pool(numbers(), 3, {.reuse = pool_reuse::most_recent});
  std::optional one(pool.acquire());
  std::optional two(pool.acquire());
  const int last = (*one)->value;
  two.reset();
  one.reset();
  EXPECT_EQ(pool.acquire()->value, last);
  EXPECT_EQ(pool.acquire()->value, last);
}

TEST_F(ResourcePool, MakesNoResourceInEitherOrderWhileOneIsIdle) {
  for (const pool_reuse order : both_orders) {
    numbers factory;
    resource_pool<numbered> pool(factory, 3, {.lazy = true, .reuse = order});
    for (int round = 0; round != 10; ++round) EXPECT_EQ(pool.acquire()->value, 1);
    EXPECT_EQ(factory.made(), 1);
  }
}

TEST_F(ResourcePool, GoesRoundSeveralTimesWhateverItsSize) {
  for (const std::size_t size : sizes) {
    resource_pool<int> pool([made = 0]() mutable { return made++; }, size);
    for (int round = 0; round != 3; ++round)
      for (std::size_t each = 0; each != size; ++each) ASSERT_EQ(*pool.acquire(), static_cast<int>(each));
  }
}

TEST_F(ResourcePool, LendsAllItsResourcesAtOnceInEitherOrderWhateverItsSize) {
  for (const std::size_t size : sizes) {
    for (const pool_reuse order : both_orders) {
      resource_pool<int> pool([] { return 0; }, size, {.reuse = order});
      for (int round = 1; round <= 3; ++round) {
        const auto leases = all_of(pool);
        ASSERT_FALSE(pool.try_acquire().has_value());
        for (const auto& each : leases) ASSERT_EQ(++*each, round) << "lent twice, or not at all";
      }
    }
  }
}

TEST_F(ResourcePool, HasEveryResourceInEitherOrderWhenManyThreadsHaveUsedIt) {
  for (const std::size_t size : sizes) {
    if (size > 1'000) continue;  // eight threads would use a part of them only
    for (const pool_reuse order : both_orders) {
      resource_pool<std::atomic<int>> pool([] { return std::atomic<int>(0); }, size, {.reuse = order});
      std::atomic<int> overlaps = 0;
      on_threads(8, [&](std::size_t) {
        for (int round = 0; round != 1'000; ++round) {
          const auto lent = pool.acquire();
          if (++*lent != 1) ++overlaps;
          --*lent;
        }
      });
      EXPECT_EQ(overlaps, 0);
      EXPECT_EQ(pool.statistics().acquired_total, 8'000U);
      EXPECT_EQ(pool.idle(), size);
      EXPECT_EQ(all_of(pool).size(), size);
    }
  }
}

TEST_F(ResourcePool, ServesWaitersInTheOrderOfArrivalWhicheverResourceIsReused) {
  for (const pool_reuse order : both_orders) {
    resource_pool<numbered> pool(numbers(), 1, {.reuse = order});
    std::optional held(pool.acquire());
    std::vector<int> served;  // each writes while it has the only resource
    std::vector<std::jthread> threads;
    for (int number = 0; number != 5; ++number) {
      threads.emplace_back([&, number] {
        const auto lent = pool.acquire();
        served.push_back(number);
      });
      wait_for_waiters(pool, static_cast<std::size_t>(number) + 1);
    }
    held.reset();
    threads.clear();
    EXPECT_EQ(served, (std::vector{0, 1, 2, 3, 4}));
  }
}

TEST_F(ResourcePool, ReplacesEachResourceThatWasIdleTooLongWhenItsTurnComes) {
  resource_pool<numbered> pool(numbers(), 3, {.max_idle = 1ms});
  std::this_thread::sleep_for(2ms);
  for (const int expected : {4, 5, 6}) EXPECT_EQ(pool.acquire()->value, expected);
}

TEST_F(ResourcePool, ReplacesWhatALowLoadLeftIdleWhenTheLoadRises) {
  resource_pool<numbered> pool(numbers(), 3, {.max_idle = 20ms, .reuse = pool_reuse::most_recent});
  {
    const auto top = pool.acquire();
    std::this_thread::sleep_for(30ms);
    EXPECT_EQ(counted::population.alive(), 3) << "nothing is destroyed in the background";
    const auto second = pool.acquire();
    const auto third = pool.acquire();
    EXPECT_EQ(top->value, 3) << "a resource that is lent is not idle";
    EXPECT_EQ(second->value, 4);
    EXPECT_EQ(third->value, 5);
  }
  EXPECT_EQ(pool.statistics().discarded, 2U);
}

TEST_F(ResourcePool, ReplacesWhatIsTooOldInEitherOrder) {
  for (const pool_reuse order : both_orders) {
    resource_pool<numbered> pool(numbers(), 2, {.max_lifetime = 1ms, .reuse = order});
    std::this_thread::sleep_for(2ms);
    const auto leases = all_of(pool);
    EXPECT_GT(leases[0]->value, 2);
    EXPECT_GT(leases[1]->value, 2);
  }
}

TEST_F(ResourcePool, DestroysItsIdleResourcesInEitherOrderWhenItIsClosed) {
  for (const pool_reuse order : both_orders) {
    resource_pool<numbered> pool(numbers(), 100, {.reuse = order});
    auto lent = pool.acquire();
    pool.close();
    EXPECT_EQ(counted::population.alive(), 1);
    lent.release();
    EXPECT_EQ(counted::population.alive(), 0);
  }
}

}  // namespace
