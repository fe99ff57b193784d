#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 4: the first failure in time, or all by index, and always the cause.
namespace {

using namespace support;
using fanout::aggregate_error;
using fanout::error_policy;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::task_context;
using fanout::task_error;

using task = std::function<void(const task_context&)>;

// ── stop ────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise4Errors, TellTheTaskAndTheCause) {
  const std::vector<task> tasks{[](const task_context&) {},
                                [](const task_context&) { throw std::domain_error("bad"); }};
  const auto error = thrown_by<task_error>([&] { execute_in_parallel(tasks, 2); });
  EXPECT_EQ(error.index(), 1U);
  EXPECT_STREQ(error.what(), "task 1 failed: bad");
  EXPECT_THROW(std::rethrow_if_nested(error), std::domain_error);
}

TEST(Promise4Errors, NestACauseOfAnyType) {
  const std::vector<std::function<void()>> tasks{[] { throw 42; }};
  for (const std::size_t limit : {1U, 2U}) {
    const auto error = thrown_by<task_error>([&] { execute_in_parallel(tasks, limit); });
    EXPECT_THROW(std::rethrow_if_nested(error), int);
    EXPECT_STREQ(error.what(), "task 0 failed: an exception of type int");
  }
}

TEST(Promise4Errors, CanBeCaughtAsAnyOfTheirBases) {
  const auto fail = [] { execute_in_parallel(std::vector<std::function<void()>>{[] { throw 42; }}); };
  EXPECT_THROW(fail(), fanout::error);
  EXPECT_THROW(fail(), std::runtime_error);
  EXPECT_THROW(fail(), std::nested_exception);
}

TEST(Promise4Errors, AreAboutTheFirstFailureInTimeNotInOrder) {
  event last_has_failed;
  std::vector<task> tasks(4, [&](const task_context& context) {
    EXPECT_TRUE(last_has_failed.wait());
    while (!context.stop_requested()) std::this_thread::yield();
    throw std::domain_error("late");
  });
  tasks.back() = [&](const task_context&) {
    last_has_failed.set();
    throw std::domain_error("first");
  };
  EXPECT_EQ(message_of<task_error>([&] { execute_in_parallel(tasks, 4); }), "task 3 failed: first");
}

TEST(Promise4Errors, AreNotMaskedByTasksThatFailBecauseOfTheStop) {
  for (int round = 0; round != 200; ++round) {
    rendezvous all(3);
    const std::vector tasks(3, [&](const task_context& context) {
      EXPECT_TRUE(all.meet());
      if (context.index() == 1) throw std::domain_error("the cause");
      while (!context.stop_requested()) std::this_thread::yield();
      throw std::domain_error("a consequence");
    });
    ASSERT_EQ(message_of<task_error>([&] { execute_in_parallel(tasks, 3); }), "task 1 failed: the cause");
  }
}

TEST(Promise4Errors, StopNewStarts) {
  std::atomic<int> ran = 0;
  const std::vector tasks(1'000'000, [&](const task_context& context) {
    ++ran;
    if (context.index() == 10) throw 42;
  });
  EXPECT_THROW(execute_in_parallel(tasks, 1), task_error);
  EXPECT_EQ(ran, 11);
}

TEST(Promise4Errors, StopNewStartsOfAllRunners) {
  std::atomic<int> started_late = 0;
  std::atomic<int> ran = 0;
  const std::vector tasks(1'000'000, [&](const task_context& context) {
    if (context.stop_requested()) ++started_late;
    ++ran;
    compute_for(1us);
    if (context.index() == 100) throw 42;
  });
  EXPECT_THROW(execute_in_parallel(tasks, 4), task_error);
  EXPECT_LE(started_late, 3);  // the stop came between the runner's look and the task's
  EXPECT_LT(ran, 1'000'000);
}

TEST(Promise4Errors, ComeAfterAllRunningTasksHaveEnded) {
  rendezvous both(2);
  std::atomic<bool> ended = false;
  const std::vector tasks(2, [&](const task_context& context) {
    EXPECT_TRUE(both.meet());
    if (context.index() == 0) throw 42;
    std::this_thread::sleep_for(20ms);
    ended = true;
  });
  EXPECT_THROW(execute_in_parallel(tasks, 2), task_error);
  EXPECT_TRUE(ended);
}

TEST(Promise4Errors, AreTheOnlyOutcomeEvenIfEveryTaskFails) {
  for (int round = 0; round != 100; ++round) {
    const std::vector tasks(
        100, [](const task_context& context) { throw std::domain_error(std::to_string(context.index())); });
    const auto error = thrown_by<task_error>([&] { execute_in_parallel(tasks, 4); });
    const std::string index = std::to_string(error.index());
    ASSERT_EQ(error.what(), "task " + index + " failed: " + index);
  }
}

TEST(Promise4Errors, OfAnInnerBatchAreTheCauseOfTheOuterOne) {
  const std::vector inner(3, [](const task_context& context) {
    if (context.index() == 2) throw std::domain_error("deep");
  });
  const std::vector tasks(1, [&] { execute_in_parallel(inner); });
  EXPECT_EQ(message_of<task_error>([&] { execute_in_parallel(tasks, 2); }), "task 0 failed: task 2 failed: deep");
}

TEST(Promise4Errors, MayBeThrownWhileTheCallerHandlesAnother) {
  try {
    throw std::logic_error("outer");
  } catch (const std::logic_error&) {
    const std::vector<std::function<void()>> tasks{[] { throw 42; }};
    const auto error = thrown_by<task_error>([&] { execute_in_parallel(tasks); });
    EXPECT_THROW(error.rethrow_nested(), int);
  }
}

// ── run_all ─────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise4Errors, AreAllToldByIndexUnderRunAll) {
  std::atomic<int> ran = 0;
  const std::vector tasks(1'000, [&](const task_context& context) {
    ++ran;
    if (context.index() % 7 == 3) throw static_cast<int>(context.index());
  });
  for (const std::size_t limit : {1U, 4U}) {
    ran = 0;
    const auto error = thrown_by<aggregate_error>(
        [&] { execute_in_parallel(tasks, {.concurrency = limit, .on_error = error_policy::run_all}); });
    EXPECT_EQ(ran, 1'000);
    ASSERT_EQ(error.errors().size(), 143U);
    for (std::size_t i = 0; i != error.errors().size(); ++i) {
      const task_error& each = error.errors()[i];
      ASSERT_EQ(each.index(), 7 * i + 3);
      try {
        each.rethrow_nested();
      } catch (const int& cause) {
        ASSERT_EQ(cause, static_cast<int>(7 * i + 3));
      }
    }
  }
}

TEST(Promise4Errors, AreOrderedByIndexEvenIfTheyHappenedInReverse) {
  std::vector<event> failed(5);
  failed[4].set();
  const std::vector tasks(4, [&](const task_context& context) {
    EXPECT_TRUE(failed[context.index() + 1].wait());
    failed[context.index()].set();
    throw 42;
  });
  const auto error = thrown_by<aggregate_error>(
      [&] { execute_in_parallel(tasks, {.concurrency = 4, .on_error = error_policy::run_all}); });
  ASSERT_EQ(error.errors().size(), 4U);
  for (std::size_t i = 0; i != 4; ++i) EXPECT_EQ(error.errors()[i].index(), i);
}

TEST(Promise4Errors, AreNoneUnderRunAllWhereNothingFails) {
  EXPECT_EQ(execute_in_parallel(std::vector(3, [] { return 1; }), {.on_error = error_policy::run_all}),
            std::vector({1, 1, 1}));
}

TEST(Promise4Errors, AreOneAggregateUnderRunAllEvenForASingleFailure) {
  const std::vector<std::function<void()>> tasks{[] { throw 42; }};
  const auto error =
      thrown_by<aggregate_error>([&] { execute_in_parallel(tasks, {.on_error = error_policy::run_all}); });
  EXPECT_EQ(error.errors().size(), 1U);
}

TEST(Promise4Errors, AreAllKeptWhereManyTasksFailAtOnce) {
  const std::vector tasks(20'000, [](const task_context&) { throw 42; });
  const auto error = thrown_by<aggregate_error>(
      [&] { execute_in_parallel(tasks, {.concurrency = 4, .on_error = error_policy::run_all}); });
  EXPECT_EQ(error.errors().size(), 20'000U);
}

// ── settle ──────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise4Errors, AreDataWhereABatchIsSettled) {
  const auto outcomes =
      fanout::settle_in_parallel(std::vector(100, [](const task_context&) -> int { throw 42; }), {.concurrency = 3});
  EXPECT_EQ(outcomes.size(), 100U);
  for (const auto& each : outcomes) {
    EXPECT_FALSE(each.has_value());
    EXPECT_FALSE(each.cancelled());
    EXPECT_THROW(std::rethrow_exception(each.error()), int);
  }
}

// ── Lives of exceptions ─────────────────────────────────────────────────────────────────────────────────────────

TEST(Promise4Errors, AreTheVeryObjectsThatWereThrown) {
  struct witness {
    explicit witness(std::atomic<int>& c) : copies(&c) {}
    witness(const witness& other) : copies(other.copies) { ++*copies; }
    std::atomic<int>* copies;
  };
  std::atomic<int> copies = 0;
  const std::vector<std::function<void()>> tasks{[&] { throw witness(copies); }};
  EXPECT_THROW(execute_in_parallel(tasks), task_error);
  EXPECT_EQ(copies, 0);
}

TEST(Promise4Errors, MayBeCopiedToOtherThreadsAndOutliveTheBatch) {
  std::vector<task_error> kept;
  {
    executor three({.concurrency = 3});
    const auto error = thrown_by<aggregate_error>([&] {
      three.execute(std::vector(50, [](const task_context&) { throw std::domain_error("bad"); }),
                    {.on_error = error_policy::run_all});
    });
    kept = error.errors();
  }
  on_threads(4, [&](std::size_t) {
    const std::vector<task_error> own = kept;
    for (const task_error& each : own)
      ASSERT_EQ(message_of<std::domain_error>([&] { each.rethrow_nested(); }), "bad");
  });
}

}  // namespace
