#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 6: nothing outlives a call, neither a task nor a copy of a result, and the process ends cleanly.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::run_options;
using fanout::task_context;

/// Runs batches that end in `call` in every way, again and again; no task may run when the call is over.
template <class Call>
void expect_no_task_after(Call call) {
  for (int round = 0; round != 100; ++round) {
    gauge running;
    const std::vector<std::function<void(const task_context&)>> tasks(30, [&](const task_context& context) {
      const gauge::visit here(running);
      if (context.index() == 7) throw 42;
      std::this_thread::sleep_for(20us);
    });
    try {
      call(tasks);
    } catch (...) {
    }
    ASSERT_EQ(running.inside(), 0);
  }
}

TEST(Promise6Structured, NoTaskRunsAfterACallThatThrew) {
  expect_no_task_after([](auto& tasks) { execute_in_parallel(tasks, 4); });
}

TEST(Promise6Structured, NoTaskRunsAfterACallThatWasStopped) {
  expect_no_task_after([](auto& tasks) {
    std::stop_source source;
    std::jthread requester([&] { source.request_stop(); });
    fanout::settle_in_parallel(tasks, {.concurrency = 4, .stop = source.get_token()});
  });
}

TEST(Promise6Structured, NoTaskRunsAfterTheProgressCallbackThrew) {
  run_options options{.concurrency = 4};
  options.on_progress = [](std::size_t completed, std::size_t) {
    if (completed >= 5) throw 42;
  };
  expect_no_task_after([&](auto& tasks) { execute_in_parallel(tasks, options); });
}

TEST(Promise6Structured, NoTaskOfASharedExecutorRunsAfterItsOwnCall) {
  executor three({.concurrency = 3});
  on_threads(3, [&](std::size_t) {
    expect_no_task_after([&](auto& tasks) { three.execute(tasks, {.on_error = fanout::error_policy::run_all}); });
  });
}

// ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────

template <class T>
class Promise6StructuredResults : public testing::Test {
 protected:
  Promise6StructuredResults() { counted::reset(); }
};
using counting_types = testing::Types<counted, counted_with_default>;
TYPED_TEST_SUITE(Promise6StructuredResults, counting_types, );

TYPED_TEST(Promise6StructuredResults, AreDestroyedWhenATaskThrows) {
  const std::vector tasks(100, [](const task_context& context) -> TypeParam {
    if (context.index() == 50) throw 42;
    return TypeParam(1);
  });
  EXPECT_THROW(execute_in_parallel(tasks, 3), fanout::task_error);
  EXPECT_GE(counted::population.made, 1);
  EXPECT_EQ(counted::population.alive(), 0);
}

TYPED_TEST(Promise6StructuredResults, AreDestroyedUnderRunAll) {
  const std::vector tasks(100, [](const task_context& context) -> TypeParam {
    if (context.index() % 2 == 0) throw 42;
    return TypeParam(1);
  });
  EXPECT_THROW(execute_in_parallel(tasks, {.concurrency = 3, .on_error = fanout::error_policy::run_all}),
               fanout::aggregate_error);
  EXPECT_GE(counted::population.made, 50);
  EXPECT_EQ(counted::population.alive(), 0);
}

TYPED_TEST(Promise6StructuredResults, AreDestroyedWhenTheBatchIsCancelled) {
  std::stop_source source;
  const std::vector tasks(100, [&](const task_context& context) {
    if (context.index() == 50) source.request_stop();
    return TypeParam(1);
  });
  EXPECT_THROW(execute_in_parallel(tasks, {.concurrency = 3, .stop = source.get_token()}),
               fanout::operation_cancelled);
  EXPECT_EQ(counted::population.alive(), 0);
}

TYPED_TEST(Promise6StructuredResults, AreDestroyedBeforeTheCallerHandlesTheError) {
  const std::vector tasks(100, [](const task_context& context) -> TypeParam {
    if (context.index() == 99) throw 42;
    return TypeParam(1);
  });
  try {
    execute_in_parallel(tasks, 1);
    FAIL() << "no exception";
  } catch (const fanout::task_error&) {
    EXPECT_EQ(counted::population.alive(), 0);
  }
}

TYPED_TEST(Promise6StructuredResults, AreDestroyedOnceWhenAllGoesWell) {
  {
    const auto results = execute_in_parallel(std::vector(100, [] { return TypeParam(1); }), 3);
  }
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Promise6Structured, ResultsWhoseMoveThrowsAreAllDestroyed) {
  struct fragile : counted {
    using counted::counted;
    fragile(fragile&& other) : counted(std::move(other)) {
      if (value == 60) throw std::domain_error("moved");
    }
  };
  counted::reset();
  const std::vector tasks(100,
                          [](const task_context& context) { return fragile(static_cast<int>(context.index())); });
  EXPECT_THROW(execute_in_parallel(tasks, 3), std::domain_error);
  EXPECT_EQ(counted::population.made, 100);
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Promise6Structured, CausesDieWithTheErrorsThatHoldThem) {
  counted::reset();
  const std::vector<std::function<void()>> tasks(50, [] { throw counted(1); });
  EXPECT_THROW(execute_in_parallel(tasks, {.concurrency = 3, .on_error = fanout::error_policy::run_all}),
               fanout::aggregate_error);
  EXPECT_THROW(execute_in_parallel(tasks, 3), fanout::task_error);
  EXPECT_EQ(counted::population.alive(), 0);
}

TEST(Promise6Structured, OptionsAndTasksAreNotKept) {
  const auto witness = std::make_shared<int>(0);
  {
    run_options options{.concurrency = 3};
    options.on_progress = [witness](std::size_t, std::size_t) {};
    execute_in_parallel(std::vector(10, [witness] {}), options);
    execute_in_parallel(std::vector<std::function<void()>>(10, [witness] {}));
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(Promise6Structured, StopCallbacksAreNotKept) {
  std::stop_source source;
  execute_in_parallel(std::vector(10, [] {}), {.concurrency = 3, .stop = source.get_token()});
  executor({.concurrency = 2}).execute(std::vector(10, [] {}), {.stop = source.get_token()});
  source.request_stop();  // the address sanitizer sees a callback into a batch that is gone
  EXPECT_EQ(execute_in_parallel(std::vector(1, [] { return 1; }), 2).size(), 1U);
}

TEST(Promise6Structured, AStopThatRacesWithTheEndOfTheBatchFindsItAliveOrGone) {
  for (int round = 0; round != 2'000; ++round) {
    std::stop_source source;
    event go;
    std::jthread requester([&] {
      static_cast<void>(go.wait());
      source.request_stop();
    });
    const auto outcomes = fanout::settle_in_parallel(std::vector<std::function<void()>>{[&] { go.set(); }, [] {}},
                                                     {.concurrency = 2, .stop = source.get_token()});
    ASSERT_TRUE(outcomes[0].has_value());
  }
}

// ── The end of the process ──────────────────────────────────────────────────────────────────────────────────────

class Promise6StructuredDeathTest : public testing::Test {
 protected:
  Promise6StructuredDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

/// Uses the library in its destructor, which runs after main.
struct user_at_exit {
  ~user_at_exit() {
    int sum = 0;
    for (const int each : execute_in_parallel(std::vector(20, [] { return 1; }), 4)) sum += each;
    for (const int each : execute_in_parallel(std::vector(20, [] { return 1; }))) sum += each;
    if (sum != 40) std::_Exit(7);
  }
};

TEST_F(Promise6StructuredDeathTest, AProcessThatUsedEverythingEndsCleanly) {
  const auto program = [] {
    static executor first({.concurrency = 4});
    static executor automatic_one;
    execute_in_parallel(std::vector(100, [] {}), 8);
    execute_in_parallel(std::vector(100, [] {}));
    first.execute(std::vector(100, [] {}));
    automatic_one.execute(std::vector(100, [] {}));
    static executor last({.concurrency = 3});
    last.execute(std::vector(100, [] {}));
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise6StructuredDeathTest, AStaticObjectMayUseTheLibraryInItsDestructor) {
  const auto program = [] {
    static user_at_exit before_first_use;
    static executor some({.concurrency = 4});
    some.execute(std::vector(100, [] {}));
    execute_in_parallel(std::vector(100, [] {}), 4);
    static user_at_exit after_first_use;
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise6StructuredDeathTest, AStaticObjectMayBeTheFirstToUseTheLibrary) {
  const auto program = [] {
    static user_at_exit only_user;
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise6StructuredDeathTest, StaticExecutorsMayBeDestroyedInAnyOrder) {
  const auto program = [] {
    static std::unique_ptr<executor> held[5];
    for (std::size_t i = 0; i != 5; ++i) {
      held[i] = std::make_unique<executor>(fanout::executor_options{.concurrency = i + 1});
      held[i]->execute(std::vector(20, [] {}));
    }
    for (const std::size_t i : {std::size_t{2}, std::size_t{0}, std::size_t{4}}) held[i].reset();
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise6StructuredDeathTest, AnExecutorThatIsNeverDestroyedDisturbsNobody) {
  const auto program = [] {
    static executor* const kept = new executor({.concurrency = 4});  // static, so that no tool takes it for a leak
    kept->execute(std::vector(100, [] {}));
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(Promise6StructuredDeathTest, ThreadsMayEndBetweenTheirBatchesAndTheEndOfTheProcess) {
  const auto program = [] {
    static executor shared({.concurrency = 3});
    on_threads(8, [](std::size_t) {
      shared.execute(std::vector(50, [] {}));
      execute_in_parallel(std::vector(50, [] {}), 5);
    });
    std::exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

}  // namespace
