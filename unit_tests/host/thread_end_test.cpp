#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// What docs/process-end.md says of threads that are cancelled in a call of fanout.
namespace {

using namespace support;

/// A thread that may be cancelled, as POSIX has it.
class cancellable_thread {
 public:
  explicit cancellable_thread(std::function<void()> body) : body_(std::move(body)) {
    if (::pthread_create(&id_, nullptr, &start, this) != 0) std::abort();
  }
  cancellable_thread(const cancellable_thread&) = delete;
  cancellable_thread& operator=(const cancellable_thread&) = delete;
  ~cancellable_thread() {
    if (!joined_) static_cast<void>(was_cancelled());
  }

  void cancel() const { ::pthread_cancel(id_); }

  /// Waits for its end. True if it ended by a cancellation.
  bool was_cancelled() {
    joined_ = true;
    void* result = nullptr;
    ::pthread_join(id_, &result);
    return result == PTHREAD_CANCELED;
  }

 private:
  static void* start(void* self) {
    static_cast<cancellable_thread*>(self)->body_();
    ::pthread_testcancel();
    return nullptr;
  }

  const std::function<void()> body_;
  pthread_t id_{};
  bool joined_ = false;
};

std::size_t size_of(std::size_t limit) {
  return limit == fanout::automatic ? fanout::available_concurrency() : limit;
}

class Cancellation : public testing::TestWithParam<std::size_t> {
 protected:
  const watchdog guard_;
};

// Each task waits at cancellation points, so a cancellation that took effect would end the thread in one of them.
TEST_P(Cancellation, OfACallerTakesEffectWhenItsBatchIsOver) {
  const std::size_t size = size_of(GetParam());
  std::atomic<std::size_t> ended = 0;
  std::atomic<bool> returned = false;
  rendezvous all_and_me(size + 1);
  event cancelled;
  cancellable_thread caller([&] {
    fanout::execute_in_parallel(std::vector(size,
                                            [&] {
                                              if (!all_and_me.meet() || !cancelled.wait()) return;
                                              ::usleep(1);
                                              ++ended;
                                            }),
                                {.concurrency = GetParam()});
    returned = true;
  });
  ASSERT_TRUE(all_and_me.meet());
  caller.cancel();
  cancelled.set();
  EXPECT_TRUE(caller.was_cancelled());
  EXPECT_EQ(ended, size);
  EXPECT_TRUE(returned);
}

// The caller is asleep, in the wait for its helpers.
TEST_P(Cancellation, OfACallerThatWaitsForItsHelpersTakesEffectWhenItsBatchIsOver) {
  const std::size_t size = size_of(GetParam());
  if (size == 1) GTEST_SKIP() << "there are no helpers";
  std::atomic<pthread_t> caller_id{};
  std::atomic<std::size_t> ended = 0;
  rendezvous all(size);
  event callers_task_is_over;
  event cancelled;
  cancellable_thread caller([&] {
    caller_id = ::pthread_self();
    fanout::execute_in_parallel(std::vector(size,
                                            [&] {
                                              if (!all.meet()) return;
                                              const bool is_caller = ::pthread_equal(::pthread_self(), caller_id) != 0;
                                              if (!is_caller && !cancelled.wait()) return;
                                              ++ended;
                                              if (is_caller) callers_task_is_over.set();
                                            }),
                                {.concurrency = GetParam()});
  });
  ASSERT_TRUE(callers_task_is_over.wait());
  ::usleep(2'000);  // longer than a caller spins; if it has not gone to sleep by then, the test is merely easier
  caller.cancel();
  cancelled.set();
  EXPECT_TRUE(caller.was_cancelled());
  EXPECT_EQ(ended, size);
}

TEST_P(Cancellation, OfAHelperHasNoEffectOnItsBatchAndLaterOnes) {
  const std::size_t size = size_of(GetParam());
  std::atomic<std::size_t> ended = 0;
  const pthread_t caller = ::pthread_self();
  for (int round = 0; round != 20; ++round) {
    ended = 0;
    rendezvous all(size);
    fanout::execute_in_parallel(std::vector(size,
                                            [&] {
                                              if (::pthread_equal(::pthread_self(), caller) == 0)
                                                ::pthread_cancel(::pthread_self());
                                              if (!all.meet()) return;
                                              ::usleep(1);
                                              ++ended;
                                            }),
                                {.concurrency = GetParam()});
    ASSERT_EQ(ended, size);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Cancellation, testing::Values(1, 2, 4, fanout::automatic), [](const auto& given) {
  return given.param == fanout::automatic ? "AnAutomaticBatch" : "ABatchAtLimit" + std::to_string(given.param);
});

TEST(CancellationOfACaller, ThatWaitsForASlotTakesEffectWhenItsBatchIsOver) {
  const watchdog guard;
  fanout::executor two({.concurrency = 2});
  std::atomic<int> ended = 0;
  event waits;
  full_house taken(two);
  cancellable_thread caller([&] {
    waits.set();
    two.execute(std::vector(3, [&] { ++ended; }));
  });
  ASSERT_TRUE(waits.wait());
  ::usleep(2'000);  // as above
  caller.cancel();
  EXPECT_TRUE(taken.held_until_now());
  EXPECT_TRUE(caller.was_cancelled());
  EXPECT_EQ(ended, 3);
}

/// What a thread does with a handle when it is cancelled. The batch runs meanwhile, on another thread.
TEST(CancellationOfASubmitter, TakesEffectWhenItHasWaited) {
  const watchdog guard;
  for (int way = 0; way != 4; ++way) {
    event started;
    event cancelled;
    std::atomic<int> ended = 0;
    std::atomic<bool> runs = false;
    std::atomic<bool> returned = false;
    cancellable_thread submitter([&] {
      auto handle = fanout::submit_map(1, [&](int) {
        runs = true;
        started.set();
        if (!cancelled.wait()) return;
        ::usleep(1);
        ++ended;
      });
      while (!runs) std::this_thread::yield();  // no cancellation point
      if (way == 0) handle.wait();
      if (way == 1) handle.get();
      if (way == 2) static_cast<void>(handle.wait_for(patience));
      {
        const auto dropped = std::move(handle);
      }
      returned = true;
    });
    ASSERT_TRUE(started.wait());
    ::usleep(2'000);  // as above
    submitter.cancel();
    cancelled.set();
    EXPECT_TRUE(submitter.was_cancelled()) << way;
    EXPECT_TRUE(returned) << way;
    EXPECT_EQ(ended, 1) << way;
  }
}

TEST(CancellationOfASubmitter, ByATaskHasNoEffectOnItsLeaderAndLaterBatches) {
  const watchdog guard;
  const fanout::executor two({.concurrency = 2});
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> ended = 0;
    const pthread_t submitter = ::pthread_self();
    const auto task = [&](int) {
      if (::pthread_equal(::pthread_self(), submitter) == 0) ::pthread_cancel(::pthread_self());
      ::usleep(1);
      ++ended;
    };
    auto handle = round % 2 == 0 ? fanout::submit_map(3, task, 2) : two.submit_map(3, task);
    ASSERT_TRUE(handle.wait_for(patience));
    handle.get();
    ASSERT_EQ(ended, 3);
  }
}

TEST(CancellationOfACaller, ThatWaitsForALeaseTakesEffectWhenItHasIt) {
  const watchdog guard;
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  bool had_it = false;
  auto held = pool.acquire();
  cancellable_thread caller([&] {
    const auto lease = pool.acquire();
    had_it = true;
    ::pthread_testcancel();
  });
  while (pool.waiting() == 0) std::this_thread::yield();
  caller.cancel();
  held.release();
  EXPECT_TRUE(caller.was_cancelled());
  EXPECT_TRUE(had_it);
  EXPECT_EQ(pool.idle(), 1U);
}

TEST(CancellationOfACaller, InAFactoryLeavesThePoolUsable) {
  const watchdog guard;
  std::atomic<int> made = 0;
  fanout::resource_pool<int> pool(
      [&] {
        if (made++ == 0) ::pthread_exit(PTHREAD_CANCELED);
        return 1;
      },
      1, {.lazy = true});
  cancellable_thread caller([&] { static_cast<void>(pool.acquire()); });
  EXPECT_TRUE(caller.was_cancelled());
  EXPECT_EQ(*pool.acquire(), 1);
}

}  // namespace
