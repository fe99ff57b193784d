#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// `run_options::admit`: batches whose tasks wait until they may start.
namespace {

using namespace support;
using namespace std::chrono_literals;
using fanout::task_context;
using clock_type = std::chrono::steady_clock;

/// What is held at once, and the most that ever was.
class held {
 public:
  class share {
   public:
    share(held& of, std::uint64_t cost) : of_(of), cost_(cost) { of_.change(cost_); }
    share(const share&) = delete;
    share& operator=(const share&) = delete;
    ~share() { of_.now_ -= cost_; }

   private:
    held& of_;
    const std::uint64_t cost_;
  };
  std::uint64_t most() const { return most_; }

 private:
  void change(std::uint64_t by) {
    const std::uint64_t now = now_ += by;
    std::uint64_t seen = most_;
    while (now > seen && !most_.compare_exchange_weak(seen, now)) {
    }
  }
  std::atomic<std::uint64_t> now_{0};
  std::atomic<std::uint64_t> most_{0};
};

/// A task that holds 1 of the budget until it is ended.
class holder_of_one {
 public:
  explicit holder_of_one(const fanout::resource_budget& budget) : batch_([this, budget] {
    fanout::map_in_parallel(1, [this](int) {
      holds_.set();
      EXPECT_TRUE(ends_.wait());
    }, {.admit = {budget.by([](std::size_t) { return 1; })}});
  }) {
    EXPECT_TRUE(holds_.wait());
  }
  void end() const { ends_.set(); }

 private:
  mutable event holds_;
  mutable event ends_;
  std::jthread batch_;  // last: it uses the others
};

std::uint64_t cost_of(std::size_t index) { return 1 + index * 7 % 10; }

TEST(Budget, IsNeverExceeded) {
  for (const auto limit : std::initializer_list<std::size_t>{1, 2, 3, 8}) {
    const fanout::resource_budget budget(12);
    held seen;
    const auto results = fanout::map_in_parallel(std::size_t{500}, [&](std::size_t i) {
      const held::share mine(seen, cost_of(i));
      if (i % 50 == 0) std::this_thread::sleep_for(200us);
      return i;
    }, {.concurrency = limit, .admit = {budget.by(cost_of)}});
    EXPECT_LE(seen.most(), 12U);
    for (std::size_t i = 0; i != results.size(); ++i) EXPECT_EQ(results[i], i);
    EXPECT_EQ(budget.in_use(), 0U);
    EXPECT_EQ(budget.waiting(), 0U);
  }
}

TEST(Budget, IsSharedByBatches) {
  const fanout::resource_budget budget(10);
  held seen;
  on_threads(3, [&](std::size_t) {
    fanout::map_in_parallel(std::size_t{300}, [&](std::size_t i) { const held::share mine(seen, cost_of(i)); },
                            {.concurrency = 3, .admit = {budget.by(cost_of)}});
  });
  EXPECT_LE(seen.most(), 10U);
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(Budget, StartsTasksInOrder) {
  const fanout::resource_budget budget(10);
  std::mutex mutex;
  std::vector<std::size_t> order;
  fanout::map_in_parallel(std::size_t{100}, [&](std::size_t i) {
    const std::lock_guard lock(mutex);
    order.push_back(i);
  }, {.concurrency = 1, .admit = {budget.by(cost_of)}});
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Budget, LetsThePriorityDecideWhoIsNext) {
  const fanout::resource_budget budget(1);
  std::vector<std::size_t> order;  // the budget lets one task run at a time
  fanout::map_in_parallel(std::size_t{50}, [&](std::size_t i) { order.push_back(i); },
                          {.concurrency = 4,
                           .priority = [](std::size_t i) { return static_cast<std::int64_t>(i); },
                           .admit = {budget.by([](std::size_t) { return 1; })}});
  EXPECT_TRUE(std::is_sorted(order.rbegin(), order.rend()));
}

TEST(Budget, RefusesWhatCanNeverBeBeforeAnythingRuns) {
  const fanout::resource_budget budget(10);
  const auto error = thrown_by<std::invalid_argument>([&] {
    fanout::map_in_parallel(20, [](int) { ADD_FAILURE(); },
                            {.admit = {budget.by([](std::size_t i) { return i == 17 ? 11U : 1U; })}});
  });
  EXPECT_NE(std::string(error.what()).find("17"), std::string::npos) << error.what();
}

TEST(Budget, GivesTheWholeOfItAStartUnderAStreamOfSmallOnes) {
  const fanout::resource_budget budget(4);
  std::atomic<bool> over{false};
  std::jthread small([&] {
    while (!over) {
      fanout::map_in_parallel(20, [](int) { std::this_thread::sleep_for(100us); },
                              {.concurrency = 4, .admit = {budget.by([](std::size_t) { return 1; })}});
    }
  });
  for (int i = 0; i != 5; ++i)
    fanout::map_in_parallel(1, [&](int) { EXPECT_EQ(budget.in_use(), 4U); }, {.admit = {budget.by([](std::size_t) { return 4; })}});
  over = true;
}

TEST(Budget, TakesNothingAfterAStop) {
  const fanout::resource_budget budget(2);
  const holder_of_one holder(budget);
  std::stop_source stop;
  auto whole = fanout::submit_map(3, [](int) { ADD_FAILURE(); }, {
      .stop = stop.get_token(), .admit = {budget.by([](std::size_t) { return 2; })}});
  while (budget.waiting() == 0) std::this_thread::sleep_for(1ms);
  auto behind = fanout::submit_map(1, [](int i) { return i; }, {.admit = {budget.by([](std::size_t) { return 1; })}});
  while (budget.waiting() != 2) std::this_thread::sleep_for(1ms);
  stop.request_stop();
  EXPECT_THROW(whole.get(), fanout::operation_cancelled);
  EXPECT_EQ(behind.get(), std::vector<int>{0});
  EXPECT_EQ(budget.in_use(), 1U);
  holder.end();
}

TEST(Budget, EndsAtTheTimeLimit) {
  const fanout::resource_budget budget(1);
  fanout::map_in_parallel(1, [&](int) {
    const fanout::resource_budget other(1);
    const auto error = thrown_by<fanout::deadline_exceeded>([&] {
      fanout::map_in_parallel(4, [&](int i, const task_context& context) {
        if (i == 0) wait_for_stop(context);
      }, {.concurrency = 2, .admit = {other.by([](std::size_t) { return 1; })}, .timeout = 20ms});
    });
    EXPECT_EQ(error.completed(), 1U);
  }, {.admit = {budget.by([](std::size_t) { return 1; })}});
}

TEST(Budget, HoldsNoPlaceOfTheExecutorWhileItWaits) {
  fanout::executor exec({.concurrency = 1});
  const fanout::resource_budget budget(1);
  const holder_of_one holder(budget);
  auto waits = exec.submit_map(2, [](int i) { return i; }, {.admit = {budget.by([](std::size_t) { return 1; })}});
  while (budget.waiting() == 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(exec.map(3, [](int i) { return i; }), (std::vector<int>{0, 1, 2}));
  holder.end();
  EXPECT_EQ(waits.get(), (std::vector<int>{0, 1}));
}

TEST(Budget, DoesNotDeadlockWithAnExecutorWhoseTasksUseItInside) {
  fanout::executor exec({.concurrency = 2});
  const fanout::resource_budget budget(2);
  const auto one = [](std::size_t) { return std::uint64_t{1}; };
  on_threads(3, [&](std::size_t number) {
    for (int round = 0; round != 20; ++round) {
      if (number == 0) {
        exec.map(20, [](int) { std::this_thread::yield(); }, {.admit = {budget.by(one)}});
      } else {
        exec.map(6, [&](int) {
          exec.map(3, [](int) { std::this_thread::yield(); }, {.admit = {budget.by(one)}});
        });
      }
    }
  });
  EXPECT_EQ(budget.in_use(), 0U);
}

TEST(Budget, TwoInOppositeOrderDoNotDeadlock) {
  const fanout::resource_budget one(1);
  const fanout::resource_budget other(1);
  const auto all = [](std::size_t) { return std::uint64_t{1}; };
  on_threads(2, [&](std::size_t number) {
    std::vector<fanout::admission> both{one.by(all), other.by(all)};
    if (number == 1) std::swap(both[0], both[1]);
    fanout::map_in_parallel(2000, [](int) {}, {.concurrency = 2, .admit = both});
  });
}

TEST(Budget, IsHeldByEachAttemptAlone) {
  const fanout::resource_budget budget(1);
  std::atomic<int> others{0};
  const auto results = fanout::map_in_parallel(10, [&](int i, const task_context& context) {
    if (i == 0 && context.attempt() == 1) throw std::runtime_error("once");
    return i == 0 ? others.load() : ++others;
  }, {.concurrency = 2, .admit = {budget.by([](std::size_t) { return 1; })}, .retry = {.again = 1, .pause = 100ms}});
  EXPECT_EQ(results[0], 9);
}

TEST(Budget, RefusesATaskThatWouldWaitForItself) {
  const fanout::resource_budget budget(2);
  const auto error = thrown_by<fanout::task_error>([&] {
    fanout::map_in_parallel(1, [&](int) {
      fanout::map_in_parallel(2, [](int) {}, {.concurrency = 2, .admit = {budget.by([](std::size_t) { return 2; })}});
    }, {.admit = {budget.by([](std::size_t) { return 1; })}});
  });
  EXPECT_THROW(error.rethrow_nested(), std::logic_error);
  fanout::map_in_parallel(1, [&](int) {  // there is enough
    fanout::map_in_parallel(5, [](int) {}, {.concurrency = 2, .admit = {budget.by([](std::size_t) { return 1; })}});
  }, {.admit = {budget.by([](std::size_t) { return 1; })}});
}

TEST(Budget, IsGivenBackForAWhileByATaskThatHasToWaitForAnother) {
  const fanout::resource_budget memory(2);
  const fanout::resource_budget licence(1);
  const auto one = [](std::size_t) { return std::uint64_t{1}; };
  // The second task has got its memory, and waits for the licence. The first has the licence, and needs that memory.
  fanout::map_in_parallel(2, [&](int) {
    std::this_thread::sleep_for(20ms);
    fanout::map_in_parallel(1, [](int) {}, {.admit = {memory.by(one)}});
  }, {.concurrency = 2, .admit = {memory.by(one), licence.by(one)}, .timeout = patience});
  EXPECT_EQ(memory.in_use(), 0U);
}

/// When tasks have started, each at the time at which it looked at a clock: then, or later, because its thread may be
/// suspended before. So no window of these times says for certain how many starts were in it. (rate_window_test looks
/// at each window, with a clock of its own.) But no start is later than it appears, so all of them together say enough.
class seen_starts {
 public:
  void note() {
    const auto now = clock_type::now();
    const std::lock_guard lock(mutex_);
    times_.push_back(now);
  }
  std::size_t count() const { return times_.size(); }

  /// Whether `most` starts in any window of `per` explain them.
  void expect_at_most(std::size_t most, std::chrono::nanoseconds per) {
    std::sort(times_.begin(), times_.end());
    for (std::size_t each = 0; each != times_.size(); ++each)
      EXPECT_GE(times_[each] - begin_, per * static_cast<std::int64_t>(each / most)) << "start " << each;
  }

 private:
  const clock_type::time_point begin_ = clock_type::now();
  std::mutex mutex_;
  std::vector<clock_type::time_point> times_;
};

TEST(RateLimit, HoldsOverAllBatches) {
  const fanout::rate_limit limit(20, 20ms);
  seen_starts starts;
  on_threads(3, [&](std::size_t) {
    fanout::map_in_parallel(67, [&](int) { starts.note(); }, {.concurrency = 4, .admit = {limit}});
  });
  EXPECT_EQ(starts.count(), 201U);
  starts.expect_at_most(20, 20ms);
}

TEST(RateLimit, CountsAttempts) {
  const fanout::rate_limit limit(2, 20ms);
  seen_starts starts;
  EXPECT_THROW(fanout::map_in_parallel(1, [&](int) {
    starts.note();
    throw std::runtime_error("always");
  }, {.admit = {limit}, .retry = {.again = 5}}), fanout::task_error);
  EXPECT_EQ(starts.count(), 6U);
  starts.expect_at_most(2, 20ms);
}

TEST(RateLimit, EndsItsWaitAtAStop) {
  const fanout::rate_limit limit(1, 1h);
  EXPECT_THROW(fanout::map_in_parallel(5, [](int) {}, {.admit = {limit}, .timeout = 30ms}), fanout::deadline_exceeded);
}

TEST(RateLimit, SeveralHoldTogether) {
  const fanout::rate_limit fast(3, 5ms);
  const fanout::rate_limit slow(10, 50ms);
  seen_starts starts;
  fanout::map_in_parallel(40, [&](int) { starts.note(); }, {.concurrency = 4, .admit = {slow, fast}});
  starts.expect_at_most(3, 5ms);
  starts.expect_at_most(10, 50ms);
}

TEST(OwnRule, IsAskedUntilItSaysYes) {
  std::atomic<int> asked{0};
  const fanout::admission third_time([&](std::size_t) {
    return ++asked % 3 == 0 ? fanout::admission_answer::yes() : fanout::admission_answer::not_yet(1ms);
  });
  const auto results = fanout::map_in_parallel(10, [](int i) { return i; }, {.concurrency = 2, .admit = {third_time}});
  EXPECT_EQ(results.size(), 10U);
  EXPECT_GE(asked, 30);
}

TEST(OwnRule, MayRefuseATask) {
  const fanout::admission no_odd_ones([](std::size_t i) {
    return i % 2 == 0 ? fanout::admission_answer::yes() : fanout::admission_answer::never("it is odd");
  });
  std::atomic<int> ran{0};
  const auto error = thrown_by<fanout::aggregate_error>([&] {
    fanout::map_in_parallel(10, [&](int) { ++ran; }, {.concurrency = 2,
                            .on_error = fanout::error_policy::run_all, .admit = {no_odd_ones}, .retry = {.again = 2}});
  });
  EXPECT_EQ(ran, 5);
  ASSERT_EQ(error.errors().size(), 5U);
  EXPECT_EQ(error.errors()[0].index(), 1U);
  EXPECT_EQ(error.errors()[0].attempts(), 1U);
  EXPECT_NE(std::string(error.errors()[0].what()).find("it is odd"), std::string::npos);
  const auto outcomes = fanout::settle_map(4, [](int i) { return i; }, {.admit = {no_odd_ones}});
  EXPECT_TRUE(outcomes[2].has_value());
  EXPECT_FALSE(outcomes[3].has_value());
  EXPECT_FALSE(outcomes[3].cancelled());
}

TEST(OwnRule, MayRefuseATaskWhileThePauseOfAnotherOneEnds) {
  const fanout::admission slow([](std::size_t i) {
    if (i == 0) return fanout::admission_answer::yes();
    std::this_thread::sleep_for(50ms);  // until the pause is over
    return fanout::admission_answer::never("it is not 0");
  });
  const auto outcomes = fanout::settle_map(2, [](int i, const task_context& context) {
    if (context.attempt() == 1) throw std::runtime_error("once");
    return i;
  }, {.concurrency = 1, .admit = {slow}, .retry = {.again = 1, .pause = 2ms}});
  EXPECT_TRUE(outcomes[0].has_value());
  EXPECT_FALSE(outcomes[1].has_value());
}

TEST(OwnRule, KeepsNoTaskWaitingWhosePauseEndsWhileItIsAsked) {
  const fanout::admission slow([](std::size_t i) {
    if (i == 1) std::this_thread::sleep_for(200ms);  // until the pause is over
    return fanout::admission_answer::yes();
  });
  rendezvous both(2);
  fanout::map_in_parallel(2, [&](int i, const task_context& context) {
    if (i == 0 && context.attempt() == 1) throw std::runtime_error("once");
    EXPECT_TRUE(both.meet());
  }, {.concurrency = 2, .admit = {slow}, .retry = {.again = 1, .pause = 50ms}});
}

TEST(OwnRule, EndsATaskOnceThatItRefusesAsTheStopComes) {
  std::stop_source stop;
  int asked = 0;
  const fanout::admission once([&](std::size_t) {
    if (++asked == 1) return fanout::admission_answer::yes();
    stop.request_stop();
    return fanout::admission_answer::never("it had its chance");
  });
  const auto error = thrown_by<fanout::operation_cancelled>([&] {
    fanout::map_in_parallel(2, [](int) { throw std::runtime_error("failed"); },
                            {.concurrency = 1, .on_error = fanout::error_policy::run_all, .stop = stop.get_token(),
                             .admit = {once}, .retry = {.again = 1}});
  });
  EXPECT_EQ(error.completed(), 1U);
  ASSERT_EQ(error.errors().size(), 1U);
  EXPECT_NE(std::string(error.errors()[0].what()).find("it had its chance"), std::string::npos);
}

TEST(OwnRule, ThatRefusesAnotherAttemptTellsHowManyWereMade) {
  std::atomic<int> asked{0};
  const fanout::admission only_twice([&](std::size_t) {
    return ++asked <= 2 ? fanout::admission_answer::yes() : fanout::admission_answer::never("enough");
  });
  const auto error = thrown_by<fanout::task_error>([&] {
    fanout::map_in_parallel(1, [](int) { throw std::runtime_error("fails"); },
                            {.admit = {only_twice}, .retry = {.again = 5}});
  });
  EXPECT_EQ(error.attempts(), 2U);
}

TEST(OwnRule, LeavesTheCountsOfAHandleInOrder) {
  const fanout::admission none([](std::size_t) { return fanout::admission_answer::never("closed"); });
  auto batch = fanout::submit_map(10, [](int) {}, {.on_error = fanout::error_policy::run_all, .admit = {none}});
  EXPECT_THROW(batch.get(), fanout::aggregate_error);
  EXPECT_EQ(batch.progress().completed, 10U);
  EXPECT_GE(batch.progress().started, batch.progress().completed);
}

TEST(OwnRule, ThatWasMovedFromIsRefused) {
  fanout::admission none([](std::size_t) { return fanout::admission_answer::yes(); });
  const fanout::admission moved = std::move(none);
  EXPECT_THROW(fanout::map_in_parallel(1, [](int) { ADD_FAILURE(); }, {.admit = {none}}), std::invalid_argument);
}

TEST(OwnRule, PassesOnWhatItThrows) {
  const fanout::admission throws([](std::size_t i) -> fanout::admission_answer {
    if (i == 3) throw std::range_error("no answer");
    return fanout::admission_answer::yes();
  });
  EXPECT_THROW(fanout::map_in_parallel(10, [](int) {}, {.concurrency = 2, .admit = {throws}}), std::range_error);
}

TEST(OwnRule, EndsItsWaitAtAStop) {
  const fanout::admission never_yet([](std::size_t) { return fanout::admission_answer::not_yet(1h); });
  EXPECT_THROW(fanout::map_in_parallel(5, [](int) {}, {.admit = {never_yet}, .timeout = 30ms}),
               fanout::deadline_exceeded);
}

TEST(MemoryGuard, AlwaysLetsOneTaskRun) {
  const auto too_much = fanout::free_memory_above(std::numeric_limits<std::uint64_t>::max());
  gauge seen;
  fanout::map_in_parallel(20, [&](int) { const gauge::visit here(seen); }, {.concurrency = 3, .admit = {too_much}});
  EXPECT_EQ(seen.most(), 1);
}

TEST(MemoryGuard, LetsAllRunWhereThereIsEnough) {
  EXPECT_GT(fanout::available_memory(), 0U);
  rendezvous both(2);
  fanout::map_in_parallel(2, [&](int) { EXPECT_TRUE(both.meet()); },
                          {.concurrency = 2, .admit = {fanout::free_memory_above(1)}});
}

TEST(Admission, IsRefusedWhereTasksHaveNoIndex) {
  const fanout::run_options options{.admit = {fanout::rate_limit(1, 1s)}};
  EXPECT_THROW(fanout::for_each_range(10, [](int, int) {}, options), std::invalid_argument);
  EXPECT_THROW(fanout::task_scope{options}, std::invalid_argument);
}

TEST(Admission, TakesTheSameBudgetOnlyOnce) {
  const fanout::resource_budget budget(10);
  const auto one = [](std::size_t) { return std::uint64_t{1}; };
  EXPECT_THROW(fanout::map_in_parallel(1, [](int) { ADD_FAILURE(); }, {.admit = {budget.by(one), budget.by(one)}}),
               std::invalid_argument);
}

}  // namespace
