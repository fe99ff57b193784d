// The limits of a scope: how many of its tasks run at once, how many may wait, and how it shares an executor.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::executor;
using fanout::task_scope;

struct TaskScopeLimit : testing::Test {
  const watchdog guard;
};

struct TaskScopeOfLimit : testing::TestWithParam<std::size_t> {
  const watchdog guard;
};

TEST_P(TaskScopeOfLimit, IsNeverExceeded) {
  gauge running;
  task_scope scope({.concurrency = GetParam()});
  on_threads(3, [&](std::size_t) {
    for (int i = 0; i != 200; ++i) {
      scope.add([&] {
        const gauge::visit here(running);
        std::this_thread::yield();
      });
    }
  });
  scope.join();
  EXPECT_LE(running.most(), static_cast<int>(GetParam()));
}

TEST_P(TaskScopeOfLimit, IsReachedByTasksThatWaitForEachOther) {
  rendezvous all(GetParam());
  std::atomic<std::size_t> met = 0;
  task_scope scope({.concurrency = GetParam()});
  for (std::size_t i = 0; i != GetParam(); ++i) scope.add([&] { met += all.meet() ? 1 : 0; });
  scope.join();
  EXPECT_EQ(met, GetParam());
}

TEST_P(TaskScopeOfLimit, IsReachedBesideItsOwner) {
  rendezvous all(GetParam());
  std::atomic<std::size_t> met = 0;
  event over;
  task_scope scope({.concurrency = GetParam()});
  for (std::size_t i = 0; i != GetParam(); ++i) {
    scope.add([&] {
      const bool in_time = all.meet();
      if (++met == GetParam() && in_time) over.set();
    });
  }
  EXPECT_TRUE(over.wait());
  scope.join();
}

TEST_P(TaskScopeOfLimit, IsReachedByTasksOfAnExecutor) {
  const executor on({.concurrency = GetParam()});
  rendezvous all(GetParam());
  std::atomic<std::size_t> met = 0;
  event over;
  task_scope scope(on);
  for (std::size_t i = 0; i != GetParam(); ++i) {
    scope.add([&] {
      const bool in_time = all.meet();
      if (++met == GetParam() && in_time) over.set();
    });
  }
  EXPECT_TRUE(over.wait());
  scope.join();
}

TEST_P(TaskScopeOfLimit, StartsInOrder) {
  std::atomic<std::size_t> started = 0;
  std::atomic<int> early = 0;
  task_scope scope({.concurrency = GetParam()});
  for (std::size_t i = 0; i != 3'000; ++i) {
    scope.add([&, i] {
      // Whoever starts has taken its place before it counts: at most the others that run may count before it.
      if (started.fetch_add(1) + GetParam() <= i) ++early;
    });
  }
  scope.join();
  EXPECT_EQ(early, 0);
}

INSTANTIATE_TEST_SUITE_P(Limits, TaskScopeOfLimit, testing::Values(1U, 2U, 8U));

TEST_F(TaskScopeLimit, IsTheCoresIfItIsAutomatic) {
  gauge running;
  task_scope scope;
  for (int i = 0; i != 300; ++i) {
    scope.add([&] {
      const gauge::visit here(running);
      std::this_thread::yield();
    });
  }
  scope.join();
  EXPECT_LE(running.most(), static_cast<int>(fanout::available_concurrency()));
}

TEST_F(TaskScopeLimit, IsThatOfTheExecutorOverScopesAndBatches) {
  constexpr std::size_t limit = 3;
  const executor on({.concurrency = limit});
  gauge running;
  const auto task = [&] {
    const gauge::visit here(running);
    std::this_thread::yield();
  };
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != 10; ++round) {
      if (number % 2 == 0) {
        on.execute(std::vector(20, task));
      } else {
        task_scope scope(on);
        for (int i = 0; i != 20; ++i) scope.add(task);
        scope.join();
      }
    }
  });
  EXPECT_LE(running.most(), static_cast<int>(limit));
}

TEST_F(TaskScopeLimit, OfTheScopeHoldsOnALargerExecutor) {
  const executor on({.concurrency = 4});
  gauge running;
  task_scope scope(on, {.concurrency = 2});
  for (int i = 0; i != 200; ++i) {
    scope.add([&] {
      const gauge::visit here(running);
      std::this_thread::yield();
    });
  }
  scope.join();
  EXPECT_LE(running.most(), 2);
}

TEST_F(TaskScopeLimit, OfTasksAheadOfItsOwnerOnAnExecutorThatIsTaken) {
  executor on({.concurrency = 2});
  std::atomic<int> ran = 0;
  std::optional<full_house<executor>> house(on);
  task_scope scope(on);
  for (int i = 0; i != 5; ++i) scope.add([&] { ++ran; });  // does not wait for a slot
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(ran, 0);
  EXPECT_TRUE(house->held_until_now());
  scope.join();
  EXPECT_EQ(ran, 5);
}

TEST_F(TaskScopeLimit, OfAnExecutorServesAScopeInItsTurnAlsoIfItIsJoined) {
  executor on({.concurrency = 1});
  std::mutex mutex;
  std::vector<int> order;
  const auto come = [&](int number) {
    const std::lock_guard lock(mutex);
    order.push_back(number);
  };
  full_house<executor> house(on);
  task_scope scope(on);
  scope.add([&] { come(1); });
  std::jthread behind([&] { on.execute(std::vector(1, [&] { come(2); })); });
  std::this_thread::sleep_for(20ms);
  std::jthread opening([&] {
    std::this_thread::sleep_for(20ms);
    EXPECT_TRUE(house.held_until_now());
  });
  scope.join();
  behind.join();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

TEST_F(TaskScopeLimit, IsKeptByAScopeInATaskOfItsExecutor) {
  for (const std::size_t limit : {1U, 2U}) {
    const executor on({.concurrency = limit});
    gauge running;
    std::atomic<int> ran = 0;
    on.execute(std::vector(4, [&] {
      task_scope scope(on);
      for (int i = 0; i != 20; ++i) {
        scope.add([&] {
          const gauge::visit here(running);
          ++ran;
        });
      }
      scope.join();
    }));
    EXPECT_EQ(ran, 80);
    EXPECT_LE(running.most(), static_cast<int>(limit));
  }
}

TEST_F(TaskScopeLimit, IsKeptByScopesInScopes) {
  const executor on({.concurrency = 1});
  std::atomic<int> ran = 0;
  const std::function<void(int)> nest = [&](int depth) {
    ++ran;
    if (depth == 0) return;
    task_scope inner(on);
    inner.add([&] { nest(depth - 1); });
    inner.add([&] { on.execute(std::vector(2, [&] { ++ran; })); });
    inner.join();
  };
  nest(4);
  EXPECT_EQ(ran, 5 + 8);
}

TEST_F(TaskScopeLimit, OfAFreeScopeInATaskOfAnExecutorLendsTheSlotOfThatTask) {
  const executor on({.concurrency = 1});
  std::atomic<int> ran = 0;
  on.execute(std::vector(2, [&] {
    task_scope scope({.concurrency = 3});
    for (int i = 0; i != 6; ++i) scope.add([&] { on.execute(std::vector(2, [&] { ++ran; })); });
    scope.join();
  }));
  EXPECT_EQ(ran, 24);
}

TEST_F(TaskScopeLimit, OfAnExecutorIsSharedWithAScopeThatIsNeverWithoutTasks) {
  const executor on({.concurrency = 1});
  std::atomic<bool> over = false;
  task_scope scope(on);
  const std::function<void()> again = [&] {
    if (!over) scope.add([&again] { again(); });
  };
  scope.add([&again] { again(); });
  task_scope other(on);
  std::atomic<int> ran = 0;
  for (int i = 0; i != 3; ++i) {
    other.add([&] { ++ran; });
    on.execute(std::vector(2, [&] { ++ran; }));
  }
  other.join();
  EXPECT_EQ(ran, 9);
  over = true;
  scope.join();
}

// ── How many may wait ───────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(TaskScopeLimit, OfTasksThatWaitRefusesOthers) {
  event running;
  event over;
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 1, .max_pending = 2});
  scope.add([&] {
    running.set();
    EXPECT_TRUE(over.wait());
  });
  EXPECT_TRUE(running.wait());
  EXPECT_TRUE(scope.try_add([&] { ++ran; }));
  EXPECT_TRUE(scope.try_add([&, owned = std::make_unique<int>(1)] { ran += *owned; }));
  EXPECT_FALSE(scope.try_add([&] { ran += 100; }));
  EXPECT_FALSE(scope.try_add([&, owned = std::make_unique<int>(100)] { ran += *owned; }));
  EXPECT_EQ(scope.progress().total, 3U);
  over.set();
  scope.join();
  EXPECT_EQ(ran, 2);
}

TEST_F(TaskScopeLimit, OfTasksThatWaitHoldsBackWhoAdds) {
  constexpr std::size_t most = 3;
  std::atomic<std::size_t> ran = 0;
  std::atomic<int> exceeded = 0;
  task_scope scope({.concurrency = 2, .max_pending = most});
  on_threads(4, [&](std::size_t) {
    for (int i = 0; i != 300; ++i) {
      scope.add([&] { ++ran; });
      const fanout::batch_progress seen = scope.progress();
      if (seen.total > scope.progress().started + most) ++exceeded;
    }
  });
  scope.join();
  EXPECT_EQ(ran, 1'200U);
  EXPECT_EQ(exceeded, 0);
}

TEST_F(TaskScopeLimit, OfTasksThatWaitDoesNotHoldBackTasksOfTheScope) {
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 1, .max_pending = 1});
  scope.add([&] {
    for (int i = 0; i != 10; ++i) scope.add([&] { ++ran; });
    fanout::execute_in_parallel(std::vector(4, [&] { scope.add([&] { ++ran; }); }), 2);
  });
  scope.join();
  EXPECT_EQ(ran, 14);
}

/// A scope of one runner, free or on an executor, in which one task may wait.
struct TaskScopeWithABound : testing::TestWithParam<bool> {
  const watchdog guard;
  const executor on{{.concurrency = 1}};
  std::atomic<int> ran = 0;

  std::unique_ptr<task_scope> make() const {
    const fanout::run_options options{.concurrency = 1, .max_pending = 1};
    return GetParam() ? std::make_unique<task_scope>(on, options) : std::make_unique<task_scope>(options);
  }
  void add_three(task_scope& to) {
    for (int i = 0; i != 3; ++i) to.add([&] { ++ran; });
  }
};

// Whoever adds here begins to wait before the task waits for it, or afterwards.
constexpr auto moments = {0ms, 10ms};

TEST_P(TaskScopeWithABound, DoesNotHoldBackTheBatchOfAHandleThatItsTaskWaitsFor) {
  for (const auto moment : moments) {
    const auto scope = make();
    scope->add([&] {
      auto batch = fanout::submit_map(2, [&](int) { add_three(*scope); }, 2);
      std::this_thread::sleep_for(moment);
      batch.get();
    });
    scope->join();
  }
  EXPECT_EQ(ran, 12);
}

TEST_P(TaskScopeWithABound, DoesNotHoldBackAScopeThatItsTaskWaitsFor) {
  for (const auto moment : moments) {
    const auto scope = make();
    scope->add([&] {
      task_scope inner({.concurrency = 2});
      for (int i = 0; i != 2; ++i) inner.add([&] { add_three(*scope); });
      std::this_thread::sleep_for(moment);
      inner.join();
    });
    scope->join();
  }
  EXPECT_EQ(ran, 12);
}

TEST_P(TaskScopeWithABound, DoesNotHoldBackAStreamThatItsTaskReads) {
  for (const auto moment : moments) {
    const auto scope = make();
    scope->add([&] {
      const auto add = [&](int item) {
        add_three(*scope);
        return item;
      };
      auto results = fanout::stream_in_parallel(std::vector{1, 2}, add, 2);
      std::this_thread::sleep_for(moment);
      for (const int each : results) ran += 100 * each;
    });
    scope->join();
  }
  EXPECT_EQ(ran, 612);
}

TEST_P(TaskScopeWithABound, DoesNotHoldBackAScopeWhoseTasksAddToItAndTheOtherWayRound) {
  const auto one = make();
  const auto other = make();
  for (int i = 0; i != 20; ++i) {
    one->add([&] { add_three(*other); });
    other->add([&] { add_three(*one); });
  }
  while (ran != 120) std::this_thread::sleep_for(1ms);  // nobody adds to a scope that has been joined
  one->join();
  other->join();
}

INSTANTIATE_TEST_SUITE_P(FreeAndOnAnExecutor, TaskScopeWithABound, testing::Bool());

// The bound is exceeded only where all would wait for each other.
TEST_F(TaskScopeLimit, OfTasksThatWaitHoldsBackTasksOfAnotherScopeThatNobodyWaitsFor) {
  std::atomic<int> ran = 0;
  std::atomic<int> exceeded = 0;
  task_scope bounded({.concurrency = 2, .max_pending = 3});
  task_scope adding({.concurrency = 3});
  for (int i = 0; i != 3; ++i) {
    adding.add([&] {
      for (int k = 0; k != 200; ++k) {
        bounded.add([&] { ++ran; });
        const auto before = bounded.progress();
        const auto after = bounded.progress();  // later, so that what has started meanwhile does not count as waiting
        exceeded += before.total > after.started + 3 ? 1 : 0;
      }
    });
  }
  adding.join();
  bounded.join();
  EXPECT_EQ(ran, 600);
  EXPECT_EQ(exceeded, 0);
}

TEST_F(TaskScopeLimit, OfTasksThatWaitDoesNotHoldUpATaskOfTheSameExecutor) {
  const executor on({.concurrency = 1});
  std::atomic<int> ran = 0;
  on.execute(std::vector(1, [&] {
    task_scope scope(on, {.max_pending = 1});
    for (int i = 0; i != 20; ++i) scope.add([&] { ++ran; });
    scope.join();
  }));
  EXPECT_EQ(ran, 20);
}

TEST_F(TaskScopeLimit, OfTasksThatWaitLetsGoWhenTheScopeIsStopped) {
  event running;
  task_scope scope({.concurrency = 1, .max_pending = 1});
  scope.add([&](const fanout::task_context& context) {
    running.set();
    while (!context.stop_requested()) std::this_thread::yield();
  });
  EXPECT_TRUE(running.wait());
  scope.add([] { ADD_FAILURE(); });
  const std::jthread stopping([&] {
    std::this_thread::sleep_for(10ms);
    scope.request_stop();
  });
  scope.add([] { ADD_FAILURE(); });
  EXPECT_THROW(scope.join(), fanout::operation_cancelled);
  EXPECT_EQ(scope.progress().total, 3U);
}

}  // namespace
