#include "fanout/resource_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "fanout/error.hpp"
#include "pool/pool_fixture.hpp"
#include "support.hpp"

/// The functions of a pool: factory, validation and reset, and the ages of its resources.
namespace {

using namespace support;
using fanout::pool_options;
using fanout::pool_timeout;
using fanout::resource_pool;

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
    ~slow() { EXPECT_TRUE(!armed || meeting.meet()); }
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

}  // namespace
