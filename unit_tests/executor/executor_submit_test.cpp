#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/map.hpp"
#include "fanout/submit.hpp"
#include "support.hpp"

/// Batches beside their caller on executors: the limit, the line, tasks that submit and wait, and executors that end.
namespace {

using namespace support;

TEST(ExecutorSubmit, KeepsTheLimitOverAllBatches) {
  for (const std::size_t limit : {1U, 2U, 3U}) {
    const fanout::executor executor({.concurrency = limit});
    gauge running;
    std::vector<fanout::batch<void>> batches;
    const auto nap = [&](int) {
      const gauge::visit here(running);
      std::this_thread::sleep_for(200us);
    };
    for (int i = 0; i != 20; ++i) batches.push_back(executor.submit_map(5, nap));
    executor.map(20, nap);
    for (auto& each : batches) each.get();
    EXPECT_LE(running.most(), static_cast<int>(limit));
  }
}

TEST(ExecutorSubmit, ReachesTheLimitWithBlockingTasks) {
  const fanout::executor executor({.concurrency = 4});
  rendezvous four(4);
  std::vector<fanout::batch<bool>> batches;
  for (int i = 0; i != 4; ++i) batches.push_back(executor.submit_map(1, [&](int) { return four.meet(); }));
  for (auto& each : batches) EXPECT_TRUE(each.wait_for(2 * patience));
  for (auto& each : batches) EXPECT_TRUE(each.get().front());
}

TEST(ExecutorSubmit, ServesBatchesInTheOrderOfTheirSubmission) {
  const fanout::executor one({.concurrency = 1});
  std::vector<int> order;  // no mutex: one at a time
  std::vector<fanout::batch<void>> batches;
  {
    full_house taken(one);
    for (int i = 0; i != 50; ++i) batches.push_back(one.submit_map(1, [&order, i](int) { order.push_back(i); }));
    EXPECT_TRUE(taken.held_until_now());
  }
  for (auto& each : batches) EXPECT_TRUE(each.wait_for(patience));
  for (int i = 0; i != 50; ++i) EXPECT_EQ(order.at(static_cast<std::size_t>(i)), i);
}

TEST(ExecutorSubmit, HoldsNoThreadWhileItWaits) {
  const fanout::executor one({.concurrency = 1});
  std::vector<fanout::batch<int>> batches;
  full_house taken(one);
  batches.reserve(10'000);
  for (int i = 0; i != 10'000; ++i) batches.push_back(one.submit_map(1, [](int k) { return k; }));
  EXPECT_TRUE(taken.held_until_now());
  for (auto& each : batches) EXPECT_EQ(each.get().front(), 0);
}

TEST(ExecutorSubmit, ATaskMaySubmitToItsOwnExecutorAndWait) {
  for (const fanout::concurrency_limit limit : std::vector<fanout::concurrency_limit>{1, 2, fanout::automatic}) {
    const fanout::executor executor({.concurrency = limit});
    auto outer = executor.submit_map(4, [&](int i) {
      auto inner = executor.submit_map(3, [&executor, i](int k) {
        return executor.submit_map(2, [i, k](int m) { return 100 * i + 10 * k + m; }).get().back();
      });
      return inner.get().back();
    });
    EXPECT_EQ(outer.get(), (std::vector<int>{21, 121, 221, 321}));
  }
}

TEST(ExecutorSubmit, ATaskMayWaitForABatchThatAnotherThreadHasBegunAndThatCallsItsExecutor) {
  const watchdog hangs;
  for (int i = 0; i != 50; ++i) {
    const fanout::executor a({.concurrency = 1});
    const fanout::executor b({.concurrency = 1});
    event inner_runs;
    const auto sum = a.map(1, [&](int) {
      auto beside = b.submit_map(1, [&](int) {
        inner_runs.set();
        return a.map(2, [](int k) { return k + 1; }).back();
      });
      EXPECT_TRUE(inner_runs.wait());
      return beside.get().front();
    });
    ASSERT_EQ(sum.front(), 2);
  }
}

TEST(ExecutorSubmit, ATaskMayWaitForABatchThatAThreadFromOutsideRuns) {
  const watchdog hangs;
  const fanout::executor a({.concurrency = 1});
  const fanout::executor b({.concurrency = 1});
  // A task of b wants a; the task of a waits for a batch of b, which a thread from outside has taken and which waits for
  // the slot of that task of b.
  event in_a;
  event in_b;
  event taken;
  std::optional<fanout::batch<int>> shared;
  std::jthread on_b([&] {
    b.map(1, [&](int) {
      in_b.set();
      EXPECT_TRUE(taken.wait());
      EXPECT_EQ(a.map(1, [](int k) { return k; }).size(), 1U);
    });
  });
  ASSERT_TRUE(in_b.wait());
  std::jthread on_a([&] {
    a.map(1, [&](int) {
      in_a.set();
      EXPECT_TRUE(taken.wait());
      shared->wait();
    });
  });
  ASSERT_TRUE(in_a.wait());
  shared.emplace(b.submit_map(1, [](int k) { return k; }));
  std::jthread outside([&] { shared->wait(); });
  std::this_thread::sleep_for(2ms);  // the thread takes the batch and waits; if it is late, the test shows less
  taken.set();
  on_a.join();
  on_b.join();
  outside.join();
  EXPECT_EQ(shared->get().front(), 0);
}

TEST(ExecutorSubmit, TheExecutorIsIdleWhenItsBatchHasEnded) {
  for (int i = 0; i != 2000; ++i) {
    auto executor = std::make_unique<fanout::executor>(fanout::executor_options{.concurrency = 2});
    auto batch = executor->submit_map(2, [](int k) { return k; });
    if (i % 3 == 0) {
      while (!batch.ready()) std::this_thread::yield();
    } else if (i % 3 == 1) {
      batch.get();
    } else {
      batch.request_stop();
      batch.wait();
    }
    executor.reset();  // aborts if something still runs on it
  }
}

TEST(ExecutorSubmit, WorksOnAdaptiveExecutorsAndThoseWithStacksOfTheirOwn) {
  for (const fanout::executor_options& options :
       {fanout::executor_options{.concurrency = 4, .adaptive = true}, fanout::executor_options{.stack_size = 1U << 20U}}) {
    const fanout::executor executor(options);
    std::vector<fanout::batch<int>> batches;
    for (int i = 0; i != 10; ++i) batches.push_back(executor.submit_map(1000, [](int k) { return k; }));
    for (auto& each : batches) EXPECT_EQ(each.get().back(), 999);
  }
}

TEST(ExecutorSubmit, ThousandsOfHandlesInEveryStateLeaveNothingBehind) {
  const fanout::executor executor({.concurrency = 2});
  for (int round = 0; round != 5; ++round) {
    std::vector<fanout::batch<int>> handles;
    for (int i = 0; i != 2000; ++i) {
      const auto task = [](int k) { return k % 5 == 4 ? throw std::runtime_error("fifth") : k; };
      handles.push_back(i % 2 == 0 ? executor.submit_map(i % 7, task) : fanout::submit_map(i % 7, task));
      if (i % 11 == 0) handles[static_cast<std::size_t>(i / 2)].request_stop();
      if (i % 13 == 0) handles.back().wait();
      if (i % 17 == 0) handles[static_cast<std::size_t>(i / 3)] = executor.submit_map(1, task);
    }
  }
  EXPECT_EQ(executor.map(3, [](int k) { return k; }).size(), 3U);
}

}  // namespace
