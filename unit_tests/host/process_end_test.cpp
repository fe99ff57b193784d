#include <gtest/gtest.h>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// What docs/process-end.md says of tasks that end the process, each in a process of its own.
namespace {

using namespace support;

constexpr int chosen_status = 7;

enum class runner { caller, helper };
enum class place { free_call, executor, pool };

struct where {
  std::size_t limit;
  runner who;
  place in;
};

using actions = std::vector<std::function<void()>>;

void run(place in, std::size_t limit, const actions& tasks) {
  switch (in) {
    case place::free_call:
      fanout::execute_in_parallel(tasks, {.concurrency = limit});
      return;
    case place::executor:
      fanout::executor({.concurrency = limit}).execute(tasks);
      return;
    case place::pool: {
      fanout::resource_pool<int> pool([] { return 0; }, 4);
      fanout::map_with_pool(tasks, pool, [](const auto& task, int&) { task(); }, {.concurrency = limit});
    }
  }
}

/// Lets one task of a batch call `end`, on the calling thread or on another. The others wait meanwhile. (`here` is a copy,
/// because `exit` destroys the parameters of the tests while tasks still run.)
void end_in_a_task(where here, const std::function<void()>& end) {
  const watchdog guard;
  const std::size_t size = here.limit == fanout::automatic ? fanout::available_concurrency() : here.limit;
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<bool> chosen = false;
  event never;
  rendezvous all(size);
  run(here.in, here.limit, actions(size, [&] {
        if (!all.meet()) std::_Exit(2);
        const bool is_caller = std::this_thread::get_id() == caller;
        if (is_caller == (here.who == runner::caller) && !chosen.exchange(true)) end();
        if (!never.wait()) std::_Exit(3);
      }));
  std::_Exit(4);
}

struct says_so_at_its_end {
  ~says_so_at_its_end() {
    if (armed) std::fputs("destroyed, ", stderr);
  }
  bool armed = false;
};
says_so_at_its_end static_object;

/// What is written from now on must be flushed by the end of the process.
void listen() {
  static char buffer[4096];
  std::setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
  static_object.armed = true;
  std::atexit([] { std::fputs("atexit, ", stderr); });
  std::at_quick_exit([] {
    std::fputs("at_quick_exit, ", stderr);
    std::fflush(stderr);
  });
}

class ProcessEndDeathTest : public testing::TestWithParam<where> {
 protected:
  ProcessEndDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }

  void SetUp() override {
    if (GetParam().who == runner::helper && GetParam().limit == fanout::automatic &&
        fanout::available_concurrency() == 1)
      GTEST_SKIP() << "an automatic batch has no helpers on one core";
  }
};

TEST_P(ProcessEndDeathTest, ByExitInATaskHasItsStatusAndRunsWhatIsRegistered) {
  const auto program = [] {
    listen();
    end_in_a_task(GetParam(), [] { std::exit(chosen_status); });
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(chosen_status), "atexit, destroyed");
}

TEST_P(ProcessEndDeathTest, ByQuickExitInATaskHasItsStatus) {
  const auto program = [] {
    listen();
    end_in_a_task(GetParam(), [] { std::quick_exit(chosen_status); });
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(chosen_status), "at_quick_exit");
}

constexpr const char* sentence = "fanout: a task or a callback ends its thread, by pthread_exit or by a cancellation";

TEST_P(ProcessEndDeathTest, ComesWithASentenceIfATaskEndsItsThread) {
  EXPECT_EXIT(end_in_a_task(GetParam(), [] { ::pthread_exit(nullptr); }), testing::KilledBySignal(SIGABRT), sentence);
}

TEST_P(ProcessEndDeathTest, ComesWithASentenceIfATaskAllowsThatItsThreadIsCancelled) {
  if (under_address_sanitizer) GTEST_SKIP() << "the sanitizer does not know that a cancellation unwinds the stack";
  const auto end = [] {
    ::pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    ::pthread_cancel(::pthread_self());
    ::pthread_testcancel();
  };
  EXPECT_EXIT(end_in_a_task(GetParam(), end), testing::KilledBySignal(SIGABRT), sentence);
}

std::vector<where> all_places() {
  std::vector<where> all;
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{4}, fanout::automatic}) {
    for (const place in : {place::free_call, place::executor}) {
      all.push_back({limit, runner::caller, in});
      if (limit != 1) all.push_back({limit, runner::helper, in});
    }
  }
  all.push_back({4, runner::caller, place::pool});
  all.push_back({4, runner::helper, place::pool});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, ProcessEndDeathTest, testing::ValuesIn(all_places()), [](const auto& given) {
  const where& here = given.param;
  return std::string(here.who == runner::caller ? "TheCaller" : "AHelper") +
         (here.in == place::pool ? "WithAPool" : here.in == place::executor ? "OfAnExecutor" : "OfAFreeCall") +
         (here.limit == fanout::automatic ? "Automatic" : "AtLimit" + std::to_string(here.limit));
});

// ── Beside batches of other threads ─────────────────────────────────────────────────────────────────────────────

std::atomic<bool> is_ending = false;

/// Holds up the end of the process when all libraries have been finalised: a stream has text to flush, and goes to a pipe
/// that is full, which somebody reads a while later. (Not standard output, which is also flushed earlier.)
void hold_up_the_end() {
  int ends[2];
  if (::pipe(ends) != 0) std::_Exit(2);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (::write(ends[1], "x", 1) == 1) continue;
  ::fcntl(ends[1], F_SETFL, 0);
  std::FILE* const held_up = ::fdopen(ends[1], "w");
  if (held_up == nullptr || std::fputs("text", held_up) < 0) std::_Exit(2);
  std::atexit([] { is_ending = true; });
  std::thread([from = ends[0]] {
    while (!is_ending) std::this_thread::yield();
    std::this_thread::sleep_for(100ms);
    for (char text[100]; ::read(from, text, sizeof text) > 0;) continue;
  }).detach();
}

class ProcessEndBesideBatchesDeathTest : public testing::TestWithParam<std::size_t> {
 protected:
  ProcessEndBesideBatchesDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_P(ProcessEndBesideBatchesDeathTest, HasItsStatus) {
  const auto program = [] {
    static std::atomic<int> batches = 0;
    static fanout::executor& shared = *new fanout::executor({.concurrency = GetParam()});
    for (int thread = 0; thread != 2; ++thread) {
      std::thread([thread, limit = GetParam()] {
        for (;; ++batches) {
          const actions tasks(4, [] {});
          thread == 0 ? shared.execute(tasks) : run(place::free_call, limit, tasks);
          // Who is just asking oneTBB for its limit is not spared, so most of the time nobody asks.
          std::this_thread::sleep_for(100us);
        }
      }).detach();
    }
    while (batches < 100) std::this_thread::yield();
    hold_up_the_end();
    std::exit(chosen_status);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(chosen_status), "");
}

INSTANTIATE_TEST_SUITE_P(Of, ProcessEndBesideBatchesDeathTest, testing::Values(1, 2, 4, fanout::automatic),
                         [](const auto& given) {
                           return given.param == fanout::automatic ? "AutomaticBatches"
                                                                   : "BatchesAtLimit" + std::to_string(given.param);
                         });

// ── Handlers that catch everything ──────────────────────────────────────────────────────────────────────────────

class ThreadEndDeathTest : public testing::Test {
 protected:
  ThreadEndDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(ThreadEndDeathTest, InATaskThatIsSettledComesWithASentence) {
  const auto program = [] {
    fanout::settle_in_parallel(std::vector(4, [] { ::pthread_exit(nullptr); }), 2);
    std::_Exit(4);
  };
  EXPECT_EXIT(program(), testing::KilledBySignal(SIGABRT), sentence);
}

TEST_F(ThreadEndDeathTest, InAShareOfALoopComesWithASentence) {
  const auto program = [] {
    fanout::for_each_range(100, [](int, int) { ::pthread_exit(nullptr); });
    std::_Exit(4);
  };
  EXPECT_EXIT(program(), testing::KilledBySignal(SIGABRT), sentence);
}

TEST_F(ThreadEndDeathTest, InAProgressCallbackComesWithASentence) {
  const auto program = [] {
    fanout::execute_in_parallel_with_progress(std::vector(4, [] {}), 2,
                                              [](std::size_t, std::size_t) { ::pthread_exit(nullptr); });
    std::_Exit(4);
  };
  EXPECT_EXIT(program(), testing::KilledBySignal(SIGABRT), sentence);
}

TEST_F(ThreadEndDeathTest, InAFactoryForATaskComesWithASentence) {
  const auto program = [] {
    fanout::resource_pool<int> pool([]() -> int { ::pthread_exit(nullptr); }, 2, {.lazy = true});
    fanout::execute_with_pool(std::vector(4, [](int&) {}), pool);
    std::_Exit(4);
  };
  EXPECT_EXIT(program(), testing::KilledBySignal(SIGABRT), sentence);
}

}  // namespace
