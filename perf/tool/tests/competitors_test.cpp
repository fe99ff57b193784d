#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fanout/limits.hpp>

#include "competitors/competitor.hpp"
#include "fake_workload.hpp"

namespace tool {
namespace {

struct entry {
  std::string name;
  std::size_t concurrency;
  std::size_t ahead = 0;  // 0: not a stream

  friend void PrintTo(const entry& shown, std::ostream* stream) {
    *stream << shown.name << " at concurrency " << shown.concurrency;
    if (shown.ahead != 0) *stream << ", " << shown.ahead << " ahead";
  }
};

class Competitors : public testing::TestWithParam<entry> {
 protected:
  std::unique_ptr<competitor> make() const {
    const auto& [name, concurrency, ahead] = GetParam();
    for (auto& candidate : ahead == 0 ? make_competitors(concurrency) : make_stream_competitors(concurrency, ahead)) {
      if (candidate->name() == name) return std::move(candidate);
    }
    ADD_FAILURE() << "no competitor of this name";
    return nullptr;
  }
};

TEST_P(Competitors, GiveEachTaskItsOwnOutcome) {
  const fake_workload tasks(1000, [](std::size_t index) { return index * index; });
  const auto outcomes = make()->run(task_batch(tasks, {}));
  ASSERT_EQ(outcomes.size(), 1000U);
  for (std::size_t index = 0; index < outcomes.size(); ++index) EXPECT_EQ(outcomes[index].checksum, index * index);
}

TEST_P(Competitors, RunEachTaskOnceInEachRun) {
  std::vector<std::atomic<int>> runs(100);
  const fake_workload tasks(runs.size(), [&](std::size_t index) {
    ++runs[index];
    return 0;
  });
  const auto runner = make();
  for (int round = 1; round <= 3; ++round) {
    runner->run(task_batch(tasks, {}));
    for (const auto& count : runs) EXPECT_EQ(count, round);
  }
}

TEST_P(Competitors, NeverRunMoreTasksAtOnceThanTheyMay) {
  std::atomic<std::size_t> running = 0;
  std::atomic<std::size_t> most = 0;
  const fake_workload tasks(500, [&](std::size_t) {
    const std::size_t now = ++running;
    for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    --running;
    return 0;
  });
  make()->run(task_batch(tasks, {}));
  EXPECT_LE(most, GetParam().name == "serial" ? 1 : GetParam().concurrency);
}

TEST_P(Competitors, RunAsManyTasksAtOnceAsTheyMay) {
  if (GetParam().name == "tbb-pipeline" && GetParam().concurrency > fanout::available_concurrency())
    GTEST_SKIP() << "oneTBB has a worker for each core but one";
  const std::size_t count = GetParam().name == "serial" ? 1 : GetParam().concurrency;
  std::latch all_run(static_cast<std::ptrdiff_t>(count));
  const fake_workload tasks(count, [&](std::size_t) {
    all_run.arrive_and_wait();
    return 0;
  });
  make()->run(task_batch(tasks, {}));
}

TEST_P(Competitors, KeepEveryFailureWithItsTaskAndRunTheOthers) {
  const fake_workload tasks(20, [](std::size_t index) -> std::uint64_t {
    if (index % 2 == 1) throw static_cast<int>(index);
    return index;
  });
  const auto outcomes = make()->run(task_batch(tasks, {}));
  ASSERT_EQ(outcomes.size(), 20U);
  for (std::size_t index = 0; index < outcomes.size(); ++index) {
    if (index % 2 == 0) {
      EXPECT_EQ(outcomes[index].failure, nullptr);
      EXPECT_EQ(outcomes[index].checksum, index);
    } else {
      try {
        std::rethrow_exception(outcomes[index].failure);
      } catch (int thrown) {
        EXPECT_EQ(static_cast<std::size_t>(thrown), index);
      }
    }
  }
}

TEST_P(Competitors, StartNothingAfterAStop) {
  std::atomic<int> started = 0;
  std::stop_source stop;
  const fake_workload tasks(50, [&](std::size_t) { return static_cast<std::uint64_t>(++started); });
  stop.request_stop();
  make()->run(task_batch(tasks, stop.get_token()));
  EXPECT_EQ(started, 0);
}

TEST_P(Competitors, StartFewTasksOnceATaskHasRequestedAStop) {
  std::atomic<std::size_t> started = 0;
  std::stop_source stop;
  const fake_workload tasks(10'000, [&](std::size_t) {
    ++started;
    stop.request_stop();
    return 0;
  });
  make()->run(task_batch(tasks, stop.get_token()));
  EXPECT_LE(started, GetParam().name == "serial" ? 1 : GetParam().concurrency);
}

TEST_P(Competitors, TellWhenEachTaskHasEnded) {
  std::atomic<int> ended = 0;
  const fake_workload tasks(10, [](std::size_t index) -> std::uint64_t {
    if (index == 3) throw 3;
    return 0;
  });
  make()->run(task_batch(tasks, {}, [&] { ++ended; }));
  EXPECT_EQ(ended, 10);
}

TEST(StreamCompetitors, TakeNoMoreThanTheyMayBeforeTheOutcomesAreTaken) {
  for (const std::size_t ahead : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    for (const auto& each : make_stream_competitors(2, ahead)) {
      // The first task holds back the outcomes of all others.
      std::atomic<std::size_t> started = 0;
      const fake_workload tasks(50, [&](std::size_t index) {
        const std::size_t now = ++started;
        if (index == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return index == 0 ? started.load() : now;
      });
      const auto outcomes = each->run(task_batch(tasks, {}));
      EXPECT_EQ(outcomes.size(), 50U);
      EXPECT_LE(outcomes[0].checksum, ahead) << each->name();
    }
  }
}

std::vector<entry> all_entries() {
  std::vector<entry> entries;
  for (const char* name : {"serial", "fanout", "thread-rounds", "thread-pool"}) {
    for (const std::size_t concurrency : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) entries.push_back({name, concurrency});
  }
  for (const char* name : {"fanout", "tbb-pipeline", "thread-queue"}) {
    for (const std::size_t concurrency : {std::size_t{1}, std::size_t{2}, std::size_t{7}})
      entries.push_back({name, concurrency, 2 * concurrency});
  }
  return entries;
}

INSTANTIATE_TEST_SUITE_P(All, Competitors, testing::ValuesIn(all_entries()), [](const auto& instance) {
  std::string name = instance.param.name + "_" + std::to_string(instance.param.concurrency);
  if (instance.param.ahead != 0) name += "_stream";
  for (char& character : name) {
    if (character == '-') character = '_';
  }
  return name;
});

}  // namespace
}  // namespace tool
