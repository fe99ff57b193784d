#include "fanout/adapters/opencv.hpp"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using support::gauge;

constexpr int most_threads = 8;

void use_own_backend() {
  cv::parallel::setParallelForBackend(std::shared_ptr<cv::parallel::ParallelForAPI>());
  cv::setNumThreads(most_threads);
}

/// OpenCV works on `executor` while this exists.
class opencv_on {
 public:
  explicit opencv_on(const fanout::executor& executor) {
    use_own_backend();  // or OpenCV would run loops on the calling thread, where a machine has a single core
    cv::parallel::setParallelForBackend(std::make_shared<fanout::adapters::opencv_backend>(executor), false);
  }
  opencv_on(const opencv_on&) = delete;
  opencv_on& operator=(const opencv_on&) = delete;
  ~opencv_on() { use_own_backend(); }
};

/// Without OpenCV's generator, which is another one on each thread.
cv::Mat picture(std::uint32_t seed) {
  cv::Mat made(241, 317, CV_8UC3);
  for (int row = 0; row != made.rows; ++row) {
    for (int byte = 0; byte != 3 * made.cols; ++byte) {
      seed = seed * 1664525U + 1013904223U;
      made.ptr(row)[byte] = static_cast<unsigned char>(seed >> 24U);
    }
  }
  return made;
}

/// Filters of OpenCV that have loops: of stripes, of rows, and of tiles.
std::vector<cv::Mat> filtered(const cv::Mat& from) {
  std::vector<cv::Mat> made(6);
  cv::GaussianBlur(from, made[0], {7, 7}, 1.7);
  cv::resize(from, made[1], {200, 111}, 0, 0, cv::INTER_CUBIC);
  cv::bilateralFilter(from, made[2], 5, 40, 40);
  cv::warpAffine(from, made[3], cv::getRotationMatrix2D({100, 100}, 13, 1.1), from.size());
  cv::cvtColor(from, made[4], cv::COLOR_BGR2Lab);
  cv::Canny(from, made[5], 60, 120);
  return made;
}

bool same(const std::vector<cv::Mat>& left, const std::vector<cv::Mat>& right) {
  bool all = left.size() == right.size();
  for (std::size_t i = 0; all && i != left.size(); ++i) {
    all = left[i].size() == right[i].size() && left[i].type() == right[i].type() && left[i].isContinuous() &&
          right[i].isContinuous() &&
          std::memcmp(left[i].data, right[i].data, left[i].total() * left[i].elemSize()) == 0;
  }
  return all;
}

const std::vector<cv::Mat>& expected() {
  static const std::vector<cv::Mat> own = [] {
    use_own_backend();
    // ThreadSanitizer does not see how oneTBB, OpenCV's own backend here, orders the memory of OpenCV, which is not
    // compiled for it.
    if (support::under_thread_sanitizer) cv::setNumThreads(1);
    std::vector<cv::Mat> made = filtered(picture(1));
    if (support::under_thread_sanitizer) cv::setNumThreads(-1);
    return made;
  }();
  return own;
}

bool runs_on_fanout() {
  std::atomic<bool> all = true;
  cv::parallel_for_({0, 4}, [&](const cv::Range&) {
    if (!fanout::current_runner().has_value()) all = false;
  });
  return all;
}

void work() { support::compute_for(std::chrono::microseconds(50)); }

/// The numbers of the threads in a loop: no two threads have the same at once.
class numbers {
 public:
  class taken {
   public:
    explicit taken(numbers& from) : from_(from), mine_(static_cast<std::size_t>(cv::getThreadNum())) {
      if (mine_ >= static_cast<std::size_t>(cv::getNumThreads()) || from_.in_use_.at(mine_).exchange(true)) from_.good = false;
    }
    taken(const taken&) = delete;
    taken& operator=(const taken&) = delete;
    ~taken() { from_.in_use_.at(mine_) = false; }

   private:
    numbers& from_;
    const std::size_t mine_;
  };

  std::atomic<bool> good = true;

 private:
  std::array<std::atomic<bool>, most_threads> in_use_{};
};

class OpenCVAtLimit : public testing::TestWithParam<int> {
 protected:
  OpenCVAtLimit() : own(expected()) {}
  const support::watchdog guard{};
  const std::vector<cv::Mat>& own;
  fanout::executor executor{{.concurrency = GetParam()}};
  const opencv_on on{executor};
};

INSTANTIATE_TEST_SUITE_P(Threads, OpenCVAtLimit, testing::Values(1, 2, 4, 8), testing::PrintToStringParamName());

TEST_P(OpenCVAtLimit, GivesBitForBitWhatItsOwnBackendGives) {
  ASSERT_TRUE(runs_on_fanout());
  EXPECT_TRUE(same(filtered(picture(1)), own));
  EXPECT_FALSE(same(filtered(picture(2)), own));
}

TEST_P(OpenCVAtLimit, RunsEachStripeOnce) {
  for (const int count : {1, 2, 3, 17, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    cv::parallel_for_({0, count}, [&](const cv::Range& range) {
      for (int i = range.start; i != range.end; ++i) ++runs[static_cast<std::size_t>(i)];
    });
    for (const std::atomic<int>& each : runs) EXPECT_EQ(each, 1);
  }
}

TEST_P(OpenCVAtLimit, IsReachedByALoopAndNeverExceeded) {
  gauge threads;
  support::rendezvous all(static_cast<std::size_t>(GetParam()));
  cv::parallel_for_({0, GetParam()}, [&](const cv::Range& range) {
    const gauge::visit here(threads);
    for (int i = range.start; i != range.end; ++i) EXPECT_TRUE(all.meet());
  });
  EXPECT_EQ(threads.most(), GetParam());
}

TEST_P(OpenCVAtLimit, NumbersTheThreadsOfALoop) {
  numbers used;
  for (int round = 0; round != 20; ++round) {
    cv::parallel_for_({0, 64}, [&](const cv::Range&) {
      const numbers::taken mine(used);
      work();
    });
  }
  EXPECT_TRUE(used.good);
  EXPECT_EQ(cv::getThreadNum(), 0);
  EXPECT_EQ(cv::getNumThreads(), GetParam());
}

TEST_P(OpenCVAtLimit, HoldsOverTheTasksOfTheExecutorAndTheirLoops) {
  gauge threads;
  const auto filter = [&](int) {
    cv::parallel_for_({0, 40}, [&](const cv::Range&) {
      const gauge::visit here(threads);
      work();
    });
    return same(filtered(picture(1)), own);
  };
  for (const bool good : executor.map(24, filter)) EXPECT_TRUE(good);
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(OpenCVAtLimit, HoldsOverBatchesInTheBodiesOfALoop) {
  gauge threads;
  std::atomic<int> sum = 0;
  cv::parallel_for_({0, 12}, [&](const cv::Range& range) {
    for (int i = range.start; i != range.end; ++i) {
      executor.map(8, [&](int item) {
        const gauge::visit here(threads);
        work();
        sum += item;
      });
    }
  });
  EXPECT_EQ(sum, 12 * 28);
  EXPECT_LE(threads.most(), GetParam());
}

TEST_P(OpenCVAtLimit, IsCalledBySeveralThreadsAtOnce) {
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller != 5; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round != 4; ++round) good += same(filtered(picture(1)), own) ? 1 : 0;
      });
    }
    for (const bool each : executor.map(8, [&](int) { return same(filtered(picture(1)), own); })) good += each ? 1 : 0;
  }
  EXPECT_EQ(good, 5 * 4 + 8);
}

TEST_P(OpenCVAtLimit, ThrowsWhatABodyThrowsAndWorksOn) {
  for (int round = 0; round != 10; ++round) {
    std::atomic<int> ended = 0;
    const auto failing = [&](const cv::Range& range) {
      if (range.start <= 7 && 7 < range.end) throw std::out_of_range("planned");
      ended += range.end - range.start;
    };
    EXPECT_STREQ(support::thrown_by<std::out_of_range>([&] { cv::parallel_for_({0, 64}, failing); }).what(), "planned");
    EXPECT_LT(ended, 64);
  }
  EXPECT_TRUE(same(filtered(picture(1)), own));
}

TEST_P(OpenCVAtLimit, MayChangeWhileLoopsRun) {
  numbers used;
  {
    const std::jthread changes([&](const std::stop_token& over) {
      for (std::size_t limit = 1; !over.stop_requested(); limit = limit % executor.greatest_concurrency() + 1) {
        executor.set_concurrency(limit);
        std::this_thread::yield();
      }
    });
    for (int round = 0; round != 50; ++round) {
      cv::parallel_for_({0, 64}, [&](const cv::Range&) {
        const numbers::taken mine(used);
        work();
      });
    }
    EXPECT_TRUE(same(filtered(picture(1)), own));
  }
  EXPECT_TRUE(used.good);
}

TEST(OpenCV, UsesNoMoreThreadsThanItWasTold) {
  const support::watchdog guard;
  const fanout::executor executor({.concurrency = 8});
  const opencv_on here(executor);
  EXPECT_EQ(cv::getNumThreads(), 8);
  for (const int told : {3, 2}) {
    cv::setNumThreads(told);
    EXPECT_EQ(cv::getNumThreads(), told);
    gauge threads;
    support::rendezvous all(static_cast<std::size_t>(told));
    cv::parallel_for_({0, 64}, [&](const cv::Range&) {
      const gauge::visit here_too(threads);
      EXPECT_TRUE(all.meet());
    });
    EXPECT_EQ(threads.most(), told);
  }
  cv::setNumThreads(0);
  EXPECT_EQ(cv::getNumThreads(), 1);
  const std::thread::id me = std::this_thread::get_id();
  cv::parallel_for_({0, 64}, [&](const cv::Range&) { EXPECT_EQ(std::this_thread::get_id(), me); });
  cv::setNumThreads(100);
  EXPECT_EQ(cv::getNumThreads(), 8);
  std::atomic<int> ran = 0;
  cv::parallel_for_({0, 64}, [&](const cv::Range& range) { ran += range.end - range.start; });
  EXPECT_EQ(ran, 64);
}

TEST(OpenCV, NumbersTheThreadOfATaskOfALargerExecutorBelowItsNumber) {
  const support::watchdog guard;
  const fanout::executor small({.concurrency = 2});
  const fanout::executor large({.concurrency = 8});
  const opencv_on here(small);
  support::rendezvous all(8);
  large.map(8, [&](int) {
    EXPECT_TRUE(all.meet());  // so each thread runs a task, and has a number of its own
    cv::parallel_for_({0, 4}, [&](const cv::Range&) {
      EXPECT_GE(cv::getThreadNum(), 0);
      EXPECT_LT(cv::getThreadNum(), 2);
    });
  });
}

TEST(OpenCV, IsGivenAnotherExecutorOrItsOwnBackend) {
  const std::vector<cv::Mat>& own = expected();
  for (int round = 0; round != 3; ++round) {
    const fanout::executor executor({.concurrency = 2});
    const opencv_on here(executor);
    EXPECT_TRUE(same(filtered(picture(1)), own));
  }
  if (support::under_thread_sanitizer) return;  // for the reason given at expected()
  EXPECT_FALSE(runs_on_fanout());
  EXPECT_TRUE(same(filtered(picture(1)), own));
}

/// Called as OpenCV calls it, but with a body that throws.
TEST(OpenCVBackend, ThrowsWhatABodyThrowsThatOpenCVHasNotCaught) {
  const fanout::executor executor({.concurrency = 4});
  fanout::adapters::opencv_backend backend(executor);
  const auto throws = [](int, int, void*) { throw std::out_of_range("planned"); };
  EXPECT_THROW(backend.parallel_for(16, throws, nullptr), std::out_of_range);
}

/// The backend lives as long as OpenCV, which is longer than any executor.
TEST(OpenCVDeathTest, EndsTheProcessWithTheBackendInPlace) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ends = [] {
    static const fanout::executor executor({.concurrency = 4});
    cv::parallel::setParallelForBackend(std::make_shared<fanout::adapters::opencv_backend>(executor), false);
    if (!same(filtered(picture(1)), filtered(picture(1)))) std::exit(1);
    std::exit(7);
  };
  EXPECT_EXIT(ends(), testing::ExitedWithCode(7), "");
}

}  // namespace
