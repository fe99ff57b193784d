#include "claims.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <thread>
#include <vector>

namespace fanout::detail {
namespace {

struct runner {
  claimant claim;
};

void work_for(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

/// Lets a runner claim cheap tasks until a block has opened a rest behind it.
bite claim_until_a_rest_is_open(claims& tasks, runner& me, std::vector<runner>& all) {
  for (;;) {
    const bite taken = tasks.next(me.claim, all);
    if (taken.empty() || me.claim.rest.look() == open_rest::view::open) return taken;
  }
}

auto at_most(std::size_t tasks) {
  return [tasks](std::size_t) { return tasks; };
}

TEST(OpenRest, GivesItsOwnerTheFrontAndOthersTheLaterHalf) {
  open_rest rest;
  rest.open({100, 200});
  const bite front = rest.take_front(at_most(16));
  EXPECT_EQ(front.first, 100u);
  EXPECT_EQ(front.last, 116u);
  const bite back = rest.take_back();
  EXPECT_EQ(back.first, 158u);
  EXPECT_EQ(back.last, 200u);
  EXPECT_EQ(rest.take_front(at_most(1)).first, 116u);
}

TEST(OpenRest, GivesItsLastTaskToWhoeverComesFirst) {
  open_rest rest;
  rest.open({41, 42});
  const bite last = rest.take_back();
  EXPECT_EQ(last.first, 41u);
  EXPECT_EQ(last.size(), 1u);
  EXPECT_TRUE(rest.take_back().empty());
  EXPECT_TRUE(rest.take_front(at_most(16)).empty());
}

TEST(OpenRest, HoldsTheLargestBlockAtTheEndOfTheLargestBatch) {
  open_rest rest;
  const bite last_block{open_rest::max_tasks - open_rest::max_block, open_rest::max_tasks};
  rest.open(last_block);
  EXPECT_EQ(rest.look(), open_rest::view::open);
  std::size_t taken = 0;
  std::size_t end = last_block.last;
  for (bite each = rest.take_back(); !each.empty(); each = rest.take_back()) {
    EXPECT_EQ(each.last, end);
    end = each.first;
    taken += each.size();
  }
  EXPECT_EQ(taken, last_block.size());
}

TEST(OpenRest, TellsThatTasksAreComingAndGivesNoneYet) {
  open_rest rest;
  rest.announce();
  EXPECT_EQ(rest.look(), open_rest::view::coming);
  EXPECT_TRUE(rest.take_back().empty());
  rest.open({});
  EXPECT_EQ(rest.look(), open_rest::view::empty);
}

TEST(Claims, HandOutEveryTaskOnceToManyThreads) {
  constexpr std::size_t runners = 4;
  for (std::size_t size : {1u, 2u, 3u, 4u, 5u, 100u, 4'097u, 300'000u}) {
    claims tasks(size, runners, claims::largest_usual_bite);
    std::vector<runner> all(runners);
    std::vector<std::atomic<int>> taken(size);
    std::barrier together(static_cast<std::ptrdiff_t>(runners));
    std::vector<std::thread> threads;
    for (runner& me : all) {
      threads.emplace_back([&] {
        together.arrive_and_wait();
        for (bite each = tasks.next(me.claim, all); !each.empty(); each = tasks.next(me.claim, all)) {
          for (std::size_t i = each.first; i != each.last; ++i) taken[i].fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_TRUE(std::all_of(taken.begin(), taken.end(), [](const auto& times) { return times == 1; })) << size;
  }
}

TEST(Claims, HandOutDearTasksOneByOneInInputOrder) {
  claims tasks(40, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  for (std::size_t expected = 0; expected != 40; ++expected) {
    const bite each = tasks.next(all[expected % 2].claim, all);
    ASSERT_EQ(each.size(), 1u);
    EXPECT_EQ(each.first, expected);
    work_for(std::chrono::microseconds(17));
  }
  EXPECT_TRUE(tasks.next(all[0].claim, all).empty());
}

TEST(Claims, ClaimDearTasksInLargerBlocksWhereManyRunnersMeetAtTheCursor) {
  // Tasks of a few microseconds: some in a block where two runners share it, ten times as many where hundreds do.
  const auto largest_block = [](std::size_t runners) {
    claims tasks(1'000'000, runners, claims::largest_usual_bite);
    std::vector<runner> all(1);
    std::size_t largest = 0;
    for (int block = 0; block != 50; ++block) {
      std::size_t size = 0;
      do {
        size += tasks.next(all[0].claim, all).size();
        work_for(std::chrono::microseconds(2));
      } while (all[0].claim.rest.look() == open_rest::view::open);
      largest = std::max(largest, size);
    }
    return largest;
  };
  EXPECT_LE(largest_block(2), 8u);
  EXPECT_GE(largest_block(512), 30u);
}

TEST(Claims, BindOneTaskOfAFewMicrosecondsAtATime) {
  claims tasks(200, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  for (bite each = tasks.next(all[0].claim, all); !each.empty(); each = tasks.next(all[0].claim, all)) {
    ASSERT_EQ(each.size(), 1u);
    work_for(std::chrono::microseconds(2));
  }
}

TEST(Claims, BindAtMostSixteenTasksOfTwentyNanosecondsToARunner) {
  claims tasks(100'000, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  for (bite each = tasks.next(all[0].claim, all); !each.empty(); each = tasks.next(all[0].claim, all)) {
    ASSERT_LE(each.size(), 16u);
    for (std::size_t i = each.first; i != each.last; ++i) work_for(std::chrono::nanoseconds(20));
  }
}

TEST(Claims, BindAtMostSixtyFourOfTheCheapestTasksToARunner) {
  if (support::under_thread_sanitizer) GTEST_SKIP() << "it makes claiming itself dearer than the cheapest tasks";
  claims tasks(1'000'000, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  std::size_t largest = 0;
  for (bite each = tasks.next(all[0].claim, all); !each.empty(); each = tasks.next(all[0].claim, all)) {
    largest = std::max(largest, each.size());
  }
  EXPECT_LE(largest, 64u);
  EXPECT_GT(largest, 16u) << "taking a bite costs more than such tasks";
}

TEST(Claims, BindSingleTasksAtTheEnd) {
  constexpr std::size_t size = 100'000;
  constexpr std::size_t runners = 4;
  claims tasks(size, runners, claims::largest_usual_bite);
  std::vector<runner> all(runners);
  for (bite each = tasks.next(all[0].claim, all); !each.empty(); each = tasks.next(all[0].claim, all)) {
    if (each.last > size - 2 * runners) {
      ASSERT_EQ(each.size(), 1u) << each.first;
    }
  }
}

TEST(Claims, LetAnIdleRunnerTakeAllButABiteOfABlockWhoseOwnerIsStuck) {
  claims tasks(100'000, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  const bite stuck = claim_until_a_rest_is_open(tasks, all[0], all);
  ASSERT_FALSE(stuck.empty());
  std::size_t last_seen = 0;
  std::vector<bool> taken(100'000);
  for (bite each = tasks.next(all[1].claim, all); !each.empty(); each = tasks.next(all[1].claim, all)) {
    for (std::size_t i = each.first; i != each.last; ++i) taken[i] = true;
    last_seen = std::max(last_seen, each.last);
  }
  EXPECT_EQ(last_seen, 100'000u);
  // Everything behind the bite that the stuck runner holds has been taken by the other.
  for (std::size_t i = stuck.last; i != taken.size(); ++i) ASSERT_TRUE(taken[i]) << i;
}

TEST(Claims, ClaimCheapTasksInBlocksThatGrow) {
  claims tasks(10'000'000, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  // One of many blocks is measured without an interruption, however busy the machine.
  std::size_t largest = 0;
  for (int tries = 0; tries != 1'000 && largest < 1'000; ++tries) {
    const bite each = claim_until_a_rest_is_open(tasks, all[0], all);
    ASSERT_FALSE(each.empty());
    std::size_t block = each.size();
    while (all[0].claim.rest.look() == open_rest::view::open) block += tasks.next(all[0].claim, all).size();
    largest = std::max(largest, block);
  }
  EXPECT_GE(largest, 1'000u);
}

TEST(Claims, SayThatAllIsTakenOnlyWhenNothingIsLeftToTake) {
  claims tasks(100'000, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  EXPECT_FALSE(tasks.all_taken(all));
  claim_until_a_rest_is_open(tasks, all[0], all);
  while (!tasks.next(all[1].claim, all).empty()) {
    const bool open =
        all[0].claim.rest.look() != open_rest::view::empty || all[1].claim.rest.look() != open_rest::view::empty;
    ASSERT_TRUE(!open || !tasks.all_taken(all));
  }
  EXPECT_TRUE(tasks.all_taken(all));
}

TEST(Claims, SayThatSomethingIsLeftWhileATaskIsBeingHandedOver) {
  claims tasks(1, 2, claims::largest_usual_bite);
  std::vector<runner> all(2);
  EXPECT_EQ(tasks.next(all[0].claim, all).size(), 1u);
  EXPECT_TRUE(tasks.all_taken(all));
  all[1].claim.rest.announce();
  EXPECT_FALSE(tasks.all_taken(all));
}

TEST(Claims, GiveASingleRunnerEverythingInOrder) {
  claims tasks(1'000, 1, open_rest::max_block);
  std::vector<runner> all(1);
  std::size_t next = 0;
  for (bite each = tasks.next(all[0].claim, all); !each.empty(); each = tasks.next(all[0].claim, all)) {
    EXPECT_EQ(each.first, next);
    next = each.last;
  }
  EXPECT_EQ(next, 1'000u);
}

TEST(Claims, AskForTheSmallestBiteWhereEveryEndIsTold) {
  claims tasks(1'000, 2, 1);
  std::vector<runner> all(2);
  for (bite each = tasks.next(all[0].claim, all); !each.empty(); each = tasks.next(all[0].claim, all))
    ASSERT_EQ(each.size(), 1u);
}

}  // namespace
}  // namespace fanout::detail
