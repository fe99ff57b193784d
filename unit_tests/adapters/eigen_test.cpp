#include "fanout/adapters/eigen.hpp"

#define EIGEN_USE_THREADS
#include <gtest/gtest.h>

#include <unsupported/Eigen/CXX11/Tensor>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using support::event;
using support::gauge;
using matrix = Eigen::Tensor<float, 2>;

/// Small whole numbers, so that every order of adding them up gives the same.
matrix numbers(int rows, int columns, unsigned seed) {
  matrix made(rows, columns);
  for (Eigen::Index i = 0; i != made.size(); ++i) {
    seed = seed * 1664525U + 1013904223U;
    made.data()[i] = static_cast<float>(seed >> 28U);
  }
  return made;
}

/// `threads`: what the device has; 0 as many as the pool.
matrix product(Eigen::ThreadPoolInterface& pool, const matrix& left, const matrix& right, int threads = 0) {
  const Eigen::ThreadPoolDevice device(&pool, threads != 0 ? threads : pool.NumThreads());
  const Eigen::array<Eigen::IndexPair<int>, 1> inner{Eigen::IndexPair<int>(1, 0)};
  matrix result(left.dimension(0), right.dimension(1));
  result.device(device) = left.contract(right, inner);
  return result;
}

bool same(const matrix& one, const matrix& other) {
  return std::equal(one.data(), one.data() + one.size(), other.data(), other.data() + other.size());
}

/// Does something in each closure, on the thread that runs it, before it runs.
class watched_pool final : public Eigen::ThreadPoolInterface {
 public:
  watched_pool(Eigen::ThreadPoolInterface& pool, std::function<void()> in_closure)
      : pool_(pool), in_closure_(std::move(in_closure)) {}
  void Schedule(std::function<void()> closure) override {
    ++closures;
    pool_.Schedule([this, closure = std::move(closure)] {
      in_closure_();
      closure();
    });
  }
  int NumThreads() const override { return pool_.NumThreads(); }
  int CurrentThreadId() const override { return pool_.CurrentThreadId(); }

  std::atomic<int> closures = 0;

 private:
  Eigen::ThreadPoolInterface& pool_;
  const std::function<void()> in_closure_;
};

void work_in(gauge& threads) {
  const gauge::visit here(threads);
  support::compute_for(std::chrono::microseconds(50));
}

class EigenAtLimit : public testing::TestWithParam<int> {
 protected:
  const support::watchdog guard{};
  fanout::executor executor{{.concurrency = GetParam()}};
  fanout::adapters::eigen_pool pool{executor};
  const matrix left = numbers(192, 128, 1);
  const matrix right = numbers(128, 160, 2);
  const matrix expected = [this] {
    Eigen::ThreadPool own(GetParam());
    return product(own, left, right);
  }();
};

INSTANTIATE_TEST_SUITE_P(Threads, EigenAtLimit, testing::Values(1, 2, 4, 8), testing::PrintToStringParamName());

TEST_P(EigenAtLimit, GivesBitForBitWhatItsOwnPoolGives) {
  for (int round = 0; round != 10; ++round) EXPECT_TRUE(same(product(pool, left, right), expected));
}

TEST_P(EigenAtLimit, HoldsOverExpressionsInTasksOfTheExecutor) {
  gauge threads;
  watched_pool watched(pool, [&] { work_in(threads); });
  const auto evaluate = [&](int i) {
    return same(product(watched, left, right, i % 2 == 0 ? GetParam() : 0), expected);
  };
  for (const bool good : executor.map(16, evaluate)) EXPECT_TRUE(good);
  EXPECT_LE(threads.most(), GetParam());
  EXPECT_EQ(watched.closures != 0, GetParam() != 1);  // a device of one thread posts nothing
}

TEST_P(EigenAtLimit, HoldsOverTheClosuresOfSeveralThreads) {
  gauge threads;
  watched_pool watched(pool, [&] { work_in(threads); });
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i != 4; ++i)
      callers.emplace_back([&] {
        for (int round = 0; round != 5; ++round) wrong += same(product(watched, left, right), expected) ? 0 : 1;
      });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(EigenAtLimit, IsReachedByClosures) {
  support::rendezvous all(static_cast<std::size_t>(GetParam()));
  Eigen::Barrier ended(static_cast<unsigned>(GetParam()));
  for (int i = 0; i != GetParam(); ++i)
    pool.Schedule([&] {
      EXPECT_TRUE(all.meet());
      ended.Notify();
    });
  ended.Wait();
}

TEST_P(EigenAtLimit, HoldsOverBatchesInClosures) {
  gauge threads;
  watched_pool watched(pool, [&] {
    executor.map(4, [&](int) {
      const gauge::visit here(threads);
      support::compute_for(std::chrono::microseconds(20));
    });
  });
  for (int round = 0; round != 5; ++round) EXPECT_TRUE(same(product(watched, left, right), expected));
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(EigenAtLimit, EndsWhereATaskOfAnotherExecutorInATaskEvaluates) {
  const fanout::executor other({.concurrency = 2});
  const auto results = executor.map(4, [&](int) {
    return other.map(3, [&](int) { return same(product(pool, left, right), expected); });
  });
  for (const auto& each : results)
    for (const bool good : each) EXPECT_TRUE(good);
}

TEST_P(EigenAtLimit, EndsWhereATaskWaitsForABatchThatEvaluates) {
  const auto evaluate = [&](int) { return same(product(pool, left, right, GetParam()), expected); };
  const auto results = executor.map(4, [&](int) { return fanout::submit_map(3, evaluate, 2).get(); });
  for (const auto& each : results)
    for (const bool good : each) EXPECT_TRUE(good);
}

TEST_P(EigenAtLimit, RunsClosuresThatClosuresPost) {
  Eigen::Barrier ended(64);
  std::function<void(int)> post = [&](int depth) {
    if (depth == 0) return ended.Notify();
    for (int i = 0; i != 4; ++i) pool.Schedule([&post, depth] { post(depth - 1); });
  };
  pool.Schedule([&] { post(3); });
  ended.Wait();
}

TEST_P(EigenAtLimit, NumbersTheThreadsOfClosures) {
  EXPECT_EQ(pool.NumThreads(), GetParam());
  EXPECT_EQ(pool.CurrentThreadId(), -1);
  Eigen::Barrier ended(100);
  for (int i = 0; i != 100; ++i)
    pool.Schedule([&] {
      EXPECT_GE(pool.CurrentThreadId(), 0);
      EXPECT_LT(pool.CurrentThreadId(), GetParam());
      ended.Notify();
    });
  ended.Wait();
  executor.map(3, [&](int) {
    EXPECT_EQ(pool.NumThreads(), 1);
    EXPECT_EQ(pool.CurrentThreadId(), -1);
  });
}

TEST_P(EigenAtLimit, RunsEverythingBeforeItIsDestroyed) {
  std::atomic<int> ran = 0;
  {
    fanout::adapters::eigen_pool brief(executor);
    for (int i = 0; i != 100; ++i) brief.Schedule([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(EigenPool, StartsNothingAfterCancel) {
  const support::watchdog guard;
  const fanout::executor one({.concurrency = 1});
  event begun;
  event goes_on;
  std::atomic<int> ran = 0;
  {
    fanout::adapters::eigen_pool pool(one);
    pool.Schedule([&] {
      begun.set();
      EXPECT_TRUE(goes_on.wait());
    });
    pool.Schedule([&] { ++ran; });
    EXPECT_TRUE(begun.wait());
    pool.Cancel();
    goes_on.set();
    pool.Schedule([&] { ++ran; });
  }
  EXPECT_EQ(ran, 0);
}

}  // namespace
