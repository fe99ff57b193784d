#include "fanout/detail/chunk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/primitives.hpp"
#include "support.hpp"

namespace fanout::detail {
namespace {

using kind = chunk::view::kind;

void expect_range(task_range found, std::size_t first, std::size_t last) {
  EXPECT_EQ(found.first, first);
  EXPECT_EQ(found.last, last);
}

template <class Chunk>
void open(Chunk& mine, task_range tasks) {
  mine.announce(false);
  mine.open(tasks);
}

/// Its chunks tell when a thief has raised its flag, when an owner waits, and how it fences.
struct told_primitives : chunk_primitives {
  static inline std::function<void()> on_heavy_fence;
  static inline bool refuses_heavy_fence;
  static inline std::atomic<int> yields;
  static inline int light_fences;
  static inline int full_fences;

  told_primitives() = delete;
  static void forget() {
    on_heavy_fence = nullptr;
    refuses_heavy_fence = false;
    yields = light_fences = full_fences = 0;
  }

  static void light_fence() noexcept { ++light_fences; }
  static void full_fence() noexcept { ++full_fences; }
  static bool heavy_fence() {
    if (on_heavy_fence) on_heavy_fence();
    return !refuses_heavy_fence;
  }
  static void yield() {
    ++yields;
    std::this_thread::yield();
  }
};
using told_chunk = basic_chunk<told_primitives>;

TEST(Chunk, PausesBeforeTheNextTaskAndGoesOnOrLeavesTheRestToAThief) {
  chunk mine;
  for (const bool goes_on : {true, false}) {
    open(mine, {3, 9});
    std::vector<std::size_t> started;
    const auto start = [&](std::size_t index) {
      started.push_back(index);
      if (index == 5) mine.ask_to_pause();
    };
    EXPECT_EQ(run_chunk({3, 9}, mine, false, start), 6U);
    EXPECT_TRUE(mine.has_paused());
    EXPECT_EQ(mine.look().unstarted, 3U);
    expect_range(goes_on ? mine.resume() : mine.recall(/*all=*/true), 6, 9);
    if (!goes_on) expect_range(mine.resume(), 0, 0);
    EXPECT_FALSE(mine.has_paused());
    EXPECT_EQ(started, (std::vector<std::size_t>{3, 4, 5}));
  }
}

TEST(Chunk, DoesNotPauseAtTaskZeroNorBetweenChunks) {
  chunk mine;
  mine.ask_to_pause();
  open(mine, {0, 3});
  EXPECT_EQ(run_chunk({0, 3}, mine, false, [](std::size_t) {}), 1U) << "the request stays";
  EXPECT_TRUE(mine.has_paused());
  expect_range(mine.resume(), 1, 3);
  EXPECT_EQ(run_chunk({1, 3}, mine, false, [](std::size_t) {}), 3U);
}

TEST(Chunk, LetsItsOwnerStartEachTaskInOrder) {
  chunk mine;
  open(mine, {10, 14});
  std::vector<std::size_t> started;
  EXPECT_EQ(run_chunk({10, 14}, mine, false, [&](std::size_t task) { started.push_back(task); }), 14u);
  EXPECT_EQ(started, (std::vector<std::size_t>{10, 11, 12, 13}));
}

TEST(Chunk, GivesAThiefTheLaterHalfOfWhatHasNotBeenStartedRoundedUp) {
  chunk mine;
  open(mine, {10, 16});
  EXPECT_TRUE(mine.may_start(10, false));
  expect_range(mine.recall(false), 13, 16);
  expect_range(mine.recall(false), 12, 13);
  expect_range(mine.recall(false), 11, 12);
  EXPECT_TRUE(mine.recall(false).empty());
}

TEST(Chunk, GivesAThiefAllThatHasNotBeenStarted) {
  chunk mine;
  open(mine, {10, 16});
  EXPECT_TRUE(mine.may_start(10, false));
  EXPECT_TRUE(mine.may_start(11, false));
  expect_range(mine.recall(true), 12, 16);
  EXPECT_TRUE(mine.recall(true).empty());
}

TEST(Chunk, KeepsItsFirstTaskForItsOwner) {
  chunk mine;
  open(mine, {10, 12});
  expect_range(mine.recall(true), 11, 12);
  std::size_t started = 0;
  EXPECT_EQ(run_chunk({10, 12}, mine, false, [&](std::size_t) { ++started; }), 11u);
  EXPECT_EQ(started, 1u);
}

TEST(Chunk, TellsItsOwnerOfATheftWhenItComesBackFromItsTask) {
  chunk mine;
  open(mine, {0, 10});
  task_range taken;
  std::size_t started = 0;
  const auto start = [&](std::size_t task) {
    ++started;
    if (task == 3) taken = mine.recall(false);
  };
  EXPECT_EQ(run_chunk({0, 10}, mine, false, start), 7u);
  expect_range(taken, 7, 10);
  EXPECT_EQ(started, 7u);
}

TEST(Chunk, LetsItsOwnerGoOnAfterAThiefThatTookNothing) {
  chunk mine;
  open(mine, {0, 2});
  EXPECT_TRUE(mine.may_start(0, false));
  EXPECT_TRUE(mine.may_start(1, false));
  EXPECT_TRUE(mine.recall(true).empty());
  open(mine, {5, 7});
  EXPECT_TRUE(mine.may_start(5, false));
}

TEST(Chunk, GivesNothingToASecondThiefWhileAnotherIsAtIt) {
  told_primitives::forget();
  told_chunk mine;
  open(mine, {0, 10});
  EXPECT_TRUE(mine.may_start(0, false));
  task_range second{0, 1};
  told_primitives::on_heavy_fence = [&] {
    told_primitives::on_heavy_fence = nullptr;
    second = mine.recall(true);
  };
  expect_range(mine.recall(true), 1, 10);
  EXPECT_TRUE(second.empty());
}

TEST(Chunk, GivesNothingToAThiefWhoseFenceTheSystemRefuses) {
  told_primitives::forget();
  told_chunk mine;
  open(mine, {0, 10});
  EXPECT_TRUE(mine.may_start(0, false));
  told_primitives::refuses_heavy_fence = true;
  EXPECT_TRUE(mine.recall(true).empty());
  EXPECT_TRUE(mine.may_start(1, false)) << "nor is anything left behind";
}

TEST(Chunk, LetsItsOwnerWaitWhileAThiefIsAtIt) {
  const support::watchdog watch;
  told_primitives::forget();
  told_chunk mine;
  open(mine, {0, 10});
  EXPECT_TRUE(mine.may_start(0, false));
  std::atomic<bool> at_it{false};
  told_primitives::on_heavy_fence = [&] {
    at_it = true;
    while (told_primitives::yields == 0) std::this_thread::yield();
  };
  std::thread thief([&] { expect_range(mine.recall(false), 6, 10); });
  while (!at_it) std::this_thread::yield();
  EXPECT_FALSE(mine.may_start(1, false));
  EXPECT_EQ(mine.settle(1), 6u);
  thief.join();
  EXPECT_TRUE(mine.may_start(2, false));
}

TEST(Chunk, LetsTheOwnerOfAStoppedBatchWaitForAThiefBeforeItsNextChunk) {
  const support::watchdog watch;
  told_primitives::forget();
  told_chunk mine;
  open(mine, {0, 1});
  EXPECT_TRUE(mine.may_start(0, false));
  std::atomic<bool> at_it{false};
  told_primitives::on_heavy_fence = [&] {
    mine.stop();
    at_it = true;
    while (told_primitives::yields == 0) std::this_thread::yield();
  };
  std::thread thief([&] { EXPECT_TRUE(mine.recall(true).empty()); });
  while (!at_it) std::this_thread::yield();
  open(mine, {5, 10});
  thief.join();
  EXPECT_FALSE(mine.may_start(5, false));
}

TEST(Chunk, StartsAndGivesNothingAfterAStop) {
  chunk mine;
  open(mine, {0, 10});
  EXPECT_TRUE(mine.may_start(0, false));
  EXPECT_FALSE(mine.stopped());
  mine.stop();
  mine.stop();
  EXPECT_TRUE(mine.stopped());
  EXPECT_TRUE(mine.recall(true).empty());
  EXPECT_FALSE(mine.may_start(1, false));
  EXPECT_EQ(mine.settle(1), 1u);
  open(mine, {20, 30});
  EXPECT_EQ(run_chunk({20, 30}, mine, false, [](std::size_t) { FAIL(); }), 20u);
}

TEST(Chunk, StopsWithATheftThatItsOwnerHasNotSeen) {
  chunk mine;
  open(mine, {0, 10});
  EXPECT_TRUE(mine.may_start(0, false));
  EXPECT_FALSE(mine.recall(false).empty());
  mine.stop();
  EXPECT_FALSE(mine.may_start(1, false));
  EXPECT_EQ(mine.settle(1), 1u);
}

TEST(Chunk, ShowsWhatThereIsToTake) {
  chunk mine;
  EXPECT_EQ(mine.look().state, kind::empty);
  mine.announce(false);
  EXPECT_EQ(mine.look().state, kind::coming);
  EXPECT_TRUE(mine.recall(true).empty());
  mine.clear();
  EXPECT_EQ(mine.look().state, kind::empty);
  open(mine, {3, 6});
  EXPECT_EQ(mine.look().state, kind::open);
  EXPECT_EQ(mine.look().position, 3u);
  EXPECT_EQ(mine.look().unstarted, 2u);
  EXPECT_TRUE(mine.may_start(4, false));
  EXPECT_EQ(mine.look().unstarted, 1u);
  EXPECT_TRUE(mine.may_start(5, false));
  EXPECT_EQ(mine.look().state, kind::empty);
}

TEST(Chunk, MayBeStolenBack) {
  chunk mine;
  chunk other;
  open(mine, {0, 10});
  EXPECT_TRUE(mine.may_start(0, false));
  const task_range taken = mine.recall(true);
  open(other, taken);
  EXPECT_TRUE(other.may_start(taken.first, false));
  EXPECT_FALSE(mine.may_start(1, false));
  EXPECT_EQ(mine.settle(1), 1u);
  const task_range back = other.recall(true);
  expect_range(back, 2, 10);
  open(mine, back);
  EXPECT_EQ(run_chunk(back, mine, false, [](std::size_t) {}), 10u);
  EXPECT_EQ(run_chunk(taken, other, false, [](std::size_t) {}), 2u);
}

TEST(Chunk, CostsItsOwnerAFullFenceOnlyWhereAThiefHasNoHeavyOne) {
  told_primitives::forget();
  told_chunk mine;
  open(mine, {0, 3});
  run_chunk({0, 3}, mine, false, [](std::size_t) {});
  EXPECT_EQ(told_primitives::light_fences, 4);
  EXPECT_EQ(told_primitives::full_fences, 0);
  mine.announce(true);
  mine.open({0, 3});
  run_chunk({0, 3}, mine, true, [](std::size_t) {});
  EXPECT_EQ(told_primitives::light_fences, 4);
  EXPECT_EQ(told_primitives::full_fences, 4);
}

/// Where the system refuses the asymmetric fence.
struct fenced_primitives : chunk_primitives {
  static bool heavy_fence() noexcept {
    full_fence();
    return true;
  }
};

/// An owner that runs through many chunks, and thieves all the time.
template <class Primitives>
void start_each_once(bool fenced) {
  const support::watchdog watch;
  constexpr std::size_t chunks = 2'000;
  constexpr std::size_t size = 200;
  basic_chunk<Primitives> mine;
  std::vector<std::atomic<int>> started(chunks * size);
  std::atomic<bool> over{false};
  std::vector<std::thread> thieves;
  for (const bool all : {false, true}) {
    thieves.emplace_back([&, all] {
      while (!over) {
        const task_range taken = mine.recall(all);
        for (std::size_t task = taken.first; task != taken.last; ++task) ++started[task];
        std::this_thread::yield();
      }
    });
  }
  for (std::size_t each = chunks; each-- != 0;) {  // the lower tasks come later
    const task_range tasks{each * size, (each + 1) * size};
    mine.announce(fenced);
    mine.open(tasks);
    run_chunk(tasks, mine, fenced, [&](std::size_t task) { started[task].fetch_add(1, std::memory_order_relaxed); });
    if (each % 16 == 0) std::this_thread::yield();
  }
  over = true;
  for (std::thread& each : thieves) each.join();
  EXPECT_TRUE(std::all_of(started.begin(), started.end(), [](const auto& times) { return times == 1; }));
}

TEST(Chunk, StartsEachTaskOnceWithThievesAllTheTime) {
  if (!has_heavy_fence()) GTEST_SKIP() << "the system refuses membarrier";
  start_each_once<chunk_primitives>(false);
}

TEST(Chunk, StartsEachTaskOnceWithThievesAllTheTimeWhereTheOwnerFences) { start_each_once<fenced_primitives>(true); }

}  // namespace
}  // namespace fanout::detail
