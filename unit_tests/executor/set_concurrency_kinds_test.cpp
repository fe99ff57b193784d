#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/batch.hpp"
#include "fanout/executor.hpp"
#include "fanout/stream.hpp"
#include "fanout/task_scope.hpp"
#include "set_concurrency_stage.hpp"
#include "support.hpp"

/// The limit of an executor is changed while nested batches, handles, scopes, streams and adaptive batches run on it.
namespace {

using namespace support;
using fanout::executor;

executor of(std::size_t limit) { return executor({.concurrency = limit}); }

class SetConcurrencyWith : public testing::Test {
  const watchdog guard_{2 * patience};
};

// ── Nested batches ──────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrencyWith, NestedBatchesLetsEachOuterTaskThatRunsGoOnAlone) {
  executor four = of(4);
  for (int round = 0; round != 10; ++round) {
    rendezvous all_in(5);
    event lowered;
    gauge inner_of_later;
    std::atomic<int> ran{0};
    std::jthread caller([&] {
      four.map(std::size_t{12}, [&](std::size_t outer) {
        if (outer < 4 && (!all_in.meet() || !lowered.wait())) ADD_FAILURE();
        four.map(std::size_t{20}, [&](std::size_t) {
          std::optional<gauge::visit> here;
          if (outer >= 4) here.emplace(inner_of_later);
          ++ran;
          std::this_thread::sleep_for(50us);
        });
      });
    });
    ASSERT_TRUE(all_in.meet());
    four.set_concurrency(1);
    lowered.set();
    caller.join();
    EXPECT_EQ(ran, 12 * 20);
    EXPECT_EQ(inner_of_later.most(), 1);
    four.set_concurrency(4);
  }
}

TEST_F(SetConcurrencyWith, NestedBatchesGivesThemMoreThreadsAgain) {
  executor four = of(4);
  four.set_concurrency(1);
  rendezvous together(4);
  four.execute(std::vector(1, [&] {
    four.set_concurrency(4);
    four.execute(std::vector(4, [&] { EXPECT_TRUE(together.meet()); }));
  }));
}

TEST_F(SetConcurrencyWith, ExecutorsThatCallEachOtherDeadlocksNone) {
  executor one = of(3);
  executor other = of(3);
  std::atomic<int> ran{0};
  {
    const restless_limit of_one(one, 1);
    const restless_limit of_other(other, 2);
    const auto back_and_forth = [&](executor& first, executor& second) {
      for (int round = 0; round != 60; ++round) {
        first.map(std::size_t{6}, [&](std::size_t) {
          second.map(std::size_t{4}, [&](std::size_t) {
            first.map(std::size_t{3}, [&](std::size_t) { ++ran; });
          });
        });
      }
    };
    on_threads(4, [&](std::size_t number) {
      number % 2 == 0 ? back_and_forth(one, other) : back_and_forth(other, one);
    });
  }
  EXPECT_EQ(ran, 4 * 60 * 6 * 4 * 3);
  EXPECT_TRUE(full_house<executor>(one).held_until_now());
  EXPECT_TRUE(full_house<executor>(other).held_until_now());
}

TEST_F(SetConcurrencyWith, SomethingAroundTasksCallsItOnceForEach) {
  executor four = of(4);
  const restless_limit changing(four, 8);
  for (int round = 0; round != 100; ++round) {
    std::atomic<int> around{0};
    std::atomic<int> ran{0};
    four.execute(std::vector(300, [&] { ++ran; }), {.around = [&](const auto&, const auto& body) {
      ++around;
      body();
    }});
    ASSERT_EQ(ran, 300);
    ASSERT_EQ(around, 300);
  }
}

// ── Handles ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrencyWith, HandlesHoldsForAllOfThem) {
  executor six = of(6);
  for (int round = 0; round != 10; ++round) {
    two_crowds tasks(6, /*together=*/2);
    std::vector<fanout::batch<void>> handles;
    for (int each = 0; each != 6; ++each)
      handles.push_back(six.submit(std::vector(20, [&] { tasks.run(); }), 1));
    tasks.wait_for_first();
    six.set_concurrency(2);
    tasks.let_first_go();
    for (auto& each : handles) each.get();
    ASSERT_FALSE(tasks.gave_up());
    ASSERT_EQ(tasks.later().most(), 2);
    six.set_concurrency(6);
  }
}

TEST_F(SetConcurrencyWith, HandlesRunsThemIfATaskWithTheOnlySlotWaitsForThem) {
  executor three = of(3);
  for (int round = 0; round != 50; ++round) {
    event begun;
    std::atomic<int> ran{0};
    auto handle = three.submit(std::vector(40, [&] {
      begun.set();
      ++ran;
      std::this_thread::sleep_for(20us);
    }));
    ASSERT_TRUE(begun.wait());
    three.execute(std::vector(1, [&] {
      three.set_concurrency(1);
      handle.get();
    }));
    ASSERT_EQ(ran, 40);
    three.set_concurrency(3);
  }
}

TEST_F(SetConcurrencyWith, HandlesOfManySmallBatchesLosesNone) {
  executor four = of(4);
  std::atomic<int> ran{0};
  {
    const restless_limit changing(four, 3);
    for (int round = 0; round != 300; ++round) {
      std::vector<fanout::batch<void>> handles;
      for (int each = 0; each != 8; ++each)
        handles.push_back(four.submit(std::vector(static_cast<std::size_t>(each) % 3 + 1, [&] { ++ran; })));
      for (auto& each : handles) each.get();
    }
  }
  EXPECT_EQ(ran, 300 * (1 + 2 + 3 + 1 + 2 + 3 + 1 + 2));
  EXPECT_TRUE(full_house<executor>(four).held_until_now());
}

// ── Scopes ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrencyWith, AScopeHoldsForItsTasks) {
  executor six = of(6);
  for (int round = 0; round != 10; ++round) {
    two_crowds tasks(6, /*together=*/2);
    fanout::task_scope scope(six);
    for (int each = 0; each != 80; ++each) scope.add([&] { tasks.run(); });
    tasks.wait_for_first();
    six.set_concurrency(2);
    tasks.let_first_go();
    scope.join();
    ASSERT_FALSE(tasks.gave_up());
    ASSERT_EQ(tasks.later().most(), 2);
    six.set_concurrency(6);
  }
}

TEST_F(SetConcurrencyWith, AScopeWakesItsRunners) {
  executor six = of(6);
  two_crowds tasks(6, /*together=*/6);
  fanout::task_scope scope(six);
  for (int each = 0; each != 80; ++each) scope.add([&] { tasks.run(); });
  tasks.wait_for_first();
  six.set_concurrency(1);
  tasks.let_first_go();
  EXPECT_TRUE(comes_true([&] { return tasks.later().inside() == 1; }));
  EXPECT_EQ(tasks.later().most(), 1);
  six.set_concurrency(6);
  scope.join();
  EXPECT_FALSE(tasks.gave_up());
}

TEST_F(SetConcurrencyWith, ScopesOfTasksWithABoundLosesNoTask) {
  executor three = of(3);
  std::atomic<int> ran{0};
  {
    const restless_limit changing(three, 4);
    on_threads(3, [&](std::size_t) {
      for (int round = 0; round != 30; ++round) {
        three.execute(std::vector(2, [&] {
          fanout::task_scope scope(three, {.max_pending = 2});
          for (int each = 0; each != 20; ++each) scope.add([&] { ++ran; });
          scope.join();
        }));
      }
    });
  }
  EXPECT_EQ(ran, 3 * 30 * 2 * 20);
  EXPECT_TRUE(full_house<executor>(three).held_until_now());
}

// ── Streams ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrencyWith, AStreamHoldsForItsItemsAndWakesItsWorkers) {
  executor six = of(6);
  for (int round = 0; round != 10; ++round) {
    two_crowds tasks(6, /*together=*/2);
    std::vector<int> source(80);
    std::iota(source.begin(), source.end(), 0);
    auto results = six.stream(source, [&](int item) { return tasks.run(), item; }, {.ahead = 40});
    std::jthread changes([&] {
      tasks.wait_for_first();
      six.set_concurrency(2);
      tasks.let_first_go();
    });
    int next = 0;
    for (const int each : results) ASSERT_EQ(each, next++);
    EXPECT_EQ(next, 80);
    changes.join();
    ASSERT_FALSE(tasks.gave_up());
    ASSERT_LE(tasks.later().most(), 2);
    six.set_concurrency(6);
  }
  two_crowds tasks(6, /*together=*/6);
  auto results = six.stream(std::vector(80, 0), [&](int item) { return tasks.run(), item; }, {.ahead = 40});
  std::jthread changes([&] {
    tasks.wait_for_first();
    six.set_concurrency(1);
    tasks.let_first_go();
    EXPECT_TRUE(comes_true([&] { return tasks.later().inside() == 1; }));
    six.set_concurrency(6);
  });
  for (const int each : results) static_cast<void>(each);
  changes.join();
  EXPECT_FALSE(tasks.gave_up());
}

TEST_F(SetConcurrencyWith, StreamsThatTasksReadEndsThem) {
  executor three = of(3);
  executor other = of(2);
  std::atomic<int> read{0};
  {
    const restless_limit changing(three, 5);
    const restless_limit changing_other(other, 6);
    on_threads(3, [&](std::size_t number) {
      executor& reads_on = number == 0 ? other : three;
      for (int round = 0; round != 20; ++round) {
        reads_on.execute(std::vector(3, [&] {
          for (const int each : three.stream(std::vector(30, 1), [](int item) { return item; })) read += each;
        }));
      }
    });
  }
  EXPECT_EQ(read, 3 * 20 * 3 * 30);
  EXPECT_TRUE(full_house<executor>(three).held_until_now());
}

// ── Adaptive batches ────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(SetConcurrencyWith, AnAdaptiveExecutorSeeksBelowTheLimitAndThenAboveIt) {
  executor sixteen({.concurrency = 16, .adaptive = true});
  sixteen.set_concurrency(3);
  std::atomic<bool> is_raised{false};
  std::atomic<bool> over{false};
  gauge before;
  gauge after;
  std::jthread caller([&] {
    sixteen.map(std::size_t{1'000'000}, [&](std::size_t) {
      if (over) return;
      const gauge::visit here(is_raised ? after : before);
      std::this_thread::sleep_for(1ms);
    });
  });
  EXPECT_TRUE(comes_true([&] { return before.most() == 3; })) << "more threads get more done";
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(before.most(), 3);
  is_raised = true;
  sixteen.set_concurrency(16);
  EXPECT_TRUE(comes_true([&] { return after.most() >= 6; })) << "it seeks anew";
  over = true;
}

TEST_F(SetConcurrencyWith, AdaptiveBatchesOfSeveralCallersHoldsForAllOfThem) {
  executor four({.concurrency = 4, .adaptive = true});
  for (int round = 0; round != 5; ++round) {
    two_crowds tasks(4, /*together=*/1);
    std::vector<std::jthread> callers;
    for (int each = 0; each != 4; ++each)
      callers.emplace_back([&] { four.execute(std::vector(50, [&] { tasks.run(); })); });
    tasks.wait_for_first();
    four.set_concurrency(1);
    tasks.let_first_go();
    callers.clear();
    ASSERT_FALSE(tasks.gave_up());
    ASSERT_EQ(tasks.later().most(), 1);
    four.set_concurrency(4);
  }
  const restless_limit changing(four, 7);
  on_threads(3, [&](std::size_t) {
    for (int round = 0; round != 5; ++round) {
      std::atomic<int> ran{0};
      four.execute(std::vector(300, [&] {
        ++ran;
        std::this_thread::sleep_for(100us);
      }));
      EXPECT_EQ(ran, 300);
    }
  });
}

}  // namespace
