#include "fanout/resource_pool.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "pool/pool_fixture.hpp"
#include "support.hpp"

/// What a lease may be used for, and what happens to leases and waits when the pool ends.
namespace {

using namespace support;
using fanout::lease;
using fanout::pool_closed;
using fanout::pool_options;
using fanout::resource_pool;

// ── Leases ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, ReportsTheUseOfALeaseThatWasReleased) {
  resource_pool<numbered> pool(numbers(), 1);
  auto lent = pool.acquire();
  EXPECT_TRUE(lent);
  lent.release();
  EXPECT_FALSE(lent);
  EXPECT_THROW(static_cast<void>(*lent), std::logic_error);
  EXPECT_THROW(static_cast<void>(lent->value), std::logic_error);
  EXPECT_THROW(static_cast<void>(lent.get()), std::logic_error);
}

TEST_F(ResourcePool, ReportsTheUseOfALeaseThatWasMovedFrom) {
  resource_pool<numbered> pool(numbers(), 1);
  auto from = pool.acquire();
  const auto to = std::move(from);
  EXPECT_THROW(static_cast<void>(from.get()), std::logic_error);  // NOLINT: on purpose
  from.release();
  from.discard();
  EXPECT_EQ(to->value, 1);
  EXPECT_EQ(pool.in_use(), 1U);
}

TEST_F(ResourcePool, TakesBackWhatALeaseHadWhenItIsAssigned) {
  resource_pool<numbered> pool(numbers(), 2);
  auto one = pool.acquire();
  one = pool.acquire();
  EXPECT_EQ(pool.in_use(), 1U);
  auto& same = one;
  one = std::move(same);
  EXPECT_EQ(pool.in_use(), 1U);
}

TEST_F(ResourcePool, MakesAnotherResourceForOneThatWasDiscarded) {
  resource_pool<numbered> pool(numbers(), 1);
  auto lent = pool.acquire();
  lent.discard();
  lent.discard();
  EXPECT_EQ(counted::population.alive(), 0);
  EXPECT_EQ(pool.acquire()->value, 2);
  EXPECT_EQ(pool.statistics().discarded, 1U);
}

TEST_F(ResourcePool, ServesAWaiterWithANewResourceWhenOneIsDiscarded) {
  resource_pool<numbered> pool(numbers(), 1);
  auto lent = pool.acquire();
  std::jthread waiter([&] { EXPECT_EQ(pool.acquire()->value, 2); });
  wait_for_waiters(pool, 1);
  lent.discard();
}

TEST_F(ResourcePool, MayBeDestroyedWhileLeasesAreOut) {
  std::optional<lease<numbered>> lent;
  {
    resource_pool<numbered> pool(numbers(), 3);
    lent = pool.acquire();
  }
  EXPECT_EQ(counted::population.alive(), 1);
  EXPECT_GT((*lent)->value, 0);
  lent.reset();
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST_F(ResourcePool, LetsTheFunctionsOfAPoolDestroyTheLeaseThatIsGivenBack) {
  for (const bool destroys_pool : {false, true}) {
    std::optional<resource_pool<numbered>> pool;
    std::unique_ptr<std::optional<lease<numbered>>> lent;
    pool_options<numbered> options;
    options.reset = [&](numbered&) {
      if (destroys_pool) pool.reset();
      lent.reset();
    };
    pool.emplace(numbers(), 1U, options);
    lent = std::make_unique<std::optional<lease<numbered>>>(pool->acquire());
    (*lent)->release();
    EXPECT_EQ(lent, nullptr);
    EXPECT_EQ(counted::population.alive(), destroys_pool ? 0 : 1);
  }
}

struct destroys_its_pool {
  explicit destroys_its_pool(std::unique_ptr<resource_pool<destroys_its_pool>>& its) : pool(its) {}
  destroys_its_pool(const destroys_its_pool&) = delete;
  destroys_its_pool& operator=(const destroys_its_pool&) = delete;
  ~destroys_its_pool() { pool.reset(); }

  std::unique_ptr<resource_pool<destroys_its_pool>>& pool;
};

TEST_F(ResourcePool, MayBeDestroyedByTheDestructorOfItsResource) {
  std::unique_ptr<resource_pool<destroys_its_pool>> pool;
  const auto make_pool = [&] {
    pool = std::make_unique<resource_pool<destroys_its_pool>>([&] { return destroys_its_pool(pool); }, 2U);
  };
  make_pool();
  pool->close();
  EXPECT_EQ(pool, nullptr);

  make_pool();
  auto lent = pool->acquire();
  lent.discard();
  EXPECT_EQ(pool, nullptr);
}

// ── Closing ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, ThatWasClosedLendsNothing) {
  resource_pool<numbered> pool(numbers(), 2);
  pool.close();
  pool.close();
  EXPECT_EQ(counted::population.alive(), 0);
  EXPECT_THROW(static_cast<void>(pool.acquire()), pool_closed);
  EXPECT_THROW(static_cast<void>(pool.try_acquire()), pool_closed);
  EXPECT_THROW(static_cast<void>(pool.acquire_for(1ms)), pool_closed);
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(ResourcePool, SendsWaitersAwayWhenItIsClosed) {
  resource_pool<numbered> pool(numbers(), 1);
  const auto held = pool.acquire();
  std::jthread waiting([&] { EXPECT_THROW(static_cast<void>(pool.acquire()), pool_closed); });
  std::jthread timed([&] { EXPECT_THROW(static_cast<void>(pool.try_acquire_for(patience)), pool_closed); });
  wait_for_waiters(pool, 2);
  pool.close();
  waiting.join();
  timed.join();
  EXPECT_EQ(pool.waiting(), 0U);
  EXPECT_EQ(held->value, 1) << "a lease stays valid";
}

TEST_F(ResourcePool, MayBeDestroyedWhileSomebodyWaits) {
  for (int round = 0; round != 50; ++round) {
    std::optional<resource_pool<numbered>> pool(std::in_place, numbers(), 1U);
    const auto held = pool->acquire();
    std::jthread waiting([&] { EXPECT_THROW(static_cast<void>(pool->acquire()), pool_closed); });
    std::jthread timed([&] { EXPECT_THROW(static_cast<void>(pool->try_acquire_for(patience)), pool_closed); });
    wait_for_waiters(*pool, 2);
    pool.reset();
  }
}

TEST_F(ResourcePool, LendsNothingThatGotReadyAfterItWasClosed) {
  for (const bool good : {true, false}) {
    event validating;
    event closed;
    pool_options<numbered> options;
    options.validate = [&](numbered&) {
      validating.set();
      EXPECT_TRUE(closed.wait());
      return good;
    };
    numbers factory;
    resource_pool<numbered> pool(factory, 1, std::move(options));
    std::jthread late([&] { EXPECT_THROW(static_cast<void>(pool.acquire()), pool_closed); });
    ASSERT_TRUE(validating.wait());
    pool.close();
    closed.set();
    late.join();
    EXPECT_EQ(factory.made(), 1) << "nothing is made for a pool that is closed";
    EXPECT_EQ(counted::population.alive(), 0);
    EXPECT_EQ(pool.statistics().discarded, 0U);
  }
}

TEST_F(ResourcePool, LeavesNothingBehindWhenItIsClosedWhileInUse) {
  for (int round = 0; round != 200; ++round) {
    resource_pool<numbered> pool(numbers(), 3, {.lazy = round % 2 == 0});
    std::vector<std::jthread> threads;
    for (int number = 0; number != 4; ++number) {
      threads.emplace_back([&, number] {
        try {
          for (;;) {
            auto lent = pool.acquire();
            if (number == 0) lent.discard();
          }
        } catch (const pool_closed&) {
        }
      });
    }
    std::jthread closing([&] { pool.close(); });
    pool.close();
    threads.clear();
    closing.join();
    ASSERT_EQ(counted::population.alive(), 0);
  }
}

}  // namespace
