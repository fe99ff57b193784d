// How a scope ends: with failures, a stop, an exception of the progress callback, or none of these.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::error_policy;
using fanout::task_scope;

struct TaskScopeOutcome : testing::Test {
  const watchdog guard;
};

TEST_F(TaskScopeOutcome, IsTheFirstFailureAndNothingStartsAfterIt) {
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 1});
  for (int i = 0; i != 10; ++i) {
    scope.add([&, i] {
      ++ran;
      if (i >= 3) throw std::runtime_error("planned");
    });
  }
  const auto error = thrown_by<fanout::task_error>([&] { scope.join(); });
  EXPECT_EQ(error.index(), 3U);
  EXPECT_STREQ(error.what(), "task 3 failed: planned");
  EXPECT_THROW(error.rethrow_nested(), std::runtime_error);
  EXPECT_EQ(ran, 4);
  EXPECT_EQ(scope.progress().failed, 1U);
  EXPECT_EQ(scope.progress().started, 4U);
  EXPECT_EQ(scope.progress().total, 10U);
}

TEST_F(TaskScopeOutcome, IsAllFailuresIfAllAreToRun) {
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 3, .on_error = error_policy::run_all});
  for (int i = 0; i != 100; ++i) {
    scope.add([&, i] {
      ++ran;
      if (i % 10 == 7) throw std::runtime_error(std::to_string(i));
    });
  }
  const auto error = thrown_by<fanout::aggregate_error>([&] { scope.join(); });
  EXPECT_EQ(ran, 100);
  ASSERT_EQ(error.errors().size(), 10U);
  for (std::size_t i = 0; i != 10; ++i) EXPECT_EQ(error.errors().at(i).index(), 10 * i + 7);
  EXPECT_STREQ(error.what(), "10 of 100 tasks failed; the first: task 7 failed: 7");
}

TEST_F(TaskScopeOutcome, IsAFailureAlsoIfItIsNoException) {
  task_scope scope;
  scope.add([] { throw 7; });
  EXPECT_THROW(scope.join(), fanout::task_error);
}

TEST_F(TaskScopeOutcome, OfAStopCountsWhatHadStarted) {
  event started;
  event over;
  task_scope scope({.concurrency = 2});
  for (int i = 0; i != 2; ++i) {
    scope.add([&] {
      started.set();
      EXPECT_TRUE(over.wait());
    });
  }
  for (int i = 0; i != 8; ++i) scope.add([] {});
  EXPECT_TRUE(started.wait());
  scope.request_stop();
  over.set();
  const auto error = thrown_by<fanout::operation_cancelled>([&] { scope.join(); });
  EXPECT_GE(error.completed(), 1U);
  EXPECT_LE(error.completed(), 2U);
  EXPECT_EQ(error.total(), 10U);
  EXPECT_EQ(scope.progress().started, error.completed());
}

TEST_F(TaskScopeOutcome, OfAStopFromOutsideIsTheSame) {
  std::stop_source source;
  std::atomic<int> seen = 0;
  event started;
  task_scope scope({.concurrency = 1, .stop = source.get_token()});
  scope.add([&](const fanout::task_context& context) {
    const std::stop_token token = context.stop_token();
    EXPECT_FALSE(token.stop_requested());
    started.set();
    while (!context.stop_requested()) std::this_thread::yield();
    while (!token.stop_requested()) std::this_thread::yield();
    ++seen;
  });
  scope.add([&] { seen += 100; });
  EXPECT_TRUE(started.wait());
  source.request_stop();
  EXPECT_THROW(scope.join(), fanout::operation_cancelled);
  EXPECT_EQ(seen, 1);
}

TEST_F(TaskScopeOutcome, OfAStopBeforeItBeginsIsThatNothingRuns) {
  std::stop_source source;
  source.request_stop();
  std::atomic<int> ran = 0;
  task_scope scope({.stop = source.get_token()});
  scope.add([&] { ++ran; });
  scope.add([&, text = std::string(100, 'x')] { ++ran; });
  const auto error = thrown_by<fanout::operation_cancelled>([&] { scope.join(); });
  EXPECT_EQ(error.completed(), 0U);
  EXPECT_EQ(error.total(), 2U);
  EXPECT_EQ(ran, 0);
}

TEST_F(TaskScopeOutcome, IsGoodIfTheStopComesWhenAllHaveEnded) {
  event ran;
  task_scope scope;
  scope.add([&] { ran.set(); });
  EXPECT_TRUE(ran.wait());
  while (scope.progress().completed != 1) std::this_thread::yield();
  std::this_thread::sleep_for(10ms);  // the runner sees that nothing is left
  scope.request_stop();
  EXPECT_NO_THROW(scope.join());
  task_scope failed({.on_error = error_policy::run_all});
  failed.add([] { throw std::runtime_error("planned"); });
  while (failed.progress().completed != 1) std::this_thread::yield();
  std::this_thread::sleep_for(10ms);
  failed.request_stop();
  EXPECT_THROW(failed.join(), fanout::error);
  task_scope empty;
  empty.request_stop();
  EXPECT_NO_THROW(empty.join());
}

TEST_F(TaskScopeOutcome, OfAStopAtAnyMomentCountsEachTaskOnce) {
  for (int round = 0; round != 300; ++round) {
    std::atomic<std::size_t> ran = 0;
    std::size_t completed = 0;
    task_scope scope({.concurrency = 1U + static_cast<unsigned>(round) % 3U});
    {
      const std::jthread stopping([&] {
        compute_for(std::chrono::microseconds(round));
        scope.request_stop();
      });
      for (int i = 0; i != 200; ++i) scope.add([&] { ++ran; });
      try {
        scope.join();
        completed = 200;
      } catch (const fanout::operation_cancelled& e) {
        completed = e.completed();
        EXPECT_EQ(e.total(), 200U);
      }
    }
    ASSERT_EQ(ran, completed);
  }
}

TEST_F(TaskScopeOutcome, OfAStopThatATaskHasSeenIsThatNoOtherStarts) {
  for (int round = 0; round != 300; ++round) {
    std::atomic<int> late = 0;
    event started;
    task_scope scope({.concurrency = 1});
    scope.add([&](const fanout::task_context& context) {
      started.set();
      while (!context.stop_requested()) std::this_thread::yield();
    });
    scope.add([&] { ++late; });
    EXPECT_TRUE(started.wait());
    scope.request_stop();
    EXPECT_THROW(scope.join(), fanout::operation_cancelled);
    ASSERT_EQ(late, 0);
  }
}

TEST_F(TaskScopeOutcome, DestroysTasksThatNeverRun) {
  counted::reset();
  {
    event started;
    task_scope scope({.concurrency = 1});
    scope.add([&](const fanout::task_context& context) {
      started.set();
      while (!context.stop_requested()) std::this_thread::yield();
    });
    EXPECT_TRUE(started.wait());
    for (int i = 0; i != 20; ++i) scope.add([kept = counted(i)] { ADD_FAILURE(); });
    scope.request_stop();
    scope.add([kept = counted(20)] { ADD_FAILURE(); });
    EXPECT_THROW(scope.join(), fanout::operation_cancelled);
    EXPECT_EQ(counted::population.alive(), 0);
  }
}

TEST_F(TaskScopeOutcome, LetsTheDestructorsOfTasksAddUntilItIsKnown) {
  struct adds_at_its_end {
    explicit adds_at_its_end(task_scope& to) : scope(&to) {}
    adds_at_its_end(adds_at_its_end&& from) noexcept : scope(std::exchange(from.scope, nullptr)) {}
    ~adds_at_its_end() {
      if (scope == nullptr) return;
      EXPECT_NO_THROW(scope->add([] { ADD_FAILURE(); }));
    }
    void operator()() const { ADD_FAILURE(); }
    task_scope* scope;
  };
  event started;
  task_scope scope({.concurrency = 1});
  scope.add([&](const fanout::task_context& context) {
    started.set();
    while (!context.stop_requested()) std::this_thread::yield();
  });
  EXPECT_TRUE(started.wait());
  for (int i = 0; i != 3; ++i) scope.add(adds_at_its_end(scope));
  scope.request_stop();
  EXPECT_THROW(scope.join(), fanout::operation_cancelled);
  EXPECT_EQ(scope.progress().total, 7U);
}

TEST_F(TaskScopeOutcome, OfTheDestructorIsTheStop) {
  std::atomic<int> ran = 0;
  event started;
  {
    task_scope scope({.concurrency = 1});
    scope.add([&](const fanout::task_context& context) {
      started.set();
      while (!context.stop_requested()) std::this_thread::yield();
      ++ran;
      throw std::runtime_error("nobody asks for it");
    });
    scope.add([&] { ran += 100; });
    EXPECT_TRUE(started.wait());
  }
  EXPECT_EQ(ran, 1);
}

TEST_F(TaskScopeOutcome, OfTheDestructorLetsTasksAddUntilTheyHaveEnded) {
  counted::reset();
  event started;
  {
    task_scope scope({.concurrency = 1});
    scope.add([&](const fanout::task_context& context) {
      started.set();
      while (!context.stop_requested()) std::this_thread::yield();
      scope.add([kept = counted(1)] { ADD_FAILURE(); });
    });
    EXPECT_TRUE(started.wait());
  }
  EXPECT_GT(counted::population.made, 0);
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST_F(TaskScopeOutcome, OfTheDestructorIsTheStopWhenTheStackIsUnwound) {
  std::atomic<int> running = 0;
  try {
    task_scope scope({.concurrency = 2});
    for (int i = 0; i != 10; ++i) {
      scope.add([&](const fanout::task_context& context) {
        ++running;
        while (!context.stop_requested()) std::this_thread::yield();
        --running;
      });
    }
    while (running == 0) std::this_thread::yield();
    throw std::domain_error("planned");
  } catch (const std::domain_error&) {
    EXPECT_EQ(running, 0);
  }
}

TEST_F(TaskScopeOutcome, OfATaskThatDestroysItsScopeIsTheEndOfTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto destroy_in_task = [] {
    auto scope = std::make_optional<task_scope>(fanout::run_options{.concurrency = 1});
    event never;
    scope->add([&] { scope.reset(); });
    static_cast<void>(never.wait());
  };
  EXPECT_DEATH(destroy_in_task(), "a task scope is being destroyed by one of its own tasks");
}

TEST_F(TaskScopeOutcome, OfACallbackThatDestroysItsScopeIsTheEndOfTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  // The interval makes it the last call, which `join` makes when all tasks have ended.
  const auto destroy_in_callback = [] {
    std::optional<task_scope> scope;
    scope.emplace(fanout::run_options{.concurrency = 1,
                                      .on_progress = [&](std::size_t, std::size_t) { scope.reset(); },
                                      .progress_interval = std::chrono::hours(1)});
    scope->add([] {});
    scope->join();
  };
  EXPECT_DEATH(destroy_in_callback(), "a task scope is being destroyed by one of its own tasks or callbacks");
}

/// A static scope: `exit` destroys it while the calling thread joins it.
task_scope& static_scope() {
  static task_scope scope({.concurrency = 2});
  return scope;
}

TEST_F(TaskScopeOutcome, OfExitInATaskOfAStaticScopeIsTheMessageOfItsDestructor) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto exit_in_task = [] {
    event running;
    static_scope().add([&] {
      EXPECT_TRUE(running.wait());
      std::exit(3);
    });
    static_scope().add([&](const fanout::task_context&) { running.set(); });
    static_scope().join();
  };
  EXPECT_DEATH(exit_in_task(), "a task scope is being destroyed by one of its own tasks");
}

TEST_F(TaskScopeOutcome, OfExitBesideTheJoinOfAStaticScopeIsTheStop) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto exit_beside_join = [] {
    event running;
    static std::atomic<bool> ended = false;
    static_scope().add([&](const fanout::task_context& context) {
      running.set();
      while (!context.stop_requested()) std::this_thread::yield();
      std::this_thread::sleep_for(20ms);
      ended = true;
    });
    EXPECT_TRUE(running.wait());
    std::thread([] {
      std::this_thread::sleep_for(20ms);
      std::exit(3);
    }).detach();
    try {
      static_scope().join();
    } catch (const fanout::operation_cancelled&) {
      if (!ended) std::abort();
    }
    for (;;) std::this_thread::sleep_for(1s);
  };
  EXPECT_EXIT(exit_beside_join(), testing::ExitedWithCode(3), "");
}

}  // namespace
