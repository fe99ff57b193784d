// What a scope of tasks that come one by one promises of each task: see include/fanout/task_scope.hpp.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::task_scope;

struct TaskScope : testing::Test {
  const watchdog guard;
};

std::atomic<int> calls_of_function = 0;
void function_of_the_program() { ++calls_of_function; }

TEST_F(TaskScope, RunsTasksThatAreAddedOneByOne) {
  std::atomic<int> sum = 0;
  task_scope scope;
  for (int i = 1; i <= 1000; ++i) scope.add([&sum, i] { sum += i; });
  scope.join();
  EXPECT_EQ(sum, 500'500);
}

TEST_F(TaskScope, OfNoTasksJoins) {
  task_scope scope;
  scope.join();
  EXPECT_EQ(scope.progress().total, 0U);
}

TEST_F(TaskScope, RunsTasksWhileItsOwnerDoesSomethingElse) {
  event ran;
  task_scope scope;
  scope.add([&] { ran.set(); });
  EXPECT_TRUE(ran.wait());
  scope.join();
}

TEST_F(TaskScope, StartsTasksInTheOrderInWhichTheyWereAdded) {
  std::vector<std::size_t> order;
  task_scope scope({.concurrency = 1});
  for (std::size_t i = 0; i != 5'000; ++i) scope.add([&order, i] { order.push_back(i); });
  scope.join();
  std::vector<std::size_t> expected(5'000);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(order, expected);
}

TEST_F(TaskScope, StartsTasksOfSeveralThreadsInTheOrderOfTheirAdds) {
  constexpr std::size_t threads = 3;
  constexpr std::size_t tasks = 3'000;
  std::vector<std::size_t> order;
  std::mutex turn;
  std::size_t added = 0;
  task_scope scope({.concurrency = 1});
  std::vector<std::jthread> adding;
  for (std::size_t i = 0; i != threads; ++i) {
    adding.emplace_back([&] {
      for (;;) {
        const std::lock_guard lock(turn);
        if (added == tasks) return;
        scope.add([&order, number = added++] { order.push_back(number); });
      }
    });
  }
  adding.clear();
  scope.join();
  std::vector<std::size_t> expected(tasks);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(order, expected);
}

TEST_F(TaskScope, GivesEachTaskItsPlaceInTheOrderOfAdding) {
  std::array<std::atomic<int>, 300> met{};
  task_scope scope({.concurrency = 4});
  for (std::size_t i = 0; i != met.size(); ++i) {
    scope.add([&met, i](const fanout::task_context& context) { met.at(i) += context.index() == i ? 1 : 100; });
  }
  scope.join();
  for (const auto& each : met) EXPECT_EQ(each, 1);
}

TEST_F(TaskScope, NumbersRunnersBelowTheLimit) {
  constexpr std::size_t limit = 3;
  std::array<std::atomic<bool>, limit> taken{};
  std::atomic<int> wrong = 0;
  task_scope scope({.concurrency = limit});
  for (int i = 0; i != 500; ++i) {
    scope.add([&](const fanout::task_context& context) {
      if (context.runner() >= limit || taken.at(context.runner()).exchange(true)) ++wrong;
      if (fanout::current_runner() != context.runner()) ++wrong;
      std::this_thread::yield();
      taken.at(context.runner()) = false;
    });
  }
  scope.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(TaskScope, AcceptsTasksOfAllKinds) {
  static std::atomic<int> ran = 0;
  ran = 0;
  struct once {
    void operator()() && { ++ran; }
    std::unique_ptr<int> owned = std::make_unique<int>(1);
  };
  struct large {
    void operator()() const { ran += bytes.at(999); }
    std::array<char, 1000> bytes{};
  };
  large filled;
  filled.bytes.at(999) = 1;
  over_aligned aligned;
  aligned.value = 1;
  const std::string text = "one that is too long for the object";
  calls_of_function = 0;
  task_scope scope;
  scope.add([] { ++ran; });
  scope.add(+[] { ++ran; });
  scope.add(std::function<int()>([] { return ++ran; }));
  scope.add(once{});
  scope.add(filled);
  scope.add([aligned] { ran += aligned.well_placed() ? aligned.value : 100; });
  scope.add([text] { ran += text == "one that is too long for the object" ? 1 : 100; });
  scope.add([owned = std::make_unique<int>(1)]() mutable -> int& { return ran += *owned, *owned; });
  scope.add([](const fanout::task_context& context) { ran += context.stop_requested() ? 100 : 1; });
  scope.add(function_of_the_program);
  scope.add(&function_of_the_program);
  scope.join();
  EXPECT_EQ(ran, 9);
  EXPECT_EQ(calls_of_function, 2);
}

TEST_F(TaskScope, KnowsWhetherItRunsItsCaller) {
  const fanout::executor executor({.concurrency = 2});
  for (const bool is_on_executor : {false, true}) {
    const auto scope = is_on_executor ? std::make_unique<task_scope>(executor) : std::make_unique<task_scope>();
    EXPECT_FALSE(scope->runs_caller());
    for (int i = 0; i != 10; ++i) {
      scope->add([&] {
        EXPECT_TRUE(scope->runs_caller());
        fanout::map_in_parallel(3, [&](int) { EXPECT_FALSE(scope->runs_caller()); }, 2);
        executor.map(3, [&](int) { EXPECT_FALSE(scope->runs_caller()); });
        EXPECT_TRUE(scope->runs_caller());
      });
    }
    scope->join();
    EXPECT_FALSE(scope->runs_caller());
  }
}

TEST_F(TaskScope, RefusesAnEmptyFunctionAndGoesOn) {
  std::atomic<int> ran = 0;
  task_scope scope;
  EXPECT_THROW(scope.add(std::function<void()>()), std::invalid_argument);
  EXPECT_THROW(scope.add(static_cast<void (*)()>(nullptr)), std::invalid_argument);
  scope.add([&] { ++ran; });
  scope.join();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(scope.progress().total, 1U);
}

TEST_F(TaskScope, RefusesUnusableOptions) {
  EXPECT_THROW(task_scope({.concurrency = 0}), std::invalid_argument);
  EXPECT_THROW(task_scope({.concurrency = -1}), std::invalid_argument);
  EXPECT_THROW(task_scope({.max_pending = 0}), std::invalid_argument);
}

TEST_F(TaskScope, RefusesTasksWhenItWasJoined) {
  task_scope scope;
  scope.add([] {});
  scope.join();
  EXPECT_THROW(scope.add([] {}), std::logic_error);
  EXPECT_THROW(scope.add([text = std::string(100, 'x')] {}), std::logic_error);
  EXPECT_THROW(static_cast<void>(scope.try_add([] {})), std::logic_error);
  EXPECT_EQ(scope.progress().total, 1U);
}

TEST_F(TaskScope, IsJoinedOnce) {
  task_scope scope;
  scope.join();
  EXPECT_THROW(scope.join(), std::logic_error);
  task_scope failed;
  failed.add([] { throw std::runtime_error("planned"); });
  EXPECT_THROW(failed.join(), fanout::task_error);
  EXPECT_THROW(failed.join(), std::logic_error);
}

TEST_F(TaskScope, IsNotJoinedByItsOwnTasks) {
  std::atomic<int> refused = 0;
  task_scope scope({.concurrency = 2});
  scope.add([&] {
    try {
      scope.join();
    } catch (const std::logic_error&) {
      ++refused;
    }
    fanout::execute_in_parallel(std::vector(2, [&] { EXPECT_THROW(scope.join(), std::logic_error); }), 2);
  });
  scope.join();
  EXPECT_EQ(refused, 1);
}

TEST_F(TaskScope, WaitsForTasksThatItsTasksAdd) {
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 2});
  const std::function<void(int)> grow = [&](int depth) {
    ++ran;
    if (depth == 0) return;
    for (int child = 0; child != 2; ++child) scope.add([&grow, depth] { grow(depth - 1); });
  };
  scope.add([&] { grow(12); });
  scope.join();
  EXPECT_EQ(ran, (1 << 13) - 1);
}

TEST_F(TaskScope, DestroysATaskWhenItHasRun) {
  counted::reset();
  event gone;
  task_scope scope({.concurrency = 1});
  scope.add([kept = counted(1)] {});
  scope.add([&] {
    if (counted::population.alive() == 0) gone.set();
  });
  scope.join();
  EXPECT_TRUE(gone.happened());
}

TEST_F(TaskScope, TakesManyTasksFromManyThreads) {
  constexpr int each = 12'500;
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 4});
  on_threads(8, [&](std::size_t) {
    for (int i = 0; i != each; ++i) scope.add([&ran] { ran.fetch_add(1, std::memory_order_relaxed); });
  });
  scope.join();
  EXPECT_EQ(ran, 8 * each);
  EXPECT_EQ(scope.progress().completed, std::size_t{8} * each);
}

TEST_F(TaskScope, OrdersWhatWasDoneBeforeATaskAndWhatItDid) {
  std::vector<int> values(2'000);
  task_scope scope({.concurrency = 3});
  for (int& each : values) {
    each = 1;
    scope.add([&each] { ++each; });
  }
  scope.join();
  for (const int each : values) EXPECT_EQ(each, 2);
}

TEST_F(TaskScope, ComputesAsTheThreadThatMadeIt) {
  for (const int direction : directions_of_rounding) {
    const rounding here(direction);
    std::atomic<int> wrong = 0;
    task_scope scope({.concurrency = 3});
    const rounding later(FE_TONEAREST);
    for (int i = 0; i != 50; ++i) scope.add([&] { wrong += std::fegetround() != direction ? 1 : 0; });
    scope.join();
    EXPECT_EQ(wrong, 0);
  }
}

}  // namespace
