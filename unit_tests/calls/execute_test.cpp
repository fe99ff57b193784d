#include "fanout/execute.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <forward_list>
#include <functional>
#include <future>
#include <initializer_list>
#include <iterator>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "fanout/error.hpp"
#include "support.hpp"

/// What `execute_in_parallel` takes and what it gives back: every kind of range, of task and of result.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::execute_in_parallel_with_progress;
using fanout::task_context;

using ints = std::vector<int>;

std::vector<std::function<int()>> squares(int count) {
  std::vector<std::function<int()>> tasks;
  for (int i = 0; i != count; ++i) tasks.emplace_back([i] { return i * i; });
  return tasks;
}

int three() { return 3; }
int four() { return 4; }

// ── Ranges ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Execute, RunsAVectorOfFunctions) { EXPECT_EQ(execute_in_parallel(squares(5)), (ints{0, 1, 4, 9, 16})); }

TEST(Execute, RunsAConstVectorOfFunctions) {
  const auto tasks = squares(3);
  EXPECT_EQ(execute_in_parallel(tasks), (ints{0, 1, 4}));
}

TEST(Execute, LeavesTheTasksOfAnLvalueRangeUsable) {
  auto tasks = squares(4);
  execute_in_parallel(tasks);
  EXPECT_EQ(execute_in_parallel(tasks), (ints{0, 1, 4, 9}));
}

TEST(Execute, RunsAVectorOfLambdas) {
  const auto task_of = [](int i) { return [i] { return i + 1; }; };
  EXPECT_EQ(execute_in_parallel(std::vector{task_of(1), task_of(2), task_of(3)}), (ints{2, 3, 4}));
}

TEST(Execute, CallsTheTasksOfAnLvalueRangeThemselvesNotCopies) {
  std::vector tasks(3, [calls = 0]() mutable { return ++calls; });
  execute_in_parallel(tasks);
  EXPECT_EQ(execute_in_parallel(tasks), (ints{2, 2, 2}));
}

TEST(Execute, RunsMoveOnlyCallablesOfAnRvalueVector) {
  const auto task_of = [](int i) { return [held = std::make_unique<int>(i)] { return *held; }; };
  std::vector<decltype(task_of(0))> tasks;
  for (int i = 0; i != 10; ++i) tasks.push_back(task_of(i));
  ints expected(10);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(execute_in_parallel(std::move(tasks), 2), expected);
}

struct runs_once {
  std::unique_ptr<int> held;
  std::unique_ptr<int> operator()() && { return std::move(held); }
};

TEST(Execute, RunsCallablesThatCanBeCalledOnlyAsRvalues) {
  std::vector<runs_once> tasks;
  for (int i = 0; i != 10; ++i) tasks.push_back({std::make_unique<int>(i)});
  const auto results = execute_in_parallel(std::move(tasks), 2);
  for (int i = 0; i != 10; ++i) EXPECT_EQ(*results[static_cast<std::size_t>(i)], i);
}

TEST(Execute, RunsCallablesThatCanBeCalledOnlyAsRvaluesOfAList) {
  std::list<runs_once> tasks;
  for (int i = 0; i != 10; ++i) tasks.push_back({std::make_unique<int>(i)});
  const auto results = execute_in_parallel(std::move(tasks), 2);
  EXPECT_EQ(*results[9], 9);
}

TEST(Execute, FulfilsPackagedTasks) {
  std::vector<std::packaged_task<int()>> tasks;
  tasks.emplace_back(three);
  tasks.emplace_back(four);
  auto future = tasks[1].get_future();
  static_assert(std::is_void_v<decltype(execute_in_parallel(tasks))>);
  execute_in_parallel(std::move(tasks));
  EXPECT_EQ(future.get(), 4);
}

TEST(Execute, RunsALvalueList) {
  std::list<std::function<int()>> tasks{three, four};
  EXPECT_EQ(execute_in_parallel(tasks), (ints{3, 4}));
}

TEST(Execute, RunsADeque) {
  const auto some = squares(600);
  const std::deque<std::function<int()>> tasks(some.begin(), some.end());
  EXPECT_EQ(execute_in_parallel(tasks), execute_in_parallel(some));
}

TEST(Execute, RunsAForwardList) {
  const std::forward_list<std::function<int()>> tasks{three, four};
  EXPECT_EQ(execute_in_parallel(tasks), (ints{3, 4}));
}

TEST(Execute, RunsAConstArray) {
  const std::array<std::function<int()>, 2> tasks{three, four};
  EXPECT_EQ(execute_in_parallel(tasks), (ints{3, 4}));
}

TEST(Execute, RunsAnArrayOfC) {
  int (*const tasks[])() = {three, four, three};
  EXPECT_EQ(execute_in_parallel(tasks), (ints{3, 4, 3}));
}

TEST(Execute, RunsAnInitializerList) {
  const auto tasks = {three, four};
  static_assert(std::same_as<decltype(tasks), const std::initializer_list<int (*)()>>);
  EXPECT_EQ(execute_in_parallel(tasks), (ints{3, 4}));
  EXPECT_EQ(execute_in_parallel(std::initializer_list<int (*)()>{four, three}), (ints{4, 3}));
}

TEST(Execute, RunsASpan) {
  auto tasks = squares(4);
  EXPECT_EQ(execute_in_parallel(std::span(tasks).subspan(1, 2)), (ints{1, 4}));
  const std::span<const std::function<int()>> constant(tasks);
  EXPECT_EQ(execute_in_parallel(constant), (ints{0, 1, 4, 9}));
}

TEST(Execute, RunsReferenceWrappers) {
  auto count = [calls = 0]() mutable { return ++calls; };
  const std::vector tasks{std::ref(count)};
  execute_in_parallel(tasks);
  EXPECT_EQ(execute_in_parallel(tasks), ints{2});
}

TEST(Execute, RunsATransformedIota) {
  const auto tasks = std::views::iota(0, 4) | std::views::transform([](int i) { return [i] { return i * 10; }; });
  EXPECT_EQ(execute_in_parallel(tasks), (ints{0, 10, 20, 30}));
}

TEST(Execute, RunsAFilteredView) {
  auto tasks = squares(6);
  int number = 0;
  auto odd = tasks | std::views::filter([&](const auto&) { return number++ % 2 == 1; });
  EXPECT_EQ(execute_in_parallel(odd), (ints{1, 9, 25}));
}

TEST(Execute, ReadsEachItemOfATransformedRangeOnce) {
  std::atomic<int> reads = 0;
  const auto tasks = std::views::iota(0, 100) | std::views::transform([&](int i) {
                       ++reads;
                       return std::function<int()>([i] { return i; });
                     });
  EXPECT_EQ(execute_in_parallel(tasks).size(), 100U);
  EXPECT_EQ(reads, 100);
}

TEST(Execute, ReadsATransformedRangeOnTheCallingThreadAlone) {
  std::atomic<int> elsewhere = 0;
  const auto caller = std::this_thread::get_id();
  const auto tasks = std::views::iota(0, 1'000) | std::views::transform([&](int i) {
                       if (std::this_thread::get_id() != caller) ++elsewhere;
                       return [i] { return i; };
                     });
  execute_in_parallel(tasks, 4);
  EXPECT_EQ(elsewhere, 0);
}

// ── Tasks ───────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Execute, GivesATaskItsContext) {
  std::vector<std::function<std::size_t(const task_context&)>> tasks(
      5, [](const task_context& context) { return context.index(); });
  EXPECT_EQ(execute_in_parallel(tasks), (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(Execute, PrefersToCallWithoutAContextWhereBothWork) {
  struct both {
    int operator()() const { return 1; }
    int operator()(const task_context&) const { return 2; }
  };
  EXPECT_EQ(execute_in_parallel(std::vector<both>(2)), (ints{1, 1}));
}

TEST(Execute, GivesAContextToATaskThatTakesOneGenerically) {
  std::vector tasks(3, [](const auto& context) { return context.index(); });
  EXPECT_EQ(execute_in_parallel(tasks), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Execute, RunsTasksThatAreNoexcept) {
  std::vector tasks(2, []() noexcept { return 1; });
  EXPECT_EQ(execute_in_parallel(tasks), (ints{1, 1}));
}

TEST(Execute, RunsEveryTaskOnce) {
  constexpr std::size_t count = 100'000;
  std::vector<std::atomic<int>> runs(count);
  std::vector<std::function<void(const task_context&)>> tasks(
      count, [&](const task_context& context) { ++runs[context.index()]; });
  execute_in_parallel(tasks, 4);
  EXPECT_TRUE(std::ranges::all_of(runs, [](const auto& each) { return each == 1; }));
}

// ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Execute, ReturnsNothingForTasksThatReturnVoid) {
  std::atomic<int> ran = 0;
  std::vector tasks(10, [&] { ++ran; });
  static_assert(std::is_void_v<decltype(execute_in_parallel(tasks))>);
  execute_in_parallel(tasks);
  EXPECT_EQ(ran, 10);
}

TEST(Execute, ReturnsAnEmptyVectorForNoTasks) {
  EXPECT_TRUE(execute_in_parallel(std::vector<std::function<int()>>{}).empty());
  execute_in_parallel(std::vector<std::function<void()>>{});
}

TEST(Execute, DropsTheConstOfAResult) {
  std::vector tasks(2, []() -> const std::string { return "kept"; });
  const auto results = execute_in_parallel(tasks);
  static_assert(std::same_as<decltype(results), const std::vector<std::string>>);
  EXPECT_EQ(results[1], "kept");
}

TEST(Execute, ReturnsMoveOnlyResultsThatAreConst) {
  std::vector tasks(2, []() -> const std::unique_ptr<int> { return std::make_unique<int>(8); });
  EXPECT_EQ(*execute_in_parallel(tasks)[1], 8);
}

TEST(Execute, ReturnsResultsThatConvertFromAnything) {
  std::vector tasks(2, [] { return greedy(); });
  EXPECT_FALSE(execute_in_parallel(tasks)[1].swallowed);
}

struct greedy_without_default {
  explicit greedy_without_default(std::nullptr_t) {}
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, greedy_without_default>) greedy_without_default(T&&)
      : swallowed(true) {}  // NOLINT: implicit on purpose
  bool swallowed = false;
};

TEST(Execute, ReturnsResultsThatConvertFromAnythingAndHaveNoDefault) {
  std::vector tasks(2, [] { return greedy_without_default(nullptr); });
  EXPECT_FALSE(execute_in_parallel(tasks)[1].swallowed);
}

TEST(Execute, ReturnsResultsThatCanBeNeitherCopiedNorMoved) {
  struct pinned {
    pinned() noexcept = default;
    explicit pinned(int v) : value(v) {}
    pinned(pinned&&) = delete;
    int value = 0;
  };
  std::vector tasks(100, [] { return pinned(6); });
  EXPECT_EQ(execute_in_parallel(tasks, 2)[99].value, 6);
}

TEST(Execute, MovesResultsWithoutADefaultStateOnce) {
  counted::reset();
  {
    std::vector tasks(100, [] { return counted(1); });
    const auto results = execute_in_parallel(tasks, 2);
    EXPECT_EQ(counted::population.made, 100);
    EXPECT_EQ(counted::population.copied, 0);
    EXPECT_EQ(counted::population.moved, 100);
    EXPECT_EQ(counted::population.alive(), 100);
  }
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Execute, BuildsResultsWithADefaultStateInPlace) {
  counted::reset();
  {
    std::vector tasks(100, [] { return counted_with_default(1); });
    const auto results = execute_in_parallel(tasks, 2);
    EXPECT_EQ(counted::population.copied, 0);
    EXPECT_EQ(counted::population.moved, 0);
    EXPECT_EQ(counted::population.alive(), 100);
  }
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Execute, PassesOnTheExceptionOfAResultsMove) {
  std::vector tasks(3, [] { return throws_when_moved(1); });
  throws_when_moved::armed = true;
  EXPECT_THROW(execute_in_parallel(tasks, 2), std::domain_error);
  throws_when_moved::armed = false;
}

// ── Short forms ─────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Execute, TakesTheConcurrencyInShort) {
  const auto tasks = squares(3);
  EXPECT_EQ(execute_in_parallel(tasks, 2), (ints{0, 1, 4}));
  EXPECT_EQ(execute_in_parallel(tasks, 2U), (ints{0, 1, 4}));
  EXPECT_EQ(execute_in_parallel(tasks, std::size_t{2}), (ints{0, 1, 4}));
  EXPECT_EQ(execute_in_parallel(tasks, std::int8_t{2}), (ints{0, 1, 4}));
  EXPECT_EQ(execute_in_parallel(tasks, fanout::automatic), (ints{0, 1, 4}));
  EXPECT_EQ(execute_in_parallel(tasks, fanout::unlimited), (ints{0, 1, 4}));
}

TEST(Execute, TakesEmptyBracesAsTheDefaultOptions) {
  EXPECT_EQ(execute_in_parallel(squares(3), {}), (ints{0, 1, 4}));
}

TEST(Execute, TakesDesignatedOptions) {
  EXPECT_EQ(execute_in_parallel(squares(3), {.concurrency = 2}), (ints{0, 1, 4}));
}

TEST(Execute, ReportsProgressInShort) {
  std::vector<std::size_t> seen;
  const auto results =
      execute_in_parallel_with_progress(squares(3), 1, [&](std::size_t completed, std::size_t total) {
        seen.push_back(completed);
        EXPECT_EQ(total, 3U);
      });
  EXPECT_EQ(results, (ints{0, 1, 4}));
  EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3}));
}

TEST(Execute, TakesAnEmptyProgressCallbackAsNone) {
  EXPECT_EQ(execute_in_parallel_with_progress(squares(3), 2, nullptr), (ints{0, 1, 4}));
}

// ── Sizes ───────────────────────────────────────────────────────────────────────────────────────────────────────

class ExecuteSizes : public testing::TestWithParam<std::size_t> {};

TEST_P(ExecuteSizes, ReturnsEveryResultAtEveryLimit) {
  const std::size_t size = GetParam();
  std::vector tasks(size, [](const task_context& context) { return context.index(); });
  std::vector<std::size_t> expected(size);
  std::iota(expected.begin(), expected.end(), std::size_t{0});
  for (const std::size_t limit :
       {std::size_t{1}, std::size_t{2}, std::size_t{4}, std::size_t{33}, fanout::automatic, fanout::unlimited}) {
    EXPECT_EQ(execute_in_parallel(tasks, limit), expected) << "at limit " << limit;
  }
}

INSTANTIATE_TEST_SUITE_P(AroundTheLimits, ExecuteSizes,
                         testing::Values(0, 1, 2, 3, 4, 5, 32, 33, 34, 256, 257, 258, 1'000, 65'537));

TEST(Execute, RunsAMillionTasks) {
  constexpr std::size_t count = 1'000'000;
  std::vector<std::function<std::size_t(const task_context&)>> tasks(
      count, [](const task_context& context) { return context.index() + 1; });
  const auto results = execute_in_parallel(tasks, 2);
  EXPECT_EQ(std::accumulate(results.begin(), results.end(), std::size_t{0}), count * (count + 1) / 2);
}

}  // namespace
