#include "fanout/for_each_range.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "support.hpp"

namespace {

using fanout::for_each_range;
using fanout::task_context;
using namespace std::chrono_literals;

/// How often each index was in a share, and the shares.
template <class Number>
class coverage {
 public:
  explicit coverage(std::size_t count) : seen_(count) {}

  void operator()(Number first, Number last) {
    ASSERT_LT(first, last);
    for (Number i = first; i != last; ++i) seen_[static_cast<std::size_t>(i)].fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    shares_.emplace_back(first, last);
  }

  bool is_complete() const {
    return std::all_of(seen_.begin(), seen_.end(), [](const std::atomic<int>& each) { return each == 1; });
  }
  const std::vector<std::pair<Number, Number>>& shares() const { return shares_; }

 private:
  std::vector<std::atomic<int>> seen_;
  std::mutex mutex_;
  std::vector<std::pair<Number, Number>> shares_;
};

template <class Number>
void covers_each_index_once(Number count, std::size_t limit) {
  coverage<Number> seen(static_cast<std::size_t>(count));
  for_each_range(count, std::ref(seen), limit);
  EXPECT_TRUE(seen.is_complete()) << +count << " at " << limit;
}

TEST(ForEachRange, CoversEachIndexOnceWhateverItsTypeAndTheLimit) {
  for (const std::size_t limit : {1U, 2U, 3U, 8U}) {
    for (const int count : {0, 1, 2, 3, 7, 8, 9, 100, 100'000}) covers_each_index_once(count, limit);
    covers_each_index_once<signed char>(127, limit);
    covers_each_index_once<std::uint8_t>(255, limit);
    covers_each_index_once<std::size_t>(1'000, limit);
    covers_each_index_once<long long>(1'000, limit);
  }
}

TEST(ForEachRange, MakesNoShareOfNoIndices) {
  for_each_range(0, [](int, int) { ADD_FAILURE() << "called"; });
}

TEST(ForEachRange, RefusesANegativeNumber) {
  EXPECT_EQ(support::message_of<std::invalid_argument>([] { for_each_range(-3, [](int, int) {}); }),
            "the number of indices must be at least 0; got -3");
}

TEST(ForEachRange, RefusesAnEmptyFunction) {
  const std::function<void(int, int)> nothing;
  EXPECT_EQ(support::message_of<std::invalid_argument>([&] { for_each_range(3, nothing); }),
            "the mapper is an empty function");
}

TEST(ForEachRange, HandsOutFewSharesOfCheapIndices) {
  coverage<int> seen(1'000'000);
  for_each_range(1'000'000, std::ref(seen), 2);
  EXPECT_TRUE(seen.is_complete());
  EXPECT_LT(seen.shares().size(), 100'000U);
}

// Progress counts indices, and does not make the shares smaller.
TEST(ForEachRange, TellsTheProgressInIndices) {
  std::size_t last = 0;
  std::atomic<int> shares = 0;
  for_each_range(100'000, [&](int, int) { ++shares; },
                 {.concurrency = 2, .on_progress = [&](std::size_t completed, std::size_t total) {
                    EXPECT_GT(completed, last);
                    EXPECT_EQ(total, 100'000U);
                    last = completed;
                  }});
  EXPECT_EQ(last, 100'000U);
  EXPECT_LT(shares, 50'000);
}

TEST(ForEachRange, NamesTheFirstIndexOfAShareThatThrows) {
  std::atomic<int> first_of_failed = -1;
  try {
    for_each_range(
        10'000,
        [&](int first, int last) {
          if (first <= 5'000 && 5'000 < last) {
            first_of_failed = first;
            throw std::runtime_error("row 5000");
          }
        },
        2);
    ADD_FAILURE() << "no exception";
  } catch (const fanout::task_error& e) {
    EXPECT_EQ(e.index(), static_cast<std::size_t>(first_of_failed));
  }
}

TEST(ForEachRange, RunsEveryShareUnderRunAll) {
  coverage<int> seen(1'000);
  std::atomic<std::size_t> failures = 0;
  try {
    for_each_range(
        1'000,
        [&](int first, int last) {
          seen(first, last);
          if (first % 2 == 0) {
            ++failures;
            throw first;
          }
        },
        {.concurrency = 3, .on_error = fanout::error_policy::run_all});
    ADD_FAILURE() << "no exception";
  } catch (const fanout::aggregate_error& e) {
    EXPECT_EQ(e.errors().size(), failures);
  }
  EXPECT_TRUE(seen.is_complete());
}

TEST(ForEachRange, GivesTheContextOfAShare) {
  std::atomic<int> wrong = 0;
  for_each_range(
      1'000,
      [&](int first, int, const task_context& context) {
        wrong += context.index() != static_cast<std::size_t>(first) || context.runner() >= 3;
      },
      3);
  EXPECT_EQ(wrong, 0);
}

TEST(ForEachRange, StartsNoShareOnceItIsStopped) {
  std::stop_source stop;
  std::atomic<int> late = 0;
  try {
    for_each_range(
        1'000'000,
        [&](int first, int, const task_context& context) {
          late += context.stop_requested();
          if (first >= 1'000) stop.request_stop();
        },
        {.concurrency = 1, .stop = stop.get_token()});
    ADD_FAILURE() << "no exception";
  } catch (const fanout::operation_cancelled& e) {
    EXPECT_LT(e.completed(), 1'000'000U);
    EXPECT_GT(e.completed(), 1'000U);
  }
  EXPECT_EQ(late, 0);
}

// A share that waits is no reason for the others to wait: what was handed out with it and has not begun is taken over.
TEST(ForEachRange, RunsTheOtherSharesWhileOneWaits) {
  std::atomic<int> done = 0;
  const support::watchdog no_hang;
  for_each_range(
      1'000,
      [&](int first, int last) {
        if (first == 0)
          while (done + last != 1'000) std::this_thread::yield();
        done += last - first;
      },
      2);
  EXPECT_EQ(done, 1'000);
}

TEST(ForEachRange, KeepsTheLimitOfAnExecutor) {
  const fanout::executor three({.concurrency = 3});
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  coverage<unsigned> seen(300);
  three.for_each_range(300U, [&](unsigned first, unsigned last) {
    const int here = ++now;
    for (int seen_most = most; here > seen_most && !most.compare_exchange_weak(seen_most, here);) {
    }
    seen(first, last);
    std::this_thread::sleep_for(100us);
    --now;
  });
  EXPECT_TRUE(seen.is_complete());
  EXPECT_LE(most, 3);
}

TEST(ForEachRange, NestsInItself) {
  std::atomic<int> incomplete = 0;
  for_each_range(
      20,
      [&](int first, int last) {
        for (int i = first; i != last; ++i) {
          coverage<int> seen(200);
          for_each_range(200, std::ref(seen), 2);
          incomplete += !seen.is_complete();
        }
      },
      3);
  EXPECT_EQ(incomplete, 0);
}

// Whatever is thrown, and whenever it is stopped: no index is in two shares, and what is told of the batch is so.
TEST(ForEachRange, CoversNoIndexTwiceWhereSharesThrowAndTheBatchIsStopped) {
  std::mt19937 random(1);
  const auto below = [&](int most) { return std::uniform_int_distribution<int>(0, most - 1)(random); };
  const fanout::executor shared({.concurrency = 3});
  for (int round = 0; round != 400; ++round) {
    const int count = below(4) == 0 ? below(10) : below(20'000);
    const int throws_at = below(2) == 0 ? below(count + 1) : -1;
    const int stops_at = below(3) == 0 ? below(count + 1) : -1;
    std::stop_source stop;
    std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
    std::atomic<std::size_t> failures = 0;
    std::atomic<std::size_t> covered = 0;
    const auto share = [&](int first, int last) {
      for (int i = first; i != last; ++i) ++seen[static_cast<std::size_t>(i)];
      covered += static_cast<std::size_t>(last - first);
      if (first <= stops_at && stops_at < last) stop.request_stop();
      if (first > throws_at || throws_at >= last) return;
      ++failures;
      throw throws_at;
    };
    const fanout::run_options options{.concurrency = 1 + below(6),
                                      .on_error = below(2) == 0 ? fanout::error_policy::stop : fanout::error_policy::run_all,
                                      .stop = stop.get_token()};
    bool is_complete = false;
    try {
      below(2) == 0 ? for_each_range(count, share, options) : shared.for_each_range(count, share, options);
      is_complete = true;
      EXPECT_EQ(failures, 0U);
    } catch (const fanout::task_error&) {
      EXPECT_EQ(failures, 1U);
    } catch (const fanout::aggregate_error& e) {
      is_complete = true;
      EXPECT_EQ(e.errors().size(), failures);
    } catch (const fanout::operation_cancelled& e) {
      EXPECT_TRUE(stop.stop_requested());
      EXPECT_EQ(e.completed(), covered);
      EXPECT_EQ(e.errors().size(), failures);
    }
    for (const std::atomic<int>& each : seen) {
      ASSERT_LE(each, 1);
      ASSERT_GE(each, is_complete ? 1 : 0);
    }
  }
}

}  // namespace
