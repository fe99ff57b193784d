#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "fanout/native_tbb.hpp"
#include "support.hpp"

/// Promise 5: a call returns all its results or throws, also inside work that somebody cancelled.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::task_context;

using size_list = std::vector<std::size_t>;

/// Runs `work` as a task of a group that has been cancelled before `work` begins its real part.
template <class Work>
void in_a_cancelled_group(Work work) {
  tbb::task_group group;
  std::atomic<bool> ran = false;
  group.run([&] {
    group.cancel();
    ASSERT_TRUE(tbb::is_current_task_group_canceling());
    work();
    ran = true;
  });
  group.wait();
  EXPECT_TRUE(ran);
}

const auto own_index = [](const task_context& context) {
  compute_for(5us);
  return context.index() + 1;
};

std::size_t finished(const size_list& results) {
  std::size_t count = 0;
  for (std::size_t i = 0; i != results.size(); ++i) count += results[i] == i + 1 ? 1U : 0U;
  return count;
}

TEST(Promise5CompleteOrThrow, RunsABatchToItsEndInsideACancelledTaskGroup) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const std::vector tasks(500, own_index);
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{5}, fanout::automatic})
    in_a_cancelled_group([&] { EXPECT_EQ(finished(execute_in_parallel(tasks, limit)), 500U) << "at " << limit; });
}

TEST(Promise5CompleteOrThrow, RunsABatchOfAnExecutorToItsEndInsideACancelledTaskGroup) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  executor three({.concurrency = 3});
  const std::vector tasks(500, own_index);
  in_a_cancelled_group([&] { EXPECT_EQ(finished(three.execute(tasks)), 500U); });
  in_a_cancelled_group([&] { EXPECT_EQ(three.settle(tasks).back().value(), 500U); });
}

TEST(Promise5CompleteOrThrow, ReachesItsLimitInsideACancelledTaskGroup) {
  rendezvous all(4);
  std::atomic<int> missed = 0;
  in_a_cancelled_group([&] { execute_in_parallel(std::vector(4, [&] { missed += all.meet() ? 0 : 1; }), 4); });
  EXPECT_EQ(missed, 0);
}

TEST(Promise5CompleteOrThrow, RunsABatchToItsEndWhenTheGroupIsCancelledMeanwhile) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  tbb::task_group group;
  size_list results;
  group.run([&] {
    results = execute_in_parallel(std::vector(500,
                                              [&](const task_context& context) {
                                                if (context.index() == 20) group.cancel();
                                                return own_index(context);
                                              }),
                                  3);
  });
  group.wait();
  EXPECT_EQ(finished(results), 500U);
}

TEST(Promise5CompleteOrThrow, RunsABatchToItsEndInALoopThatFails) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  std::atomic<int> incomplete = 0;
  std::atomic<int> batches = 0;
  const std::vector tasks(50, own_index);
  const auto loop = [&] {
    tbb::parallel_for(0, 100, [&](int i) {
      if (i == 7) throw std::domain_error("seven");
      ++batches;
      if (finished(execute_in_parallel(tasks)) != 50) ++incomplete;
    });
  };
  EXPECT_THROW(loop(), std::domain_error);
  EXPECT_EQ(incomplete, 0);
}

// A task that cancels "its" group, the batch's own, must not make tasks vanish.
TEST(Promise5CompleteOrThrow, RunsEverythingWhenATaskCancelsTheContextItFinds) {
  const watchdog guard;
  executor four({.concurrency = 4});
  for (int round = 0; round != 50; ++round) {
    const auto results = four.execute(std::vector(200, [](const task_context& context) {
      if (context.index() == 0) {
        if (tbb::task_group_context* const found = tbb::task::current_context()) found->cancel_group_execution();
      }
      return own_index(context);
    }));
    ASSERT_EQ(finished(results), 200U);
  }
}

TEST(Promise5CompleteOrThrow, RunsABatchToItsEndInATaskOfAnotherBatchThatIsStopping) {
  rendezvous both(2);
  std::atomic<std::size_t> complete = 0;
  const std::vector<std::function<void(const task_context&)>> tasks{
      [&](const task_context& context) {
        EXPECT_TRUE(both.meet());
        while (!context.stop_requested()) std::this_thread::yield();
        complete = finished(execute_in_parallel(std::vector(100, own_index), 2));
      },
      [&](const task_context&) {
        EXPECT_TRUE(both.meet());
        throw std::domain_error("stop");
      }};
  EXPECT_THROW(execute_in_parallel(tasks, 2), fanout::task_error);
  EXPECT_EQ(complete, 100U);
}

TEST(Promise5CompleteOrThrow, StopsAnInnerBatchThatWasGivenTheTokenOfTheOuterOne) {
  rendezvous both(2);
  std::atomic<std::size_t> completed = 0;
  const std::vector<std::function<void(const task_context&)>> tasks{
      [&](const task_context& outer) {
        EXPECT_TRUE(both.meet());
        while (!outer.stop_requested()) std::this_thread::yield();
        try {
          execute_in_parallel(std::vector(100, own_index), {.concurrency = 2, .stop = outer.stop_token()});
          completed = 100;
        } catch (const fanout::operation_cancelled& e) {
          completed = e.completed();
          throw;
        }
      },
      [&](const task_context&) {
        EXPECT_TRUE(both.meet());
        throw std::domain_error("stop");
      }};
  EXPECT_EQ(message_of<fanout::task_error>([&] { execute_in_parallel(tasks, 2); }), "task 1 failed: stop");
  EXPECT_EQ(completed, 0U);
}

// A helper that was sent home, because another automatic batch had all the cores, and called again when every worker
// of the process was busy: the batch ends on its calling thread.
TEST(Promise5Complete, AnAutomaticBatchEndsWhateverItsHelpersAreKeptBusyWith) {
  const watchdog guard;
  const std::size_t cores = fanout::available_concurrency();
  executor eight({.concurrency = 8});
  event first_may_end;
  event second_has_ended;
  rendezvous first_begun(cores + 1);
  std::jthread first([&] {
    execute_in_parallel(std::vector(cores, [&] {
      EXPECT_TRUE(first_begun.meet());
      EXPECT_TRUE(first_may_end.wait());
    }));
  });
  ASSERT_TRUE(first_begun.meet());
  event workers_are_busy;
  std::jthread second([&] {
    std::vector<std::function<void()>> tasks(2 * cores + 1, [] {});
    tasks[0] = [&] {
      std::this_thread::sleep_for(50ms);  // for the helpers to come, and be sent home
      EXPECT_TRUE(workers_are_busy.wait());
    };
    execute_in_parallel(tasks);
    second_has_ended.set();
  });
  rendezvous all_eight(9);
  std::jthread third([&] {
    eight.execute(std::vector(8, [&] {
      EXPECT_TRUE(all_eight.meet());
      EXPECT_TRUE(second_has_ended.wait());
    }));
  });
  ASSERT_TRUE(all_eight.meet());
  first_may_end.set();
  first.join();
  workers_are_busy.set();
}

}  // namespace
