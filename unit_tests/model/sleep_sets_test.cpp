// The search leaves out what it takes for a repetition. Here it has to find whatever Relacy's own full search finds, in
// programs that are small enough for both.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "model/search.hpp"

namespace {

using namespace model;

using outcome = std::array<int, 4>;

/// Collects how its executions end.
template <class Scenario, int threads>
struct program : rl::test_suite<Scenario, threads> {
  outcome seen_{};
  static inline std::set<outcome> outcomes;
  void after() { outcomes.insert(seen_); }
};

template <bool fences>
struct store_buffering : program<store_buffering<fences>, 2> {
  atomic<int> values_[2];
  void thread(unsigned me) {
    values_[me].store(1, std::memory_order_relaxed);
    if (fences) primitives::fence();
    this->seen_[me] = values_[1 - me].load(std::memory_order_relaxed);
  }
};

enum class fenced { light, heavy };

/// The same with the fences of which one side may be light.
template <fenced first, fenced second>
struct asymmetric_store_buffering : program<asymmetric_store_buffering<first, second>, 2> {
  atomic<int> values_[2];
  void thread(unsigned me) {
    values_[me].store(1, std::memory_order_relaxed);
    if ((me == 0 ? first : second) == fenced::light) {
      chunk_primitives::light_fence();
    } else {
      chunk_primitives::heavy_fence();
    }
    this->seen_[me] = values_[1 - me].load(std::memory_order_relaxed);
  }
};

/// Two light fences with a heavy one of a third thread meanwhile.
struct two_light_fences : program<two_light_fences, 3> {
  atomic<int> values_[2];
  void thread(unsigned me) {
    if (me == 2) return static_cast<void>(chunk_primitives::heavy_fence());
    values_[me].store(1, std::memory_order_relaxed);
    chunk_primitives::light_fence();
    seen_[me] = values_[1 - me].load(std::memory_order_relaxed);
  }
};

struct message_passing : program<message_passing, 3> {
  atomic<int> data_;
  atomic<int> flag_;
  void thread(unsigned me) {
    if (me == 0) {
      data_.store(1, std::memory_order_relaxed);
      flag_.store(1, std::memory_order_release);
    } else if (me == 1) {
      flag_.store(2, std::memory_order_relaxed);
    } else {
      seen_[0] = flag_.load(std::memory_order_acquire);
      seen_[1] = data_.load(std::memory_order_relaxed);
    }
  }
};

struct counting : program<counting, 3> {
  atomic<int> count_;
  void thread(unsigned me) {
    int seen = count_.load(std::memory_order_relaxed);
    if (me == 0) {
      count_.store(seen + 1, std::memory_order_relaxed);
    } else {
      while (!count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) {
      }
    }
    seen_[me] = seen;
  }
  void after() {
    seen_[3] = count_.load(std::memory_order_relaxed);
    program::after();
  }
};

struct waiting : program<waiting, 2> {
  mutex mutex_;
  condition_variable told_;
  bool ready_ = false;
  void thread(unsigned me) {
    std::unique_lock lock(mutex_);
    if (me == 0) {
      ready_ = true;
      lock.unlock();
      told_.notify_one();
    } else {
      seen_[0] = ready_ ? 1 : 0;
      seen_[1] = told_.wait_until(lock, {}, [this] { return ready_; }) ? 1 : 0;
    }
  }
};

struct spinning : program<spinning, 3> {
  atomic<int> flag_;
  atomic<int> other_;
  void thread(unsigned me) {
    if (me == 0) {
      while (flag_.load(std::memory_order_acquire) == 0) primitives::yield();
      seen_[0] = other_.load(std::memory_order_relaxed);
    } else if (me == 1) {
      other_.store(1, std::memory_order_relaxed);
      flag_.store(1, std::memory_order_release);
    } else {
      other_.store(2, std::memory_order_relaxed);
    }
  }
};

template <class Scenario>
class SleepSets : public testing::Test {};

using programs = testing::Types<store_buffering<false>, store_buffering<true>,
                                asymmetric_store_buffering<fenced::light, fenced::light>,
                                asymmetric_store_buffering<fenced::light, fenced::heavy>,
                                asymmetric_store_buffering<fenced::heavy, fenced::heavy>, two_light_fences,
                                message_passing, counting, waiting, spinning>;
TYPED_TEST_SUITE(SleepSets, programs);

TYPED_TEST(SleepSets, LeadToWhateverTheFullSearchLeadsTo) {
  auto& outcomes = TypeParam::outcomes;
  outcomes.clear();
  const finding all = every_execution_by_brute_force<TypeParam>();
  ASSERT_TRUE(all.holds()) << all;
  const std::set<outcome> expected = std::exchange(outcomes, {});
  EXPECT_GT(expected.size(), 1U);

  const finding fewer = every_execution<TypeParam>();
  ASSERT_TRUE(fewer.holds()) << fewer;
  EXPECT_EQ(outcomes, expected);
  EXPECT_LT(fewer.executions, all.executions);
}

TEST(Search, KnowsThatStoresMayComeAfterLoadsUnlessThereIsAFenceBetween) {
  const outcome both_late{0, 0};
  store_buffering<false>::outcomes.clear();
  store_buffering<true>::outcomes.clear();
  every_execution<store_buffering<false>>();
  every_execution<store_buffering<true>>();
  EXPECT_TRUE(store_buffering<false>::outcomes.contains(both_late));
  EXPECT_FALSE(store_buffering<true>::outcomes.contains(both_late));
}

template <class Scenario>
bool both_stores_may_come_late() {
  Scenario::outcomes.clear();
  every_execution<Scenario>();
  return Scenario::outcomes.contains(outcome{0, 0});
}

TEST(Search, KnowsThatALightFenceIsOneOnlyForAHeavyOne) {
  EXPECT_TRUE((both_stores_may_come_late<asymmetric_store_buffering<fenced::light, fenced::light>>()));
  EXPECT_TRUE((both_stores_may_come_late<two_light_fences>()));
  EXPECT_FALSE((both_stores_may_come_late<asymmetric_store_buffering<fenced::light, fenced::heavy>>()));
  EXPECT_FALSE((both_stores_may_come_late<asymmetric_store_buffering<fenced::heavy, fenced::heavy>>()));
}

struct endless : rl::test_suite<endless, 2> {
  atomic<int> flag_;
  void thread(unsigned me) {
    while (flag_.load(std::memory_order_acquire) != 2) primitives::yield();
    flag_.store(static_cast<int>(me), std::memory_order_release);
  }
};

TEST(Search, FindsThatThreadsSpinForEver) { EXPECT_EQ(every_execution<endless>().result, rl::test_result_livelock); }

struct wrong_at_times : rl::test_suite<wrong_at_times, 2> {
  atomic<int> value_;
  void thread(unsigned me) {
    if (me == 0) value_.store(1, std::memory_order_relaxed);
    if (me == 1) RL_ASSERT(value_.load(std::memory_order_relaxed) == 0);
  }
};

TEST(Search, ShowsTheStepsThatLeadToAFailure) {
  const finding found = every_execution<wrong_at_times>();
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed);
  EXPECT_NE(found.schedule.find("atomic store, value=1"), std::string::npos) << found;
  EXPECT_NE(found.schedule.find("sleep_sets_test.cpp"), std::string::npos) << found;
}

}  // namespace
