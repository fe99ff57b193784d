#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <ranges>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Executors that call each other reach and keep their limits, and their calls end.
namespace {

using namespace support;
using fanout::executor;

using action = std::function<void()>;
using actions = std::vector<action>;

void briefly() { std::this_thread::sleep_for(100us); }

class LimitsOfExecutorsInRounds : public testing::Test {
 protected:
  static constexpr int rounds = 200;
  executor outer_{{.concurrency = 2}};
  executor inner_{{.concurrency = 2}};
  const watchdog guard_{3 * patience};
};

TEST_F(LimitsOfExecutorsInRounds, AreReachedByTwoOuterTasksWhoseInnerOnesMeet) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    outer_.execute(actions(2, [&] { inner_.execute(actions{[&] { missed += both.meet() ? 0 : 1; }}); }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// A task that computes leaves a core to the others only when there are enough of them.
TEST_F(LimitsOfExecutorsInRounds, AreReachedByTwoOuterTasksWhoseInnerOnesComputeUntilTheyMeet) {
  for (int round = 0; round != rounds; ++round) {
    std::atomic<int> begun = 0;
    std::atomic<int> missed = 0;
    outer_.execute(actions(2, [&] {
      inner_.execute(actions{[&] {
        ++begun;
        const auto end = std::chrono::steady_clock::now() + patience;
        while (begun != 2 && std::chrono::steady_clock::now() < end) {
        }
        missed += begun == 2 ? 0 : 1;
      }});
    }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST_F(LimitsOfExecutorsInRounds, AreReachedByTheFirstInnerTasksOfTwoBatches) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    outer_.execute(actions(
        2, [&] { inner_.map(std::views::iota(0, 2), [&](int i) { missed += i != 0 || both.meet() ? 0 : 1; }); }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// The first two outer tasks end when they have been in flight at once.
TEST_F(LimitsOfExecutorsInRounds, AreReachedByOuterTasksThatDoNothingElse) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    std::atomic<int> outer_begun = 0;
    outer_.execute(actions(20, [&] {
      const bool meets = ++outer_begun <= 2;
      std::atomic<int> inner_begun = 0;
      inner_.execute(actions(3, [&] {
        if (meets && ++inner_begun == 1) missed += both.meet() ? 0 : 1;
      }));
    }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST_F(LimitsOfExecutorsInRounds, AreReachedByTheInnerTasksOfOneOuterTask) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    outer_.execute(actions{[&] { inner_.execute(actions(2, [&] { missed += both.meet() ? 0 : 1; })); }});
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST_F(LimitsOfExecutorsInRounds, AreReachedThroughAThirdExecutor) {
  executor third({.concurrency = 2});
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    const auto innermost = [&] { third.execute(actions{[&] { missed += both.meet() ? 0 : 1; }}); };
    outer_.execute(actions(2, [&] { inner_.execute(actions{innermost}); }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// Each batch wants the two slots of the inner executor for tasks that meet: they have it one after the other.
TEST_F(LimitsOfExecutorsInRounds, AreReachedByEachOfTwoInnerBatchesInTurn) {
  for (int round = 0; round != rounds; ++round) {
    std::atomic<int> missed = 0;
    std::mutex one_at_a_time;
    outer_.execute(actions(2, [&] {
      rendezvous both(2);
      const std::lock_guard turn(one_at_a_time);
      inner_.execute(actions(2, [&] { missed += both.meet() ? 0 : 1; }));
    }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// ── Cycles, called from both ends ───────────────────────────────────────────────────────────────────────────────

class LimitsOfExecutorsInACycle : public testing::TestWithParam<std::size_t> {
 protected:
  /// Calls the executors inside each other, from the first to the last, with so many tasks each.
  static void down(const std::vector<executor*>& path, std::size_t tasks, const action& innermost,
                   std::size_t at = 0) {
    if (at == path.size()) return innermost();
    path[at]->execute(actions(tasks, [&, at] { down(path, tasks, innermost, at + 1); }));
  }

  const watchdog guard_{2 * patience};
};

INSTANTIATE_TEST_SUITE_P(Of, LimitsOfExecutorsInACycle, testing::Values(1, 2, 3));

TEST_P(LimitsOfExecutorsInACycle, EndWhereTheInnermostTasksTakeAMutexEach) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  std::mutex mutex;
  int had = 0;
  const auto take = [&] {
    const std::lock_guard lock(mutex);
    ++had;
  };
  constexpr int rounds = 30;
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != rounds; ++round)
      down(number % 2 == 0 ? std::vector{&a, &b, &a} : std::vector{&b, &a, &b}, 2, take);
  });
  EXPECT_EQ(had, 4 * rounds * 8);
}

TEST_P(LimitsOfExecutorsInACycle, EndWhereTheInnermostTasksTakeALease) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  std::atomic<int> had = 0;
  const auto take = [&] {
    fanout::lease<int> lent = pool.acquire();
    had += ++*lent > 0 ? 1 : 0;
  };
  constexpr int rounds = 30;
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != rounds; ++round)
      down(number % 2 == 0 ? std::vector{&a, &b, &a} : std::vector{&b, &a, &b}, 2, take);
  });
  EXPECT_EQ(had, 4 * rounds * 8);
}

TEST_P(LimitsOfExecutorsInACycle, EndForThreeExecutorsFromThreeEnds) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  executor c({.concurrency = GetParam()});
  const std::vector<std::vector<executor*>> paths{{&a, &b, &c, &a}, {&b, &c, &a, &b}, {&c, &a, &b, &c}};
  std::mutex mutex;
  int had = 0;
  const auto take = [&] {
    const std::lock_guard lock(mutex);
    ++had;
  };
  constexpr int rounds = 20;
  on_threads(3, [&](std::size_t number) {
    for (int round = 0; round != rounds; ++round) down(paths[number], 2, take);
  });
  EXPECT_EQ(had, 3 * rounds * 16);
}

TEST_P(LimitsOfExecutorsInACycle, KeepTheirLimits) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  gauge in_a;
  gauge in_b;
  on_threads(4, [&](std::size_t number) {
    executor& outer = number % 2 == 0 ? a : b;
    executor& inner = number % 2 == 0 ? b : a;
    gauge& gauge_of_outer = number % 2 == 0 ? in_a : in_b;
    for (int round = 0; round != 30; ++round) {
      down({&outer, &inner, &outer}, 2, [&] {
        const gauge::visit here(gauge_of_outer);
        briefly();
      });
    }
  });
  EXPECT_LE(in_a.most(), static_cast<int>(GetParam()));
  EXPECT_LE(in_b.most(), static_cast<int>(GetParam()));
}

}  // namespace
