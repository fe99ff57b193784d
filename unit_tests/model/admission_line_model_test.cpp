// The line of a budget, with every interleaving of a few batches: see admission_line.hpp, and search.hpp for what
// that means.

#include "admission/admission_line.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "admission/budget_shares.hpp"
#include "model/search.hpp"

// Copies of it with a mistake each: see CMakeLists.txt.
#define PLANTED(name) namespace name {
PLANTED(leaves_without_a_word)
#include "planted/leaves_without_a_word.hpp"
}
PLANTED(takes_without_a_word)
#include "planted/takes_without_a_word.hpp"
}
PLANTED(gives_back_without_a_word)
#include "planted/gives_back_without_a_word.hpp"
}
PLANTED(tells_before_it_takes)
#include "planted/tells_before_it_takes.hpp"
}
PLANTED(steps_aside_for_good)
#include "planted/steps_aside_for_good.hpp"
}
PLANTED(steps_aside_without_a_word)
#include "planted/steps_aside_without_a_word.hpp"
}
PLANTED(overtakes)
#include "planted/overtakes.hpp"
}
#undef PLANTED

namespace {

using namespace model;
using fanout::detail::applicant;
using fanout::detail::budget_share;
using fanout::detail::budget_shares;

/// What has happened so far, in the order in which it happened under the mutex of the line: who is in line, and who
/// came before whom.
class history {
 public:
  void waits(const applicant& who) {
    seen& each = of(who);
    if (each.number == 0) each.number = ++arrivals_;
    each.in_line = true;
  }
  void is_told(const applicant& who) { expect_turn(who); }
  void steps_aside(const applicant& who) {
    expect_turn(who);
    of(who).in_line = false;
  }
  void takes(const applicant& who) {
    expect_turn(who);
    of(who) = {&who, 0, false};
  }
  void may_leave(const applicant& who) { of(who).in_line = false; }

 private:
  struct seen {
    const applicant* who = nullptr;
    unsigned number = 0;
    bool in_line = false;
  };

  seen& of(const applicant& who) {
    for (seen& each : batches_) {
      if (each.who == nullptr) each.who = &who;
      if (each.who == &who) return each;
    }
    RL_ASSERT(false);
    return batches_[0];
  }

  void expect_turn(const applicant& who) {
    const unsigned number = of(who).number != 0 ? of(who).number : arrivals_ + 1;
    for (const seen& each : batches_) RL_ASSERT(each.who == &who || !each.in_line || each.number > number);
  }

  std::array<seen, 3> batches_;
  unsigned arrivals_ = 0;
};

struct budget_share_of : budget_share {
  budget_share_of(const applicant& who, std::uint64_t amount) : batch(who) { cost = amount; }
  const applicant& batch;
};

/// A budget that writes its history.
class recorded_shares : public budget_shares {
 public:
  recorded_shares(std::uint64_t capacity, history& told) : budget_shares(capacity), history_(told) {}

  void take(const want& wanted) noexcept {
    budget_shares::take(wanted);
    history_.takes(static_cast<const budget_share_of&>(*wanted.share).batch);
  }
  void check_wait(const places& /*line*/, const place& asking) { history_.waits(asking.who); }

 private:
  history& history_;
};

/// A batch at the line, with one task. Its thread asks when it is told.
template <class Line>
class batch final : public applicant {
 public:
  batch(Line& line, history& told, std::uint64_t cost)
      : applicant(nullptr), line_(line), history_(told), mine_(*this), share_(*this, cost) {
    line_.open(mine_);
  }

  bool ask_again() noexcept override {
    if (!has_place_.load(std::memory_order_relaxed)) {
      history_.steps_aside(*this);
      return false;
    }
    history_.is_told(*this);
    told_.store(true, std::memory_order_release);
    return true;
  }

  bool ask() { return line_.ask(mine_, {&share_}).taken; }

  void wait_until_told() {
    while (!told_.load(std::memory_order_acquire)) yield();
    told_.store(false, std::memory_order_relaxed);
  }

  /// It is in line already.
  void take_when_told() {
    do wait_until_told();
    while (!ask());
  }

  void take() {
    if (!ask()) take_when_told();
  }

  void give_back() {
    line_.change([this](recorded_shares& shares) { return shares.give_back(share_); });
  }

  void leave() {
    history_.may_leave(*this);  // soon, and others may find it in line until then
    line_.leave(mine_);
  }

  void lose_place() { has_place_.store(false, std::memory_order_relaxed); }
  void find_place() { has_place_.store(true, std::memory_order_relaxed); }

 private:
  Line& line_;
  history& history_;
  typename Line::place mine_;
  budget_share_of share_;
  atomic<bool> told_{false};
  atomic<bool> has_place_{true};
};

template <class Primitives, class Stock>
using right = fanout::detail::basic_admission_line<Primitives, Stock>;

/// Batch 0 holds what it needs at first. All costs and the capacity are chosen by the scenario.
template <class Scenario, template <class, class> class Which, int threads>
struct line_scenario : rl::test_suite<Scenario, threads> {
  using line = Which<primitives, recorded_shares>;

  history history_;
  std::unique_ptr<line> line_;
  std::array<std::unique_ptr<batch<line>>, 3> batches_;

  void open(std::uint64_t capacity, std::array<std::uint64_t, 3> costs) {
    line_ = std::make_unique<line>(capacity, history_);
    for (std::size_t each = 0; each != 3; ++each)
      batches_[each] = std::make_unique<batch<line>>(*line_, history_, costs[each]);
    RL_ASSERT(batches_[0]->ask());
  }

  batch<line>& of(unsigned thread) { return *batches_[thread]; }

  void after() {
    RL_ASSERT(line_->waiting() == 0);
    RL_ASSERT(line_->look([](const recorded_shares& shares) { return shares.in_use(); }) == 0);
  }
};

/// Two batches come while a third gives back.
template <template <class, class> class Which, std::uint64_t capacity, std::uint64_t one, std::uint64_t other>
struct taking_turns : line_scenario<taking_turns<Which, capacity, one, other>, Which, 3> {
  void before() { this->open(capacity, {capacity, one, other}); }
  void thread(unsigned me) {
    if (me != 0) this->of(me).take();
    this->of(me).give_back();
  }
};

/// Batch 1 is first in line, batch 2 second. While batch 0 gives back, batch 1 leaves.
template <template <class, class> class Which, std::uint64_t one, std::uint64_t other>
struct leaving : line_scenario<leaving<Which, one, other>, Which, 3> {
  void before() {
    this->open(3, {2, one, other});
    RL_ASSERT(!this->of(1).ask());
    RL_ASSERT(!this->of(2).ask());
  }
  void thread(unsigned me) {
    if (me == 1) return this->of(me).leave();
    if (me == 2) this->of(me).take_when_told();
    this->of(me).give_back();
  }
};

/// Both are in line, and take what is free one after the other. If they `meet`, each gives back when the other has
/// taken.
template <template <class, class> class Which, std::uint64_t cost, bool meet>
struct being_told : line_scenario<being_told<Which, cost, meet>, Which, 3> {
  void before() {
    this->open(2, {2, cost, cost});
    RL_ASSERT(!this->of(1).ask());
    RL_ASSERT(!this->of(2).ask());
  }
  void thread(unsigned me) {
    if (me != 0) {
      this->of(me).take_when_told();
      has_taken_[me].store(true, std::memory_order_relaxed);
      while (meet && !has_taken_[3 - me].load(std::memory_order_relaxed)) yield();
    }
    this->of(me).give_back();
  }
  std::array<atomic<bool>, 3> has_taken_{};
};

/// What batch 1 of `stepping_aside` does.
enum class then { finds_a_place, finds_that_of_the_second, leaves };

/// Batch 1 is first in line, but has no place of its executor; batch 2 is second. What is free goes to either, but
/// nobody passes batch 1 once it is back.
template <template <class, class> class Which, then what>
struct stepping_aside : line_scenario<stepping_aside<Which, what>, Which, 3> {
  void before() {
    this->open(1, {1, 1, 1});
    RL_ASSERT(!this->of(1).ask());
    RL_ASSERT(!this->of(2).ask());
    this->of(1).lose_place();
  }
  void thread(unsigned me) {
    if (me == 1) {
      if (what == then::leaves) return this->of(me).leave();
      while (what == then::finds_that_of_the_second && !is_over_.load(std::memory_order_relaxed)) yield();
      this->of(me).find_place();
      this->of(me).take();
    }
    if (me == 2) this->of(me).take_when_told();
    this->of(me).give_back();
    if (me == 2) is_over_.store(true, std::memory_order_relaxed);
  }
  atomic<bool> is_over_{false};
};

template <class Scenario>
void expect_holds() {
  const finding found = every_execution<Scenario>();
  EXPECT_TRUE(found.holds()) << found;
}
template <class Scenario>
void expect_finds(rl::test_result_e result) {
  const finding found = every_execution<Scenario>();
  EXPECT_EQ(found.result, result) << found;
}

TEST(AdmissionLineModel, ServesAllThatComeWhileSomethingIsGivenBack) {
  expect_holds<taking_turns<right, 1, 1, 1>>();
  expect_holds<taking_turns<right, 2, 1, 1>>();
  expect_holds<taking_turns<right, 2, 2, 1>>();
}

TEST(AdmissionLineModel, ServesThoseInLineOneAfterTheOther) {
  expect_holds<being_told<right, 1, false>>();
  expect_holds<being_told<right, 1, true>>();
  expect_holds<being_told<right, 2, false>>();
}

TEST(AdmissionLineModel, ServesTheSecondWhenTheFirstLeaves) {
  expect_holds<leaving<right, 3, 1>>();
  expect_holds<leaving<right, 2, 2>>();
  expect_holds<leaving<right, 3, 3>>();
}

TEST(AdmissionLineModel, LetsABatchStepAsideAndTakesItBackAtItsOldPlace) {
  expect_holds<stepping_aside<right, then::finds_a_place>>();
  expect_holds<stepping_aside<right, then::finds_that_of_the_second>>();
  expect_holds<stepping_aside<right, then::leaves>>();
}

// ── Mistakes that have to be found ──────────────────────────────────────────────────────────────────────────────────

#define LINE(name) name::fanout::detail::basic_admission_line

TEST(AdmissionLineModel, FindsThatTheSecondIsForgottenWhenTheFirstLeaves) {
  expect_finds<leaving<LINE(leaves_without_a_word), 3, 1>>(rl::test_result_livelock);
}

TEST(AdmissionLineModel, FindsThatTheSecondIsForgottenWhenTheFirstHasTaken) {
  expect_finds<being_told<LINE(takes_without_a_word), 1, true>>(rl::test_result_livelock);
}

TEST(AdmissionLineModel, FindsThatNobodyIsToldWhenSomethingIsGivenBack) {
  expect_finds<being_told<LINE(gives_back_without_a_word), 2, false>>(rl::test_result_livelock);
}

TEST(AdmissionLineModel, FindsThatTheNextIsToldBeforeTheFirstHasTaken) {
  expect_finds<being_told<LINE(tells_before_it_takes), 2, false>>(rl::test_result_user_assert_failed);
}

TEST(AdmissionLineModel, FindsThatABatchThatSteppedAsideLosesItsPlace) {
  expect_finds<stepping_aside<LINE(steps_aside_for_good), then::finds_a_place>>(rl::test_result_user_assert_failed);
}

TEST(AdmissionLineModel, FindsThatNobodyIsToldWhenTheFirstStepsAside) {
  expect_finds<stepping_aside<LINE(steps_aside_without_a_word), then::finds_that_of_the_second>>(rl::test_result_livelock);
}

TEST(AdmissionLineModel, FindsThatANewcomerOvertakes) {
  expect_finds<taking_turns<LINE(overtakes), 2, 2, 1>>(rl::test_result_user_assert_failed);
}

}  // namespace
