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
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// What fanout's own threads inherit and leave behind: docs/threads.md.
namespace {

using namespace support;
using fanout::executor;

using work = std::function<void()>;

std::size_t threads() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator()));
}

/// The same before fanout has created any, with one that a sanitizer creates for itself with the first.
std::size_t threads_without_fanout() {
  std::thread([] {}).join();
  return threads();
}

/// Calls `f` on `size` threads at once, by `run`. False if they did not meet.
template <class Run>
bool on_all(std::size_t size, const Run& run, const work& f) {
  rendezvous all(size);
  std::atomic<bool> met = true;
  run(std::vector<work>(size, [&] {
    if (!all.meet()) met = false;
    f();
  }));
  return met;
}

/// Calls `f` on the calling thread and on three of fanout's own.
bool on_four(const work& f) {
  return on_all(4, [](const std::vector<work>& tasks) { fanout::execute_in_parallel(tasks, 4); }, f);
}

bool on_four_of(const executor& some, const work& f) {
  return on_all(4, [&](const std::vector<work>& tasks) { some.execute(tasks); }, f);
}

bool is_blocked(int signal) {
  ::sigset_t mask;
  return ::pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0 && ::sigismember(&mask, signal) == 1;
}

/// Each test in a process of its own, which has used no thread before. `Exit` code 0 is success.
class OwnThreadsDeathTest : public testing::Test {
 protected:
  OwnThreadsDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  /// Where the superuser runs the tests, becomes a user who has no other process.
  static void become_an_ordinary_user() {
    constexpr ::uid_t nobody_else = 61'347;
    if (::setgid(nobody_else) != 0 || ::setuid(nobody_else) != 0) std::_Exit(90);
  }
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
    become_an_ordinary_user();
    first_used_at_low_priority();
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, ThatALowPriorityThreadUsesAgainAndAgainStay) {
  const auto program = [] {
    if (::getuid() == 0) become_an_ordinary_user();
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
      before = threads();
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

// ── Stacks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

std::size_t stack_of_this_thread() {
  ::pthread_attr_t attributes;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  std::size_t size = 0;
  ::pthread_attr_getstacksize(&attributes, &size);
  ::pthread_attr_destroy(&attributes);
  return size;
}

std::size_t stack_of_a_thread() {
  std::size_t size = 0;
  std::thread([&] { size = stack_of_this_thread(); }).join();
  return size;
}

/// Fills `bytes` of the stack.
[[gnu::noinline]] int use_stack(std::size_t bytes) {
  constexpr std::size_t size = 64 * 1024;
  volatile char frame[size] = {};
  frame[2 + bytes % 2] = 1;
  return bytes < size ? frame[0] : use_stack(bytes - size) + frame[1];
}

std::size_t smallest_stack_of_four(const executor& some) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<std::size_t> smallest = static_cast<std::size_t>(-1);
  EXPECT_TRUE(on_four_of(some, [&] {
    if (std::this_thread::get_id() == caller) return;
    const std::size_t mine = stack_of_this_thread();
    for (std::size_t at = smallest; mine < at && !smallest.compare_exchange_weak(at, mine);) continue;
  }));
  return smallest;
}

TEST(StackOfOwnThreads, IsByDefaultThatOfAStdThread) {
  EXPECT_GE(smallest_stack_of_four(executor({.concurrency = 4})), stack_of_a_thread());
}

TEST(StackOfOwnThreads, IsAsTheExecutorAsksBesideOthers) {
  const executor small({.concurrency = 4, .stack_size = mebibyte});
  const executor large({.concurrency = 4, .stack_size = 64 * mebibyte});
  const executor as_large({.concurrency = 4, .stack_size = 64 * mebibyte});
  for (int round = 0; round != 3; ++round) {
    EXPECT_GE(smallest_stack_of_four(large), 64 * mebibyte);
    EXPECT_GE(smallest_stack_of_four(small), mebibyte);
    EXPECT_LE(smallest_stack_of_four(small), 4 * mebibyte) << "the C library may use a larger one again";
    EXPECT_GE(smallest_stack_of_four(as_large), 64 * mebibyte);
  }
}

TEST(StackOfOwnThreads, CarriesADeepRecursion) {
  const executor deep({.concurrency = 4, .stack_size = 64 * mebibyte});
  const std::thread::id caller = std::this_thread::get_id();
  EXPECT_TRUE(on_four_of(deep, [&] {
    EXPECT_EQ(use_stack(std::this_thread::get_id() != caller ? 48 * mebibyte : mebibyte), 0);
  }));
}

TEST(StackOfOwnThreads, MayBeChosenForAnAutomaticLimit) {
  const executor some({.stack_size = 2 * mebibyte});
  EXPECT_EQ(some.concurrency(), fanout::available_concurrency());
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> others = 0;
  const bool met = on_all(
      some.concurrency(), [&](const std::vector<work>& tasks) { some.execute(tasks); }, [&] {
        if (std::this_thread::get_id() != caller && stack_of_this_thread() < 2 * mebibyte) ++others;
      });
  EXPECT_TRUE(met);
  EXPECT_EQ(others, 0);
}

TEST(StackOfOwnThreads, IsRefusedWhereNoThreadCouldHaveIt) {
  for (const std::size_t wrong : {std::size_t{1}, std::size_t{65'535}, static_cast<std::size_t>(-1)})
    EXPECT_THROW(executor({.concurrency = 2, .stack_size = wrong}), std::invalid_argument) << wrong;
  EXPECT_THROW(executor({.concurrency = 1'000, .stack_size = std::size_t{1} << 40U}), fanout::resource_error);
  const executor still({.concurrency = 4});
  EXPECT_TRUE(on_four_of(still, [] {}));
}

// ── Threads that nobody needs ───────────────────────────────────────────────────────────────────────────────────────

TEST_F(OwnThreadsDeathTest, LeaveRoomForThoseOfTheApplication) {
  if (::getuid() != 0) GTEST_SKIP() << "the limit counts all processes of the user";
  const auto program = [] {
    const ::rlimit limit{230, 230};
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) std::_Exit(91);
    become_an_ordinary_user();
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
    if (!on_four([] {}) || threads() < before + 6) end(false);
    fanout::release_idle();
    end(threads() == before);
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
      good = good && oneapi::tbb::finalize(scheduler, std::nothrow) && threads() == before;
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
      good = threads() == before;
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
    end(threads() <= before + 32);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

TEST_F(OwnThreadsDeathTest, OfAnotherSizeMakeRoomForThoseThatAreAskedFor) {
  if (::getuid() != 0) GTEST_SKIP() << "the limit counts all processes of the user";
  const auto program = [] {
    const ::rlimit limit{60, 60};
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) std::_Exit(91);
    become_an_ordinary_user();
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
  EXPECT_GE(threads(), 4U);
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
