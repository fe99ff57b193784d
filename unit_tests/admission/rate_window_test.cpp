#include "admission/rate_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "support.hpp"

// The starts of a limit without its line, at times that the tests choose.

namespace {

using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;
using std::chrono::nanoseconds;

/// Says what a test has set.
struct set_clock {
  static inline time_point now_is{};
  static time_point now() noexcept { return now_is; }
};

using window = fanout::detail::basic_rate_window<set_clock>;
using fanout::detail::task_key;

class RateWindow : public testing::Test {
 protected:
  RateWindow() { set_clock::now_is = time_point(1h); }

  static window::want task(std::size_t index) { return {{nullptr, index}}; }

  static bool take(window& from, std::size_t index) {
    if (!from.fits(task(index))) return false;
    from.take(task(index));
    return true;
  }
  static void begin(window& in, std::size_t index) { in.begin(task(index).task); }
  static bool drop(window& in, std::size_t index) { return in.drop(task(index).task); }
  static void pass(nanoseconds time) { set_clock::now_is += time; }
};

struct some_batch final : fanout::detail::applicant {
  some_batch() : applicant(nullptr) {}
  bool ask_again() noexcept override { return true; }
};

TEST_F(RateWindow, AllowsSoManyStartsAtOnceAndThenNoneForTheWholeTime) {
  window two(2, 10ns);
  for (std::size_t each = 0; each != 2; ++each) {
    ASSERT_TRUE(take(two, each));
    begin(two, each);
  }
  for (int i = 0; i != 10; ++i, pass(1ns)) EXPECT_FALSE(take(two, 2));
  EXPECT_TRUE(take(two, 2));
}

TEST_F(RateWindow, CountsAStartFromWhenTheTaskBegins) {
  window one(1, 10ns);
  ASSERT_TRUE(take(one, 0));
  pass(100ns);
  EXPECT_FALSE(take(one, 1)) << "the task may begin now";
  begin(one, 0);
  pass(9ns);
  EXPECT_FALSE(take(one, 1));
  pass(1ns);
  EXPECT_TRUE(take(one, 1));
}

TEST_F(RateWindow, ForgetsAStartThatDoesNotHappen) {
  window one(1, 10ns);
  ASSERT_TRUE(take(one, 0));
  EXPECT_TRUE(drop(one, 0));
  EXPECT_TRUE(take(one, 1));
  begin(one, 1);
  EXPECT_FALSE(drop(one, 1)) << "it has happened";
  EXPECT_FALSE(take(one, 2));
  begin(one, 1);  // it begins once
  pass(10ns);
  EXPECT_TRUE(take(one, 2));
}

TEST_F(RateWindow, SaysThatWhoWaitsForPendingStartsShouldAskWhenTheFirstOfThemMayHavePassed) {
  window two(2, 10ns);
  ASSERT_TRUE(take(two, 0) && take(two, 1));
  EXPECT_EQ(two.ask_again_at(true, 1), set_clock::now_is + 10ns);
  pass(5ns);
  begin(two, 1);
  EXPECT_EQ(two.ask_again_at(true, 1), set_clock::now_is + 10ns);
  pass(5ns);
  begin(two, 0);
  EXPECT_EQ(two.ask_again_at(true, 1), set_clock::now_is + 5ns);
}

TEST_F(RateWindow, LetsOneThatIsNotTheFirstStartIfEnoughIsLeftForThoseBefore) {
  window three(3, 10ns);
  some_batch who;
  window::places line;
  window::place first(who), second(who), third(who);
  first.number = 1, second.number = 2, third.number = 3;
  for (window::place* const each : {&first, &second, &third}) line.enter(*each);
  EXPECT_TRUE(three.leaves_enough(line, third));
  ASSERT_TRUE(take(three, 0));
  EXPECT_FALSE(three.leaves_enough(line, third));
  EXPECT_TRUE(three.leaves_enough(line, second));
  begin(three, 0);
  pass(9ns);
  EXPECT_FALSE(three.leaves_enough(line, third));
  pass(1ns);
  EXPECT_TRUE(three.leaves_enough(line, third));
  line.remove(first);
  ASSERT_TRUE(take(three, 1) && take(three, 2));
  EXPECT_FALSE(three.leaves_enough(line, third));
  EXPECT_TRUE(three.leaves_enough(line, second));
}

TEST_F(RateWindow, LetsAllButTheFirstAskOnceInAWhile) {
  window one(1, 1s);
  ASSERT_TRUE(take(one, 0));
  EXPECT_EQ(one.ask_again_at(false, 5), set_clock::now_is + 105ms);
  begin(one, 0);
  EXPECT_EQ(one.ask_again_at(false, 5), set_clock::now_is + 1'105ms);
  pass(1h);
  EXPECT_EQ(one.ask_again_at(false, 2'000), set_clock::now_is + 2'100ms);
}

TEST_F(RateWindow, ComputesWithTheLongestTimes) {
  window one(1, nanoseconds::max());
  ASSERT_TRUE(take(one, 0));
  begin(one, 0);
  EXPECT_EQ(one.ask_again_at(true, 1), time_point::max());
  EXPECT_EQ(one.ask_again_at(false, 1), time_point::max());
  pass(100'000h);
  EXPECT_FALSE(take(one, 1));
}

TEST_F(RateWindow, RefusesMoreStartsThanThereIsMemoryFor) {
  if (support::under_thread_sanitizer || support::under_address_sanitizer) {
    GTEST_SKIP() << "its operator new ends the program instead";
  }
  static std::unique_ptr<window> kept;  // of a window that nobody could look at, a compiler may leave out the memory
  EXPECT_THROW(kept = std::make_unique<window>(std::numeric_limits<std::size_t>::max(), 1s), std::bad_alloc);
  EXPECT_THROW(kept = std::make_unique<window>(std::numeric_limits<std::size_t>::max() / 8 + 1, 1s), std::bad_alloc);
}

/// The same, by looking at all starts so far.
struct plain_window {
  std::size_t starts;
  nanoseconds per;
  std::vector<time_point> begun{};
  std::size_t pending = 0;

  bool fits() const {
    const auto recent = std::count_if(begun.begin(), begun.end(),
                                      [this](time_point each) { return set_clock::now_is - each < per; });
    return static_cast<std::size_t>(recent) + pending < starts;
  }
};

TEST_F(RateWindow, IsTheSameAsToCountAllStartsOfTheLastTime) {
  std::mt19937 random(7);
  const auto draw = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  std::size_t taken_in_all = 0;
  for (int round = 0; round != 500; ++round) {
    const std::size_t starts = 1 + draw(5);
    const nanoseconds per(1 + draw(20));
    window seen(starts, per);
    plain_window expected{starts, per};
    std::vector<std::size_t> pending;
    for (std::size_t index = 0; index != 200; ++index) {
      pass(nanoseconds(draw(8)));
      const bool fits = expected.fits();
      ASSERT_EQ(seen.fits(task(index)), fits);
      if (pending.size() != starts) {
        const time_point at = seen.ask_again_at(true, 1);
        ASSERT_EQ(at <= set_clock::now_is, fits) << "the time at which it fits";
        if (!fits) {  // not a moment later than necessary
          const time_point now = set_clock::now_is;
          set_clock::now_is = at - 1ns;
          ASSERT_FALSE(expected.fits());
          set_clock::now_is = at;
          ASSERT_TRUE(expected.fits());
          set_clock::now_is = now;
        }
      }
      if (draw(3) != 0 && take(seen, index)) {
        ++taken_in_all;
        pending.push_back(index);
        ++expected.pending;
      }
      if (!pending.empty() && draw(2) == 0) {
        const std::size_t which = draw(static_cast<unsigned>(pending.size()));
        if (draw(5) == 0) {
          ASSERT_TRUE(drop(seen, pending[which]));
        } else {
          begin(seen, pending[which]);
          expected.begun.push_back(set_clock::now_is);
        }
        --expected.pending;
        pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
  }
  EXPECT_GT(taken_in_all, 10'000U);
}

}  // namespace
