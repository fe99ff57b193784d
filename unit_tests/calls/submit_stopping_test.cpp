#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/submit.hpp"
#include "support.hpp"

/// Stops of submitted batches: by the handle, by the submitter's token, at every moment.
namespace {

using namespace support;

TEST(SubmitStopping, ByTheHandleEndsTheBatch) {
  event started;
  auto batch = fanout::submit_map(1000, [&](int, const fanout::task_context& context) {
    started.set();
    while (!context.stop_requested()) std::this_thread::yield();
  }, 1);
  ASSERT_TRUE(started.wait());
  batch.request_stop();
  const auto cancelled = thrown_by<fanout::operation_cancelled>([&] { batch.get(); });
  EXPECT_EQ(cancelled.completed(), 1U);
  EXPECT_EQ(cancelled.total(), 1000U);
  const fanout::batch_progress counts = batch.progress();
  EXPECT_EQ(counts.started, 1U);
  EXPECT_EQ(counts.completed, 1U);
  EXPECT_EQ(counts.total, 1000U);
}

TEST(SubmitStopping, ByTheSubmittersTokenEndsTheBatch) {
  std::stop_source stop;
  event started;
  auto batch = fanout::submit_map(1000, [&](int, const fanout::task_context& context) {
    started.set();
    while (!context.stop_requested()) std::this_thread::yield();
  }, {.concurrency = 1, .stop = stop.get_token()});
  ASSERT_TRUE(started.wait());
  stop.request_stop();
  EXPECT_THROW(batch.get(), fanout::operation_cancelled);
}

TEST(SubmitStopping, OfTheSubmitterByTheFirstTaskHoldsForTheNextOnes) {
  for (int i = 0; i != 500; ++i) {
    std::stop_source stop;
    std::atomic<int> ran = 0;
    auto batch = fanout::submit_map(100, [&](int) {
      ++ran;
      stop.request_stop();
    }, {.concurrency = 1, .stop = stop.get_token()});
    if (i % 2 == 0) batch.wait();
    EXPECT_THROW(batch.get(), fanout::operation_cancelled);
    ASSERT_EQ(ran, 1);
  }
}

TEST(SubmitStopping, BeforeTheSubmissionStartsNothing) {
  std::stop_source stop;
  stop.request_stop();
  std::atomic<int> ran = 0;
  auto batch = fanout::submit_map(10, [&](int) { ++ran; }, {.stop = stop.get_token()});
  EXPECT_TRUE(batch.ready());
  EXPECT_THROW(batch.get(), fanout::operation_cancelled);
  EXPECT_EQ(ran, 0);
}

TEST(SubmitStopping, EndsTheWaitForAPlaceAtOnce) {
  const fanout::executor one({.concurrency = 1});
  full_house taken(one);
  std::stop_source stop;
  auto by_token = one.submit_map(10, [](int) { ADD_FAILURE() << "a task ran"; }, {.stop = stop.get_token()});
  auto by_handle = one.submit_map(10, [](int) { ADD_FAILURE() << "a task ran"; });
  { const auto dropped = one.submit_map(10, [](int) { ADD_FAILURE() << "a task ran"; }); }
  EXPECT_FALSE(by_token.wait_for(1ms));
  stop.request_stop();
  EXPECT_TRUE(by_token.ready());
  by_handle.request_stop();
  EXPECT_TRUE(by_handle.ready());
  EXPECT_TRUE(taken.held_until_now());
  EXPECT_THROW(by_handle.get(), fanout::operation_cancelled);
  EXPECT_THROW(by_token.get(), fanout::operation_cancelled);
}

TEST(SubmitStopping, AtAnyMomentLosesNothing) {
  const fanout::executor two({.concurrency = 2});
  for (int i = 0; i != 2000; ++i) {
    std::stop_source stop;
    std::atomic<std::size_t> ran = 0;
    const auto task = [&](int) { ran.fetch_add(1); };
    const fanout::run_options options{.concurrency = 2, .stop = stop.get_token()};
    auto batch = i % 2 == 0 ? fanout::submit_map(20, task, options) : two.submit_map(20, task, options);
    std::jthread stopping([&, i] {
      for (int k = 0; k != i % 100; ++k) std::atomic_signal_fence(std::memory_order_seq_cst);
      i % 3 == 0 ? batch.request_stop() : static_cast<void>(stop.request_stop());
    });
    batch.wait();
    stopping.join();
    const std::size_t counted = batch.progress().completed;
    ASSERT_EQ(counted, ran);
    ASSERT_EQ(batch.progress().started, counted);
    try {
      batch.get();
      ASSERT_EQ(counted, 20U);
    } catch (const fanout::operation_cancelled& e) {
      ASSERT_EQ(e.completed(), counted);
    }
  }
}

TEST(SubmitStopping, MayBeRequestedByATask) {
  fanout::batch<void>* itself = nullptr;
  event made;
  auto batch = fanout::submit_map(100, [&](int) {
    ASSERT_TRUE(made.wait());
    itself->request_stop();
  }, 1);
  itself = &batch;
  made.set();
  EXPECT_THROW(batch.get(), fanout::operation_cancelled);
  EXPECT_EQ(batch.progress().completed, 1U);
}

}  // namespace
