#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 7: what is told about a batch while it runs.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;
using fanout::task_context;

/// Collects the calls, and whether they ever overlap.
class witness {
 public:
  run_options options(std::size_t concurrency, std::chrono::nanoseconds interval = 0ns) {
    run_options made{.concurrency = concurrency, .progress_interval = interval};
    made.on_progress = [this](std::size_t completed, std::size_t total) {
      if (busy_.exchange(true)) ++overlaps_;
      calls_.emplace_back(completed, total);
      std::this_thread::yield();
      busy_ = false;
    };
    return made;
  }

  void expect_a_proper_report(std::size_t size) const {
    ASSERT_FALSE(calls_.empty());
    EXPECT_EQ(overlaps_, 0);
    EXPECT_EQ(calls_.back(), std::pair(size, size));
    std::size_t last = 0;
    for (const auto& [completed, total] : calls_) {
      EXPECT_EQ(total, size);
      EXPECT_GT(completed, last);
      last = completed;
    }
  }

  std::size_t calls() const { return calls_.size(); }

 private:
  std::atomic<bool> busy_{false};
  std::atomic<int> overlaps_{0};
  std::vector<std::pair<std::size_t, std::size_t>> calls_;
};

class Promise7Progress : public testing::TestWithParam<std::size_t> {};

TEST_P(Promise7Progress, GrowsStrictlyAndEndsWithTheTotal) {
  for (int round = 0; round != 20; ++round) {
    witness seen;
    execute_in_parallel(std::vector(500, [] {}), seen.options(GetParam()));
    seen.expect_a_proper_report(500);
  }
}

TEST_P(Promise7Progress, GrowsStrictlyForTasksThatTakeTime) {
  witness seen;
  execute_in_parallel(std::vector(200, [] { std::this_thread::sleep_for(50us); }), seen.options(GetParam()));
  seen.expect_a_proper_report(200);
}

TEST_P(Promise7Progress, GrowsStrictlyWithAnInterval) {
  witness seen;
  executor some({.concurrency = GetParam()});
  some.execute(std::vector(100'000, [] { compute_for(200ns); }), seen.options(fanout::automatic, 1ms));
  seen.expect_a_proper_report(100'000);
}

INSTANTIATE_TEST_SUITE_P(AtLimit, Promise7Progress, testing::Values(1, 2, 4, 16));

TEST(Promise7ProgressOfABatch, IsSilentForAnEmptyOne) {
  witness seen;
  execute_in_parallel(std::vector<std::function<void()>>(), seen.options(2));
  executor({.concurrency = 2}).execute(std::vector<std::function<void()>>(), seen.options(2, 1ms));
  EXPECT_EQ(seen.calls(), 0U);
}

TEST(Promise7ProgressOfABatch, IsToldOnceForASingleTask) {
  for (const auto interval : {0ns, 1'000'000'000ns}) {
    witness seen;
    execute_in_parallel(std::vector(1, [] {}), seen.options(2, interval));
    seen.expect_a_proper_report(1);
    EXPECT_EQ(seen.calls(), 1U);
  }
}

TEST(Promise7ProgressOfABatch, TellsEveryTaskAtLimitOne) {
  witness seen;
  execute_in_parallel(std::vector(1'000, [] {}), seen.options(1));
  EXPECT_EQ(seen.calls(), 1'000U);
}

TEST(Promise7ProgressOfABatch, IsToldWhenATaskEndsNotWhenTheBatchEnds) {
  event told;
  run_options options{.concurrency = 2};
  options.on_progress = [&](std::size_t completed, std::size_t) {
    if (completed == 1) told.set();
  };
  std::atomic<bool> in_time = false;
  const std::vector<std::function<void()>> tasks{[] {}, [&] { in_time = told.wait(); }};
  execute_in_parallel(tasks, options);
  EXPECT_TRUE(in_time);
}

// However the ends of the first four tasks meet: all four have to be told while the fifth still runs.
TEST(Promise7ProgressOfABatch, MissesNoEndWhileAnotherTaskRuns) {
  int missed = 0;
  for (int round = 0; round != 500; ++round) {
    rendezvous all(5);
    event four_told;
    run_options options{.concurrency = 5};
    options.on_progress = [&](std::size_t completed, std::size_t) {
      if (completed >= 4) four_told.set();
    };
    std::vector<std::function<void()>> tasks(4, [&] { EXPECT_TRUE(all.meet()); });
    tasks.push_back([&] {
      EXPECT_TRUE(all.meet());
      missed += four_told.wait(10s) ? 0 : 1;
    });
    execute_in_parallel(tasks, options);
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST(Promise7ProgressOfABatch, CountsTasksThatFailed) {
  witness seen;
  run_options options = seen.options(2);
  options.on_error = fanout::error_policy::run_all;
  const std::vector<std::function<void()>> tasks(50, [] { throw 42; });
  EXPECT_THROW(execute_in_parallel(tasks, options), fanout::aggregate_error);
  seen.expect_a_proper_report(50);
  witness settled;
  fanout::settle_in_parallel(tasks, settled.options(2, 1h));
  settled.expect_a_proper_report(50);
}

TEST(Promise7ProgressOfABatch, CountsTheTaskThatStoppedTheBatch) {
  std::size_t last = 0;
  run_options options{.concurrency = 1};
  options.on_progress = [&](std::size_t completed, std::size_t) { last = completed; };
  const std::vector tasks(10, [](const task_context& context) {
    if (context.index() == 4) throw 42;
  });
  EXPECT_THROW(execute_in_parallel(tasks, options), fanout::task_error);
  EXPECT_EQ(last, 5U);
}

// ── A slow callback ─────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise7ProgressOfABatch, IsToldByOneRunnerWhileTheOthersWork) {
  event all_ended;
  std::atomic<int> ended = 0;
  std::vector<std::size_t> told;
  run_options options{.concurrency = 2};
  options.on_progress = [&](std::size_t completed, std::size_t) {
    told.push_back(completed);
    // The first call lasts until the other runner has run all tasks that are left, which must not wait for it.
    if (told.size() == 1) {
      EXPECT_TRUE(all_ended.wait());
      std::this_thread::sleep_for(1ms);
    }
  };
  execute_in_parallel(std::vector(100,
                                  [&] {
                                    if (++ended == 100) all_ended.set();
                                  }),
                      options);
  EXPECT_LE(told.size(), 4U);
  EXPECT_EQ(told.back(), 100U);
}

TEST(Promise7ProgressOfABatch, IsToldOnAThreadOfTheBatchThatMayUseTheLibrary) {
  const watchdog guard;
  std::atomic<int> inner = 0;
  run_options options{.concurrency = 3};
  options.on_progress = [&](std::size_t, std::size_t) { execute_in_parallel(std::vector(4, [&] { ++inner; }), 2); };
  execute_in_parallel(std::vector(1, [] {}), options);
  EXPECT_EQ(inner, 4);
}

// ── A callback that throws ──────────────────────────────────────────────────────────────────────────────────────

TEST(Promise7ProgressOfABatch, StopsWithTheExceptionOfItsFirstCall) {
  std::atomic<int> ran = 0;
  int calls = 0;
  run_options options{.concurrency = 1};
  options.on_progress = [&](std::size_t, std::size_t) {
    ++calls;
    throw std::domain_error("enough");
  };
  EXPECT_EQ(message_of<std::domain_error>([&] { execute_in_parallel(std::vector(100, [&] { ++ran; }), options); }),
            "enough");
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(calls, 1);
}

TEST(Promise7ProgressOfABatch, StopsWithTheExceptionOfItsLastCall) {
  for (const auto interval : {0ns, 3'600'000'000'000ns}) {
    std::atomic<int> ran = 0;
    run_options options{.concurrency = 2, .progress_interval = interval};
    options.on_progress = [&](std::size_t completed, std::size_t total) {
      if (completed == total) throw std::domain_error("enough");
    };
    EXPECT_EQ(message_of<std::domain_error>([&] { execute_in_parallel(std::vector(100, [&] { ++ran; }), options); }),
              "enough");
    EXPECT_EQ(ran, 100);
  }
}

TEST(Promise7ProgressOfABatch, PassesOnAnExceptionOfAnyType) {
  run_options options{.concurrency = 2};
  options.on_progress = [](std::size_t, std::size_t) { throw 42; };
  EXPECT_THROW(execute_in_parallel(std::vector(10, [] {}), options), int);
  EXPECT_THROW(executor({.concurrency = 1}).execute(std::vector(10, [] {}), options), int);
}

TEST(Promise7ProgressOfABatch, NeverCallsAgainWhatHasThrown) {
  std::atomic<int> calls = 0;
  run_options options{.concurrency = 4};
  options.on_progress = [&](std::size_t, std::size_t) {
    ++calls;
    throw 42;
  };
  for (int round = 1; round <= 50; ++round) {
    EXPECT_THROW(execute_in_parallel(std::vector(1'000, [] {}), options), int);
    ASSERT_EQ(calls, round);
  }
}

TEST(Promise7ProgressOfABatch, GivesWayToAFailureThatCameFirst) {
  run_options options{.concurrency = 1};
  options.on_progress = [](std::size_t completed, std::size_t) {
    if (completed == 3) throw std::domain_error("later");
  };
  const std::vector tasks(10, [](const task_context& context) {
    if (context.index() == 2) throw std::domain_error("first");
  });
  EXPECT_EQ(message_of<fanout::task_error>([&] { execute_in_parallel(tasks, options); }), "task 2 failed: first");
}

// The last call comes when the batch has left the executor: it may use it like anybody.
TEST(Promise7Progress, LastCallMayUseTheExecutorOfItsBatch) {
  const watchdog guard;
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}}) {
    executor few({.concurrency = limit});
    rendezvous both(limit);
    std::atomic<int> ran = 0;
    on_threads(limit, [&](std::size_t) {
      fanout::run_options options;
      options.progress_interval = 1h;
      options.on_progress = [&](std::size_t, std::size_t) {
        EXPECT_TRUE(both.meet());
        few.execute(std::vector(2, [&] { ++ran; }));
      };
      few.execute(std::vector(3, [] {}), options);
    });
    EXPECT_EQ(ran, static_cast<int>(2 * limit));
  }
}

}  // namespace
