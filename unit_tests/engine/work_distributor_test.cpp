#include "engine/work_distributor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "support.hpp"

namespace fanout::detail {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr std::size_t any_size = work_distributor::max_tasks;

void work_for(nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

struct runner {
  runner_work work;
};

/// As a runner of a batch does it. Returns how many tasks it started.
template <class Distributor, class Runner, class Start>
std::size_t run(Distributor& tasks, std::size_t me, std::vector<Runner>& all, const Start& start) {
  const bool fenced = !has_heavy_fence();
  std::size_t started = 0;
  for (std::size_t ended = 0;;) {
    const task_range mine = tasks.next(me, all, ended);
    if (mine.empty()) return started;
    const std::size_t end = run_chunk(mine, all[me].work.mine, fenced, start);
    ended = end - mine.first;
    started += ended;
    if (end != mine.last && all[me].work.mine.stopped()) return started;
  }
}

/// A batch on threads of its own, which begin together.
template <class Start>
void run_on_threads(work_distributor& tasks, std::vector<runner>& all, const Start& start) {
  std::barrier together(static_cast<std::ptrdiff_t>(all.size()));
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me != all.size(); ++me) {
    threads.emplace_back([&, me] {
      together.arrive_and_wait();
      run(tasks, me, all, start);
    });
  }
  for (std::thread& each : threads) each.join();
}

/// A clock that goes on only as a test says, and while a thief waits.
struct timed_primitives : std_primitives {
  static inline std::chrono::steady_clock::time_point clock;
  static std::chrono::steady_clock::time_point now() noexcept { return clock; }
  static void yield() noexcept { clock += 1us; }
};
using timed_distributor = basic_work_distributor<timed_primitives>;
struct timed_runner {
  timed_distributor::runner_work work;
};

/// The sizes of the chunks that runner 0 claims, with tasks that take so long each.
std::vector<std::size_t> claim_chunks(timed_distributor& tasks, std::vector<timed_runner>& all, std::size_t chunks,
                                      nanoseconds task_time) {
  timed_primitives::clock = std::chrono::steady_clock::time_point(1h);
  std::vector<std::size_t> sizes;
  for (std::size_t ended = 0; sizes.size() != chunks;) {
    ended = tasks.next(0, all, ended).size();
    if (ended == 0) break;
    sizes.push_back(ended);
    timed_primitives::clock += task_time * static_cast<int>(ended);
  }
  return sizes;
}

std::size_t settled_chunk(std::size_t runners, nanoseconds task_time, std::size_t largest = any_size) {
  timed_distributor tasks(1'000'000'000, runners, largest, false);
  std::vector<timed_runner> all(1);
  return claim_chunks(tasks, all, 10, task_time).back();
}

// ── Each task once ──────────────────────────────────────────────────────────────────────────────────────────────────

TEST(WorkDistributor, StartsEveryTaskOnceOnManyThreads) {
  const support::watchdog watch;
  for (const std::size_t runners : {2u, 4u, 13u}) {
    for (const std::size_t size : {1u, 2u, 3u, 4u, 5u, 100u, 4'097u, 300'000u}) {
      work_distributor tasks(size, runners, any_size, !has_heavy_fence());
      std::vector<runner> all(runners);
      std::vector<std::atomic<int>> started(size);
      run_on_threads(tasks, all, [&](std::size_t task) { started[task].fetch_add(1, std::memory_order_relaxed); });
      EXPECT_TRUE(std::all_of(started.begin(), started.end(), [](const auto& times) { return times == 1; }))
          << size << " tasks, " << runners << " runners";
      EXPECT_TRUE(tasks.all_taken(all));
    }
  }
}

TEST(WorkDistributor, StartsEveryTaskOnceHoweverLongEachTakes) {
  const support::watchdog watch;
  constexpr std::size_t size = 5'000;
  std::mt19937 random(14);
  std::vector<nanoseconds> lengths(size);
  for (nanoseconds& each : lengths) each = nanoseconds(1 << random() % 18);  // to 131 µs, most of them short
  for (int round = 0; round != 3; ++round) {
    work_distributor tasks(size, 4, any_size, !has_heavy_fence());
    std::vector<runner> all(4);
    std::vector<std::atomic<int>> started(size);
    run_on_threads(tasks, all, [&](std::size_t task) {
      started[task].fetch_add(1, std::memory_order_relaxed);
      work_for(lengths[task]);
    });
    EXPECT_TRUE(std::all_of(started.begin(), started.end(), [](const auto& times) { return times == 1; }));
  }
}

TEST(WorkDistributor, GivesASingleRunnerEverythingInOrder) {
  work_distributor tasks(1'000, 1, any_size, false);
  std::vector<runner> all(1);
  std::size_t next = 0;
  EXPECT_EQ(run(tasks, 0, all, [&](std::size_t task) { EXPECT_EQ(task, next++); }), 1'000u);
}

// ── How much at a time ──────────────────────────────────────────────────────────────────────────────────────────────

TEST(WorkDistributor, HandsOutLongTasksOneByOneInInputOrder) {
  timed_distributor tasks(40, 2, any_size, false);
  std::vector<timed_runner> all(2);
  timed_primitives::clock = std::chrono::steady_clock::time_point(1h);
  for (std::size_t expected = 0; expected != 40; ++expected) {
    const std::size_t ended = expected < 2 ? 0 : 1;
    const task_range each = tasks.next(expected % 2, all, ended);
    ASSERT_EQ(each.size(), 1u);
    EXPECT_EQ(each.first, expected);
    timed_primitives::clock += 100us;
  }
  EXPECT_TRUE(tasks.next(0, all, 1).empty());
}

TEST(WorkDistributor, TakesOneTaskAtFirst) {
  timed_distributor tasks(1'000'000, 2, any_size, false);
  std::vector<timed_runner> all(1);
  EXPECT_EQ(claim_chunks(tasks, all, 1, 10ns).front(), 1u);
}

TEST(WorkDistributor, TakesAsManyTasksAtATimeAsTheirTimeAllows) {
  EXPECT_EQ(settled_chunk(2, 200us), 1u);
  EXPECT_EQ(settled_chunk(2, 100us), 1u);
  EXPECT_EQ(settled_chunk(2, 40us), 5u);
  EXPECT_EQ(settled_chunk(2, 2us), 100u);
  EXPECT_EQ(settled_chunk(2, 500ns), 64u);
  EXPECT_EQ(settled_chunk(2, 10ns), 3'200u);
}

TEST(WorkDistributor, TakesMoreCheapTasksAtATimeWhereManyRunnersMeetAtTheCursor) {
  EXPECT_EQ(settled_chunk(512, 500ns), 16'384u);
  EXPECT_EQ(settled_chunk(512, 2us), 100u);
}

TEST(WorkDistributor, TakesAtMostWhatTheBatchAllows) {
  EXPECT_EQ(settled_chunk(2, 10ns, 64), 64u);
  EXPECT_EQ(settled_chunk(2, 10ns, 1), 1u);
}

TEST(WorkDistributor, FollowsTasksThatBecomeLongerAndShorter) {
  timed_distributor tasks(1'000'000'000, 2, any_size, false);
  std::vector<timed_runner> all(1);
  EXPECT_EQ(claim_chunks(tasks, all, 10, 10ns).back(), 3'200u);
  EXPECT_EQ(claim_chunks(tasks, all, 10, 1ms).back(), 1u);
  EXPECT_EQ(claim_chunks(tasks, all, 10, 2us).back(), 100u);
}

TEST(WorkDistributor, TakesLessTowardsTheEndAndSingleTasksAtLast) {
  constexpr std::size_t size = 100'000;
  constexpr std::size_t runners = 4;
  timed_distributor tasks(size, runners, any_size, false);
  std::vector<timed_runner> all(1);
  std::size_t first = 0;
  for (const std::size_t each : claim_chunks(tasks, all, size, 2us)) {
    ASSERT_LE(each, std::max<std::size_t>(1, (size - first) / (2 * runners)));
    first += each;
  }
  EXPECT_EQ(first, size);
}

TEST(WorkDistributor, TakesAMicrosecondOfTheCheapestTasksAtTheEnd) {
  timed_distributor tasks(10'000, 4, any_size, false);
  std::vector<timed_runner> all(1);
  const std::vector<std::size_t> chunks = claim_chunks(tasks, all, 10'000, 10ns);
  ASSERT_GE(chunks.size(), 3u);
  EXPECT_EQ(chunks[chunks.size() - 2], 100u);
}

// ── Nothing is bound ────────────────────────────────────────────────────────────────────────────────────────────────

/// Lets runner 0 claim a chunk of cheap tasks and start the first one.
task_range stuck_in_the_first_of_many(work_distributor& tasks, std::vector<runner>& all) {
  all[0].work.pace.wanted = all[0].work.pace.least = 100;
  const task_range stuck = tasks.next(0, all, 0);
  EXPECT_EQ(stuck.size(), 100u);
  EXPECT_TRUE(all[0].work.mine.may_start(stuck.first, !has_heavy_fence()));
  return stuck;
}

TEST(WorkDistributor, LetsAnotherRunnerTakeEverythingBehindATaskThatDoesNotEnd) {
  const support::watchdog watch;
  for (const std::uint32_t known_time : {0u, 1u, 1'000'000u}) {  // thieves take all at last, or half again and again
    work_distributor tasks(1'000, 2, any_size, !has_heavy_fence());
    std::vector<runner> all(2);
    const task_range stuck = stuck_in_the_first_of_many(tasks, all);
    all[0].work.pace.task_time = known_time;
    std::vector<int> started(1'000);
    EXPECT_EQ(run(tasks, 1, all, [&](std::size_t task) { ++started[task]; }), 999u);
    EXPECT_EQ(started[stuck.first], 0);
    EXPECT_TRUE(tasks.all_taken(all));
    EXPECT_EQ(all[0].work.mine.settle(stuck.first + 1), stuck.first + 1);
  }
}

TEST(WorkDistributor, LetsTasksMeetThatAreNeighbours) {
  const support::watchdog watch;
  for (const std::size_t at : {0u, 50u, 1'000u, 1'996u}) {
    work_distributor tasks(2'000, 4, any_size, !has_heavy_fence());
    std::vector<runner> all(4);
    std::latch meeting(4);
    run_on_threads(tasks, all, [&](std::size_t task) {
      if (at <= task && task < at + 4) meeting.arrive_and_wait();
    });
  }
}

TEST(WorkDistributor, LetsALateRunnerTakeFromOneThatHasStolen) {
  const support::watchdog watch;
  work_distributor tasks(100, 3, any_size, !has_heavy_fence());
  std::vector<runner> all(3);
  stuck_in_the_first_of_many(tasks, all);
  const task_range stolen = tasks.next(1, all, 0);
  ASSERT_FALSE(stolen.empty());
  all[1].work.mine.may_start(stolen.first, !has_heavy_fence());  // and is stuck as well
  EXPECT_EQ(run(tasks, 2, all, [](std::size_t) {}), 98u);
}

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(WorkDistributor, SaysThatAllIsTakenOnlyWhenNoneIsLeftToStart) {
  work_distributor tasks(100, 2, any_size, !has_heavy_fence());
  std::vector<runner> all(2);
  EXPECT_FALSE(tasks.all_taken(all));
  const task_range mine = stuck_in_the_first_of_many(tasks, all);
  run_chunk(mine, all[0].work.mine, !has_heavy_fence(),
            [&](std::size_t task) { EXPECT_EQ(tasks.all_taken(all), task == 99); });
  EXPECT_TRUE(tasks.all_taken(all));
}

TEST(WorkDistributor, SaysThatSomethingIsLeftWhileATaskIsBeingHandedOver) {
  work_distributor tasks(1, 2, any_size, false);
  std::vector<runner> all(2);
  EXPECT_EQ(tasks.next(0, all, 0).size(), 1u);
  EXPECT_TRUE(tasks.all_taken(all));
  all[1].work.mine.announce(false);
  EXPECT_FALSE(tasks.all_taken(all));
}

TEST(WorkDistributor, LetsARunnerLeaveAStoppedBatchThatHasTasksNobodyWillStart) {
  const support::watchdog watch;
  work_distributor tasks(100, 2, any_size, !has_heavy_fence());
  std::vector<runner> all(2);
  stuck_in_the_first_of_many(tasks, all);
  for (runner& each : all) each.work.mine.stop();
  EXPECT_TRUE(tasks.next(1, all, 0).empty());
}

/// A thief that waits for longer than the test lasts.
struct patient_primitives : std_primitives {
  static inline std::atomic<int> yields;
  static void yield() noexcept {
    ++yields;
    std_primitives::yield();
  }
  static constexpr nanoseconds patience = 24h;
};

TEST(WorkDistributor, LetsAThiefThatIsWaitingLeaveWhenTheBatchIsStopped) {
  const support::watchdog watch;
  using patient = basic_work_distributor<patient_primitives>;
  struct patient_runner {
    patient::runner_work work;
  };
  patient_primitives::yields = 0;
  patient tasks(100, 2, any_size, !has_heavy_fence());
  std::vector<patient_runner> all(2);
  all[0].work.pace.wanted = all[0].work.pace.least = 100;
  EXPECT_EQ(tasks.next(0, all, 0).size(), 100u);
  std::thread thief([&] { EXPECT_TRUE(tasks.next(1, all, 0).empty()); });
  while (patient_primitives::yields < 3) std::this_thread::yield();
  for (patient_runner& each : all) each.work.mine.stop();
  thief.join();
}

TEST(WorkDistributor, LetsAllRunnersLeaveWheneverTheBatchIsStopped) {
  const support::watchdog watch;
  for (const std::size_t stop_at : {0u, 1u, 500u, 4'000u, 9'990u}) {
    work_distributor tasks(10'000, 4, any_size, !has_heavy_fence());
    std::vector<runner> all(4);
    std::vector<std::atomic<int>> started(10'000);
    std::atomic<bool> stopped{false};
    run_on_threads(tasks, all, [&](std::size_t task) {
      started[task].fetch_add(1, std::memory_order_relaxed);
      if (task < stop_at) return work_for(100ns);
      if (stopped.exchange(true)) return;
      for (runner& each : all) each.work.mine.stop();
    });
    EXPECT_TRUE(std::all_of(started.begin(), started.end(), [](const auto& times) { return times <= 1; })) << stop_at;
  }
}

// ── What thieves are told of the tasks' time ────────────────────────────────────────────────────────────────────────

TEST(WorkDistributor, TellsThievesOfTheTasksTimeNotOfTheTimeWithoutTasks) {
  timed_primitives::clock = std::chrono::steady_clock::time_point(1h);
  timed_distributor tasks(201, 2, any_size, false);
  std::vector<timed_runner> all(2);
  auto& owner = all[0].work;
  auto& thief = all[1].work;
  owner.pace.wanted = owner.pace.least = 199;

  EXPECT_EQ(tasks.next(1, all, 0).size(), 1u);
  EXPECT_EQ(tasks.next(1, all, 1).size(), 1u);  // its clock starts here
  EXPECT_EQ(tasks.next(0, all, 0).size(), 199u);
  EXPECT_TRUE(owner.mine.may_start(2, false));
  timed_primitives::clock += 2us;
  const auto before_the_wait = timed_primitives::clock;
  const task_range stolen = tasks.next(1, all, 1);  // waits first: nobody knows how long the owner's tasks take
  EXPECT_GE(timed_primitives::clock - before_the_wait, std_primitives::patience);
  EXPECT_EQ(stolen.size(), 198u);
  EXPECT_EQ(thief.pace.task_time, 2'000u);

  run_chunk(stolen, thief.mine, false, [](std::size_t) { timed_primitives::clock += 5us; });
  owner.mine.announce(false);  // a chunk for the thief to look at
  owner.mine.open({2, 10});
  EXPECT_FALSE(tasks.next(1, all, 198).empty());
  EXPECT_EQ(thief.pace.task_time, 5'000u);
}

TEST(WorkDistributor, LetsAThiefTakeHalfAtOnceOfTasksThatAreKnownToBeWorthIt) {
  timed_primitives::clock = std::chrono::steady_clock::time_point(1h);
  timed_distributor tasks(101, 2, any_size, false);
  std::vector<timed_runner> all(2);
  all[0].work.pace.wanted = all[0].work.pace.least = 101;
  all[0].work.pace.task_time = 1'000;
  EXPECT_EQ(tasks.next(0, all, 0).size(), 101u);
  const auto before = timed_primitives::clock;
  EXPECT_EQ(tasks.next(1, all, 0).size(), 50u);
  EXPECT_EQ(timed_primitives::clock, before);
}

// ── Chunks that are started as wholes ───────────────────────────────────────────────────────────────────────────────

/// A runner whose chunks take `fixed` and `each` for a task.
class runner_of_wholes {
 public:
  std::size_t run(int chunks, std::chrono::nanoseconds fixed, std::chrono::nanoseconds each) {
    for (int chunk = 0; chunk != chunks; ++chunk) {
      pace_.measure_whole(now_);
      pace_.taken = pace_.wanted;
      now_ += fixed + each * static_cast<long>(pace_.wanted);
    }
    return pace_.wanted;
  }

 private:
  runner_pace pace_;
  std::chrono::steady_clock::time_point now_{1s};
};

TEST(WholeChunks, TakeAboutATenthOfAMillisecond) {
  EXPECT_GE(runner_of_wholes().run(60, 0us, 20us), 4U);
  EXPECT_LE(runner_of_wholes().run(60, 0us, 20us), 16U);
  EXPECT_GE(runner_of_wholes().run(60, 0us, 1ns), 100'000U);
}

TEST(WholeChunks, OfLongTasksAreOneOrTwo) { EXPECT_LE(runner_of_wholes().run(60, 0us, 1ms), 2U); }

TEST(WholeChunks, GrowUntilAFixedCostIsPaidSeldom) {
  for (const auto fixed : {14us, 40us, 100us, 300us, 5'000us})
    EXPECT_GE(runner_of_wholes().run(60, fixed, 1ns), 20'000U) << fixed.count() << " us";
}

TEST(WholeChunks, GrowAgainAfterADisturbance) {
  runner_of_wholes runner;
  runner.run(40, 1ms, 1ns);
  runner.run(1, 20ms, 1ns);
  EXPECT_GE(runner.run(40, 1ms, 1ns), 100'000U);
}

TEST(WholeChunks, ShrinkWhereTasksBecomeMoreExpensive) {
  runner_of_wholes runner;
  const std::size_t before = runner.run(40, 0us, 1ns);
  EXPECT_LE(runner.run(6, 0us, 100us), before / 1'000);
}

}  // namespace
}  // namespace fanout::detail
