#include "fanout/resource_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "fanout/error.hpp"
#include "pool/pool_fixture.hpp"
#include "support.hpp"

/// How a pool is made, how its resources are acquired, and what its figures say.
namespace {

using namespace support;
using fanout::pool_options;
using fanout::pool_timeout;
using fanout::resource_pool;
using clock_type = std::chrono::steady_clock;

// ── Making one ──────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, MakesAllItsResourcesAtOnce) {
  numbers factory;
  const resource_pool<numbered> pool(factory, 3);
  EXPECT_EQ(factory.made(), 3);
  EXPECT_EQ(pool.size(), 3U);
  EXPECT_EQ(pool.idle(), 3U);
}

TEST_F(ResourcePool, ThatIsLazyMakesAResourceWhenNoneIsIdle) {
  numbers factory;
  resource_pool<numbered> pool(factory, 3, {.lazy = true});
  EXPECT_EQ(factory.made(), 0);
  { const auto one = pool.acquire(); }
  { const auto again = pool.acquire(); }
  EXPECT_EQ(factory.made(), 1);
  const auto one = pool.acquire();
  const auto two = pool.acquire();
  EXPECT_EQ(factory.made(), 2);
  EXPECT_NE(one->value, two->value);
}

TEST_F(ResourcePool, IsDeducedFromItsFactory) {
  resource_pool pool([] { return std::string("text"); }, 1);
  static_assert(std::same_as<decltype(pool), resource_pool<std::string>>);
  EXPECT_EQ(*pool.acquire(), "text");
}

TEST_F(ResourcePool, TakesAFactoryThatOnlyMoves) {
  resource_pool<int> pool([number = std::make_unique<int>(7)] { return *number; }, 2);
  EXPECT_EQ(*pool.acquire(), 7);
}

TEST_F(ResourcePool, HoldsResourcesThatCannotMove) {
  struct immovable {
    explicit immovable(int v) : value(v) {}
    immovable(immovable&&) = delete;
    int value;
  };
  resource_pool<immovable> pool([] { return immovable(5); }, 2);
  EXPECT_EQ(pool.acquire()->value, 5);
}

TEST_F(ResourcePool, HoldsResourcesThatAreOverAligned) {
  resource_pool<over_aligned> pool([] { return over_aligned(); }, 3);
  const auto one = pool.acquire();
  const auto two = pool.acquire();
  EXPECT_TRUE(one->well_placed());
  EXPECT_TRUE(two->well_placed());
}

TEST_F(ResourcePool, TellsResourcesApartByIdentity) {
  resource_pool<int> pool([] { return 1; }, 2);
  const auto one = pool.acquire();
  const auto two = pool.acquire();
  EXPECT_EQ(*one, *two);
  EXPECT_NE(one.get(), two.get());
}

TEST_F(ResourcePool, WhoseFactoryThrowsDestroysWhatWasMade) {
  int calls = 0;
  const auto third_fails = [&] {
    if (++calls == 3) throw std::domain_error("no third");
    return numbered(calls);
  };
  EXPECT_EQ(message_of<std::domain_error>([&] { resource_pool<numbered>(third_fails, 5); }), "no third");
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST_F(ResourcePool, OfAnImpossibleSizeIsRefused) {
  numbers factory;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { resource_pool<numbered>(factory, 0); }),
            "the size of a pool must be between 1 and 1048576, got 0");
  EXPECT_THROW(resource_pool<numbered>(factory, static_cast<std::size_t>(-1)), std::invalid_argument);
  EXPECT_EQ(factory.made(), 0);
}

TEST_F(ResourcePool, WithoutAFactoryIsRefused) {
  EXPECT_THROW(resource_pool<int>(std::function<int()>(), 2), std::invalid_argument);
}

TEST_F(ResourcePool, WithANegativeAgeIsRefused) {
  numbers factory;
  EXPECT_THROW(resource_pool<numbered>(factory, 1, {.max_idle = -1ns}), std::invalid_argument);
  EXPECT_THROW(resource_pool<numbered>(factory, 1, {.max_lifetime = -1ns}), std::invalid_argument);
}

// ── Acquiring ───────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, LendsEachResourceToOneHolderAtATime) {
  resource_pool<std::atomic<int>> pool([] { return std::atomic<int>(0); }, 4);
  std::atomic<int> overlaps = 0;
  on_threads(100, [&](std::size_t) {
    for (int round = 0; round != 1'000; ++round) {
      const auto lent = pool.acquire();
      if (++*lent != 1) ++overlaps;
      --*lent;
    }
  });
  EXPECT_EQ(overlaps, 0);
  EXPECT_EQ(pool.statistics().acquired_total, 100'000U);
  EXPECT_EQ(pool.idle(), 4U);
}

TEST_F(ResourcePool, TriesWithoutWaiting) {
  resource_pool<numbered> pool(numbers(), 1);
  auto first = pool.try_acquire();
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(pool.try_acquire().has_value());
  first->release();
  EXPECT_TRUE(pool.try_acquire().has_value());
}

TEST_F(ResourcePool, TriesWithoutWaitingAlsoWhereItMustMakeAResource) {
  resource_pool<numbered> pool(numbers(), 1, {.lazy = true});
  EXPECT_TRUE(pool.try_acquire().has_value());
}

TEST_F(ResourcePool, NeverGivesUpBeforeTheLimit) {
  resource_pool<numbered> pool(numbers(), 1);
  const auto held = pool.acquire();
  for (const auto limit : {0ms, 1ms, 20ms}) {
    const auto begin = clock_type::now();
    EXPECT_FALSE(pool.try_acquire_for(limit).has_value());
    EXPECT_GE(clock_type::now() - begin, limit);
    EXPECT_FALSE(pool.try_acquire_until(clock_type::now() + limit).has_value());
    EXPECT_FALSE(pool.try_acquire_until(std::chrono::system_clock::now() + limit).has_value());
    EXPECT_THROW(static_cast<void>(pool.acquire_for(limit)), pool_timeout);
  }
  EXPECT_EQ(pool.statistics().timeouts, 12U);
  EXPECT_EQ(pool.waiting(), 0U);
}

TEST_F(ResourcePool, WaitsOnceForTheLimitAndNotTwice) {
  resource_pool<numbered> pool(numbers(), 1);
  const auto held = pool.acquire();
  const auto begin = clock_type::now();
  EXPECT_FALSE(pool.try_acquire_for(2s).has_value());
  EXPECT_LT(clock_type::now() - begin, 4s);
}

TEST_F(ResourcePool, TakesALimitThatIsPastForNotWaiting) {
  pool_options<numbered> options;
  options.lazy = true;
  options.validate = [](numbered&) { return true; };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  EXPECT_TRUE(pool.try_acquire_for(0s).has_value());
  EXPECT_TRUE(pool.try_acquire_until(clock_type::now() - 1s).has_value());
}

TEST_F(ResourcePool, LendsWhatIsIdleThoughTheStopWasRequested) {
  resource_pool<numbered> pool(numbers(), 1);
  std::stop_source stop;
  stop.request_stop();
  const auto lent = pool.acquire(stop.get_token());
  EXPECT_THROW(static_cast<void>(pool.acquire(stop.get_token())), fanout::operation_cancelled);
}

TEST_F(ResourcePool, WaitsForAReleaseWithinTheLimit) {
  resource_pool<numbered> pool(numbers(), 1);
  std::optional held(pool.acquire());
  std::jthread waiter([&] { EXPECT_TRUE(pool.try_acquire_for(patience).has_value()); });
  wait_for_waiters(pool, 1);
  held.reset();
}

TEST_F(ResourcePool, TakesLimitsThatItsClockCannotHold) {
  using std::chrono::hours;
  using far_future = std::chrono::time_point<std::chrono::system_clock, hours>;
  resource_pool<numbered> pool(numbers(), 1);
  std::optional held(pool.acquire());
  EXPECT_FALSE(pool.try_acquire_for(hours::min()).has_value());
  EXPECT_FALSE(pool.try_acquire_until(far_future::min()).has_value());
  EXPECT_FALSE(pool.try_acquire_until(clock_type::time_point::min()).has_value());
  EXPECT_THROW(static_cast<void>(pool.acquire_for(hours::min())), pool_timeout);
  std::jthread one([&] { EXPECT_TRUE(pool.try_acquire_for(hours::max()).has_value()); });
  std::jthread two([&] { EXPECT_TRUE(pool.try_acquire_until(far_future::max()).has_value()); });
  std::jthread three([&] { EXPECT_TRUE(pool.try_acquire_until(clock_type::time_point::max()).has_value()); });
  std::jthread four([&] { static_cast<void>(pool.acquire_for(hours::max())); });
  wait_for_waiters(pool, 4);
  held.reset();
}

TEST_F(ResourcePool, CountsTheTimeOfTheFactoryInTheLimit) {
  resource_pool<numbered> pool(
      [made = 0]() mutable {
        std::this_thread::sleep_for(20ms);
        return numbered(++made);
      },
      1, {.lazy = true});
  EXPECT_FALSE(pool.try_acquire_for(1ms).has_value()) << "it was ready too late …";
  EXPECT_EQ(pool.idle(), 1U) << "… for this caller, not for the next";
  EXPECT_TRUE(pool.try_acquire_for(1ms).has_value());
}

TEST_F(ResourcePool, SaysWhyNothingWasToBeHad) {
  resource_pool<numbered> pool(numbers(), 2);
  const auto one = pool.acquire();
  const auto two = pool.acquire();
  EXPECT_EQ(message_of<pool_timeout>([&] { static_cast<void>(pool.acquire_for(5ms)); }),
            "no resource within 5 ms: of 2, 0 idle, 2 in use, 0 waiting");
  EXPECT_EQ(message_of<pool_timeout>([&] { static_cast<void>(pool.acquire_for(200us)); }),
            "no resource within 200 µs: of 2, 0 idle, 2 in use, 0 waiting");
}

TEST_F(ResourcePool, SaysWhatFailedLast) {
  std::atomic<bool> broken = false;
  resource_pool<numbered> pool(
      [&] {
        if (broken) throw std::runtime_error("server down");
        return numbered(1);
      },
      2);
  auto one = pool.acquire();
  const auto two = pool.acquire();
  broken = true;
  one.discard();
  EXPECT_THROW(static_cast<void>(pool.acquire()), std::runtime_error);
  broken = false;
  one = pool.acquire();
  EXPECT_EQ(message_of<pool_timeout>([&] { static_cast<void>(pool.acquire_for(1ms)); }),
            "no resource within 1 ms: of 2, 0 idle, 2 in use, 0 waiting; the last failure: server down");
}

// ── Figures ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, KnowsItsFiguresAfterEveryStep) {
  resource_pool<numbered> pool(numbers(), 3, {.lazy = true});
  const auto expect = [&](std::size_t idle, std::size_t in_use, std::size_t created, std::size_t discarded) {
    const fanout::pool_statistics now = pool.statistics();
    EXPECT_EQ(now.size, 3U);
    EXPECT_EQ(now.idle, idle);
    EXPECT_EQ(now.in_use, in_use);
    EXPECT_EQ(now.created, created);
    EXPECT_EQ(now.discarded, discarded);
    EXPECT_EQ(static_cast<std::size_t>(counted::population.alive()), idle + in_use);
  };
  expect(0, 0, 0, 0);
  auto one = pool.acquire();
  expect(0, 1, 1, 0);
  auto two = pool.acquire();
  expect(0, 2, 2, 0);
  one.release();
  expect(1, 1, 2, 0);
  two.discard();
  expect(1, 0, 2, 1);
  pool.close();
  expect(0, 0, 2, 1);
  EXPECT_EQ(pool.statistics().acquired_total, 2U);
}

TEST_F(ResourcePool, CountsExactlyWhenManyUseIt) {
  resource_pool<numbered> pool(numbers(), 3);
  on_threads(10, [&](std::size_t number) {
    for (int round = 0; round != 1'000; ++round) {
      auto lent = pool.acquire();
      if (number == 0) lent.discard();
    }
  });
  const fanout::pool_statistics now = pool.statistics();
  EXPECT_EQ(now.acquired_total, 10'000U);
  EXPECT_EQ(now.discarded, 1'000U);
  EXPECT_EQ(now.created - now.discarded, now.idle);
  EXPECT_EQ(now.in_use, 0U);
  EXPECT_EQ(now.timeouts, 0U);
}

TEST_F(ResourcePool, KnowsItsLongestWait) {
  resource_pool<numbered> pool(
      [] {
        std::this_thread::sleep_for(5ms);
        return numbered(1);
      },
      1, {.lazy = true});
  { const auto lent = pool.acquire(); }
  EXPECT_GE(pool.statistics().longest_wait, 5ms) << "the time of the factory is a wait, too";
  const auto before = pool.statistics().longest_wait;
  { const auto lent = pool.acquire(); }
  EXPECT_EQ(pool.statistics().longest_wait, before);
}

TEST_F(ResourcePool, CountsTheWaitForAReleaseInTheLongest) {
  resource_pool<numbered> pool(numbers(), 1);
  std::optional held(pool.acquire());
  std::jthread waiter([&] { static_cast<void>(pool.acquire()); });
  wait_for_waiters(pool, 1);
  std::this_thread::sleep_for(5ms);
  held.reset();
  waiter.join();
  EXPECT_GE(pool.statistics().longest_wait, 5ms);
}

TEST_F(ResourcePool, KnowsForHowLongItsLeasesAreOut) {
  resource_pool<numbered> pool(numbers(), 2, {.track_leases = true});
  EXPECT_TRUE(pool.outstanding().empty());
  const auto lent = pool.acquire();
  std::this_thread::sleep_for(3ms);
  ASSERT_EQ(pool.outstanding().size(), 1U);
  EXPECT_GE(pool.outstanding()[0].held_for, 3ms);
  EXPECT_FALSE(pool.outstanding()[0].task.has_value());
}

// The default is the same however a unit is compiled: it is part of the definition of `pool_options`.
TEST_F(ResourcePool, KnowsNothingOfItsLeasesWhereNobodyAsked) {
  resource_pool<numbered> pool(numbers(), 1);
  const auto lent = pool.acquire();
  EXPECT_TRUE(pool.outstanding().empty());
}

}  // namespace
