#include "fanout/settle.hpp"

#include <gtest/gtest.h>

#include <any>
#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/task_context.hpp"
#include "support.hpp"

/// How each task ended, as data.
namespace {

using namespace support;
using fanout::outcome;
using fanout::run_options;
using fanout::settle_in_parallel;
using fanout::task_context;

int index_or_failure(const task_context& context) {
  if (context.index() % 3 == 1) throw std::domain_error("bad " + std::to_string(context.index()));
  return static_cast<int>(context.index());
}

std::string cause_of(const std::exception_ptr& error) {
  return message_of<std::domain_error>([&] {
    if (error) std::rethrow_exception(error);
  });
}

TEST(Settle, TakesTheConcurrencyInShort) {
  std::vector<std::size_t> order;
  const std::vector tasks(3, [&](const task_context& context) { order.push_back(context.index()); });
  EXPECT_TRUE(settle_in_parallel(tasks, 1).at(2).has_value());
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_THROW(settle_in_parallel(tasks, 0), std::invalid_argument);
  EXPECT_THROW(settle_in_parallel(tasks, -1), std::invalid_argument);
}

TEST(Settle, ReturnsValuesAndFailuresInInputOrder) {
  const auto outcomes = settle_in_parallel(std::vector(100, &index_or_failure), {.concurrency = 4});
  ASSERT_EQ(outcomes.size(), 100U);
  for (std::size_t index = 0; index != outcomes.size(); ++index) {
    const auto& each = outcomes[index];
    EXPECT_FALSE(each.cancelled());
    if (index % 3 == 1) {
      EXPECT_FALSE(each.has_value());
      EXPECT_EQ(cause_of(each.error()), "bad " + std::to_string(index));
    } else {
      EXPECT_EQ(each.value(), static_cast<int>(index));
    }
  }
}

TEST(Settle, RunsEverythingWhateverThePolicySays) {
  for (const auto policy : {fanout::error_policy::stop, fanout::error_policy::run_all}) {
    std::atomic<int> ran = 0;
    std::vector<std::function<void()>> tasks(50, [&] {
      ++ran;
      throw 42;
    });
    const auto outcomes = settle_in_parallel(tasks, {.concurrency = 2, .on_error = policy});
    EXPECT_EQ(ran, 50);
    EXPECT_EQ(outcomes.size(), 50U);
  }
}

TEST(Settle, NeverStopsTheOtherTasksForAFailure) {
  std::vector<std::function<bool(const task_context&)>> tasks(
      20, [](const task_context& context) { return context.stop_requested(); });
  tasks.front() = [](const task_context&) -> bool { throw 42; };
  const auto outcomes = settle_in_parallel(tasks, {.concurrency = 1});
  for (std::size_t index = 1; index != outcomes.size(); ++index) EXPECT_FALSE(outcomes[index].value());
}

TEST(Settle, TellsTheIndexInTheErrorThatAValueThrows) {
  const auto outcomes = settle_in_parallel(std::vector(5, &index_or_failure));
  EXPECT_EQ(message_of<fanout::task_error>([&] { static_cast<void>(outcomes[4].value()); }), "task 4 failed: bad 4");
}

TEST(Settle, SettlesTasksThatReturnVoid) {
  std::vector<std::function<void()>> tasks{[] {}, [] { throw 42; }};
  const std::vector<outcome<void>> outcomes = settle_in_parallel(tasks);
  EXPECT_TRUE(outcomes[0].has_value());
  EXPECT_FALSE(outcomes[1].has_value());
  EXPECT_THROW(outcomes[1].value(), fanout::task_error);
}

TEST(Settle, SettlesNothing) { EXPECT_TRUE(settle_in_parallel(std::vector<std::function<int()>>{}).empty()); }

TEST(Settle, SettlesMoveOnlyTasksOfAnRvalueList) {
  struct once {
    std::unique_ptr<int> held;
    std::unique_ptr<int> operator()() && { return std::move(held); }
  };
  std::list<once> tasks;
  tasks.push_back({std::make_unique<int>(1)});
  tasks.push_back({std::make_unique<int>(2)});
  auto outcomes = settle_in_parallel(std::move(tasks));
  EXPECT_EQ(*outcomes[1].value(), 2);
}

TEST(Settle, DropsTheConstOfAResult) {
  const auto outcomes = settle_in_parallel(std::vector(1, []() -> const std::string { return "kept"; }));
  static_assert(std::same_as<decltype(outcomes), const std::vector<outcome<std::string>>>);
  EXPECT_EQ(outcomes[0].value(), "kept");
}

TEST(Settle, BuildsValuesInPlace) {
  counted::reset();
  {
    const auto outcomes = settle_in_parallel(std::vector(10, [] { return counted(1); }), {.concurrency = 2});
    EXPECT_EQ(counted::population.alive(), 10);
    EXPECT_EQ(counted::population.copied + counted::population.moved, 0);
  }
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Settle, IsNotDisturbedByAMoveThatWouldThrow) {
  throws_when_moved::armed = true;
  const auto outcomes = settle_in_parallel(std::vector(10, [] { return throws_when_moved(4); }), {.concurrency = 2});
  throws_when_moved::armed = false;
  for (const auto& each : outcomes) EXPECT_EQ(each.value().value, 4);
}

TEST(Settle, KeepsOverAlignedValuesWhereTheyBelong) {
  const auto outcomes = settle_in_parallel(std::vector(9, [] { return over_aligned{3}; }));
  for (const auto& each : outcomes) EXPECT_TRUE(each.value().well_placed());
}

TEST(Settle, ReturnsValuesOfTypeAny) {
  const auto outcomes = settle_in_parallel(std::vector(1, [] { return std::any(7); }));
  ASSERT_NE(std::any_cast<int>(&outcomes[0].value()), nullptr);
  EXPECT_EQ(std::any_cast<int>(outcomes[0].value()), 7);
}

TEST(Settle, ReturnsValuesThatConvertFromAnything) {
  EXPECT_FALSE(settle_in_parallel(std::vector(1, [] { return greedy(); }))[0].value().swallowed);
}

TEST(Settle, ReturnsValuesThatAreExceptionPointers) {
  const auto outcomes = settle_in_parallel(std::vector(1, [] { return std::make_exception_ptr(42); }));
  EXPECT_TRUE(outcomes[0].has_value());
  EXPECT_EQ(outcomes[0].error(), nullptr);
  EXPECT_NE(outcomes[0].value(), nullptr);
}

// ── Stopping ────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Settle, ReturnsCancelledOutcomesForWhatHadNotStarted) {
  std::stop_source source;
  std::vector<std::function<int(const task_context&)>> tasks(10, [&](const task_context& context) {
    if (context.index() == 3) source.request_stop();
    return 1;
  });
  const auto outcomes = settle_in_parallel(tasks, {.concurrency = 1, .stop = source.get_token()});
  for (std::size_t index = 0; index != outcomes.size(); ++index) {
    EXPECT_EQ(outcomes[index].has_value(), index <= 3);
    EXPECT_EQ(outcomes[index].cancelled(), index > 3);
  }
}

TEST(Settle, ReturnsOnlyCancelledOutcomesWhenTheStopCameBefore) {
  std::stop_source source;
  source.request_stop();
  std::atomic<int> ran = 0;
  const auto outcomes = settle_in_parallel(std::vector(10, [&] { ++ran; }), {.stop = source.get_token()});
  EXPECT_EQ(ran, 0);
  ASSERT_EQ(outcomes.size(), 10U);
  for (const auto& each : outcomes) EXPECT_TRUE(each.cancelled());
}

TEST(Settle, KeepsTheFailuresThatCameBeforeTheStop) {
  std::stop_source source;
  std::vector<std::function<int(const task_context&)>> tasks(10, [&](const task_context& context) -> int {
    if (context.index() == 3) source.request_stop();
    throw std::domain_error("failed");
  });
  const auto outcomes = settle_in_parallel(tasks, {.concurrency = 1, .stop = source.get_token()});
  EXPECT_EQ(cause_of(outcomes[0].error()), "failed");
  EXPECT_EQ(cause_of(outcomes[3].error()), "failed");
  EXPECT_TRUE(outcomes[4].cancelled());
}

// ── Mappers ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(SettleMap, TellsHowTheTaskOfEachItemEnded) {
  const auto half = [](int number) {
    if (number % 2 != 0) throw std::domain_error("odd: " + std::to_string(number));
    return number / 2;
  };
  for (const auto& outcomes :
       {fanout::settle_map(std::vector{4, 5, 6}, half), fanout::settle_map(std::vector{4, 5, 6}, half, 2),
        fanout::executor({.concurrency = 2}).settle_map(std::vector{4, 5, 6}, half, {.concurrency = 1})}) {
    ASSERT_EQ(outcomes.size(), 3U);
    EXPECT_EQ(outcomes[0].value(), 2);
    EXPECT_EQ(cause_of(outcomes[1].error()), "odd: 5");
    EXPECT_EQ(outcomes[2].value(), 3);
  }
}

TEST(SettleMap, TakesANumberOfIndicesAndGivesTheContext) {
  const auto outcomes = fanout::settle_map(5, [](int index, const task_context& context) {
    if (context.index() != static_cast<std::size_t>(index)) throw std::logic_error("another index");
  });
  ASSERT_EQ(outcomes.size(), 5U);
  for (const auto& each : outcomes) EXPECT_TRUE(each.has_value());
}

TEST(SettleMap, CallsOffWhatHadNotStartedWhenItWasStopped) {
  std::stop_source source;
  const auto outcomes = fanout::settle_map(10, [&](int index) { return index == 3 ? source.request_stop() : false; },
                                           {.concurrency = 1, .stop = source.get_token()});
  EXPECT_TRUE(outcomes[3].value());
  for (std::size_t index = 4; index != 10; ++index) EXPECT_TRUE(outcomes[index].cancelled());
}

TEST(SettleMap, StillRefusesBadInput) {
  const std::function<int(int)> nothing;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { fanout::settle_map(3, nothing); }), "the mapper is an empty function");
  EXPECT_THROW(fanout::settle_map(-1, [](int) {}), std::invalid_argument);
}

// ── What still throws ───────────────────────────────────────────────────────────────────────────────────────────

TEST(Settle, StillRefusesBadInput) {
  const std::vector<std::function<int()>> tasks{[] { return 1; }, nullptr};
  EXPECT_EQ(message_of<std::invalid_argument>([&] { settle_in_parallel(tasks); }), "tasks[1] is an empty function");
  EXPECT_THROW(settle_in_parallel(std::vector(1, [] {}), {.concurrency = 0}), std::invalid_argument);
}

TEST(Settle, StillPassesOnTheExceptionOfTheProgressCallback) {
  run_options options{.concurrency = 2};
  options.on_progress = [](std::size_t, std::size_t) { throw std::domain_error("progress"); };
  EXPECT_EQ(message_of<std::domain_error>([&] { settle_in_parallel(std::vector(10, [] {}), options); }), "progress");
}

TEST(Settle, ReportsProgressOfFailuresToo) {
  std::vector<std::size_t> seen;
  run_options options{.concurrency = 1};
  options.on_progress = [&](std::size_t completed, std::size_t) { seen.push_back(completed); };
  settle_in_parallel(std::vector(3, &index_or_failure), options);
  EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3}));
}

}  // namespace
