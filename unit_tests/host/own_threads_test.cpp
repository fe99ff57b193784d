#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): the functions of POSIX
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "host/on_all.hpp"
#include "own_process.hpp"
#include "support.hpp"

/// What fanout's own threads inherit and leave behind: docs/threads.md.
namespace {

using namespace support;
using fanout::executor;

/// The threads of the process before fanout has created any, with one that a sanitizer creates for itself with the
/// first.
std::size_t threads_without_fanout() {
  std::thread([] {}).join();
  return threads_of_process();
}

bool is_blocked(int signal) {
  ::sigset_t mask;
  return ::pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0 && ::sigismember(&mask, signal) == 1;
}

/// Each test in a process of its own, which has used no thread before. `Exit` code 0 is success.
class OwnThreadsDeathTest : public testing::Test {
 protected:
  OwnThreadsDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Ends the process with code 0, or 1 if something was missed.
[[noreturn]] void end(bool success) { std::_Exit(success ? 0 : 1); }

TEST_F(OwnThreadsDeathTest, LeaveSignalsOfTheProcessToTheThreadThatWaitsForThem) {
  const auto program = [] {
    constexpr int rounds = 50;
    const executor some({.concurrency = 4});
    bool good = on_four_of(some, [] {});
    ::sigset_t waited_for;
    ::sigemptyset(&waited_for);
    ::sigaddset(&waited_for, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &waited_for, nullptr);
    std::atomic<int> got = 0;
    std::jthread waiting([&] {
      for (int signal = 0; got != rounds && ::sigwait(&waited_for, &signal) == 0;) ++got;
    });
    for (int i = 0; i != rounds; ++i) {
      ::kill(::getpid(), SIGUSR1);  // with its default action it would end the process
      while (got == i) std::this_thread::yield();
    }
    waiting.join();
    end(good);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST(OwnThreads, BlockSignalsThatAreSentAndNotThoseThatAThreadRaises) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> wrong = 0;
  ASSERT_TRUE(on_four([&] {
    if (std::this_thread::get_id() == caller) return;
    for (const int sent : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGWINCH}) wrong += !is_blocked(sent);
    for (const int raised : {SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGABRT, SIGPROF}) wrong += is_blocked(raised);
  }));
  EXPECT_EQ(wrong, 0);
  EXPECT_FALSE(is_blocked(SIGTERM)) << "on the calling thread";
}

TEST_F(OwnThreadsDeathTest, HaveTheAffinityOfTheProcess) {
  const auto program = [] {
    ::cpu_set_t of_process;
    ::sched_getaffinity(0, sizeof of_process, &of_process);
    std::atomic<int> pinned = 0;
    bool good = true;
    std::thread([&] {
      ::cpu_set_t one;
      CPU_ZERO(&one);
      for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
        if (CPU_ISSET(cpu, &of_process)) CPU_SET(cpu, &one);
      ::sched_setaffinity(0, sizeof one, &one);
      const std::thread::id caller = std::this_thread::get_id();
      good = on_four([&] {
        ::cpu_set_t mine;
        ::sched_getaffinity(0, sizeof mine, &mine);
        if (std::this_thread::get_id() != caller && !CPU_EQUAL(&mine, &of_process)) ++pinned;
      });
    }).join();
    end(good && pinned == 0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

int niceness() { return ::getpriority(PRIO_PROCESS, 0); }

/// A thread at nice 19 is the first to use fanout, and then the main thread uses it.
[[noreturn]] void first_used_at_low_priority() {
  bool good = true;
  std::atomic<int> slow = 0;
  std::thread([&] {
    ::setpriority(PRIO_PROCESS, 0, 19);
    good = on_four([] {});
  }).join();
  good = good && on_four([&] { slow += niceness() > ::getpriority(PRIO_PROCESS, static_cast<::id_t>(::getpid())); });
  end(good && slow == 0);
}

TEST_F(OwnThreadsDeathTest, HaveTheNiceValueOfTheProcess) {
  EXPECT_EXIT(first_used_at_low_priority(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, HaveTheNiceValueOfTheProcessOnceAThreadOfThatValueCallsWithoutPrivileges) {
  if (::getuid() != 0) GTEST_SKIP() << "the test before this one is the same";
  const auto program = [] {
    become_user(61'347);
    first_used_at_low_priority();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, ThatALowPriorityThreadUsesAgainAndAgainStay) {
  const auto program = [] {
    if (::getuid() == 0) become_user(61'347);
    std::size_t before = 0;
    bool good = true;
    std::thread([&] {
      ::setpriority(PRIO_PROCESS, 0, 19);
      std::array<::pid_t, 2> first{};
      for (::pid_t& seen : first) {
        std::atomic<::pid_t> highest = 0;
        good = good && on_four([&] {
          const ::pid_t mine = ::gettid();
          for (::pid_t at = highest; at < mine && !highest.compare_exchange_weak(at, mine);) continue;
        });
        seen = highest;
      }
      good = good && first[0] == first[1];
      before = threads_of_process();
    }).join();
    end(good && before >= 4);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST(OwnThreads, AreNamed) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> unnamed = 0;
  ASSERT_TRUE(on_four([&] {
    std::array<char, 16> name{};
    ::pthread_getname_np(::pthread_self(), name.data(), name.size());
    if (std::this_thread::get_id() != caller && !std::string(name.data()).starts_with("fanout/")) ++unnamed;
  }));
  EXPECT_EQ(unnamed, 0);
}

// ── Threads that nobody needs ───────────────────────────────────────────────────────────────────────────────────────

TEST_F(OwnThreadsDeathTest, LeaveRoomForThoseOfTheApplication) {
  if (::getuid() != 0) GTEST_SKIP() << "the limit counts all processes of the user";
  const auto program = [] {
    const ::rlimit limit{230, 230};
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) std::_Exit(91);
    become_user(61'347);
    {
      const executor large({.concurrency = 200});
      large.execute(std::vector(1'000, [] {}));
    }
    std::atomic<bool> over = false;
    std::vector<std::jthread> others;
    try {
      for (int i = 0; i != 190; ++i) others.emplace_back([&] { over.wait(false); });
    } catch (const std::system_error&) {
      end(false);
    }
    over = true;
    over.notify_all();
    others.clear();
    end(true);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, EndAtOnceWhenTheyAreReleased) {
  const auto program = [] {
    const std::size_t before = threads_without_fanout();
    {
      const executor with_stack({.concurrency = 4, .stack_size = mebibyte});
      on_four_of(with_stack, [] {});
    }
    if (!on_four([] {}) || threads_of_process() < before + 6) end(false);
    fanout::release_idle();
    end(threads_of_process() == before);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, LetOneTbbFinalizeWhenTheyAreReleased) {
  const auto program = [] {
    const std::size_t before = threads_without_fanout();
    bool good = true;
    for (int round = 0; round != 3; ++round) {
      oneapi::tbb::task_scheduler_handle scheduler{oneapi::tbb::attach{}};
      good = good && on_four([] {});
      fanout::execute_in_parallel(std::vector(100, [] {}));
      fanout::release_idle();
      good = good && oneapi::tbb::finalize(scheduler, std::nothrow) && threads_of_process() == before;
    }
    end(good);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, EndWhenTheyAreReleasedRightAfterAShortBatch) {
  const auto program = [] {
    const std::size_t before = threads_without_fanout();
    bool good = true;
    for (int round = 0; round != 100 && good; ++round) {
      fanout::map_in_parallel(8, [](int) {}, 4);
      fanout::release_idle();
      good = threads_of_process() == before;
    }
    end(good);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, OfManySizesAreNoMoreThanOfOne) {
  const auto program = [] {
    const std::size_t before = threads_without_fanout();
    for (std::size_t i = 0; i != 50; ++i) {
      const executor some({.concurrency = 10, .stack_size = (i + 16) * 4'096});
      some.map(10, [](int) {});
    }
    end(threads_of_process() <= before + 32);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, OfAnotherSizeMakeRoomForThoseThatAreAskedFor) {
  if (::getuid() != 0) GTEST_SKIP() << "the limit counts all processes of the user";
  const auto program = [] {
    const ::rlimit limit{60, 60};
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) std::_Exit(91);
    become_user(61'347);
    for (const std::size_t stack : {std::size_t{0}, mebibyte, 2 * mebibyte, std::size_t{0}}) {
      const executor some({.concurrency = 45, .stack_size = stack});
      some.map(100, [](int) {});
    }
    end(true);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

/// Uses fanout when its thread ends.
struct at_end_of_thread {
  std::function<void()> use;
  ~at_end_of_thread() {
    if (use) use();
  }
};
thread_local at_end_of_thread leaving;

TEST_F(OwnThreadsDeathTest, MayUseFanoutWhileTheyEnd) {
  for (const bool released : {false, true}) {
    for (const int what : {0, 1, 2}) {
      const auto program = [=] {
        const auto use = [what] {
          if (what == 0) fanout::release_idle();
          if (what == 1) fanout::map_in_parallel(8, [](int) {}, 4);
          if (what == 2) executor({.concurrency = 60}).map(8, [](int) {});
        };
        if (!on_four([&] { leaving.use = use; })) end(false);
        if (released) fanout::release_idle();
        std::exit(0);
      };
      EXPECT_EXIT(program(), testing::ExitedWithCode(0), "") << what << (released ? " after a release" : " at the end");
    }
  }
}

/// Destroyed after fanout has ended its idle threads, if the program contains fanout.
struct used_at_the_end {
  std::optional<executor> last;
  ~used_at_the_end() {
    if (last && last->map(20, [](int at) { return at; }).size() != 20) std::_Exit(3);
  }
};
used_at_the_end global;

TEST_F(OwnThreadsDeathTest, MayBeMissedByAnExecutorThatIsUsedAtTheEndOfTheProcess) {
  for (const int limit : {1, 2, 8}) {
    const auto program = [limit] {
      global.last.emplace(fanout::executor_options{.concurrency = limit});
      std::exit(0);
    };
    EXPECT_EXIT(program(), testing::ExitedWithCode(0), "") << limit;
  }
}

TEST(OwnThreads, OfAnExecutorStayWhenIdleOnesAreReleased) {
  const executor some({.concurrency = 4});
  ASSERT_TRUE(on_four_of(some, [] {}));
  fanout::release_idle();
  EXPECT_GE(threads_of_process(), 4U);
  EXPECT_TRUE(on_four_of(some, [] { fanout::release_idle(); }));
  EXPECT_TRUE(on_four([] {}));
}

TEST(OwnThreads, MayBeReleasedAtAnyTime) {
  std::atomic<bool> over = false;
  {
    const std::jthread releasing([&] {
      while (!over) fanout::release_idle();
    });
    std::vector<std::jthread> callers;
    for (const int limit : {2, 3, 5}) {
      callers.emplace_back([limit] {
        for (int i = 0; i != 100; ++i) {
          EXPECT_EQ(fanout::map_in_parallel(10, [](int at) { return at; }, limit).size(), 10U);
          EXPECT_EQ(fanout::map_in_parallel(10, [](int at) { return at; }).size(), 10U);
        }
      });
    }
    callers.clear();
    over = true;
  }
  EXPECT_TRUE(on_four([] {}));
}

}  // namespace
