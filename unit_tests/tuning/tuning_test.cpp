#include "fanout/tuning.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/map.hpp"
#include "support.hpp"

// Real executors and real runs. What they took is nobody's business here: tuning_sweep_test and tuning_decision_test look
// at that, on a machine of their own.
namespace {

using namespace std::chrono_literals;
using fanout::tune;
using fanout::tuning_options;
using fanout::tuning_report;

void little_work(std::size_t) { support::compute_for(20us); }

std::string refusal_of(const tuning_options& options) {
  return support::message_of<std::invalid_argument>([&] { tune(10, little_work, options); });
}

TEST(Tuning, MeasuresTheSizesThatWereNamed) {
  std::set<std::size_t> seen;
  const tuning_report report = tune(
      [&](fanout::executor& executor) {
        seen.insert(executor.concurrency());
        executor.map(std::views::iota(0, 50), [](int) { little_work(0); });
      },
      {.sizes = {4, 1, 2, 1}, .budget = 5s, .workload = "little", .max_repetitions = 6});
  EXPECT_EQ(seen, (std::set<std::size_t>{1, 2, 4}));
  ASSERT_EQ(report.rows().size(), 3u);
  EXPECT_EQ(report.workload(), "little");
  EXPECT_EQ(report.machine(), fanout::this_machine());
  EXPECT_TRUE(report.complete());
  for (const fanout::tuning_row& row : report.rows()) {
    EXPECT_GE(row.repetitions, 1u);
    EXPECT_GT(row.median_seconds, 0);
    EXPECT_GT(row.cpu_seconds, 0);
  }
  EXPECT_EQ(tuning_report::from_json(report.to_json()), report);
}

TEST(Tuning, ClimbsTheLadderUnlessSizesAreNamed) {
  const tuning_report report = tune(20, little_work, {.budget = 5s, .max_repetitions = 5});
  EXPECT_EQ(report.rows().front().concurrency, 1u);
  EXPECT_TRUE(std::any_of(report.rows().begin(), report.rows().end(), [](const fanout::tuning_row& row) {
    return row.concurrency == fanout::available_concurrency();
  }));
}

TEST(Tuning, RunsEachTaskOnceARun) {
  std::mutex mutex;
  std::vector<int> calls(10);
  std::size_t runs = 0;
  tune(10,
       [&](int i) {
         const std::lock_guard lock(mutex);
         ++calls[static_cast<std::size_t>(i)];
       },
       {.sizes = {1, 2},
        .budget = 5s,
        .on_progress = [&](const fanout::tuning_progress&) { ++runs; },
        .max_repetitions = 5});
  EXPECT_EQ(calls, std::vector<int>(10, static_cast<int>(runs - 1)));  // the last call of the callback is the end
}

TEST(Tuning, KnowsTheTasksOfARunIfItIsGivenThem) {
  const tuning_options options{.sizes = {1}, .budget = 5s, .max_repetitions = 5};
  EXPECT_EQ(tune(3, little_work, options).results().tasks, 3u);
  EXPECT_EQ(tune([](fanout::executor&) {}, options).results().tasks, std::nullopt);
}

TEST(Tuning, HasNoTwoExecutorsAtATime) {
  std::set<const void*> alive;
  tune([&](fanout::executor& executor) { alive.insert(&executor); },
       {.sizes = {1, 2, 3}, .budget = 5s, .max_repetitions = 5});
  EXPECT_EQ(alive.size(), 1u);
}

TEST(Tuning, IgnoresWhatTheWorkloadReturns) {
  struct mover {
    std::unique_ptr<int> own = std::make_unique<int>(1);
    std::vector<int> operator()(fanout::executor& executor) {
      return executor.map(std::vector{1, 2}, std::negate<>());
    }
  };
  const tuning_options options{.sizes = {1}, .budget = 5s, .max_repetitions = 5};
  EXPECT_EQ(tune(mover(), options).recommended(), 1u);
  EXPECT_EQ(tune(
                5, [](std::size_t i) { return i; }, options)
                .recommended(),
            1u);
  EXPECT_EQ(tune(
                5u, [](std::size_t, const fanout::task_context&) {}, options)
                .recommended(),
            1u);
}

TEST(Tuning, LetsTheExceptionOfTheWorkloadThrough) {
  EXPECT_EQ(support::message_of<std::domain_error>(
                [] { tune([](fanout::executor&) { throw std::domain_error("mine"); }, {.budget = 5s}); }),
            "mine");
  EXPECT_EQ(support::message_of<fanout::task_error>([] {
              tune(3,
                   [](int i) {
                     if (i == 2) throw std::domain_error("mine");
                   },
                   {.budget = 5s});
            }),
            "task 2 failed: mine");
}

TEST(Tuning, LetsTheExceptionOfTheCallbackThrough) {
  const auto angry = [](const fanout::tuning_progress&) { throw std::domain_error("enough"); };
  EXPECT_EQ(
      support::message_of<std::domain_error>([&] { tune(3, little_work, {.budget = 5s, .on_progress = angry}); }),
      "enough");
}

TEST(Tuning, EndsTheBatchThatRunsWhenItIsStopped) {
  const support::watchdog watchdog;
  std::stop_source stop;
  std::atomic<std::size_t> calls{0};
  const auto wait_for_the_stop = [&](std::size_t, const fanout::task_context& context) {
    if (calls.fetch_add(1) < 30) return;  // the warm-ups of two sizes, and one run that counts
    stop.request_stop();
    while (!context.stop_requested()) std::this_thread::yield();
  };
  const tuning_report report =
      tune(10, wait_for_the_stop, {.sizes = {1, 2}, .budget = 60s, .stop = stop.get_token()});
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.rows().size(), 1u);
  EXPECT_LE(calls, 32u);
}

TEST(Tuning, RunsNothingWhenItIsStoppedAlready) {
  std::stop_source stop;
  stop.request_stop();
  bool ran = false;
  EXPECT_THROW(tune([&](fanout::executor&) { ran = true; }, {.stop = stop.get_token()}), fanout::operation_cancelled);
  EXPECT_FALSE(ran);
}

TEST(Tuning, RefusesOptionsOutOfBounds) {
  const std::string most = std::to_string(fanout::max_concurrency());
  EXPECT_EQ(refusal_of({.sizes = {0}}), "sizes must be between 1 and " + most + ", got 0");
  EXPECT_EQ(refusal_of({.sizes = {fanout::automatic}}),
            "sizes must be between 1 and " + most + ", got " + std::to_string(fanout::automatic));
  EXPECT_EQ(refusal_of({.budget = 0s}), "budget must be above 0");
  EXPECT_EQ(refusal_of({.budget = -1s}), "budget must be above 0");
  EXPECT_EQ(refusal_of({.tolerance = -0.1}), "tolerance must be from 0 to below 1");
  EXPECT_EQ(refusal_of({.tolerance = 1}), "tolerance must be from 0 to below 1");
  EXPECT_EQ(refusal_of({.precision = 0}), "precision must be above 0 and below 1");
  EXPECT_EQ(refusal_of({.min_repetitions = 2}), "min_repetitions must be at least 3");
  EXPECT_EQ(refusal_of({.max_repetitions = 4}), "max_repetitions must be between min_repetitions and 10000");
  EXPECT_EQ(refusal_of({.workload = "\xff"}), "workload must be UTF-8");
}

TEST(Tuning, RefusesAnEmptyWorkload) {
  const std::string message = "the workload is an empty function";
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { tune(std::function<void(fanout::executor&)>()); }),
            message);
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { tune(3, std::function<void(int)>()); }), message);
}

TEST(Tuning, RefusesToMeasureNothing) {
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { tune(0, little_work); }),
            "n must be at least 1: there is nothing to measure");
  EXPECT_THROW(tune(-1, little_work), std::invalid_argument);
}

TEST(Tuning, RefusesABudgetThatHoldsNothing) {
  const auto message = support::message_of<std::invalid_argument>([] {
    tune([](fanout::executor&) { support::compute_for(2ms); }, {.sizes = {1, 2}, .budget = 1ms});
  });
  EXPECT_EQ(message.substr(0, 42), "a budget of 1 ms is too small for 2 sizes:") << message;
}

// Without the stop, the first task would wait until the test hangs.
TEST(Tuning, StopsTheFirstRunWhenTheBudgetIsSpent) {
  const support::watchdog watchdog;
  std::atomic<std::size_t> calls{0};
  const auto wait_for_the_stop = [&](std::size_t, const fanout::task_context& context) {
    if (calls.fetch_add(1) == 0) return;
    while (!context.stop_requested()) std::this_thread::yield();
  };
  try {
    tune(10, wait_for_the_stop, {.sizes = {1, 2}, .budget = 1s});
    FAIL() << "the budget was accepted";
  } catch (const fanout::budget_error& refused) {
    ASSERT_TRUE(refused.sufficient()) << refused.what();
    EXPECT_GE(*refused.sufficient(), 30s) << "one task of ten ended, and there are eight runs to do";
  }
  EXPECT_EQ(calls, 2u);
}

TEST(Tuning, CountsNoTaskThatTheEndOfTheBudgetStopped) {
  const support::watchdog watchdog;
  try {
    tune(2,
         [](std::size_t, const fanout::task_context& context) {
           while (!context.stop_requested()) std::this_thread::yield();
         },
         {.sizes = {1}, .budget = 10ms});
    FAIL() << "the budget was accepted";
  } catch (const fanout::budget_error& refused) {
    EXPECT_FALSE(refused.sufficient()) << refused.what();
  }
}

TEST(Tuning, TakesAStopInAFirstRunForNoEndOfTheBudget) {
  const support::watchdog watchdog;
  std::stop_source stop;
  const auto request_it = [&](std::size_t, const fanout::task_context& context) {
    stop.request_stop();
    while (!context.stop_requested()) std::this_thread::yield();
  };
  EXPECT_THROW(tune(10, request_it, {.budget = 60s, .stop = stop.get_token()}), fanout::operation_cancelled);
}

TEST(Tuning, WorksInsideATaskOfAnotherBatch) {
  const auto reports = fanout::map_in_parallel(std::vector{1, 2}, [](int) {
    return tune(10, little_work, {.sizes = {1, 2}, .budget = 5s, .max_repetitions = 5}).rows().size();
  });
  EXPECT_EQ(reports, (std::vector<std::size_t>{2, 2}));
}

}  // namespace
