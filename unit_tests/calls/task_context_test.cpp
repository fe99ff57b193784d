#include "fanout/task_context.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/execute.hpp"
#include "fanout/executor.hpp"
#include "fanout/limits.hpp"
#include "fanout/map.hpp"
#include "support.hpp"

/// What a running task can ask.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::operation_cancelled;
using fanout::run_options;
using fanout::task_context;
using fanout::task_error;

using task = std::function<void(const task_context&)>;

/// Waits, as a task does that polls; false if nobody asked it to stop in time.
bool sees_the_stop(const task_context& context) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!context.stop_requested()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(TaskContext, CannotBeCopied) { static_assert(!std::is_copy_constructible_v<task_context>); }

TEST(TaskContext, TellsThePlaceInTheInput) {
  std::vector<std::size_t> seen(1'000);
  execute_in_parallel(
      std::vector<task>(seen.size(), [&](const task_context& context) { seen[context.index()] = context.index(); }),
      2);
  for (std::size_t index = 0; index != seen.size(); ++index) ASSERT_EQ(seen[index], index);
}

TEST(TaskContext, SeesNoStopWhereAllGoesWell) {
  std::atomic<int> stopped = 0;
  execute_in_parallel(std::vector<task>(100,
                                        [&](const task_context& context) {
                                          if (context.stop_requested() || context.stop_token().stop_requested())
                                            ++stopped;
                                        }),
                      2);
  EXPECT_EQ(stopped, 0);
}

TEST(TaskContext, SeesTheFailureOfAnotherTask) {
  rendezvous both(2);
  std::atomic<bool> seen = false;
  const std::vector<task> tasks{[&](const task_context& context) {
                                  ASSERT_TRUE(both.meet());
                                  seen = sees_the_stop(context);
                                },
                                [&](const task_context&) {
                                  ASSERT_TRUE(both.meet());
                                  throw 42;
                                }};
  EXPECT_THROW(execute_in_parallel(tasks, 2), task_error);
  EXPECT_TRUE(seen);
}

TEST(TaskContext, SeesNoStopForAFailureUnderRunAll) {
  event failed;
  std::atomic<bool> stopped = false;
  const std::vector<task> tasks{[&](const task_context&) {
                                  failed.set();
                                  throw 42;
                                },
                                [&](const task_context& context) {
                                  EXPECT_TRUE(failed.wait());
                                  std::this_thread::sleep_for(5ms);
                                  stopped = context.stop_requested();
                                }};
  EXPECT_THROW(execute_in_parallel(tasks, {.concurrency = 2, .on_error = fanout::error_policy::run_all}),
               fanout::aggregate_error);
  EXPECT_FALSE(stopped);
}

TEST(TaskContext, SeesAStopThatAnotherThreadRequests) {
  std::stop_source source;
  event running;
  std::jthread requester([&] {
    EXPECT_TRUE(running.wait());
    source.request_stop();
  });
  bool seen = false;
  const std::vector<task> tasks{[&](const task_context& context) {
    running.set();
    seen = sees_the_stop(context);
  }};
  EXPECT_THROW(execute_in_parallel(tasks, {.stop = source.get_token()}), operation_cancelled);
  EXPECT_TRUE(seen);
}

TEST(TaskContext, SeesTheThrowOfTheProgressCallback) {
  event started;
  run_options options{.concurrency = 2};
  options.on_progress = [&](std::size_t, std::size_t) {
    EXPECT_TRUE(started.wait());
    throw std::domain_error("progress");
  };
  bool seen = false;
  const std::vector<task> tasks{[&](const task_context& context) {
                                  started.set();
                                  seen = sees_the_stop(context);
                                },
                                [](const task_context&) {}};
  EXPECT_THROW(execute_in_parallel(tasks, options), std::domain_error);
  EXPECT_TRUE(seen);
}

TEST(TaskContext, GivesATokenThatIsRequestedWithTheStop) {
  rendezvous both(2);
  event called;
  const std::vector<task> tasks{[&](const task_context& context) {
                                  const std::stop_callback on_stop(context.stop_token(), [&] { called.set(); });
                                  EXPECT_TRUE(both.meet());
                                  EXPECT_TRUE(called.wait());
                                },
                                [&](const task_context&) {
                                  EXPECT_TRUE(both.meet());
                                  throw 42;
                                }};
  EXPECT_THROW(execute_in_parallel(tasks, 2), task_error);
  EXPECT_TRUE(called.happened());
}

TEST(TaskContext, GivesARequestedTokenAfterTheStop) {
  rendezvous both(2);
  bool requested = false;
  const std::vector<task> tasks{[&](const task_context& context) {
                                  EXPECT_TRUE(both.meet());
                                  EXPECT_TRUE(sees_the_stop(context));
                                  requested = context.stop_token().stop_requested();
                                },
                                [&](const task_context&) {
                                  EXPECT_TRUE(both.meet());
                                  throw 42;
                                }};
  EXPECT_THROW(execute_in_parallel(tasks, 2), task_error);
  EXPECT_TRUE(requested);
}

TEST(TaskContext, GivesATokenThatMayOutliveTheBatch) {
  std::stop_token kept;
  execute_in_parallel(std::vector<task>{[&](const task_context& context) { kept = context.stop_token(); }});
  EXPECT_FALSE(kept.stop_requested());
  const std::stop_callback never(kept, [] { ADD_FAILURE() << "the batch is over"; });
}

TEST(TaskContext, GivesOneTokenToAllTasksOfABatch) {
  std::vector<std::stop_token> tokens(50);
  execute_in_parallel(
      std::vector<task>(50, [&](const task_context& context) { tokens[context.index()] = context.stop_token(); }), 4);
  for (const auto& each : tokens) EXPECT_EQ(each, tokens.front());
}

// A task that hands its token to an inner batch lets the stop reach through.
TEST(TaskContext, StopsAnInnerBatchThatGotTheToken) {
  rendezvous both(2);
  std::atomic<int> inner_tasks = 0;
  const std::vector<task> tasks{[&](const task_context& outer) {
                                  const std::vector<task> inner(1'000'000, [&](const task_context& context) {
                                    if (++inner_tasks == 1) {
                                      EXPECT_TRUE(both.meet());
                                      EXPECT_TRUE(sees_the_stop(context));
                                    }
                                  });
                                  execute_in_parallel(inner, {.concurrency = 1, .stop = outer.stop_token()});
                                },
                                [&](const task_context&) {
                                  EXPECT_TRUE(both.meet());
                                  throw std::domain_error("the cause");
                                }};
  EXPECT_EQ(message_of<task_error>([&] { execute_in_parallel(tasks, 2); }), "task 1 failed: the cause");
  EXPECT_EQ(inner_tasks, 1);
}

// The callbacks of a token may themselves ask for it, whichever thread of the batch runs them.
class TaskContextDeathTest : public testing::Test {
 protected:
  TaskContextDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(TaskContextDeathTest, LetsTheCallbackOfATokenAskForTheToken) {
  const auto rounds = [] {
    const watchdog guard;
    for (int round = 0; round != 500; ++round) {
      event registered;
      std::atomic<bool> polling = false;
      const std::vector<task> tasks{[&](const task_context& context) {
                                      const std::stop_callback on_stop(context.stop_token(), [&] {
                                        static_cast<void>(context.stop_token().stop_requested());
                                      });
                                      registered.set();
                                      while (!context.stop_requested()) std::this_thread::sleep_for(1ms);
                                    },
                                    [&](const task_context& context) {
                                      static_cast<void>(registered.wait());
                                      polling = true;
                                      while (!context.stop_requested()) {
                                      }
                                      static_cast<void>(context.stop_token());
                                    },
                                    [&](const task_context&) {
                                      static_cast<void>(registered.wait());
                                      while (!polling) std::this_thread::yield();
                                      throw 42;
                                    }};
      try {
        execute_in_parallel(tasks, 3);
      } catch (const task_error&) {
      }
    }
    std::exit(0);
  };
  EXPECT_EXIT(rounds(), testing::ExitedWithCode(0), "");
}

// ── The runner ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Visits by number: whether two tasks with the same one ever met.
class numbered_places {
 public:
  explicit numbered_places(std::size_t count) : taken_(count) {}

  void visit(std::size_t number) {
    if (number >= taken_.size() || taken_[number].exchange(true)) {
      ++wrong_;
      return;
    }
    compute_for(1us);
    taken_[number] = false;
  }
  int wrong() const { return wrong_; }

 private:
  std::vector<std::atomic<bool>> taken_;
  std::atomic<int> wrong_ = 0;
};

TEST(Runner, IsBelowTheLimitAndNeverOfTwoTasksAtATime) {
  for (const std::size_t limit : {1U, 2U, 3U, 8U, 40U}) {
    numbered_places places(limit);
    const auto use = [&](int, const task_context& context) { places.visit(context.runner()); };
    fanout::map_in_parallel(3'000, use, limit);
    const fanout::executor executor({.concurrency = limit});
    executor.map(3'000, use);
    fanout::executor({.concurrency = limit, .adaptive = true}).map(3'000, use);
    EXPECT_EQ(places.wrong(), 0) << "at " << limit;
  }
  numbered_places places(fanout::available_concurrency());
  fanout::map_in_parallel(3'000, [&](int, const task_context& context) { places.visit(context.runner()); });
  EXPECT_EQ(places.wrong(), 0);
}

TEST(Runner, IsBelowTheNumberOfTasks) {
  fanout::map_in_parallel(3, [](int, const task_context& context) { EXPECT_LT(context.runner(), 3U); }, 100);
  EXPECT_EQ(fanout::map_in_parallel(1, [](int, const task_context& context) { return context.runner(); }).at(0), 0U);
}

TEST(Runner, OfManyBatchesOfAnExecutorIsEachBatchsOwn) {
  const fanout::executor executor({.concurrency = 4});
  std::vector<std::thread> callers;
  std::atomic<int> wrong = 0;
  for (int caller = 0; caller != 3; ++caller)
    callers.emplace_back([&] {
      numbered_places places(4);
      executor.map(2'000, [&](int, const task_context& context) { places.visit(context.runner()); });
      wrong += places.wrong();
    });
  for (std::thread& each : callers) each.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Runner, IsAskedOnTheThread) {
  EXPECT_EQ(fanout::current_runner(), std::nullopt);
  fanout::map_in_parallel(
      500, [](int, const task_context& context) { EXPECT_EQ(fanout::current_runner(), context.runner()); }, 3);
  EXPECT_EQ(fanout::current_runner(), std::nullopt);
}

TEST(Runner, OfAnInnerBatchIsItsOwnUntilItIsOver) {
  fanout::map_in_parallel(
      20,
      [](int, const task_context& outer) {
        const std::size_t before = outer.runner();
        numbered_places places(2);
        fanout::map_in_parallel(
            50,
            [&](int, const task_context& inner) {
              EXPECT_EQ(fanout::current_runner(), inner.runner());
              EXPECT_EQ(outer.runner(), before);  // on whichever thread it is asked
              places.visit(inner.runner());
            },
            2);
        EXPECT_EQ(places.wrong(), 0);
        EXPECT_EQ(fanout::current_runner(), before);
      },
      3);
}

}  // namespace
