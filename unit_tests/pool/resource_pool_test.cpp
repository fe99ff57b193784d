#include "fanout/resource_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/execute.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::lease;
using fanout::pool_closed;
using fanout::pool_options;
using fanout::pool_timeout;
using fanout::resource_pool;
using clock_type = std::chrono::steady_clock;

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

template <class T>
void wait_for_waiters(resource_pool<T>& pool, std::size_t count) {
  while (pool.waiting() != count) std::this_thread::yield();
}

class ResourcePool : public testing::Test {
 protected:
  ResourcePool() { counted::reset(); }
  ~ResourcePool() override { EXPECT_EQ(counted::population.alive(), 0) << "resources were left behind"; }

  watchdog guard_;
};

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

// ── Factory ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, HandsTheExceptionOfTheFactoryToWhoAcquires) {
  int calls = 0;
  resource_pool<numbered> pool(
      [&] {
        if (++calls == 1) throw 42;
        return numbered(calls);
      },
      1, {.lazy = true});
  EXPECT_THROW(static_cast<void>(pool.acquire()), int);
  EXPECT_EQ(pool.acquire()->value, 2) << "the slot is there for the next try";
}

TEST_F(ResourcePool, LetsOthersTryInTurnWhenTheFactoryFails) {
  std::atomic<bool> broken = true;
  resource_pool<numbered> pool(
      [&] {
        if (broken) throw std::runtime_error("down");
        return numbered(1);
      },
      1, {.lazy = true});
  std::atomic<int> failed = 0;
  on_threads(8, [&](std::size_t) {
    try {
      static_cast<void>(pool.acquire());
    } catch (const std::runtime_error&) {
      ++failed;
    }
  });
  EXPECT_EQ(failed, 8);
  broken = false;
  EXPECT_TRUE(pool.try_acquire().has_value());
}

TEST_F(ResourcePool, LetsAWaiterTryWhenTheFactoryFailsForAnother) {
  std::atomic<int> calls = 0;
  resource_pool<numbered>* itself = nullptr;
  resource_pool<numbered> pool(
      [&] {
        if (++calls == 1) {
          wait_for_waiters(*itself, 1);
          throw std::runtime_error("the first time");
        }
        return numbered(calls);
      },
      1, {.lazy = true});
  itself = &pool;
  std::jthread first([&] { EXPECT_THROW(static_cast<void>(pool.acquire()), std::runtime_error); });
  while (calls == 0) std::this_thread::yield();
  const auto lent = pool.try_acquire_for(patience);
  ASSERT_TRUE(lent.has_value());
  EXPECT_EQ((*lent)->value, 2);
}

TEST_F(ResourcePool, ServesAWaiterByAReleaseWhileTheFactoryFails) {
  event failing;
  event released;
  std::atomic<int> calls = 0;
  resource_pool<numbered> pool(
      [&] {
        if (++calls > 1) {
          failing.set();
          EXPECT_TRUE(released.wait());
          throw std::runtime_error("down");
        }
        return numbered(calls);
      },
      2, {.lazy = true});
  std::optional held(pool.acquire());
  std::jthread unlucky([&] { EXPECT_THROW(static_cast<void>(pool.acquire()), std::runtime_error); });
  ASSERT_TRUE(failing.wait());
  std::jthread waiter([&] { EXPECT_EQ(pool.acquire()->value, 1); });
  wait_for_waiters(pool, 1);
  held.reset();
  waiter.join();
  released.set();
}

TEST_F(ResourcePool, RunsSlowFactoriesSideBySide) {
  rendezvous all(3);
  resource_pool<numbered> pool(
      [&] {
        EXPECT_TRUE(all.meet());
        return numbered(1);
      },
      3, {.lazy = true});
  on_threads(3, [&](std::size_t) { static_cast<void>(pool.acquire()); });
}

TEST_F(ResourcePool, RunsSlowValidationsResetsAndDestructorsSideBySide) {
  struct slow {
    slow(rendezvous& at, std::atomic<bool>& when) : meeting(at), armed(when) {}
    slow(slow&&) = delete;
    ~slow() {
      EXPECT_TRUE(!armed || meeting.meet());
    }
    rendezvous& meeting;
    std::atomic<bool>& armed;
  };
  rendezvous validations(2);
  rendezvous resets(2);
  rendezvous destructions(2);
  std::atomic<bool> last_days = false;
  pool_options<slow> options;
  options.validate = [&](slow&) { return validations.meet(); };
  options.reset = [&](slow&) {
    EXPECT_TRUE(resets.meet());
    throw std::runtime_error("destroy it");
  };
  {
    resource_pool<slow> pool([&] { return slow(destructions, last_days); }, 2, std::move(options));
    on_threads(2, [&](std::size_t) {
      const auto lent = pool.acquire();
      last_days = true;
    });
    EXPECT_EQ(pool.idle(), 0U);
  }
}

TEST_F(ResourcePool, ServesOthersWhileAFactoryIsSlow) {
  event making;
  event go_on;
  std::atomic<int> made = 0;
  resource_pool<numbered> pool(
      [&] {
        if (++made == 2) {
          making.set();
          EXPECT_TRUE(go_on.wait());
        }
        return numbered(made);
      },
      2, {.lazy = true});
  std::optional held(pool.acquire());
  std::jthread slow([&] { static_cast<void>(pool.acquire()); });
  ASSERT_TRUE(making.wait());
  std::jthread waiter([&] { static_cast<void>(pool.acquire()); });
  wait_for_waiters(pool, 1);
  held.reset();
  waiter.join();
  go_on.set();
}

TEST_F(ResourcePool, NeverHasMoreResourcesThanItsSize) {
  gauge alive;
  struct gauged {
    explicit gauged(gauge& in) : here(in) {}
    gauge::visit here;
  };
  std::atomic<int> asked = 0;
  pool_options<gauged> options;
  options.lazy = true;
  options.validate = [&](gauged&) { return ++asked % 3 != 0; };
  resource_pool<gauged> pool(
      [&] {
        if (asked % 7 == 0) throw std::runtime_error("no");
        return gauged(alive);
      },
      3, std::move(options));
  on_threads(8, [&](std::size_t number) {
    for (int round = 0; round != 500; ++round) {
      try {
        auto lent = pool.acquire();
        if ((static_cast<std::size_t>(round) + number) % 4 == 0) lent.discard();
      } catch (const std::runtime_error&) {
        ++asked;
      }
    }
  });
  EXPECT_LE(alive.most(), 3);
  EXPECT_EQ(static_cast<std::size_t>(alive.inside()), pool.idle());
}

// ── Validation, reset, age ──────────────────────────────────────────────────────────────────────────────────────

TEST_F(ResourcePool, ReplacesAResourceThatFailsItsValidation) {
  std::atomic<int> bad = 1;
  pool_options<numbered> options;
  options.validate = [&](numbered& each) { return each.value != bad; };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  EXPECT_EQ(pool.acquire()->value, 2);
  EXPECT_EQ(counted::population.alive(), 1);
  EXPECT_EQ(pool.statistics().discarded, 1U);
  EXPECT_EQ(pool.statistics().created, 2U);
}

TEST_F(ResourcePool, TakesAThrowOfTheValidationAsAFailure) {
  pool_options<numbered> options;
  options.validate = [](numbered& each) {
    if (each.value == 1) throw 1;
    return true;
  };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  EXPECT_EQ(pool.acquire()->value, 2);
}

TEST_F(ResourcePool, FailsOneCallWhenANewResourceFailsItsValidation) {
  pool_options<numbered> options;
  options.validate = [](numbered& each) { return each.value > 2; };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  EXPECT_EQ(message_of<fanout::error>([&] { static_cast<void>(pool.acquire()); }),
            "a new resource failed its validation");
  EXPECT_EQ(counted::population.alive(), 0);
  EXPECT_EQ(pool.acquire()->value, 3);
}

TEST_F(ResourcePool, ValidatesOnceALoanAndResetsOnceAReturn) {
  int validated = 0;
  int reset = 0;
  pool_options<numbered> options;
  options.validate = [&](numbered&) { return ++validated > 0; };
  options.reset = [&](numbered&) { ++reset; };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  for (int round = 0; round != 10; ++round) {
    auto lent = pool.acquire();
    lent.release();
    lent.release();
  }
  EXPECT_EQ(validated, 10);
  EXPECT_EQ(reset, 10);
}

TEST_F(ResourcePool, DiscardsAResourceWhoseResetThrowsAndServesAWaiter) {
  pool_options<numbered> options;
  options.reset = [](numbered&) { throw std::runtime_error("cannot be reset"); };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  std::optional held(pool.acquire());
  std::jthread waiter([&] {
    auto lent = pool.acquire();
    EXPECT_EQ(lent->value, 2);
    lent.discard();
  });
  wait_for_waiters(pool, 1);
  held.reset();
  waiter.join();
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST_F(ResourcePool, ReplacesWhatWasIdleTooLong) {
  resource_pool<numbered> pool(numbers(), 1, {.max_idle = 1ms});
  std::this_thread::sleep_for(2ms);
  EXPECT_EQ(pool.acquire()->value, 2);
}

TEST_F(ResourcePool, ReplacesWhatIsTooOldButNeverWhileItIsLent) {
  resource_pool<numbered> pool(numbers(), 1, {.max_lifetime = 20ms});
  {
    const auto lent = pool.acquire();
    std::this_thread::sleep_for(30ms);
    EXPECT_EQ(counted::population.alive(), 1);
  }
  EXPECT_EQ(counted::population.alive(), 0) << "when it came back";
  EXPECT_EQ(pool.acquire()->value, 2);
}

TEST_F(ResourcePool, ReplacesWhatBecameTooOldWhileItWasIdle) {
  resource_pool<numbered> pool(numbers(), 1, {.max_lifetime = 20ms});
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(pool.acquire()->value, 2);
}

TEST_F(ResourcePool, ResetsNothingThatItWillNotKeep) {
  std::atomic<int> resets = 0;
  pool_options<numbered> options;
  options.reset = [&](numbered&) { ++resets; };
  options.max_lifetime = 1ms;
  resource_pool<numbered> pool(numbers(), 3, std::move(options));
  auto discarded = pool.acquire();
  discarded.discard();
  {
    const auto too_old = pool.acquire();
    std::this_thread::sleep_for(2ms);
  }
  const auto after_the_end = pool.acquire();
  pool.close();
  EXPECT_EQ(resets, 0);
}

TEST_F(ResourcePool, TellsTheFailureOfAValidationAndOfAReset) {
  std::atomic<bool> bad = true;
  pool_options<numbered> options;
  options.validate = [&](numbered&) {
    if (bad.exchange(false)) throw std::runtime_error("no answer");
    return true;
  };
  options.reset = [](numbered&) { throw std::runtime_error("still in use"); };
  resource_pool<numbered> pool(numbers(), 1, std::move(options));
  std::optional held(pool.acquire());
  const auto text = [&] { return message_of<pool_timeout>([&] { static_cast<void>(pool.acquire_for(1ms)); }); };
  EXPECT_TRUE(text().ends_with("the last failure: no answer"));
  held.reset();
  held = pool.acquire();
  EXPECT_TRUE(text().ends_with("the last failure: still in use"));
}

TEST_F(ResourcePool, KeepsWhatIsNeitherIdleTooLongNorTooOld) {
  resource_pool<numbered> pool(numbers(), 1, {.max_idle = 1h, .max_lifetime = 1h});
  for (int round = 0; round != 5; ++round) EXPECT_EQ(pool.acquire()->value, 1);
}

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
