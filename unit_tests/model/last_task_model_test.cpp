// The last task of a batch whose executor's limit is lowered at that moment: see `executor_limiter::try_close`, and
// search.hpp for what the search covers. The chunks and their distributor are the real ones. The limiter, whose mutex
// and queues are not simulated, is replaced by those of its decisions that matter here.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>

#include "engine/work_distributor.hpp"
#include "model/search.hpp"

namespace {

using namespace model;
using fanout::detail::task_range;
using distributor = fanout::detail::basic_work_distributor<primitives>;

/// What loses the task; the first is what the engine did.
enum class wrong {
  nothing,
  closes_without_a_look,        // after it has seen that all tasks are taken, which a pause changes
  makes_way_after_the_close,    // nobody is left for the task before which it has paused
  is_unwanted_after_the_close,  // the same, of an adaptive batch
};

/// Thread 0 is a helper, which has taken the last task; thread 1 leads, and finds no task to start; thread 2 lowers the
/// limit at any moment, so that the helper has to make way.
template <wrong mistaken>
struct lowering : rl::test_suite<lowering<mistaken>, 3> {
  static constexpr std::size_t helper = 0;
  static constexpr std::size_t leader = 1;

  struct runner {
    distributor::runner_work work;
  };

  distributor distributor_{2, 2, 2, false};
  std::array<runner, 2> all_;
  std::array<int, 2> started_{};
  primitives::mutex mutex_;  // of the limiter
  primitives::atomic<int> too_many_{0};
  bool closed_ = false;

  /// The helper is inside the first task of a chunk of two: nobody pauses before task 0.
  void before() {
    primitives::patience = std::chrono::nanoseconds(0);
    all_[helper].work.pace.wanted = all_[helper].work.pace.least = 2;
    const task_range both = distributor_.next(helper, all_, 0);
    RL_ASSERT(both.first == 0 && both.last == 2);
    all_[helper].work.mine.may_start(0, false);
    ++started_[0];
  }

  void thread(unsigned me) {
    if (me == 2) return lower();
    if (me == leader) return lead();
    help();
  }

  void after() {
    for (const int times : started_) RL_ASSERT(times == 1);
    RL_ASSERT(closed_);
  }

  // ── As in batch.cpp ──

  void help() {
    start({1, 2}, helper);
    if (mistaken == wrong::is_unwanted_after_the_close && all_[helper].work.mine.has_paused()) return;
    if (work(helper)) static_cast<void>(try_close());
  }

  void lead() {
    do {
      work(leader);
    } while (!try_close());
  }

  /// False if the runner leaves tasks to others.
  bool work(std::size_t me) {
    for (;;) {
      if (me == helper && must_make_way()) return false;
      task_range tasks = all_[me].work.mine.resume();
      if (tasks.empty()) tasks = distributor_.next(me, all_, 0);
      if (tasks.empty()) return true;
      start(tasks, me);
    }
  }

  void start(task_range tasks, std::size_t me) {
    fanout::detail::run_chunk(tasks, all_[me].work.mine, false, [this](std::size_t task) {
      RL_ASSERT(++started_[task] == 1);
    });
  }

  bool wants_help() const { return !distributor_.all_taken(all_); }

  bool must_make_way() {
    if (too_many_.load(std::memory_order_relaxed) == 0 || !wants_help()) return false;
    const std::lock_guard lock(mutex_);
    return mistaken == wrong::makes_way_after_the_close || !closed_;
  }

  // ── As in executor_limiter.cpp ──

  bool try_close() {
    const std::lock_guard lock(mutex_);
    if (mistaken != wrong::closes_without_a_look && !closed_ && wants_help()) return false;
    closed_ = true;
    return true;
  }

  void lower() {
    const std::lock_guard lock(mutex_);
    too_many_.store(1, std::memory_order_relaxed);
    if (closed_) return;
    for (runner& each : all_) each.work.mine.ask_to_pause();
  }
};

// Three threads that may steal are too many for a search of every execution: see search.hpp.
TEST(LastTaskModel, IsStartedOnceAlthoughItsRunnerPausesBeforeIt) {
  const finding found = some_executions<lowering<wrong::nothing>>(has_time() ? 10'000'000 : 300'000);
  EXPECT_TRUE(found.holds()) << found;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

template <wrong mistaken>
void expect_that_it_is_lost() {
  const finding found = some_executions<lowering<mistaken>>(1'000'000);
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

TEST(LastTaskModel, FindsThatItIsLostIfTheBatchIsClosedWithoutALook) {
  expect_that_it_is_lost<wrong::closes_without_a_look>();
}

TEST(LastTaskModel, FindsThatItIsLostIfItsRunnerMakesWayAfterTheClose) {
  expect_that_it_is_lost<wrong::makes_way_after_the_close>();
}

TEST(LastTaskModel, FindsThatItIsLostIfItsRunnerIsUnwantedAfterTheClose) {
  expect_that_it_is_lost<wrong::is_unwanted_after_the_close>();
}

}  // namespace
