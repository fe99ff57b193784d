#include "fanout/tuning_comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"

/// The call: what runs when, what is compared, and how it ends.
namespace {

using namespace std::chrono_literals;
using fanout::compare;
using fanout::compared_run;
using fanout::comparison_error;
using fanout::comparison_options;
using fanout::comparison_progress;
using fanout::comparison_report;
using fanout::comparison_scheduler;

/// Runs the tasks one by one, and writes its name down.
comparison_scheduler writer(const std::string& name, std::vector<std::string>& log) {
  return {name, [name, &log](const compared_run& tasks) {
            log.push_back(name);
            for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
          }};
}

comparison_scheduler in_order(const std::string& name) {
  return {name, [](const compared_run& tasks) {
            for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
          }};
}

/// One scheduler of ours beside serial, as briefly as possible.
comparison_options beside_serial(comparison_scheduler ours) {
  return {.concurrency = {2},
          .baselines = {comparison_scheduler::serial()},
          .schedulers = {std::move(ours)},
          .repetitions = 1};
}

int twice(int i) { return 2 * i; }

// ── What is measured ────────────────────────────────────────────────────────────────────────────────────────────

TEST(Comparison, MeasuresAllSchedulersOfTheLibraryUnlessOthersAreNamed) {
  const comparison_report report = compare(20, twice, {.repetitions = 2});
  std::vector<std::string> names;
  for (const auto& row : report.rows()) names.push_back(row.scheduler);
  EXPECT_EQ(names, (std::vector<std::string>{"serial", "fanout", "thread-rounds", "thread-pool", "async", "task-arena"}));
  for (const auto& row : report.rows()) {
    EXPECT_EQ(row.concurrency, fanout::available_concurrency());
    EXPECT_EQ(row.seconds.size(), 2U);
    EXPECT_LE(row.low_seconds, row.median_seconds);
    EXPECT_LE(row.median_seconds, row.high_seconds);
  }
  EXPECT_TRUE(report.equal());
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.rows()[0].speedup, 1);
  EXPECT_EQ(report.results().tasks, 20U);
}

TEST(Comparison, RunsEachSchedulerOnceInEachRoundInAnOrderThatChanges) {
  std::vector<std::string> log;
  comparison_options options{.baselines = {}, .repetitions = 8};
  for (const char* name : {"a", "b", "c", "d"}) options.schedulers.push_back(writer(name, log));
  static_cast<void>(compare(3, twice, options));
  ASSERT_EQ(log.size(), 4U * 9);
  std::set<std::vector<std::string>> orders;
  for (auto first = log.begin(); first != log.end(); first += 4) {
    std::vector<std::string> round(first, first + 4);
    orders.insert(round);
    std::sort(round.begin(), round.end());
    EXPECT_EQ(round, (std::vector<std::string>{"a", "b", "c", "d"}));
  }
  EXPECT_EQ(std::vector(log.begin(), log.begin() + 4), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_GT(orders.size(), 2U);
}

TEST(Comparison, TakesTheOrderFromTheSeed) {
  const auto order_of = [](std::uint64_t seed) {
    std::vector<std::string> log;
    comparison_options options{.baselines = {}, .repetitions = 6, .seed = seed};
    for (const char* name : {"a", "b", "c", "d"}) options.schedulers.push_back(writer(name, log));
    EXPECT_EQ(compare(3, twice, options).results().seed, seed);
    return log;
  };
  EXPECT_EQ(order_of(7), order_of(7));
  EXPECT_NE(order_of(7), order_of(8));
}

TEST(Comparison, MeasuresSeveralConcurrenciesInAscendingOrderAndEachOnce) {
  std::vector<std::size_t> made;
  comparison_options options{.concurrency = {3, 1, 3}, .baselines = {}, .repetitions = 1};
  options.schedulers.emplace_back("ours", [&](std::size_t concurrency) {
    made.push_back(concurrency);
    return [concurrency, alone = std::make_unique<int>(1)](const compared_run& tasks) {
      EXPECT_EQ(tasks.concurrency(), concurrency);
      for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
    };
  });
  const comparison_report report = compare(4, twice, options);
  EXPECT_EQ(made, (std::vector<std::size_t>{1, 3}));
  ASSERT_EQ(report.rows().size(), 2U);
  EXPECT_EQ(report.rows()[0].concurrency, 1U);
  EXPECT_EQ(report.rows()[1].concurrency, 3U);
}

TEST(Comparison, DestroysTheSchedulersOfAConcurrencyBeforeItMakesThoseOfTheNext) {
  struct counted {
    explicit counted(int& alive) : count(alive) { ++count; }
    ~counted() { --count; }
    int& count;
  };
  int alive = 0;
  int most = 0;
  comparison_options options{.concurrency = {1, 2, 3}, .baselines = {}, .repetitions = 1};
  options.schedulers.emplace_back("ours", [&](std::size_t) {
    return [&most, object = std::make_unique<counted>(alive)](const compared_run& tasks) {
      most = std::max(most, object->count);
      for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
    };
  });
  static_cast<void>(compare(4, twice, options));
  EXPECT_EQ(most, 1);
  EXPECT_EQ(alive, 0);
}

TEST(Comparison, CallsTheTaskWithEachItemOfARange) {
  const std::vector<std::string> items{"a", "bc", "def"};
  const comparison_report report = compare(items, [](const std::string& item) { return item.size(); });
  EXPECT_EQ(report.results().tasks, 3U);
  EXPECT_TRUE(report.equal());
}

TEST(Comparison, TakesTasksWithoutResultsAndResultsThatCannotBeCopiedOrMadeFromNothing) {
  struct result {
    explicit result(int i) : value(std::make_unique<int>(i)) {}
    std::unique_ptr<int> value;
  };
  std::atomic<int> calls = 0;
  static_cast<void>(compare(3, [&](int) { ++calls; }, beside_serial(in_order("ours"))));
  EXPECT_EQ(calls, 3 * 4);
  const comparison_report report =
      compare(3, [](int i) { return result(i); }, beside_serial(in_order("ours")),
              [](const result& expected, const result& other) { return *expected.value == *other.value; });
  EXPECT_TRUE(report.equal());
}

TEST(Comparison, TellsItsProgressBeforeEachRunAndAtTheEnd) {
  std::vector<std::string> seen;
  std::vector<std::size_t> runs;
  comparison_options options = beside_serial(in_order("ours"));
  options.budget = 10min;
  options.on_progress = [&](const comparison_progress& now) {
    seen.push_back(std::string(now.scheduler) + (now.warming_up ? " warming up" : ""));
    runs.push_back(now.runs);
    EXPECT_EQ(now.concurrency, 2U);
    EXPECT_EQ(now.planned_runs, 4U);
    EXPECT_EQ(now.budget, 10min);
    EXPECT_LE(now.remaining, 10min);
    if (now.runs == 4) {
      EXPECT_EQ(now.remaining, 0ns);
    }
  };
  static_cast<void>(compare(3, twice, options));
  EXPECT_EQ(runs, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(seen[0], "serial warming up");
  EXPECT_EQ(seen[1], "ours warming up");
  EXPECT_NE(seen[2], seen[3]);
}

// ── What is compared ────────────────────────────────────────────────────────────────────────────────────────────

TEST(Comparison, NamesTheSchedulerWhoseResultDiffersAndTheTask) {
  bool is_ours = false;
  const comparison_scheduler ours("ours", [&](const compared_run& tasks) {
    is_ours = true;
    for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
    is_ours = false;
  });
  const auto task = [&](int i) { return is_ours && (i == 3 || i == 5) ? -1 : i; };
  try {
    static_cast<void>(compare(7, task, beside_serial(ours)));
    FAIL() << "no exception";
  } catch (const comparison_error& e) {
    EXPECT_EQ(e.scheduler(), "ours");
    EXPECT_EQ(e.concurrency(), 2U);
    EXPECT_EQ(e.index(), 3U);
    EXPECT_EQ(e.cause(), nullptr);
    EXPECT_STREQ(e.what(),
                 "the scheduler ours, at a concurrency of 2, gave another result than serial for task 3 and 1 more");
  }
}

TEST(Comparison, KeepsAllDifferencesIfTheyShallNotEndIt) {
  int run = 0;
  // The first run of ours differs at 5, the second at 3, and serial never.
  const auto task = [&](int i) { return (run == 1 && i == 5) || (run == 2 && i == 3) ? -1 : i; };
  comparison_options options = beside_serial(comparison_scheduler(
      "ours", [&, count = 0](const compared_run& tasks) mutable {
        run = ++count;
        for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
        run = 0;
      }));
  options.stop_at_difference = false;
  const comparison_report report = compare(7, task, options);
  EXPECT_FALSE(report.equal());
  EXPECT_TRUE(report.find("serial")->differences.empty());
  EXPECT_EQ(report.find("ours")->differences, (std::vector<std::size_t>{3, 5}));
}

TEST(Comparison, UsesTheFunctionOfTheCallerInTheOrderOfTheTasks) {
  std::vector<double> seen;
  std::atomic<int> calls = 0;
  const auto nearly = [&](double expected, double other) {
    seen.push_back(std::round(expected));
    return std::abs(expected - other) < 0.1;
  };
  const comparison_report report =
      compare(3, [&](int i) { return i + 1e-6 * ++calls; }, beside_serial(in_order("ours")), nearly);
  EXPECT_TRUE(report.equal());
  EXPECT_EQ(seen, (std::vector<double>{0, 1, 2, 0, 1, 2, 0, 1, 2}));  // all runs but the one that is expected
}

// ── Errors ──────────────────────────────────────────────────────────────────────────────────────────────────────

void expect_refusal(const comparison_options& options, const std::string& words) {
  int calls = 0;
  try {
    static_cast<void>(compare(3, [&](int) { ++calls; }, options));
    FAIL() << "no exception: " << words;
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
  }
  EXPECT_EQ(calls, 0);
}

TEST(Comparison, RefusesOptionsOutOfTheirBoundsBeforeAnythingRuns) {
  expect_refusal({.concurrency = {0}}, "0");
  expect_refusal({.concurrency = {fanout::max_concurrency() + 1}}, "");
  expect_refusal({.repetitions = 0}, "repetitions");
  expect_refusal({.repetitions = 10'001}, "repetitions");
  expect_refusal({.budget = 0s}, "budget");
  expect_refusal({.workload = "\xff"}, "workload");
  expect_refusal({.baselines = {}}, "no scheduler");
  expect_refusal({.schedulers = {in_order("")}}, "empty name");
  expect_refusal({.schedulers = {in_order("\xff")}}, "name of a scheduler");
  expect_refusal({.schedulers = {in_order("ours"), in_order("ours")}}, "two schedulers have the name ours");
  expect_refusal({.schedulers = {in_order("fanout")}}, "two schedulers have the name fanout");
  expect_refusal({.schedulers = {{"ours", comparison_scheduler::run_function()}}}, "ours is an empty function");
  const std::function<comparison_scheduler::run_function(std::size_t)> none;
  expect_refusal({.schedulers = {{"ours", none}}}, "ours is an empty function");
}

TEST(Comparison, RefusesAnEmptyWorkload) {
  EXPECT_THROW(static_cast<void>(compare(0, twice)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(compare(-1, twice)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(compare(std::vector<int>(), twice)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(compare(3, std::function<int(int)>())), std::invalid_argument);
}

TEST(Comparison, GivesTheExceptionOfASchedulerAsACause) {
  const auto expect_failure = [](const comparison_options& options) {
    try {
      static_cast<void>(compare(3, twice, options));
      FAIL() << "no exception";
    } catch (const comparison_error& e) {
      EXPECT_EQ(e.scheduler(), "ours");
      EXPECT_FALSE(e.index());
      EXPECT_STREQ(e.what(), "the scheduler ours, at a concurrency of 2, failed: no");
      EXPECT_THROW(std::rethrow_exception(e.cause()), std::domain_error);
    }
  };
  expect_failure(beside_serial({"ours", [](const compared_run&) { throw std::domain_error("no"); }}));
  expect_failure(beside_serial({"ours", [](std::size_t) -> comparison_scheduler::run_function {
                                  throw std::domain_error("no");
                                }}));
  EXPECT_THROW(static_cast<void>(compare(3, twice, beside_serial({"ours", [](const compared_run&) { throw 1; }}))),
               comparison_error);
  EXPECT_THROW(static_cast<void>(
                   compare(3, twice, beside_serial({"ours", [](const compared_run&) { throw std::bad_alloc(); }}))),
               std::bad_alloc);
}

TEST(Comparison, NamesATaskThatASchedulerDoesNotRunExactlyOnce) {
  const auto failure = [](const std::function<void(const compared_run&)>& run) {
    try {
      static_cast<void>(compare(3, twice, beside_serial({"ours", run})));
    } catch (const comparison_error& e) {
      return std::pair(e.index(), std::string(e.what()));
    }
    return std::pair(std::optional<std::size_t>(), std::string("no exception"));
  };
  const auto [omitted, omitted_text] = failure([](const compared_run& tasks) {
    tasks(0);
    tasks(2);
  });
  EXPECT_EQ(omitted, 1U);
  EXPECT_NE(omitted_text.find("did not run task 1"), std::string::npos) << omitted_text;
  const auto [repeated, repeated_text] = failure([](const compared_run& tasks) {
    for (const std::size_t i : {0U, 1U, 2U, 1U}) tasks(i);
  });
  EXPECT_EQ(repeated, 1U);
  EXPECT_NE(repeated_text.find("ran task 1 twice"), std::string::npos) << repeated_text;
  const auto [beyond, beyond_text] = failure([](const compared_run& tasks) {
    for (const std::size_t i : {0U, 1U, 2U, 3U}) tasks(i);
  });
  EXPECT_EQ(beyond, 3U);
  EXPECT_NE(beyond_text.find("ran task 3, but there are 3"), std::string::npos) << beyond_text;
  constexpr std::size_t before_first = std::numeric_limits<std::size_t>::max();
  const auto [before, before_text] = failure([](const compared_run& tasks) {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{2}, before_first}) tasks(i);
  });
  EXPECT_EQ(before, before_first) << before_text;
}

TEST(Comparison, GivesTheFailureOfATaskAndStartsNoOther) {
  for (const comparison_scheduler& scheduler : comparison_scheduler::all()) {
    SCOPED_TRACE(scheduler.name());
    std::atomic<int> calls = 0;
    const auto task = [&](int i) {
      ++calls;
      if (i == 0) throw std::domain_error("no");
      std::this_thread::sleep_for(1ms);
    };
    try {
      static_cast<void>(compare(10'000, task, {.concurrency = {2}, .baselines = {scheduler}}));
      FAIL() << "no exception";
    } catch (const fanout::task_error& e) {
      EXPECT_EQ(e.index(), 0U);
      EXPECT_THROW(e.rethrow_nested(), std::domain_error);
    }
    EXPECT_LT(calls, 10'000);
  }
}

TEST(Comparison, GivesTheFailureOfATaskAndNotWhatTheSchedulerThrowsBecauseOfIt) {
  const comparison_scheduler ours("ours", [](const compared_run& tasks) {
    for (std::size_t i = 0; i != tasks.size(); ++i) tasks(i);
    if (tasks.stop_token().stop_requested()) throw std::runtime_error("a task failed");
  });
  int calls = 0;
  const auto task = [&](int) {
    if (++calls > 3) throw std::domain_error("no");
  };
  EXPECT_THROW(static_cast<void>(compare(3, task, beside_serial(ours))), fanout::task_error);
}

TEST(Comparison, LetsExceptionsOfTheCallbackAndOfTheComparisonThrough) {
  comparison_options options = beside_serial(in_order("ours"));
  EXPECT_THROW(static_cast<void>(compare(3, twice, options, [](int, int) -> bool { throw std::domain_error("no"); })),
               std::domain_error);
  options.on_progress = [](const comparison_progress&) { throw std::range_error("no"); };
  EXPECT_THROW(static_cast<void>(compare(3, twice, options)), std::range_error);
}

// ── Stops and budgets ───────────────────────────────────────────────────────────────────────────────────────────

TEST(Comparison, KeepsTheWholeRoundsBeforeAStop) {
  std::stop_source stop;
  comparison_options options = beside_serial(in_order("ours"));
  options.repetitions = 100;
  options.stop = stop.get_token();
  options.on_progress = [&](const comparison_progress& now) {
    if (now.runs == 7) stop.request_stop();  // the second run of the third round, after two that warm up
  };
  const comparison_report report = compare(3, twice, options);
  EXPECT_FALSE(report.complete());
  ASSERT_EQ(report.rows().size(), 2U);
  EXPECT_EQ(report.rows()[0].seconds.size(), 2U);
  EXPECT_EQ(report.rows()[1].seconds.size(), 2U);
}

TEST(Comparison, ThrowsIfItIsStoppedBeforeAWholeRound) {
  for (const comparison_scheduler& scheduler : comparison_scheduler::all()) {
    SCOPED_TRACE(scheduler.name());
    std::stop_source stop;
    std::atomic<int> started = 0;
    // Tasks that watch their token: without it, this would take days.
    const auto task = [&](int, const std::stop_token& token) {
      ++started;
      stop.request_stop();
      while (!token.stop_requested()) std::this_thread::sleep_for(1ms);
      throw fanout::operation_cancelled("stopped");
    };
    EXPECT_THROW(static_cast<void>(compare(1'000, task,
                                           {.concurrency = {4}, .baselines = {scheduler}, .stop = stop.get_token()})),
                 fanout::operation_cancelled);
    EXPECT_LE(started, 4);
  }
}

TEST(Comparison, BeginsNoRoundThatWouldNotEndInTime) {
  comparison_options options = beside_serial(in_order("ours"));
  options.repetitions = 10'000;
  options.budget = 2s;
  const auto start = std::chrono::steady_clock::now();
  const comparison_report report = compare(4, [](int) { std::this_thread::sleep_for(10ms); }, options);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
  EXPECT_TRUE(report.complete());
  EXPECT_GE(report.rows()[0].seconds.size(), 1U);
  EXPECT_LT(report.rows()[0].seconds.size(), 50U);
}

TEST(Comparison, StopsTheFirstRunAtTheEndOfTheBudget) {
  comparison_options options = beside_serial(in_order("ours"));
  options.budget = 50ms;
  const auto wait = [](int, const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  };
  try {
    static_cast<void>(compare(3, wait, options));  // would never end
    FAIL() << "no exception";
  } catch (const fanout::budget_error& e) {
    EXPECT_FALSE(e.sufficient());
    EXPECT_NE(std::string(e.what()).find("serial had not run once"), std::string::npos) << e.what();
  }
}

TEST(Comparison, NamesABudgetThatIsSufficientIfThereIsTimeForOneRoundOnly) {
  comparison_options options = beside_serial(in_order("ours"));
  options.budget = 1500ms;  // two runs, and less than two more
  try {
    static_cast<void>(compare(1, [](int) { std::this_thread::sleep_for(400ms); }, options));
    FAIL() << "no exception";
  } catch (const fanout::budget_error& e) {
    if (!e.sufficient()) GTEST_SKIP() << "the machine is too busy: " << e.what();
    EXPECT_GE(*e.sufficient(), 2s);  // 2.5 rounds of two runs
  }
}

TEST(Comparison, AnEndlessBudgetIsOne) {
  comparison_options options = beside_serial(in_order("ours"));
  options.concurrency = {1, 2};
  options.budget = std::chrono::nanoseconds::max();
  EXPECT_EQ(compare(3, twice, options).rows().size(), 4U);
}

TEST(Comparison, MayRunInsideATask) {
  fanout::executor executor({.concurrency = 2});
  const auto equal = executor.map(2, [](int) { return compare(10, twice, {.concurrency = {2}, .repetitions = 1}).equal(); });
  EXPECT_TRUE(equal[0] && equal[1]);
}

}  // namespace
