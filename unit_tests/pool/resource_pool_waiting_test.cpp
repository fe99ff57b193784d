#include "fanout/resource_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/execute.hpp"
#include "pool/pool_fixture.hpp"
#include "support.hpp"

/// Which caller a resource that comes back goes to, and how a wait ends.
namespace {

using namespace support;
using fanout::lease;
using fanout::resource_pool;

// ── Order ───────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, ServesFortyWaitersInTheOrderInWhichTheyCame) {
  resource_pool<numbered> pool(numbers(), 1);
  std::optional held(pool.acquire());
  std::vector<int> order;  // each writes while it has the only resource
  std::vector<std::jthread> threads;
  for (int number = 0; number != 40; ++number) {
    threads.emplace_back([&, number] {
      const auto lent = number % 2 == 0 ? pool.acquire() : pool.acquire_for(patience);
      order.push_back(number);
    });
    wait_for_waiters(pool, static_cast<std::size_t>(number) + 1);
  }
  held.reset();
  threads.clear();
  for (int number = 0; number != 40; ++number) EXPECT_EQ(order[static_cast<std::size_t>(number)], number);
}

TEST_F(ResourcePool, LetsNobodyOvertakeWhoWaits) {
  resource_pool<numbered> pool(numbers(), 1);
  long overtaken = 0;
  for (int round = 0; round != 1'000; ++round) {
    std::optional held(pool.acquire());
    std::atomic<bool> served = false;
    std::atomic<bool> over = false;
    std::atomic<long> tries = 0;
    std::jthread first([&] {
      const auto lent = pool.acquire();
      served = true;
    });
    wait_for_waiters(pool, 1);
    std::jthread newcomer([&] {
      while (!over) {
        const auto lent = pool.try_acquire();
        ++tries;
        if (lent && !served) ++overtaken;
      }
    });
    while (tries < 3) std::this_thread::yield();  // it is at it when the resource comes back
    held.reset();
    first.join();
    over = true;
  }
  EXPECT_EQ(overtaken, 0);
}

TEST_F(ResourcePool, RecoversFromLongOverload) {
  resource_pool<numbered> pool(numbers(), 2);
  on_threads(16, [&](std::size_t) {
    for (int round = 0; round != 200; ++round) static_cast<void>(pool.try_acquire_for(100us));
  });
  EXPECT_EQ(pool.idle(), 2U);
  EXPECT_EQ(pool.waiting(), 0U);
  EXPECT_TRUE(pool.try_acquire().has_value());
}

// ── Giving up ───────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, EndsAWaitWhenTheStopIsRequested) {
  resource_pool<numbered> pool(numbers(), 1);
  const auto held = pool.acquire();
  std::stop_source stop;
  std::jthread waiter(
      [&] { EXPECT_THROW(static_cast<void>(pool.acquire(stop.get_token())), fanout::operation_cancelled); });
  wait_for_waiters(pool, 1);
  stop.request_stop();
  waiter.join();
  EXPECT_EQ(pool.waiting(), 0U);
  EXPECT_THROW(static_cast<void>(pool.acquire(stop.get_token())), fanout::operation_cancelled) << "requested before";
}

TEST_F(ResourcePool, LosesNothingThatIsHandedToAWaiterWhileItGivesUp) {
  resource_pool<numbered> pool(numbers(), 1);
  for (int round = 0; round != 1'000; ++round) {
    std::optional held(pool.acquire());
    std::stop_source stop;
    std::jthread stopped([&] {
      try {
        static_cast<void>(pool.acquire(stop.get_token()));
      } catch (const fanout::operation_cancelled&) {
      }
    });
    std::jthread timed([&] { static_cast<void>(pool.try_acquire_for(20us)); });
    std::jthread stopping([&] { stop.request_stop(); });
    held.reset();
    stopped.join();
    timed.join();
    ASSERT_TRUE(pool.try_acquire().has_value()) << "in round " << round;
  }
}

TEST_F(ResourcePool, HandsOnWhatWasMeantForAWaiterThatGaveUp) {
  resource_pool<numbered> pool(numbers(), 1);
  std::optional held(pool.acquire());
  std::stop_source stop;
  std::jthread first(
      [&] { EXPECT_THROW(static_cast<void>(pool.acquire(stop.get_token())), fanout::operation_cancelled); });
  wait_for_waiters(pool, 1);
  std::jthread second([&] { EXPECT_TRUE(pool.try_acquire_for(patience).has_value()); });
  wait_for_waiters(pool, 2);
  stop.request_stop();
  first.join();
  held.reset();
}

// ── Hold and wait ───────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, RefusesToLetATaskWaitForItself) {
  resource_pool<numbered> pool(numbers(), 2);
  const std::string text = message_of<fanout::task_error>([&] {
    fanout::execute_in_parallel(std::vector(1, [&] {
      const auto one = pool.acquire();
      const auto two = pool.acquire();
      static_cast<void>(pool.acquire());
    }));
  });
  EXPECT_EQ(text,
            "task 0 failed: this task holds every resource of the pool and would wait for itself forever: acquire "
            "once, or make the pool larger");
  EXPECT_EQ(pool.idle(), 2U);
}

TEST_F(ResourcePool, RefusesToLetATaskWaitForTheTasksAroundIt) {
  resource_pool<numbered> pool(numbers(), 2);
  std::atomic<int> refused = 0;
  fanout::execute_in_parallel(std::vector(1, [&] {
    const auto one = pool.acquire();
    const auto two = pool.acquire();
    rendezvous both(2);
    fanout::execute_in_parallel(std::vector(2,
                                            [&] {
                                              EXPECT_TRUE(both.meet());  // on two threads, one of which holds nothing
                                              EXPECT_THROW(static_cast<void>(pool.acquire()), std::logic_error);
                                              ++refused;
                                            }),
                                2);
  }));
  EXPECT_EQ(refused, 2);
}

TEST_F(ResourcePool, LetsATaskWaitForItsNeighbour) {
  resource_pool<numbered> pool(numbers(), 1);
  std::atomic<int> served = 0;
  for (int round = 0; round != 20; ++round) {
    fanout::execute_in_parallel(std::vector(1, [&] {
      rendezvous both(2);
      fanout::execute_in_parallel(std::vector(2,
                                              [&] {
                                                EXPECT_TRUE(both.meet());
                                                const auto lent = pool.acquire();
                                                if (++served % 2 == 1) wait_for_waiters(pool, 1);
                                              }),
                                  2);
    }));
  }
  EXPECT_EQ(served, 40);
}

TEST_F(ResourcePool, LetsATaskWaitForWhatAnotherThreadHolds) {
  resource_pool<numbered> pool(numbers(), 2);
  std::optional elsewhere(pool.acquire());
  std::jthread releasing([&] {
    wait_for_waiters(pool, 1);
    elsewhere.reset();
  });
  fanout::execute_in_parallel(std::vector(1, [&] {
    const auto one = pool.acquire();
    const auto two = pool.acquire();
  }));
}

TEST_F(ResourcePool, LetsATaskWaitForALeaseThatAnEarlierTaskGaveAway) {
  resource_pool<numbered> pool(numbers(), 1);
  std::optional<lease<numbered>> given;
  event was_given;
  std::jthread holder([&] {
    EXPECT_TRUE(was_given.wait());
    wait_for_waiters(pool, 1);
    given.reset();
  });
  const std::vector<std::function<void()>> tasks = {[&] {
                                                      given = pool.acquire();
                                                      was_given.set();
                                                    },
                                                    [&] { static_cast<void>(pool.acquire()); }};
  fanout::execute_in_parallel(tasks, 1);
  EXPECT_EQ(pool.statistics().acquired_total, 2U);
}

TEST_F(ResourcePool, LetsATaskWaitForTheResultsOfAnEarlierBatch) {
  resource_pool<numbered> pool(numbers(), 2);
  const auto acquiring = [&] { return pool.acquire(); };
  for (int round = 0; round != 5; ++round) {
    auto held = fanout::execute_in_parallel(std::vector(2, acquiring), 1);
    std::jthread holder([&] {
      wait_for_waiters(pool, 1);
      held.clear();
    });
    const auto again = fanout::execute_in_parallel(std::vector(1, acquiring), 1);
    EXPECT_EQ(again.size(), 1U);
  }
}

}  // namespace
