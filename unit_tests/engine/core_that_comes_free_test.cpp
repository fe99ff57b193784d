#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <ranges>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// An automatic batch that starts while other work has oneTBB's workers gets them when that work ends.
namespace {

using namespace support;
using fanout::executor;

using actions = std::vector<std::function<void()>>;

std::size_t cores() { return fanout::available_concurrency(); }

/// Work that keeps all of oneTBB's workers busy until it is released, on a thread of its own.
class busy_workers {
 public:
  explicit busy_workers(void (*run)(const std::function<void()>&)) {
    thread_ = std::jthread([this, run] {
      run([this] {
        if (!all_.meet() || !release_.wait()) ++missed_;
      });
    });
    if (!all_.meet()) ++missed_;
  }
  busy_workers(const busy_workers&) = delete;
  busy_workers& operator=(const busy_workers&) = delete;
  ~busy_workers() {
    release();
    thread_.join();
    EXPECT_EQ(missed_, 0) << "the workers were not busy";
  }

  void release() { release_.set(); }

 private:
  rendezvous all_{cores() + 1};
  event release_;
  std::atomic<int> missed_{0};
  std::jthread thread_;
};

/// How the workers are kept busy: with as many pieces of work as there are cores.
struct way_to_be_busy {
  const char* name;
  void (*run)(const std::function<void()>& piece);
};

const way_to_be_busy ways[] = {
    {"ABatch", [](const std::function<void()>& piece) { fanout::execute_in_parallel(actions(cores(), piece)); }},
    {"AnAutomaticExecutor", [](const std::function<void()>& piece) { executor().execute(actions(cores(), piece)); }},
    {"ABatchInATask",
     [](const std::function<void()>& piece) {
       fanout::execute_in_parallel(actions{[&] { fanout::execute_in_parallel(actions(cores(), piece)); }});
     }},
    {"ALoop",
     [](const std::function<void()>& piece) {
       const auto body = [&](std::size_t) { piece(); };
       tbb::parallel_for(std::size_t{0}, cores(), body, tbb::simple_partitioner());
     }},
};

class CoreThatComesFree : public testing::TestWithParam<way_to_be_busy> {
 protected:
  void SetUp() override {
    if (cores() == 1) GTEST_SKIP() << "oneTBB has no worker";
    if (under_thread_sanitizer && GetParam().name == std::string("ALoop")) GTEST_SKIP() << unseen_order;
  }

  /// Starts an automatic batch while the workers are busy, releases them when its first task runs, and expects that the
  /// workers come: the tasks end only together.
  static void expect_that_the_workers_come(const std::function<void(const actions&)>& run) {
    for (int round = 0; round != 20; ++round) {
      busy_workers busy(GetParam().run);
      event started;
      rendezvous all(cores());
      std::atomic<int> missed = 0;
      std::jthread batch([&] {
        run(actions(cores(), [&] {
          started.set();
          missed += all.meet() ? 0 : 1;
        }));
      });
      EXPECT_TRUE(started.wait());
      if (round % 2 == 0) std::this_thread::sleep_for(5ms);  // so that nobody still looks for a worker
      busy.release();
      batch.join();
      ASSERT_EQ(missed, 0) << "in round " << round;
    }
  }

  static void call(const actions& tasks) { fanout::execute_in_parallel(tasks); }

  const watchdog guard_{3 * patience};
};

INSTANTIATE_TEST_SUITE_P(Behind, CoreThatComesFree, testing::ValuesIn(ways),
                         [](const auto& given) { return given.param.name; });

TEST_P(CoreThatComesFree, ServesABatchThatWaitsForIt) { expect_that_the_workers_come(call); }

TEST_P(CoreThatComesFree, ServesAnAutomaticExecutorThatWaitsForIt) {
  executor automatic;
  expect_that_the_workers_come([&](const actions& tasks) { automatic.execute(tasks); });
}

TEST_P(CoreThatComesFree, ServesABatchWhoseLastTasksWaitForIt) {
  expect_that_the_workers_come([](const actions& tasks) {
    actions all(1'000, [] {});
    all.insert(all.end(), tasks.begin(), tasks.end());
    call(all);
  });
}

TEST_P(CoreThatComesFree, ServesABatchInATaskOfAnother) {
  expect_that_the_workers_come([](const actions& tasks) { call({[&] { call(tasks); }}); });
}

TEST_P(CoreThatComesFree, ServesABatchInATaskOfANamedExecutor) {
  executor three({.concurrency = 3});
  expect_that_the_workers_come([&](const actions& tasks) { three.execute(actions{[&] { call(tasks); }}); });
}

TEST_P(CoreThatComesFree, ServesABatchBesideAnIdleNamedExecutor) {
  executor idle({.concurrency = 4});
  rendezvous all(4);
  idle.execute(actions(4, [&] { EXPECT_TRUE(all.meet()); }));
  expect_that_the_workers_come(call);
}

TEST_P(CoreThatComesFree, ServesABatchBesideIdleThreadsOfFreeCalls) {
  rendezvous all(16);
  fanout::execute_in_parallel(actions(16, [&] { EXPECT_TRUE(all.meet()); }), 16);
  expect_that_the_workers_come(call);
}

TEST_P(CoreThatComesFree, ServesABatchBesideANamedExecutorWhoseTasksWait) {
  executor four({.concurrency = 4});
  event release;
  rendezvous all(5);
  std::jthread other(
      [&] { four.execute(actions(4, [&] { EXPECT_TRUE(all.meet() && release.wait(4 * patience)); })); });
  EXPECT_TRUE(all.meet());
  expect_that_the_workers_come(call);
  release.set();
}

TEST_P(CoreThatComesFree, ServesABatchBesideANamedExecutorThatIsInUse) {
  executor four({.concurrency = 4});
  std::atomic<bool> over = false;
  std::jthread other([&] {
    while (!over) four.execute(actions(8, [] { std::this_thread::sleep_for(100us); }));
  });
  expect_that_the_workers_come(call);
  over = true;
}

// The workers that serve the one are free for the other when its tasks have met.
TEST_P(CoreThatComesFree, ServesTwoBatchesThatWaitForIt) {
  expect_that_the_workers_come([](const actions& tasks) {
    std::jthread other([] {
      rendezvous all(cores());
      fanout::execute_in_parallel(actions(cores(), [&] { EXPECT_TRUE(all.meet()); }));
    });
    call(tasks);
  });
}

// A worker that has nothing to do leaves oneTBB's arena after some 100 µs. A batch that begins just then must not be
// missed: only the worker lets its tasks meet. Without `look_again` in arena.cpp it is missed seldom: a program of
// these rounds missed 6 in 420,000, this test none in 160 runs. So it rarely shows that the mend is missing.
TEST(WorkerThatLeaves, ServesABatchThatBeginsMeanwhile) {
  if (cores() == 1) GTEST_SKIP() << "oneTBB has no worker";
  const watchdog guard;
  std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<int> pauses(0, 160'000);
  const auto end = std::chrono::steady_clock::now() + 3s;
  for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
    std::atomic<bool> missed = false;
    std::atomic<int> missing = 2;
    fanout::execute_in_parallel(actions(2, [&] {
      --missing;
      const auto limit = std::chrono::steady_clock::now() + patience;
      while (missing != 0 && !missed) {  // without sleep, so that both threads go on at the same time
        std::this_thread::yield();
        if (std::chrono::steady_clock::now() > limit) missed = true;
      }
    }));
    ASSERT_FALSE(missed) << "in round " << round;
    const auto next = std::chrono::steady_clock::now() + std::chrono::nanoseconds(pauses(random));
    while (std::chrono::steady_clock::now() < next) {
    }
  }
}

}  // namespace
