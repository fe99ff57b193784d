#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "faults/refused_threads.hpp"
#include "faults/refusing_threads.hpp"
#include "support.hpp"

/// Thread creation fails for batches beside their caller: `submit` says so and nothing has run, or the handle does.
/// And how many threads there are for handles that wait, or that nobody has fetched.
namespace {

using namespace support;
using fanout::batch;
using fanout::executor;
using fanout::resource_error;

class RefusedLeadersDeathTest : public RefusedThreadsDeathTest {};

/// Whether this says that threads are missing.
template <class Call>
bool is_refused(const Call& call) {
  try {
    call();
  } catch (const resource_error&) {
    return true;
  }
  return false;
}

/// Whether no thread is left. The leader that has just ended a batch may be on its way yet.
bool all_threads_end() {
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (threads::existing() != 0 && std::chrono::steady_clock::now() < limit) {
    fanout::release_idle();
    std::this_thread::sleep_for(100us);
  }
  return threads::existing() == 0;
}

/// Submits eight tasks that need eight threads. The leader may be granted and its helpers refused; then the handle
/// says it. Whichever it is, no task has run.
TEST_F(RefusedLeadersDeathTest, AFreeBatchIsRefusedAtEachThreadThatItCannotHaveAndNothingHasRun) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    std::atomic<std::size_t> ran = 0;
    const std::vector tasks(size, [&] { ++ran; });
    for (const bool is_got : {true, false}) {
      for (std::size_t granted = 0; granted != size - 1; ++granted) {
        threads::refuse_after(granted);
        bool by_submit = true;
        require(is_refused([&] {
                  auto handle = fanout::submit(tasks, size);
                  by_submit = false;
                  if (!is_got) require(handle.wait_for(patience), 1);  // the leader runs it; otherwise either may
                  require(handle.progress().started == 0, 2);
                  handle.get();
                }),
                3);
        require(by_submit == (granted == 0), 4);
        require(ran == 0, 5);
        fanout::execute_in_parallel(tasks, 1);
        require(ran.exchange(0) == size, 6);
        threads::no_limit();
        fanout::release_idle();
      }
    }
    fanout::submit(tasks, size).get();
    require(ran == size, 7);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedLeadersDeathTest, ADroppedHandleWhoseThreadsAreRefusedLeavesNothing) {
  const auto program = [] {
    std::atomic<std::size_t> ran = 0;
    const std::vector tasks(8, [&] { ++ran; });
    for (std::size_t granted = 0; granted != 7; ++granted) {
      threads::refuse_after(granted);
      require(is_refused([&] { const auto dropped = fanout::submit(tasks, 8); }) == (granted == 0), 1);
      require(ran == 0, 2);
      threads::no_limit();
      require(all_threads_end(), 3);
    }
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

/// A limit of time takes one thread, of which there is one for all limits.
TEST_F(RefusedLeadersDeathTest, ABatchWithALimitOfTimeIsRefusedWithoutAThreadThatKeepsTheTime) {
  const auto program = [] {
    threads::limit(0);
    std::atomic<std::size_t> ran = 0;
    const auto timed = [&](std::chrono::nanoseconds limit) {
      fanout::map_in_parallel(1, [&](int) { ++ran; }, {.timeout = limit});
    };
    for (int i = 0; i != 20; ++i) require(is_refused([&] { timed(1h); }), 1);
    require(ran == 0, 2);
    threads::limit(1);
    for (int i = 0; i != 20; ++i) timed(1h);
    require(ran == 20, 3);
    require(threads::existing() == 1, 4);
    threads::no_limit();
    require(all_threads_end(), 5);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

/// An executor of three has two threads for its helpers; the leader of a batch beside its caller is a third one.
TEST_F(RefusedLeadersDeathTest, AnExecutorWithoutAThreadForALeaderIsUsableByItsCallers) {
  const auto program = [] {
    threads::limit(2);
    executor three({.concurrency = 3});
    std::atomic<std::size_t> ran = 0;
    for (int i = 0; i != 20; ++i) {
      require(is_refused([&] { static_cast<void>(three.submit_map(3, [&](int) { ++ran; })); }), 1);
      require(ran == 0, 2);
      require(reaches(three, 3), 3);
    }
    threads::limit(3);
    rendezvous all(3);
    std::atomic<std::size_t> met = 0;
    auto handle = three.submit_map(3, [&](int) { met += all.meet() ? 1 : 0; });
    require(handle.wait_for(2 * patience), 4);
    require(met == 3, 5);
    threads::refuse_after(0);
    for (int i = 0; i != 200; ++i) require(three.submit_map(3, [](int k) { return k; }).get().back() == 2, 6);
    require(threads::existing() == 3, 7);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

/// Each leader on an automatic executor is a thread, of which there are never more than the limit.
TEST_F(RefusedLeadersDeathTest, AnAutomaticExecutorSaysWhichLeaderItCannotHave) {
  const auto program = [] {
    threads::limit(0);
    const executor automatic;
    std::atomic<std::size_t> ran = 0;
    const auto submit = [&] { return automatic.submit_map(4, [&](int) { ++ran; }); };
    for (int i = 0; i != 20; ++i) require(is_refused([&] { static_cast<void>(submit()); }), 1);
    require(ran == 0, 2);
    automatic.map(4, [&](int) { ++ran; });
    require(ran.exchange(0) == 4, 3);
    threads::no_limit();
    submit().get();
    require(ran == 4, 4);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedLeadersDeathTest, ATaskIsToldThatItsHandleCannotHaveAThread) {
  const auto program = [] {
    threads::limit(2);
    executor three({.concurrency = 3});
    const auto refused = [&] {
      return is_refused([&] { static_cast<void>(fanout::submit(std::vector(5, [] {}), 2)); }) &&
             is_refused([&] { static_cast<void>(three.submit_map(2, [](int) {})); });
    };
    require(three.execute(std::vector(6, refused)) == std::vector(6, true), 1);
    require(reaches(three, 3), 2);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

// ── How many threads there are ──────────────────────────────────────────────────────────────────────────────────────

TEST_F(RefusedLeadersDeathTest, BatchesThatWaitOnAnExecutorHaveNoThreads) {
  const auto program = [] {
    threads::limit(2);
    const executor two({.concurrency = 2});
    event go_on;
    std::atomic<std::size_t> ran = 0;
    std::vector<batch<void>> handles;
    for (int i = 0; i != 10'000; ++i) {
      handles.push_back(two.submit_map(1, [&](int) {
        require(go_on.wait(), 1);
        ++ran;
      }));
    }
    require(threads::existing() <= 2, 2);
    go_on.set();
    for (batch<void>& each : handles) require(each.wait_for(patience), 3);
    require(ran == 10'000 && threads::existing() <= 2, 4);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedLeadersDeathTest, HandlesThatNobodyFetchesKeepNoThread) {
  const auto program = [] {
    threads::limit(8);
    std::vector<batch<int>> handles;
    for (int i = 0; i != 5'000; ++i) {
      handles.push_back(fanout::submit_map(
          2, [](int k) { return k; }, 2));
      require(handles.back().wait_for(patience), 1);
    }
    require(all_threads_end(), 2);
    for (batch<int>& each : handles) require(each.get() == std::vector{0, 1}, 3);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

}  // namespace
