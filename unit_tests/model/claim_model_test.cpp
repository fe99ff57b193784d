// The claim of a submitted batch, with every interleaving of a few threads: see claim.hpp, and search.hpp for what that
// means.

#include "engine/claim.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/intrusive_list.hpp"
#include "model/search.hpp"

// Copies of it with a mistake each: see CMakeLists.txt.
#define PLANTED(name) namespace name {
PLANTED(sleeps_at_once)
#include "planted/sleeps_at_once.hpp"
}
PLANTED(ends_without_notifying)
#include "planted/ends_without_notifying.hpp"
}
PLANTED(notifies_one)
#include "planted/notifies_one.hpp"
}
PLANTED(ends_before_the_lock)
#include "planted/ends_before_the_lock.hpp"
}
PLANTED(ends_after_the_notification)
#include "planted/ends_after_the_notification.hpp"
}
PLANTED(waits_without_a_look)
#include "planted/waits_without_a_look.hpp"
}
#undef PLANTED

namespace {

using namespace model;
using the_claim = fanout::detail::basic_claim<primitives>;
using one_that_sleeps = sleeps_at_once::fanout::detail::basic_claim<primitives>;  // the same, without looks before
using time_point = std::chrono::steady_clock::time_point;

/// What the claim guards: a plain variable, written by who has taken the claim and read by who has seen the end. So two
/// takers, or a reader that is not ordered, would be a data race.
template <class Scenario, class Claim, int threads>
struct claim_scenario : rl::test_suite<Scenario, threads> {
  std::unique_ptr<Claim> claim_ = std::make_unique<Claim>();
  rl::var<int> result_;
  int taken_ = 0;

  void before() { result_(RL_INFO) = 0; }

  /// Runs it if nobody else does.
  bool run_if_open() {
    if (!claim_->take()) return false;
    ++taken_;
    RL_ASSERT(claim_->is_taken());
    result_(RL_INFO) = result_(RL_INFO) + 1;
    claim_->end();
    return true;
  }

  void expect_result() { RL_ASSERT(result_(RL_INFO) == 1); }

  void after() { RL_ASSERT(taken_ == 1); }
};

/// Each of them runs it or waits for who does.
template <class Claim, int threads>
struct whoever_comes_first : claim_scenario<whoever_comes_first<Claim, threads>, Claim, threads> {
  void thread(unsigned /*me*/) {
    if (!this->run_if_open()) this->claim_->wait();
    this->expect_result();
  }
};

/// Thread 0 runs it; the others only wait.
template <class Claim, int threads>
struct waiting_for_thread_0 : claim_scenario<waiting_for_thread_0<Claim, threads>, Claim, threads> {
  void thread(unsigned me) {
    me == 0 ? static_cast<void>(this->run_if_open()) : this->claim_->wait();
    this->expect_result();
  }
};

/// Thread 0 runs it, thread 1 waits with a limit that passes at any moment, and thread 2, if there is one, without.
template <class Claim, int threads>
struct a_limit_passes : claim_scenario<a_limit_passes<Claim, threads>, Claim, threads> {
  static inline std::set<bool> answers;

  void thread(unsigned me) {
    if (me == 0) this->run_if_open();
    if (me == 1) {
      const bool is_over = this->claim_->wait_until(time_point{});
      answers.insert(is_over);
      RL_ASSERT(!is_over || this->claim_->is_over());
      if (!is_over) this->claim_->wait_until(time_point::max());
    }
    if (me == 2) this->claim_->wait();
    this->expect_result();
  }
};

/// A claim that notes if it is notified when it has been destroyed.
struct primitives_that_end : primitives {
  static inline flag* destroyed = nullptr;  // of the present execution

  struct condition_variable : model::condition_variable {
    void notify_all() {
      RL_ASSERT(!destroyed->look());
      model::condition_variable::notify_all();
    }
  };
};

/// Thread 0 looks until it is over. Then it destroys it, if `waits` when the taker has returned, as `calls::wait` says.
template <bool waits>
struct destroyed_at_the_end
    : claim_scenario<destroyed_at_the_end<waits>, fanout::detail::basic_claim<primitives_that_end>, 2> {
  flag destroyed_;
  model::atomic<int> has_returned_;

  void before() {
    primitives_that_end::destroyed = &destroyed_;
    this->result_(RL_INFO) = 0;
  }

  void thread(unsigned me) {
    if (me == 1) {
      this->run_if_open();
      has_returned_.store(1, std::memory_order_release);
      return;
    }
    while (!this->claim_->is_over()) primitives::yield();
    this->expect_result();
    while (waits && has_returned_.load(std::memory_order_acquire) == 0) primitives::yield();
    destroyed_.raise();
  }
};

TEST(ClaimModel, OneThreadRunsItAndTheOtherSeesTheEnd) {
  const finding found = every_execution<whoever_comes_first<the_claim, 2>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ClaimModel, WhoWaitsSeesTheEnd) {
  const finding found = every_execution<waiting_for_thread_0<the_claim, 2>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ClaimModel, WhoSleepsSeesTheEnd) {
  for (const finding& found : {every_execution<whoever_comes_first<one_that_sleeps, 2>>(),
                               every_execution<waiting_for_thread_0<one_that_sleeps, 2>>(),
                               every_execution<waiting_for_thread_0<one_that_sleeps, 3>>()})
    EXPECT_TRUE(found.holds()) << found;
}

TEST(ClaimModel, ALimitMayPassAtAnyMoment) {
  const finding found = every_execution<a_limit_passes<the_claim, 2>>();
  EXPECT_TRUE(found.holds()) << found;
  EXPECT_EQ((a_limit_passes<the_claim, 2>::answers), (std::set{false, true}));
}

TEST(ClaimModel, MayBeDestroyedWhenItsTakerHasReturned) {
  const finding found = every_execution<destroyed_at_the_end<true>>();
  EXPECT_TRUE(found.holds()) << found;
}

TEST(ClaimModel, KeepsItsPromisesInExecutionsByChance) {
  const rl::iteration_t executions = has_time() ? 10'000'000 : 50'000;
  for (const finding& found : {some_executions<whoever_comes_first<the_claim, 3>>(executions),
                               some_executions<waiting_for_thread_0<one_that_sleeps, 3>>(executions),
                               some_executions<a_limit_passes<the_claim, 3>>(executions)})
    EXPECT_TRUE(found.holds()) << found;
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

using operation = mistake::operation;
using kind = mistake::kind;

TEST(ClaimModel, FindsThatTwoRunItIfTakingLooksAndThenStores) {
  const finding found =
      every_execution_with<whoever_comes_first<the_claim, 2>>({"take", operation::exchange, kind::torn});
  EXPECT_FALSE(found.holds());
}

TEST(ClaimModel, FindsThatTheEndDoesNotRelease) {
  const finding found =
      every_execution_with<waiting_for_thread_0<the_claim, 2>>({"end", operation::store, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(ClaimModel, FindsThatWhoSeesTheEndDoesNotAcquire) {
  const finding found =
      every_execution_with<waiting_for_thread_0<the_claim, 2>>({"is_over", operation::load, kind::relaxed});
  EXPECT_EQ(found.result, rl::test_result_data_race) << found;
}

TEST(ClaimModel, FindsThatItIsNotifiedAfterItsEndIfNobodyWaitsForTheTaker) {
  const finding found = every_execution<destroyed_at_the_end<false>>();
  EXPECT_EQ(found.result, rl::test_result_user_assert_failed) << found;
}

template <class Claim>
class ClaimMistake : public testing::Test {};
using mistakes = testing::Types<ends_without_notifying::fanout::detail::basic_claim<primitives>,
                                ends_before_the_lock::fanout::detail::basic_claim<primitives>,
                                ends_after_the_notification::fanout::detail::basic_claim<primitives>,
                                waits_without_a_look::fanout::detail::basic_claim<primitives>>;
TYPED_TEST_SUITE(ClaimMistake, mistakes);

TYPED_TEST(ClaimMistake, LeavesAWaiterAsleep) {
  const finding found = every_execution<waiting_for_thread_0<TypeParam, 2>>();
  EXPECT_EQ(found.result, rl::test_result_deadlock) << found;
}

TEST(ClaimModel, FindsThatOneOfTwoSleepsOnIfOnlyOneIsNotified) {
  const finding found =
      every_execution<waiting_for_thread_0<notifies_one::fanout::detail::basic_claim<primitives>, 3>>();
  EXPECT_EQ(found.result, rl::test_result_deadlock) << found;
}

}  // namespace
