#include "threads/reserves.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "fanout/limits.hpp"
#include "support.hpp"

/// The threads that keep named limits, and the line in which they wait.
namespace fanout::detail {
namespace {

using namespace support;
using reserves::existing;

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(100us);
}

/// What reserves are called for.
struct work final : reserves::duty {
  explicit work(std::function<void()> what) : task(std::move(what)) {}
  void serve() noexcept override { task(); }
  bool wants_help() const noexcept override { return true; }
  std::function<void()> task;
};

/// Calls so many reserves, with a promise or without, and returns when all that came have gone back.
class help {
 public:
  explicit help(std::function<void()> task) : work_(std::move(task)) { calls_.choose(reserves::with_stack(0)); }
  void call(std::size_t count) { calls_.call(count); }
  void call_promised(std::size_t count) { calls_.call_promised(count); }
  void promise(std::size_t count) { calls_.promise(count); }
  std::size_t withdraw() { return calls_.withdraw(); }
  void end() {
    calls_.withdraw();
    calls_.wait();
  }

 private:
  work work_;
  reserves::calls calls_{work_};
};

class Reserves : public testing::Test {
 protected:
  Reserves() { reserves::end_idle(); }

 private:
  const watchdog guard_;
};

// ── How many there are ──────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(Reserves, AreCreatedWhenTheyArePromised) {
  ASSERT_EQ(existing(), 0U);
  const reserves::promise none(0);
  EXPECT_EQ(existing(), 0U);
  const reserves::promise three(3);
  EXPECT_EQ(existing(), 3U);
  const reserves::promise two(2);
  EXPECT_EQ(existing(), 5U);
}

TEST_F(Reserves, AreUsedAgainForLaterPromises) {
  for (int round = 0; round != 50; ++round) {
    const reserves::promise four(4);
    EXPECT_EQ(existing(), 4U);
  }
  for (int round = 0; round != 50; ++round) {
    rendezvous all(4);
    help calls([&] { EXPECT_TRUE(all.meet()); });
    calls.call_promised(3);
    EXPECT_TRUE(all.meet());
    calls.end();
    EXPECT_EQ(existing(), 4U);
  }
}

TEST_F(Reserves, EndWhenTheyAreIdleAndToldTo) {
  for (int round = 0; round != 20; ++round) {
    { const reserves::promise some(10); }
    EXPECT_EQ(existing(), 10U);
    reserves::end_idle();
    EXPECT_EQ(existing(), 0U);
  }
}

TEST_F(Reserves, ThatAreAtWorkStayWhenTheIdleOnesEnd) {
  const reserves::promise four(4);
  event begun;
  event over;
  help calls([&] {
    begun.set();
    EXPECT_TRUE(over.wait());
  });
  calls.call(1);
  ASSERT_TRUE(begun.wait());
  reserves::end_idle();
  EXPECT_EQ(existing(), 1U);
  over.set();
  calls.end();
}

TEST_F(Reserves, OfACallThatIsNotOverAreNotPromisedToTheNext) {
  rendezvous at_work(2);
  event over;
  help first([&] {
    EXPECT_TRUE(at_work.meet());
    EXPECT_TRUE(over.wait());
  });
  first.call_promised(1);
  EXPECT_TRUE(at_work.meet());
  EXPECT_EQ(first.withdraw(), 0U);  // its caller has found no more tasks, and is about to wait

  event met;
  help second([&] { met.set(); });
  second.call_promised(1);
  EXPECT_TRUE(met.wait());
  second.end();
  over.set();
  first.end();
  EXPECT_EQ(existing(), 2U);
  help third([] {});
  third.call_promised(2);
  third.end();
  EXPECT_EQ(existing(), 2U) << "the promise was given back";
}

TEST_F(Reserves, OfAnExecutorThatAreAllAtWorkAreJoinedByOneThatIsPromised) {
  const reserves::promise one(1);
  rendezvous both(2);
  help first([&] { EXPECT_TRUE(both.meet()); });
  help second([&] { EXPECT_TRUE(both.meet()); });
  first.call(1);
  second.promise(1);  // the caller of an executor's batch may have left its slot to a helper
  second.call(1);
  first.end();
  second.end();
}

// ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(Reserves, AnswerEachCallOnce) {
  for (const std::size_t count : {1U, 2U, 3U, 7U, 64U}) {
    std::atomic<std::size_t> served = 0;
    rendezvous all(count + 1);
    help calls([&] {
      ++served;
      EXPECT_TRUE(all.meet());
    });
    calls.call_promised(count);
    EXPECT_TRUE(all.meet());
    calls.end();
    EXPECT_EQ(served, count);
  }
}

TEST_F(Reserves, AnswerNoCallThatWasWithdrawn) {
  const reserves::promise three(3);
  for (int round = 0; round != 1'000; ++round) {
    std::atomic<std::size_t> served = 0;
    help calls([&] { ++served; });
    calls.call(3);
    if (round % 3 == 1) std::this_thread::yield();
    if (round % 3 == 2) compute_for(20us);
    const std::size_t withdrawn = calls.withdraw();
    calls.end();
    EXPECT_EQ(withdrawn + served, 3U);
  }
}

TEST_F(Reserves, HaveDoneEverythingWhenTheCallerHasWaited) {
  for (int round = 0; round != 300; ++round) {
    int plain = 0;  // ThreadSanitizer would see that nothing orders this
    event begun;
    help calls([&] {
      begun.set();
      if (round % 2 == 0) std::this_thread::sleep_for(50us);  // so that the caller does not only spin
      plain = 1;
    });
    calls.call_promised(1);
    EXPECT_TRUE(begun.wait());
    calls.end();
    EXPECT_EQ(plain, 1);
  }
}

TEST_F(Reserves, LoseNoCallOfManyCallers) {
  constexpr std::size_t callers = 8;
  std::optional<reserves::promise> promised(std::in_place, 2 * callers);
  on_threads(callers, [&](std::size_t number) {
    for (int round = 0; round != 1'000; ++round) {
      const std::size_t count = 1 + (number + static_cast<std::size_t>(round)) % 3;
      rendezvous all(count + 1);
      help calls([&] { EXPECT_TRUE(all.meet()); });
      calls.call_promised(count);
      ASSERT_TRUE(all.meet());
      calls.end();
    }
  });
  promised.reset();
  EXPECT_LE(existing(), 5 * callers);
  reserves::end_idle();
  EXPECT_EQ(existing(), 0U);
}

TEST_F(Reserves, ComeWhileOthersEnd) {
  std::atomic<bool> over{false};
  std::jthread ending([&] {
    while (!over) reserves::end_idle();
  });
  for (int round = 0; round != 300; ++round) {
    rendezvous all(4);
    help calls([&] { EXPECT_TRUE(all.meet()); });
    calls.call_promised(3);
    ASSERT_TRUE(all.meet());
    calls.end();
  }
  over = true;
}

TEST_F(Reserves, MayCallOthersThemselves) {
  std::atomic<std::size_t> served = 0;
  help outer([&] {
    rendezvous all(3);
    help inner([&] {
      ++served;
      EXPECT_TRUE(all.meet());
    });
    inner.call_promised(2);
    EXPECT_TRUE(all.meet());
    inner.end();
  });
  outer.call_promised(5);
  wait_until([&] { return served == 10; });
  outer.end();
}

// ── The line, with times of its own ─────────────────────────────────────────────────────────────────────────────────

struct endless {
  bool wants_help() const { return true; }
} work;

using line = basic_reserve_line<std_primitives, endless>;

/// A line with some threads that answer what is called.
template <class Line>
class crew_of {
 public:
  using calls = typename Line::calls;
  using member = typename Line::member;

  crew_of(const typename Line::times& times, std::size_t threads) : line_(times) {
    for (std::size_t i = 0; i != threads; ++i) {
      members_.push_back(std::make_unique<member>());
      line_.add_thread(*members_.back());
    }
    for (const auto& each : members_) {
      threads_.emplace_back([this, &me = *each] {
        for (calls* answered = nullptr; (answered = line_.next(me, answered)) != nullptr; last_ = &me) ++served_;
        ++ended_;
      });
    }
  }
  crew_of(const crew_of&) = delete;
  crew_of& operator=(const crew_of&) = delete;
  ~crew_of() {
    wait_until([this] {
      while (!line_.retire_all()) std::this_thread::yield();
      return line_.threads() == 0;
    });
  }

  Line& at() { return line_; }
  std::size_t served() const { return served_; }
  std::size_t ended() const { return ended_; }
  const member* last() const { return last_; }  // who has served last

 private:
  Line line_;
  std::atomic<std::size_t> served_{0};
  std::atomic<std::size_t> ended_{0};
  std::atomic<const member*> last_{nullptr};
  std::vector<std::unique_ptr<member>> members_;
  std::vector<std::jthread> threads_;
};
using crew = crew_of<line>;

class ReserveLine : public testing::Test {
  const watchdog guard_;
};

TEST_F(ReserveLine, EndsAllInTheEndAlsoThoseThatWereUsedMeanwhile) {
  crew five({.spin = 0ns, .most_spinning = 0, .hesitate = 0us, .keep_alive = 50ms}, 5);
  line::calls some(work);
  for (int round = 0; round != 3; ++round) {
    five.at().call(some, 3, 0);
    wait_until([&] { return five.served() == 3U * static_cast<unsigned>(round + 1); });
  }
  five.at().withdraw(some, 0);
  five.at().wait(some);
  wait_until([&] { return five.ended() == 5; });
}

TEST_F(ReserveLine, CallsOffWhoHasNotComeYet) {
  crew one({.spin = 1min, .most_spinning = 1, .hesitate = 50ms, .keep_alive = 1h}, 1);
  line::calls calls(work);
  one.at().call(calls, 1, 0);
  wait_until([&] { return one.served() == 1; });  // it has been parked until now, and spins from now on
  std::size_t called_off = 0;
  for (int round = 0; round != 100; ++round) {
    one.at().call(calls, 1, 0);
    called_off += one.at().withdraw(calls, 0);
  }
  EXPECT_GT(called_off, 0U);
  one.at().wait(calls);
  EXPECT_EQ(one.served() + called_off, 101U);
  one.at().call(calls, 1, 0);
  wait_until([&] { return one.served() + called_off == 102; });
  one.at().withdraw(calls, 0);
  one.at().wait(calls);
}

/// All threads are on core 0, but for who says otherwise.
struct primitives_with_cores : std_primitives {
  static inline thread_local int here = 0;
  static int core() { return here; }
  static bool has_several_cores() { return true; }
};

TEST_F(ReserveLine, PassesOverWhoSpinsOnTheCoreOfTheCaller) {
  using crew_with_cores = crew_of<basic_reserve_line<primitives_with_cores, endless>>;
  for (const bool same_core : {true, false}) {
    crew_with_cores two({.spin = 1min, .most_spinning = 1, .hesitate = 0us, .keep_alive = 1h}, 2);
    crew_with_cores::calls calls(work);
    two.at().call(calls, 1, 0);
    wait_until([&] { return two.last() != nullptr; });
    const auto* const spins = two.last();
    wait_until([&] { return spins->place.is_taken_by_caller(); });
    primitives_with_cores::here = same_core ? 0 : 1;
    two.at().call(calls, 1, 0);
    wait_until([&] { return two.served() == 2; });
    two.at().withdraw(calls, 0);
    two.at().wait(calls);
    primitives_with_cores::here = 0;
    wait_until([&] { return same_core == (two.last() != spins); });
  }
}

TEST_F(ReserveLine, CallsWhoSpinsOnTheCoreOfTheCallerIfThereIsNoOther) {
  crew_of<basic_reserve_line<primitives_with_cores, endless>> one(
      {.spin = 1min, .most_spinning = 1, .hesitate = 0us, .keep_alive = 1h}, 1);
  decltype(one)::calls calls(work);
  for (std::size_t round = 1; round != 100; ++round) {
    one.at().call(calls, 1, 0);
    wait_until([&] { return one.served() == round; });
  }
  one.at().withdraw(calls, 0);
  one.at().wait(calls);
}

TEST_F(ReserveLine, PromisesEachThreadOnce) {
  crew three({.spin = 0ns, .most_spinning = 0, .hesitate = 0us, .keep_alive = 1h}, 3);
  EXPECT_EQ(three.at().promise(2), 0U);
  EXPECT_EQ(three.at().promise(4), 3U) << "so many are missing";
  EXPECT_EQ(three.at().promised(), 2U) << "and nothing has changed";
  EXPECT_EQ(three.at().promise(1), 0U);
  EXPECT_EQ(three.at().promise(1), 1U);
  three.at().take_back_promise(3);
}

TEST_F(ReserveLine, EndsThreadsThatNobodyWasPromisedAfterAWhile) {
  for (const auto spin : {0us, 100us}) {
    crew five({.spin = spin, .most_spinning = 1, .hesitate = 0us, .keep_alive = 10ms}, 5);
    wait_until([&] { return five.ended() == 5; });
    EXPECT_EQ(five.at().threads(), 0U);
  }
}

TEST_F(ReserveLine, KeepsThreadsThatSomebodyWasPromised) {
  crew five({.spin = 0ns, .most_spinning = 0, .hesitate = 0us, .keep_alive = 5ms}, 5);
  if (five.at().promise(2) != 0) GTEST_SKIP() << "this thread slept for longer than they are kept";
  wait_until([&] { return five.ended() == 3; });
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(five.at().threads(), 2U);
  five.at().take_back_promise(2);
  wait_until([&] { return five.ended() == 5; });
}

TEST_F(ReserveLine, EndsThreadsOfWhichThePromiseIsTakenBackWhileTheySleep) {
  for (const auto spin : {0us, 100us}) {
    crew two({.spin = spin, .most_spinning = 2, .hesitate = 0us, .keep_alive = 5ms}, 2);
    if (two.at().promise(2) != 0) GTEST_SKIP() << "this thread slept for longer than they are kept";
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(two.at().threads(), 2U);
    two.at().take_back_promise(2);
    wait_until([&] { return two.ended() == 2; });
  }
}

TEST_F(ReserveLine, AnswersCallsWhileThreadsComeToTheirEnd) {
  for (int round = 0; round != 200; ++round) {
    crew two({.spin = 0ns, .most_spinning = 0, .hesitate = 0us, .keep_alive = 100us}, 2);
    line::calls calls(work);
    std::size_t called = 0;
    while (two.at().call(calls, 1, 1) == 0) {  // until there is none to promise
      ++called;
      two.at().withdraw(calls, 1);
      two.at().wait(calls);
      if (called == 20) std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(two.at().threads(), 0U);
    EXPECT_EQ(two.at().promised(), 0U);
    EXPECT_LE(two.served(), called);
  }
}

}  // namespace
}  // namespace fanout::detail
