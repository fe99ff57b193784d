#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// No task is bound behind another one: wherever a task blocks, a free runner starts the tasks behind it.
namespace {

using namespace support;
using fanout::run_options;

using indices = std::vector<std::size_t>;
const indices limits{8, 3, fanout::automatic};

using body = std::function<void(std::size_t)>;

/// What a limit comes to in numbers.
std::size_t tasks_at_once(std::size_t limit) {
  return limit == fanout::automatic ? fanout::available_concurrency() : limit;
}

// ── Each kind of call ───────────────────────────────────────────────────────────────────────────────────────────

/// One of the calls: runs `each(i)` for the indices below `size`, within the limit.
struct way {
  const char* name;
  void (*run)(std::size_t size, std::size_t limit, const body& each);
};

auto up_to(std::size_t size) { return std::views::iota(std::size_t{0}, size); }

std::vector<std::function<void()>> functions(std::size_t size, const body& each) {
  std::vector<std::function<void()>> tasks;
  tasks.reserve(size);
  for (std::size_t i = 0; i != size; ++i) tasks.emplace_back([&each, i] { each(i); });
  return tasks;
}

const way ways[] = {
    {"Map", [](std::size_t size, std::size_t limit,
               const body& each) { fanout::map_in_parallel(up_to(size), each, {.concurrency = limit}); }},
    {"Execute", [](std::size_t size, std::size_t limit,
                   const body& each) { fanout::execute_in_parallel(functions(size, each), {.concurrency = limit}); }},
    {"Settle",
     [](std::size_t size, std::size_t limit, const body& each) {
       for (const auto& end : fanout::settle_in_parallel(functions(size, each), {.concurrency = limit})) end.value();
     }},
    {"WithAPool",
     [](std::size_t size, std::size_t limit, const body& each) {
       fanout::resource_pool<int> pool([] { return 0; }, tasks_at_once(limit));
       fanout::map_with_pool(up_to(size), pool, [&](std::size_t i, int&) { each(i); });
     }},
    {"WithProgress",
     [](std::size_t size, std::size_t limit, const body& each) {
       run_options options{.concurrency = limit};
       options.on_progress = [](std::size_t, std::size_t) {};
       fanout::map_in_parallel(up_to(size), each, options);
     }},
    {"OnAnExecutor", [](std::size_t size, std::size_t limit,
                        const body& each) { fanout::executor({.concurrency = limit}).map(up_to(size), each); }},
    {"BelowTheLimitOfAnExecutor",
     [](std::size_t size, std::size_t limit, const body& each) {
       fanout::executor({.concurrency = tasks_at_once(limit) + 2}).map(up_to(size), each, {.concurrency = limit});
     }},
};

struct call {
  way by;
  std::size_t limit;
};

class UnboundTasks : public testing::TestWithParam<call> {
 protected:
  void run(std::size_t size, const body& each) const { GetParam().by.run(size, GetParam().limit, each); }
  std::size_t at_once() const { return tasks_at_once(GetParam().limit); }

  /// Whether the tasks at these places of the batch are in flight together. All others are cheap.
  bool meet(std::size_t size, const indices& places) const {
    std::vector<char> meets(size);
    for (const std::size_t place : places) meets[place] = true;
    rendezvous all(places.size());
    std::atomic<int> missed = 0;
    run(size, [&](std::size_t i) {
      if (meets[i] && !all.meet()) ++missed;
    });
    return missed == 0;
  }

  const watchdog guard_{3 * patience};
};

std::vector<call> calls() {
  std::vector<call> all;
  for (const way& by : ways)
    for (const std::size_t limit : limits) all.push_back({by, limit});
  return all;
}

std::string name_of(std::size_t limit) {
  return limit == fanout::automatic ? "OnTheCores" : "At" + std::to_string(limit);
}

INSTANTIATE_TEST_SUITE_P(Of, UnboundTasks, testing::ValuesIn(calls()),
                         [](const auto& given) { return given.param.by.name + name_of(given.param.limit); });

// ── Tasks that meet ─────────────────────────────────────────────────────────────────────────────────────────────

TEST_P(UnboundTasks, MeetInARowAtAnyPlaceAmongCheapOnes) {
  for (const std::size_t before : indices{0, 1, 15, 16, 17, 20, 63, 64, 65, 100, 1'000}) {
    for (const std::size_t behind : indices{0, 20, 1'000}) {
      indices places(at_once());
      for (std::size_t i = 0; i != places.size(); ++i) places[i] = before + i;
      ASSERT_TRUE(meet(before + places.size() + behind, places)) << before << " before, " << behind << " behind";
    }
  }
}

TEST_P(UnboundTasks, MeetWhenTheyAreScatteredEvenly) {
  for (const std::size_t distance : indices{2, 3, 5, 16, 17, 63, 64, 65, 200}) {
    indices places(at_once());
    for (std::size_t i = 0; i != places.size(); ++i) places[i] = i * distance;
    ASSERT_TRUE(meet(distance * places.size() + 20, places)) << "every " << distance << "th";
  }
}

TEST_P(UnboundTasks, MeetAtRandomPlaces) {
  std::mt19937 random(1);
  for (int round = 0; round != 50; ++round) {
    const std::size_t size = at_once() + random() % 3'000;
    indices all(size);
    for (std::size_t i = 0; i != size; ++i) all[i] = i;
    indices places;
    std::ranges::sample(all, std::back_inserter(places), static_cast<std::ptrdiff_t>(at_once()), random);
    ASSERT_TRUE(meet(size, places)) << "in round " << round;
  }
}

TEST_P(UnboundTasks, MeetAtTheLastAndFirstPlaces) {
  for (const std::size_t size : indices{100, 1'000, 10'000}) {
    indices places(at_once());
    for (std::size_t i = 0; i != places.size(); ++i) places[i] = i % 2 == 0 ? i / 2 : size - 1 - i / 2;
    ASSERT_TRUE(meet(size, places)) << size << " tasks";
  }
}

// ── Tasks that wait for others ──────────────────────────────────────────────────────────────────────────────────

/// The tasks that have started: others wait for them. When one has waited in vain nobody waits any more.
class starts {
 public:
  explicit starts(std::size_t size) : size_(size), started_(std::make_unique<std::atomic<bool>[]>(size)) {}

  void begin(std::size_t i) {
    started_[i] = true;
    ++count_;
  }

  void wait_for(std::size_t i) {
    wait_until([&] { return started_[i].load(); });
  }

  /// Waits until all but so many tasks have started.
  void wait_for_all_but(std::size_t few) {
    wait_until([&] { return count_ + few >= size_; });
  }

  std::size_t count() const { return count_; }
  bool in_vain() const { return in_vain_; }

 private:
  void wait_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done() && !in_vain_) {
      if (std::chrono::steady_clock::now() > end) in_vain_ = true;
      std::this_thread::sleep_for(20us);
    }
  }

  const std::size_t size_;
  const std::unique_ptr<std::atomic<bool>[]> started_;
  std::atomic<std::size_t> count_{0};
  std::atomic<bool> in_vain_{false};
};

TEST_P(UnboundTasks, WaitForEachOtherAtAnyDistance) {
  if (at_once() == 1) GTEST_SKIP() << "one core: tasks cannot wait for each other";
  for (const std::size_t first : indices{0, 1, 16, 40, 64, 300}) {
    for (const std::size_t distance : indices{1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 500, 1'500})
      ASSERT_TRUE(meet(2'000, {first, first + distance})) << first << " and " << first + distance;
  }
}

// A pair has one task in flight while it waits for the other, and one runner stays free.
TEST_P(UnboundTasks, WaitForEachOtherInAsManyPairsAsLeaveARunnerFree) {
  std::mt19937 random(2);
  for (int round = 0; round != 20; ++round) {
    constexpr std::size_t size = 2'000;
    indices partner(size, size);
    for (std::size_t pair = 0; pair + 1 != at_once(); ++pair) {
      std::size_t one = random() % size, other = random() % size;
      while (partner[one] != size) one = random() % size;
      while (partner[other] != size || other == one) other = random() % size;
      partner[one] = other;
      partner[other] = one;
    }
    starts here(size);
    run(size, [&](std::size_t i) {
      here.begin(i);
      if (partner[i] != size) here.wait_for(partner[i]);
    });
    ASSERT_FALSE(here.in_vain()) << "in round " << round;
  }
}

// Within every limit, because the first task that has not started is behind nobody who waits for it.
TEST_P(UnboundTasks, WaitEachForTheStartOfAnEarlierOne) {
  std::mt19937 random(3);
  for (int round = 0; round != 5; ++round) {
    constexpr std::size_t size = 2'000;
    indices earlier(size, 0);
    for (std::size_t i = 1; i != size; ++i) earlier[i] = random() % i;
    starts here(size);
    run(size, [&](std::size_t i) {
      here.begin(i);
      if (i != 0) here.wait_for(earlier[i]);
    });
    ASSERT_FALSE(here.in_vain()) << "in round " << round;
  }
}

TEST_P(UnboundTasks, WaitForTheStartOfOthersAnywhereAsLongAsOneRunnerIsFree) {
  std::mt19937 random(4);
  for (int round = 0; round != 30; ++round) {
    constexpr std::size_t size = 2'000;
    indices awaited(size, size);
    for (std::size_t waiting = 0; waiting + 1 != at_once(); ++waiting) {
      std::size_t i = random() % size;
      while (awaited[i] != size) i = random() % size;
      awaited[i] = random() % size;
    }
    starts here(size);
    run(size, [&](std::size_t i) {
      here.begin(i);
      if (awaited[i] != size) here.wait_for(awaited[i]);
    });
    ASSERT_FALSE(here.in_vain()) << "in round " << round;
  }
}

// As many slow tasks as leave one runner free. They stand together, and end when that runner has started all others.
TEST_P(UnboundTasks, AllStartWhileSlowOnesStillRun) {
  const std::size_t slow = at_once() - 1;
  if (slow == 0) GTEST_SKIP() << "one core: nothing runs beside a slow task";
  for (const std::size_t before : indices{0, 1, 15, 16, 40, 63, 64, 500, 1'000}) {
    constexpr std::size_t size = 1'500;
    starts here(size);
    run(size, [&](std::size_t i) {
      here.begin(i);
      if (i >= before && i < before + slow) here.wait_for_all_but(0);
    });
    ASSERT_FALSE(here.in_vain()) << "behind " << before << " cheap tasks";
  }
}

TEST_P(UnboundTasks, AllStartWhileAScatteredSlowOneStillRuns) {
  const std::size_t slow = at_once() - 1;
  if (slow == 0) GTEST_SKIP() << "one core: nothing runs beside a slow task";
  for (const std::size_t distance : indices{7, 16, 50, 64, 100}) {
    constexpr std::size_t size = 1'500;
    starts here(size);
    run(size, [&](std::size_t i) {
      here.begin(i);
      if (i % distance == 0 && i / distance < slow) here.wait_for_all_but(0);
    });
    ASSERT_FALSE(here.in_vain()) << "every " << distance << "th";
  }
}

// ── The end of a batch whose tasks block ────────────────────────────────────────────────────────────────────────

class UnboundTasksOfABatchThatEndsEarly : public testing::TestWithParam<std::size_t> {
 protected:
  std::size_t at_once() const { return tasks_at_once(GetParam()); }

  const watchdog guard_{3 * patience};
};

INSTANTIATE_TEST_SUITE_P(Of, UnboundTasksOfABatchThatEndsEarly, testing::ValuesIn(limits),
                         [](const auto& given) { return name_of(given.param); });

/// A batch in which all runners block at once, at random places; `meanwhile` is called by another thread then.
class blocked_batch {
 public:
  blocked_batch(std::size_t size, std::size_t at_once, unsigned seed) : all_block_(at_once + 1), blocks_(size) {
    std::mt19937 random(seed);
    for (std::size_t left = at_once; left != 0;) {
      char& place = blocks_[random() % std::min<std::size_t>(size, 400)];
      left -= place == 0 ? 1 : 0;
      place = 1;
    }
  }

  void task(std::size_t i) {
    ++started;
    if (blocks_[i] != 0) missed += all_block_.meet() && released_.wait() ? 0 : 1;
  }

  template <class Meanwhile>
  std::jthread with(Meanwhile meanwhile) {
    return std::jthread([this, meanwhile] {
      missed += all_block_.meet() ? 0 : 1;
      meanwhile();
      released_.set();
    });
  }

  std::atomic<std::size_t> started{0};
  std::atomic<int> missed{0};

 private:
  rendezvous all_block_;
  event released_;
  std::vector<char> blocks_;
};

TEST_P(UnboundTasksOfABatchThatEndsEarly, DoNotStartBehindOneThatBlocksWhenTheStopIsRequested) {
  for (unsigned round = 0; round != 20; ++round) {
    constexpr std::size_t size = 3'000;
    blocked_batch here(size, at_once(), round);
    std::stop_source stop;
    std::size_t at_the_stop = 0;
    const std::jthread other = here.with([&] {
      stop.request_stop();
      at_the_stop = here.started;
    });
    const run_options options{.concurrency = GetParam(), .stop = stop.get_token()};
    EXPECT_THROW(fanout::map_in_parallel(
                     up_to(size), [&](std::size_t i) { here.task(i); }, options),
                 fanout::operation_cancelled);
    ASSERT_EQ(here.missed, 0) << "in round " << round;
    ASSERT_EQ(here.started, at_the_stop) << "in round " << round;
  }
}

// Every task that runs while the failure happens waits until it sees it, so none of them can have begun another.
TEST_P(UnboundTasksOfABatchThatEndsEarly, DoNotStartBehindOneThatBlocksWhenAnotherFails) {
  if (at_once() == 1) GTEST_SKIP() << "one core: nothing runs beside the task that fails";
  std::mt19937 random(5);
  for (int round = 0; round != 20; ++round) {
    constexpr std::size_t size = 3'000;
    std::vector<char> blocks(size);
    indices places;
    while (places.size() != at_once()) {
      const std::size_t place = random() % 400;
      if (blocks[place] == 0) places.push_back(place);
      blocks[place] = 1;
    }
    rendezvous all(at_once());
    std::atomic<std::size_t> started = 0;
    std::atomic<std::size_t> at_the_failure = 0;
    std::atomic<int> missed = 0;
    const auto task = [&](std::size_t i, const fanout::task_context& context) {
      ++started;
      if (blocks[i] == 0) return;
      missed += all.meet() ? 0 : 1;
      at_the_failure = started.load();
      if (i == places.front()) throw std::runtime_error("no");
      const auto end = std::chrono::steady_clock::now() + patience;
      while (!context.stop_requested() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      missed += context.stop_requested() ? 0 : 1;
    };
    EXPECT_THROW(fanout::map_in_parallel(up_to(size), task, {.concurrency = GetParam()}), fanout::task_error);
    ASSERT_EQ(missed, 0) << "in round " << round;
    ASSERT_EQ(started, at_the_failure) << "in round " << round;
  }
}

}  // namespace
