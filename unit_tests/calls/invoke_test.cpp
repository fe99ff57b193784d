#include "fanout/invoke.hpp"

#include <gtest/gtest.h>

#include <any>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "support.hpp"

/// Different functions in parallel, their results as a tuple.
namespace {

using namespace support;
using fanout::invoke_in_parallel;
using fanout::task_context;

int three() { return 3; }

TEST(Invoke, ReturnsTheResultsInTheOrderOfTheArguments) {
  const auto results = invoke_in_parallel([] { return 1; }, [] { return std::string("two"); }, three);
  static_assert(std::same_as<decltype(results), const std::tuple<int, std::string, int>>);
  EXPECT_EQ(results, std::tuple(1, std::string("two"), 3));
}

TEST(Invoke, ReturnsMonostateForVoid) {
  bool ran = false;
  const auto [nothing, one] = invoke_in_parallel([&] { ran = true; }, [] { return 1; });
  static_assert(std::same_as<decltype(nothing), const std::monostate>);
  EXPECT_TRUE(ran);
  EXPECT_EQ(one, 1);
}

TEST(Invoke, ReturnsAnEmptyTupleForNoFunctions) {
  static_assert(std::same_as<decltype(invoke_in_parallel()), std::tuple<>>);
  invoke_in_parallel();
}

TEST(Invoke, RunsASingleFunction) { EXPECT_EQ(std::get<0>(invoke_in_parallel(three)), 3); }

TEST(Invoke, RunsEveryOneOfManyFunctionsOnce) {
  std::atomic<int> ran = 0;
  const auto count = [&] { return ++ran; };
  invoke_in_parallel(count, count, count, count, count, count, count, count, count, count, count, count);
  EXPECT_EQ(ran, 12);
}

TEST(Invoke, GivesAFunctionItsContext) {
  const auto place = [](const task_context& context) { return context.index(); };
  EXPECT_EQ(invoke_in_parallel(place, place, place), std::tuple(std::size_t{0}, std::size_t{1}, std::size_t{2}));
}

TEST(Invoke, CallsAnLvalueItselfAndNoCopy) {
  auto counter = [calls = 0]() mutable { return ++calls; };
  invoke_in_parallel(counter);
  EXPECT_EQ(std::get<0>(invoke_in_parallel(counter)), 2);
}

TEST(Invoke, CallsRvaluesThatCanBeCalledOnlyOnce) {
  struct once {
    std::unique_ptr<int> held;
    std::unique_ptr<int> operator()() && { return std::move(held); }
  };
  const auto [a, b] = invoke_in_parallel(once{std::make_unique<int>(1)}, once{std::make_unique<int>(2)});
  EXPECT_EQ(*a, 1);
  EXPECT_EQ(*b, 2);
}

TEST(Invoke, ReturnsResultsOfHostileTypes) {
  const auto [moved, made, aligned, truth] =
      invoke_in_parallel([] { return move_only(1); }, [] { return not_default_constructible(2); },
                         [] { return over_aligned{3}; }, [] { return true; });
  EXPECT_EQ(moved.value, 1);
  EXPECT_EQ(made.value, 2);
  EXPECT_TRUE(aligned.well_placed());
  EXPECT_TRUE(truth);
}

TEST(Invoke, ReturnsAResultOfTypeAny) {
  const auto [any] = invoke_in_parallel([] { return std::any(7); });
  ASSERT_NE(std::any_cast<int>(&any), nullptr);
}

TEST(Invoke, PassesOnTheExceptionOfAResultsMove) {
  throws_when_moved::armed = true;
  EXPECT_THROW(invoke_in_parallel([] { return throws_when_moved(1); }), std::domain_error);
  throws_when_moved::armed = false;
}

TEST(Invoke, NamesTheFunctionThatFailed) {
  const auto call = [] { invoke_in_parallel([] {}, []() -> int { throw std::domain_error("bad"); }); };
  EXPECT_EQ(message_of<fanout::task_error>(call), "task 1 failed: bad");
}

TEST(Invoke, DestroysTheOtherResultsWhenOneFails) {
  counted::reset();
  EXPECT_THROW(invoke_in_parallel([] { return counted(1); }, []() -> counted { throw 42; }), fanout::task_error);
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Invoke, RefusesEmptyFunctionsBeforeAnythingRuns) {
  std::atomic<int> ran = 0;
  const std::function<void()> full = [&] { ++ran; };
  const std::function<void()> empty;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { invoke_in_parallel(full, full, empty); }),
            "tasks[2] is an empty function");
  int (*const none)() = nullptr;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { invoke_in_parallel(none, full); }),
            "tasks[0] is an empty function");
  EXPECT_EQ(ran, 0);
}

TEST(Invoke, TakesOptions) {
  std::vector<int> order;
  const auto add = [&](int value) { return [&order, value] { order.push_back(value); return value; }; };
  EXPECT_EQ(invoke_in_parallel({.concurrency = 1}, add(1), add(2), add(3)), std::tuple(1, 2, 3));
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  const auto bad = []() -> int { throw std::domain_error("bad"); };
  EXPECT_THROW(invoke_in_parallel({.on_error = fanout::error_policy::run_all}, bad, bad), fanout::aggregate_error);
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(invoke_in_parallel({.stop = source.get_token()}, bad), fanout::operation_cancelled);
}

TEST(Invoke, TakesOptionsOfAnyValueCategory) {
  fanout::run_options named{.concurrency = 2};
  const fanout::run_options fixed = named;
  EXPECT_EQ(invoke_in_parallel(named, three), std::tuple(3));
  EXPECT_EQ(invoke_in_parallel(fixed, three), std::tuple(3));
  EXPECT_EQ(invoke_in_parallel(std::move(named), three), std::tuple(3));
  static_assert(std::same_as<decltype(invoke_in_parallel(fixed)), std::tuple<>>);
}

TEST(Invoke, RunsFunctionsThatInvokeOthers) {
  const std::function<int(int)> fibonacci = [&](int n) -> int {
    if (n < 2) return n;
    const auto [one, other] = invoke_in_parallel([&] { return fibonacci(n - 1); }, [&] { return fibonacci(n - 2); });
    return one + other;
  };
  EXPECT_EQ(fibonacci(14), 377);
}

}  // namespace
