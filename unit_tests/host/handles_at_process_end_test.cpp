#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/submit.hpp"
#include "support.hpp"

/// Handles at the end of threads and of the process, each in a process of its own. And one that is older than `main`.
namespace {

using namespace support;
using fanout::batch;

batch<int> submitted_before_main = fanout::submit_map(
    10, [](int k) { return k; }, 2);

constexpr int chosen_status = 7;

/// Runs until it is asked to stop.
const auto endless = [](int, const fanout::task_context& context) {
  while (!context.stop_requested()) std::this_thread::yield();
};

class HandlesAtProcessEndDeathTest : public testing::Test {
 protected:
  HandlesAtProcessEndDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(HandlesAtProcessEndDeathTest, StaticOnesOfEveryStateStopTheirBatches) {
  const auto program = [] {
    static const fanout::executor one({.concurrency = 1});
    static std::vector<batch<void>> handles;
    for (int i = 0; i != 100; ++i) {
      handles.push_back(one.submit_map(3, endless));  // one of them runs
      handles.push_back(one.submit_map(3, [](int) {}));
    }
    for (int i = 0; i != 5; ++i) {
      handles.push_back(fanout::submit_map(3, endless, 2));
      handles.push_back(fanout::submit_map(
          3, [](int) { throw 1; }, 2));
      if (i % 2 == 0) static_cast<void>(handles.back().wait_for(patience));
    }
    std::exit(chosen_status);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(chosen_status), "");
}

TEST_F(HandlesAtProcessEndDeathTest, OneOnAStackIsNotTouchedByExit) {
  const auto program = [] {
    const auto on_the_stack = fanout::submit_map(3, endless, 2);
    static_cast<void>(on_the_stack.wait_for(1ms));
    std::exit(chosen_status);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(chosen_status), "");
}

TEST_F(HandlesAtProcessEndDeathTest, ATaskMayExit) {
  if (under_thread_sanitizer)
    GTEST_SKIP() << "the tool calls idle reserves a leak if `exit` is called by another reserve";
  const auto program = [] {
    rendezvous both(2);
    // One of them, because `exit` must not be called by two threads.
    const auto exits = [&both](int k) {
      if (!both.meet()) std::_Exit(2);
      k == 0 ? std::exit(chosen_status) : std::this_thread::sleep_for(patience);
    };
    const auto on_the_stack = fanout::submit_map(2, exits, 2);
    static_cast<void>(on_the_stack.wait_for(patience));
    std::_Exit(1);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(chosen_status), "");
}

TEST_F(HandlesAtProcessEndDeathTest, ATaskOfAStaticHandleThatExitsEndsTheProcessWithAMessage) {
  const auto program = [] {
    static std::optional<batch<void>> handle;
    event made;  // not static: `exit` must not destroy it while this thread still uses it
    handle.emplace(fanout::submit_map(
        3,
        [&made](int) {
          static_cast<void>(made.wait());
          std::exit(chosen_status);
        },
        1));
    made.set();
    std::this_thread::sleep_for(patience);
    std::_Exit(1);
  };
  EXPECT_EXIT(program(), testing::KilledBySignal(SIGABRT), "destroyed by one of the batch's own tasks or callbacks");
}

TEST(HandlesAtThreadEnd, EndWithTheirThread) {
  std::atomic<int> running = 0;
  for (int i = 0; i != 50; ++i) {
    std::jthread([&] {
      static thread_local std::optional<batch<void>> handle;
      handle.emplace(fanout::submit_map(
          3,
          [&](int k, const fanout::task_context& context) {
            ++running;
            endless(k, context);
            --running;
          },
          2));
    }).join();
    ASSERT_EQ(running, 0);
  }
}

TEST(HandlesBeforeMain, Work) {
  submitted_before_main.wait();
  EXPECT_EQ(submitted_before_main.progress().completed, 10U);
}

}  // namespace
