#include "fanout/adapters/fftw.hpp"

#include <fftw3.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using support::gauge;
using numbers = std::vector<std::complex<double>>;

fftw_complex* data(numbers& of) { return reinterpret_cast<fftw_complex*>(of.data()); }

numbers input(std::size_t size, unsigned seed = 1) {
  numbers made(size);
  for (std::complex<double>& each : made) {
    seed = seed * 1664525U + 1013904223U;
    each = {static_cast<double>(seed >> 8U), static_cast<double>(seed & 0xFFFFU)};
  }
  return made;
}

/// A plan, which any thread may execute on arrays of its own.
class transform {
 public:
  using planner = std::function<fftw_plan(fftw_complex*, fftw_complex*)>;

  transform(std::size_t size, int threads, const planner& plan) : size_(size) {
    numbers from(size);
    numbers to(size);
    fftw_plan_with_nthreads(threads);
    plan_ = plan(data(from), data(to));
  }
  transform(const transform&) = delete;
  transform& operator=(const transform&) = delete;
  ~transform() { fftw_destroy_plan(plan_); }

  numbers operator()() const {
    numbers from = input(size_);
    numbers to(size_);
    fftw_execute_dft(plan_, data(from), data(to));
    return to;
  }

 private:
  std::size_t size_;
  fftw_plan plan_;
};

// The arrays of a vector are aligned to 16 bytes, but not more: FFTW may not expect it.
constexpr unsigned flags = FFTW_ESTIMATE | FFTW_UNALIGNED;

fftw_plan plan_2d(fftw_complex* from, fftw_complex* to) {
  return fftw_plan_dft_2d(96, 160, from, to, FFTW_FORWARD, flags);
}

fftw_plan plan_3d(fftw_complex* from, fftw_complex* to) {
  return fftw_plan_dft_3d(24, 40, 16, from, to, FFTW_BACKWARD, flags);
}

/// Rows, 100 of them: a loop over them, and loops inside.
fftw_plan plan_rows(fftw_complex* from, fftw_complex* to) {
  const int length = 150;
  return fftw_plan_many_dft(1, &length, 100, from, nullptr, 1, length, to, nullptr, 1, length, FFTW_FORWARD, flags);
}

constexpr std::size_t largest = 15'360;

const std::vector<std::pair<std::size_t, transform::planner>>& kinds() {
  static const std::vector<std::pair<std::size_t, transform::planner>> all{
      {96 * 160, plan_2d}, {24 * 40 * 16, plan_3d}, {100 * 150, plan_rows}};
  return all;
}

bool same(const numbers& left, const numbers& right) {
  return left.size() == right.size() && std::memcmp(left.data(), right.data(), left.size() * sizeof(left[0])) == 0;
}

/// FFTW calls `callback` with `data` while this exists.
class fftw_on {
 public:
  using loop = void(void* (*)(char*), char*, std::size_t, int, void*);

  explicit fftw_on(fanout::executor& executor) : fftw_on(fanout::adapters::fftw_loop, &executor) {}
  fftw_on(loop* callback, void* with) { fftw_threads_set_callback(callback, with); }
  fftw_on(const fftw_on&) = delete;
  fftw_on& operator=(const fftw_on&) = delete;
  ~fftw_on() { fftw_threads_set_callback(nullptr, nullptr); }
};

/// Does something in each job of FFTW, on the thread that runs the job, before the job runs.
struct watched_loop {
  fanout::executor& executor;
  std::function<void()> in_job;
  std::atomic<int> loops = 0;

  struct job {
    void* (*work)(char*);
    char* data;
    watched_loop* loop;
  };

  static void run(void* (*work)(char*), char* jobs, std::size_t size, int count, void* with) {
    auto* const self = static_cast<watched_loop*>(with);
    ++self->loops;
    std::vector<job> watched;
    for (std::size_t i = 0; i != static_cast<std::size_t>(count); ++i) watched.push_back({work, jobs + i * size, self});
    const auto run_job = [](char* it) -> void* {
      const job& each = *reinterpret_cast<const job*>(it);
      each.loop->in_job();
      return each.work(each.data);
    };
    fanout::adapters::fftw_loop(run_job, reinterpret_cast<char*>(watched.data()), sizeof(job), count, &self->executor);
  }
};

void work_in(gauge& threads) {
  const gauge::visit here(threads);
  support::compute_for(std::chrono::microseconds(50));
}

class FftwAtLimit : public testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() { ASSERT_NE(fftw_init_threads(), 0); }
  const support::watchdog guard{};
  fanout::executor executor{{.concurrency = GetParam()}};
};

INSTANTIATE_TEST_SUITE_P(Threads, FftwAtLimit, testing::Values(1, 2, 4, 8), testing::PrintToStringParamName());

TEST_P(FftwAtLimit, GivesBitForBitWhatItsOwnThreadsGive) {
  for (const auto& [size, plan] : kinds()) {
    for (const int threads : {1, 2, 3, 8}) {
      const transform transformed(size, threads, plan);
      const numbers own = transformed();
      const fftw_on here(executor);
      EXPECT_TRUE(same(transformed(), own));
      EXPECT_FALSE(same(input(size), own));
    }
  }
}

TEST_P(FftwAtLimit, IsNotExceededByThePlanOfMoreThreads) {
  const transform transformed(largest, 8, plan_2d);
  const numbers own = transformed();
  gauge threads;
  watched_loop loop{executor, [&] { work_in(threads); }};
  const fftw_on here(watched_loop::run, &loop);
  for (int round = 0; round != 10; ++round) EXPECT_TRUE(same(transformed(), own));
  EXPECT_LE(threads.most(), GetParam());
  EXPECT_GE(loop.loops, 10);
}

TEST_P(FftwAtLimit, IsReachedByALoop) {
  const transform transformed(largest, GetParam(), plan_rows);
  const numbers own = transformed();
  support::rendezvous all(static_cast<std::size_t>(GetParam()));
  watched_loop loop{executor, [&] { EXPECT_TRUE(all.meet()); }};
  const fftw_on here(watched_loop::run, &loop);
  EXPECT_TRUE(same(transformed(), own));
  EXPECT_EQ(loop.loops != 0, GetParam() != 1);  // the plan for one thread has no loops
}

TEST_P(FftwAtLimit, HoldsOverTheTasksOfTheExecutorAndTheirTransforms) {
  const transform transformed(largest, 8, plan_3d);
  const numbers own = transformed();
  gauge threads;
  watched_loop loop{executor, [&] { work_in(threads); }};
  const fftw_on here(watched_loop::run, &loop);
  for (const bool good : executor.map(24, [&](int) { return same(transformed(), own); })) EXPECT_TRUE(good);
  EXPECT_LE(threads.most(), GetParam());
  EXPECT_GE(loop.loops, 24);
}

TEST_P(FftwAtLimit, HoldsOverBatchesInItsJobs) {
  const transform transformed(largest, 4, plan_2d);
  const numbers own = transformed();
  gauge threads;
  std::atomic<int> ran = 0;
  watched_loop loop{executor, [&] {
                      executor.map(6, [&](int) {
                        work_in(threads);
                        ++ran;
                      });
                    }};
  const fftw_on here(watched_loop::run, &loop);
  EXPECT_TRUE(same(transformed(), own));
  EXPECT_LE(threads.most(), GetParam());
  EXPECT_GE(ran, 4 * 6);
}

TEST_P(FftwAtLimit, HoldsOverSeveralThreadsThatCallAtOnce) {
  const transform transformed(largest, 8, plan_2d);
  const numbers own = transformed();
  gauge threads;
  watched_loop loop{executor, [&] { work_in(threads); }};
  const fftw_on here(watched_loop::run, &loop);
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller != 5; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round != 4; ++round) good += same(transformed(), own) ? 1 : 0;
      });
    }
    for (const bool each : executor.map(8, [&](int) { return same(transformed(), own); })) good += each ? 1 : 0;
  }
  EXPECT_EQ(good, 5 * 4 + 8);
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(FftwAtLimit, MayChangeWhileTransformsRun) {
  const transform transformed(largest, 8, plan_2d);
  const numbers own = transformed();
  const fftw_on here(executor);
  const std::jthread changes([&](const std::stop_token& over) {
    for (std::size_t limit = 1; !over.stop_requested(); limit = limit % executor.greatest_concurrency() + 1) {
      executor.set_concurrency(limit);
      std::this_thread::yield();
    }
  });
  for (int round = 0; round != 50; ++round) EXPECT_TRUE(same(transformed(), own));
}

TEST_P(FftwAtLimit, MeasuresPlansInTasksOfTheExecutor) {
  const fftw_on here(executor);
  fftw_make_planner_thread_safe();
  fftw_plan_with_nthreads(4);
  executor.map(6, [](int) {
    numbers from = input(4'096);
    numbers to(from.size());
    const fftw_plan plan = fftw_plan_dft_2d(64, 64, data(from), data(to), FFTW_FORWARD, FFTW_MEASURE | FFTW_UNALIGNED);
    ASSERT_NE(plan, nullptr);
    fftw_execute(plan);
    fftw_destroy_plan(plan);
  });
}

static_assert(noexcept(fanout::adapters::fftw_loop(nullptr, nullptr, 0, 0, nullptr)), "FFTW is C");

}  // namespace
