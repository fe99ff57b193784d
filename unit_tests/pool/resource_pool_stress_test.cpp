#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/execute_with_pool.hpp"
#include "fanout/resource_pool.hpp"
#include "stress/duration.hpp"
#include "support.hpp"

/// Everything that a pool can be asked for, by many threads at once, in a random order. FANOUT_STRESS_SECONDS says
/// for how long each test goes on.
namespace {

using namespace support;
using fanout::lease;
using fanout::pool_options;
using fanout::pool_reuse;
using fanout::pool_statistics;
using fanout::resource_pool;
using stress::duration;

constexpr std::size_t threads = 8;
constexpr std::size_t resources = 3;
constexpr pool_reuse both_orders[] = {pool_reuse::rotate, pool_reuse::most_recent};

/// Knows whether somebody uses it, and is told how it is.
struct used : counted {
  using counted::counted;
  std::atomic<bool> taken = false;
  bool broken = false;

  used(used&&) = delete;
  ~used() { EXPECT_FALSE(taken) << "destroyed while somebody used it"; }
};

/// One thread of many, with random numbers of its own and a count of what happened to it.
class user {
 public:
  user(resource_pool<used>& pool, unsigned seed) : pool_(pool), random_(seed) {}

  /// Until it is over or the pool is closed.
  void run(const std::atomic<bool>& over) {
    while (!over) {
      try {
        std::optional<lease<used>> lent = acquire_somehow();
        if (!lent) continue;
        ++served_;
        use(*lent);
      } catch (const fanout::operation_cancelled&) {
        ++stopped_;
      } catch (const fanout::pool_timeout&) {
        ++late_;
      } catch (const fanout::pool_closed&) {
        return;
      } catch (const std::runtime_error& failure) {
        EXPECT_STREQ(failure.what(), "the factory fails at times");
        ++failed_;
      }
    }
  }

  std::size_t served() const { return served_; }
  std::size_t stopped() const { return stopped_; }
  std::size_t late() const { return late_; }
  std::size_t failed() const { return failed_; }

 private:
  bool one_in(unsigned times) { return random_() % times == 0; }
  std::chrono::microseconds short_time() { return std::chrono::microseconds(random_() % 200); }

  std::optional<lease<used>> acquire_somehow() {
    switch (random_() % 6) {
      case 0:
        return pool_.acquire();
      case 1:
        return acquire_unless_stopped();
      case 2:
        return pool_.try_acquire();
      case 3:
        return counted_late(pool_.try_acquire_for(short_time()));
      case 4:
        return counted_late(pool_.try_acquire_until(std::chrono::system_clock::now() + short_time()));
      default:
        return pool_.acquire_for(short_time());
    }
  }

  /// The stop is requested by another thread, before, while or after this one waits.
  lease<used> acquire_unless_stopped() {
    std::stop_source stop;
    const std::jthread stopper([&stop, pause = short_time(), wanted = one_in(2)] {
      if (!wanted) return;
      if (pause.count() % 2 == 0) std::this_thread::sleep_for(pause);
      stop.request_stop();
    });
    return pool_.acquire(stop.get_token());
  }

  std::optional<lease<used>> counted_late(std::optional<lease<used>> lent) {
    if (!lent) ++late_;
    return lent;
  }

  void use(lease<used>& lent) {
    EXPECT_FALSE(lent->taken.exchange(true)) << "two users of one resource";
    if (one_in(8)) std::this_thread::sleep_for(short_time() / 4);
    lent->broken = one_in(16);
    lent->taken = false;
    switch (random_() % 8) {
      case 0:
        return lent.discard();
      case 1:
        return lent.release();
      case 2: {
        lease<used> elsewhere = std::move(lent);
        std::jthread([moved = std::move(elsewhere)]() mutable { moved.release(); });
        return;
      }
      default:
        return;
    }
  }

  resource_pool<used>& pool_;
  std::minstd_rand random_;
  std::size_t served_ = 0;
  std::size_t stopped_ = 0;
  std::size_t late_ = 0;
  std::size_t failed_ = 0;
};

/// Fails at times, makes something that cannot be used at times, and never lives more often than the pool is large.
struct hostile_factory {
  used operator()() const {
    const int number = ++*calls;
    if (number % 11 == 0) throw std::runtime_error("the factory fails at times");
    EXPECT_LT(counted::population.alive(), static_cast<int>(resources));
    return used(number);
  }
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
};

pool_options<used> hostile_options(pool_reuse order) {
  pool_options<used> options;
  options.reuse = order;
  options.lazy = true;
  options.validate = [](used& each) {
    EXPECT_FALSE(each.taken);
    return !each.broken;
  };
  options.reset = [](used& each) {
    EXPECT_FALSE(each.taken);
    if (each.broken && each.value % 2 == 0) throw std::runtime_error("cannot be reset");
  };
  options.max_lifetime = 20ms;
  return options;
}

class ResourcePoolStress : public testing::Test {
 protected:
  ResourcePoolStress() { counted::reset(); }
  ~ResourcePoolStress() override { EXPECT_EQ(counted::population.alive(), 0); }

  watchdog guard_{4 * patience + 2 * std::chrono::ceil<std::chrono::seconds>(duration(10s))};
};

/// Lends resources in this order, for half of the test's time. Returns the number of leases.
std::size_t account_for_every_resource(pool_reuse order) {
  resource_pool<used> pool(hostile_factory(), resources, hostile_options(order));
  std::vector<user> users;
  for (unsigned seed = 1; seed <= threads; ++seed) users.emplace_back(pool, seed);
  std::atomic<bool> over = false;
  std::jthread clock([&over] {
    std::this_thread::sleep_for(duration(10s) / 2);
    over = true;
  });
  on_threads(threads, [&](std::size_t number) { users[number].run(over); });

  std::size_t served = 0;
  std::size_t late = 0;
  std::size_t stopped = 0;
  std::size_t failed = 0;
  for (const user& each : users) {
    served += each.served();
    late += each.late();
    stopped += each.stopped();
    failed += each.failed();
    EXPECT_GT(each.served(), 0U) << "somebody starved";
  }
  const pool_statistics now = pool.statistics();
  EXPECT_EQ(now.acquired_total, served);
  EXPECT_EQ(now.timeouts, late);
  EXPECT_EQ(now.in_use, 0U);
  EXPECT_EQ(now.waiting, 0U);
  EXPECT_EQ(now.created - now.discarded, now.idle);
  EXPECT_EQ(static_cast<std::size_t>(counted::population.alive()), now.idle);
  EXPECT_GT(late, 0U);
  EXPECT_GT(stopped, 0U);
  EXPECT_GT(failed, 0U);
  EXPECT_GT(now.discarded, 0U);

  // Every slot can still be lent.
  std::vector<lease<used>> all;
  while (all.size() != resources) {
    try {
      all.push_back(pool.acquire());
    } catch (const std::runtime_error&) {  // the factory
    }
  }
  EXPECT_FALSE(pool.try_acquire().has_value());
  return served;
}

TEST_F(ResourcePoolStress, AccountsForEveryResource) {
  std::size_t leases = 0;
  for (const pool_reuse order : both_orders) leases += account_for_every_resource(order);
  RecordProperty("leases", static_cast<int>(leases));
}

TEST_F(ResourcePoolStress, LeavesNothingBehindWhenItIsClosedAtAnyMoment) {
  const auto end = std::chrono::steady_clock::now() + duration(1s);
  for (unsigned round = 0; std::chrono::steady_clock::now() < end; ++round) {
    {
      resource_pool<used> pool(hostile_factory(), resources, hostile_options(both_orders[round % 2]));
      std::vector<std::jthread> running;
      for (unsigned number = 0; number != threads; ++number) {
        running.emplace_back([&pool, seed = round * 100 + number + 1] {
          const std::atomic<bool> never = false;
          user(pool, seed).run(never);
        });
      }
      std::this_thread::sleep_for(std::chrono::microseconds(round % 7 * 100));
      pool.close();
      running.clear();
      EXPECT_EQ(pool.statistics().in_use, 0U);
      EXPECT_EQ(pool.idle(), 0U);
    }
    ASSERT_EQ(counted::population.alive(), 0) << "after round " << round;
  }
}

void serve_batches_and_threads(pool_reuse order) {
  resource_pool<used> pool(hostile_factory(), resources, hostile_options(order));
  std::atomic<bool> over = false;
  std::jthread clock([&over] {
    std::this_thread::sleep_for(duration(1s) / 2);
    over = true;
  });
  on_threads(threads, [&](std::size_t number) {
    const auto seed = static_cast<unsigned>(number) + 1;
    if (number % 2 == 0) return user(pool, seed).run(over);
    std::minstd_rand random(seed);
    while (!over) {
      std::stop_source stop;
      const std::jthread stopper([&stop, pause = random() % 2'000] {
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
        if (pause % 2 == 0) stop.request_stop();
      });
      try {
        fanout::execute_with_pool(std::vector(20,
                                              [](used& lent) {
                                                EXPECT_FALSE(lent.taken.exchange(true));
                                                std::this_thread::yield();
                                                lent.taken = false;
                                              }),
                                  pool, {.stop = stop.get_token()});
      } catch (const fanout::operation_cancelled&) {
      } catch (const fanout::task_error&) {  // the factory
      }
    }
  });
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_EQ(pool.waiting(), 0U);
  EXPECT_EQ(static_cast<std::size_t>(counted::population.alive()), pool.idle());
}

TEST_F(ResourcePoolStress, ServesBatchesAndThreadsAtOnce) {
  for (const pool_reuse order : both_orders) serve_batches_and_threads(order);
}

}  // namespace
