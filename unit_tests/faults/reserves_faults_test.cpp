#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <optional>
#include <string>

#include "fanout/error.hpp"
#include "faults/refusing_memory.hpp"
#include "faults/refusing_threads.hpp"
#include "threads/reserves.hpp"
#include "support.hpp"

/// Each step fails of what creates reserves. What was asked for is refused, the threads that were created for it end, and
/// the next request is granted.
namespace {

using namespace support;
namespace reserves = fanout::detail::reserves;

/// How the making of so many reserves ended.
enum class ending { made, no_memory, no_threads };

ending make(std::size_t count) {
  try {
    const reserves::promise some(count);
    return ending::made;
  } catch (const std::bad_alloc&) {
    return ending::no_memory;
  } catch (const fanout::resource_error&) {
    return ending::no_threads;
  }
}

class ReservesFaults : public testing::Test {
 protected:
  ReservesFaults() {
    make(1);  // what exists once in a process
    reserves::end_idle();
  }
  ~ReservesFaults() override { threads::no_limit(); }

  /// Refuses the first allocation, then the second, and so on. More reserves are asked for each time than before, because
  /// what ended threads have left is used again.
  void refuse_each_allocation(memory::of whom, memory::refusal how) {
    static std::size_t most = 1;
    std::size_t refusals = 0;
    for (std::size_t step = 0;; ++step) {
      constexpr std::size_t more = 4;
      most += more;
      std::optional<ending> ended;
      bool refused = false;
      {
        memory::shortage shortage(memory::source::language, whom, how, step);
        ended = make(most);
        refused = shortage.end();
      }
      if (!refused) {
        EXPECT_EQ(*ended, ending::made);
        break;
      }
      ++refusals;
      EXPECT_EQ(*ended, ending::no_memory) << "allocation " << step;
      EXPECT_EQ(reserves::existing(), 0U) << "allocation " << step;
      EXPECT_EQ(make(most), ending::made);
      reserves::end_idle();
      if (step == 30) break;  // each thread is the same
    }
    EXPECT_GT(refusals, 0U);
    reserves::end_idle();
  }

 private:
  const watchdog guard_;
};

TEST_F(ReservesFaults, NoMemoryAtAnyStepLeavesNothing) {
  refuse_each_allocation(memory::of::this_thread, memory::refusal::once);
  refuse_each_allocation(memory::of::all_threads, memory::refusal::once);
  refuse_each_allocation(memory::of::all_threads, memory::refusal::then_on);
}

TEST_F(ReservesFaults, NoThreadAtAnyStepLeavesNothing) {
  for (std::size_t granted = 0; granted != 8; ++granted) {
    const std::size_t before = threads::existing();
    threads::limit(before + granted);
    EXPECT_EQ(make(8), ending::no_threads);
    EXPECT_EQ(reserves::existing(), 0U);
    EXPECT_EQ(threads::existing(), before);
    threads::no_limit();
    EXPECT_EQ(make(8), ending::made);
    reserves::end_idle();
  }
}

TEST_F(ReservesFaults, NoThreadLeavesThoseThatWerePromisedBefore) {
  const reserves::promise three(3);
  threads::limit(threads::existing() + 2);
  EXPECT_EQ(make(4), ending::no_threads);
  EXPECT_EQ(reserves::existing(), 3U);
  EXPECT_EQ(make(2), ending::made);
}

TEST_F(ReservesFaults, WhatEndedThreadsHaveLeftIsUsedAgain) {
  make(20);
  reserves::end_idle();
  const std::ptrdiff_t before = memory::live_blocks();
  for (int round = 0; round != 20; ++round) {
    make(20);
    reserves::end_idle();
  }
  EXPECT_EQ(memory::live_blocks(), before);
}

// A thread in which oneTBB finds no memory for its own data would not be able to work. (The first allocation only: oneTBB
// 2021.8 crashes where a later one fails, as it destroys parts of an arena that it has not constructed.)
TEST_F(ReservesFaults, AThreadThatCannotEnterArenasCountsAsRefused) {
  bool refused = false;
  {
    memory::shortage shortage(memory::source::scheduler, memory::of::all_threads, memory::refusal::once, 0);
    EXPECT_EQ(make(1), ending::no_threads);
    refused = shortage.end();
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(reserves::existing(), 0U);
  EXPECT_EQ(make(1), ending::made);
}

}  // namespace
