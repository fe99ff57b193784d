#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "drop_in/c_callback.hpp"
#include "fanout/fanout.hpp"
#include "faults/refused_threads.hpp"
#include "faults/refusing_memory.hpp"
#include "faults/refusing_threads.hpp"
#include "own_process.hpp"
#include "support.hpp"

/// Callers that cannot take an exception: what has run when a call finds no memory or no threads.
namespace {

using namespace support;

constexpr int count = 20;

/// How often each job has run.
class tally {
 public:
  /// Long enough that other threads come for more.
  void run(int job) {
    ++runs_.at(static_cast<std::size_t>(job));
    std::this_thread::sleep_for(20us);
  }
  bool all_once() const {
    return std::all_of(runs_.begin(), runs_.end(), [](const auto& each) { return each == 1; });
  }
  bool none() const {
    return std::all_of(runs_.begin(), runs_.end(), [](const auto& each) { return each == 0; });
  }

 private:
  std::vector<std::atomic<int>> runs_ = std::vector<std::atomic<int>>(count);
};

/// Refuses each allocation of `call` in turn, in all the ways there are, and calls `check` after each. The tally is a new
/// one each time. Returns how many refusals there were.
template <class Call, class Check>
std::size_t refuse_each(const Call& call, const Check& check) {
  std::size_t refusals = 0;
  for (const auto from : {memory::source::language, memory::source::scheduler}) {
    for (const auto whom : {memory::of::this_thread, memory::of::all_threads}) {
      for (const auto how : {memory::refusal::once, memory::refusal::then_on}) {
        for (std::size_t step = 0;; ++step) {
          tally jobs;
          memory::shortage shortage(from, whom, how, step);
          std::exception_ptr thrown;
          try {
            call(jobs);
          } catch (...) {
            thrown = std::current_exception();
          }
          const bool refused = shortage.end();
          check(jobs, thrown);
          if (!refused) break;
          ++refusals;
          if (testing::Test::HasFailure()) return refusals;
        }
      }
    }
  }
  return refusals;
}

/// A callback, on an executor of the test's.
void run_as_c_does(tally& jobs, const fanout::executor& on) {
  drop_in::run_jobs(
      count, [](void* data, int index) { static_cast<tally*>(data)->run(index); }, &jobs,
      const_cast<fanout::executor*>(&on));
}

void expect_each_job_once(const tally& jobs, const std::exception_ptr& thrown) {
  EXPECT_TRUE(thrown == nullptr);
  EXPECT_TRUE(jobs.all_once());
}

/// Threads and arenas exist before memory runs out: see `have_workers` in out_of_memory_test.cpp.
void warm_up(const std::function<void(tally&)>& call) {
  for (int times = 0; times != 20; ++times) {
    tally jobs;
    call(jobs);
    std::this_thread::sleep_for(1ms);
  }
}

TEST(CCallback, RunsEachJobOnceWhicheverAllocationIsRefused) {
  const watchdog guard;
  const fanout::executor named({.concurrency = 8});  // of more than seven runners there is an allocation
  const fanout::executor automatic;                  // oneTBB allocates for its tasks
  for (const fanout::executor* const on : {&named, &automatic}) {
    const auto call = [&](tally& jobs) { run_as_c_does(jobs, *on); };
    warm_up(call);
    const std::size_t refusals = refuse_each(call, expect_each_job_once);
    EXPECT_TRUE(refusals > 0 || (on == &automatic && fanout::available_concurrency() == 1));
  }
}

// What the page promises of a named limit. The calling thread has been in an arena: oneTBB crashes where there is no memory
// for its first.
TEST(CCallback, MayUseItsOwnLoopBecauseNothingHasRunWhenACallOfANamedLimitFindsNoMemory) {
  const watchdog guard;
  const fanout::executor on({.concurrency = 8});
  const auto job = [](tally& jobs) { return [&jobs](int index) { jobs.run(index); }; };
  const std::function<void(tally&)> calls[] = {
      [&](tally& jobs) { on.map(count, job(jobs)); },
      [&](tally& jobs) {
        on.for_each_range(count, [&](int first, int last) {
          for (; first != last; ++first) jobs.run(first);
        });
      },
      [&](tally& jobs) { static_cast<void>(on.settle_map(count, job(jobs))); },
      [&](tally& jobs) { fanout::map_in_parallel(count, job(jobs), 8); },
      [&](tally& jobs) { on.map(count, job(jobs), {.timeout = 10min}); },
      [&](tally& jobs) { on.submit_map(count, job(jobs)).get(); },
  };
  for (const auto& call : calls) {
    warm_up(call);
    const std::size_t refusals = refuse_each(call, [](const tally& jobs, const std::exception_ptr& thrown) {
      EXPECT_TRUE(thrown != nullptr ? jobs.none() : jobs.all_once());
      EXPECT_TRUE(thrown == nullptr || drop_in::code_of(thrown) == ENOMEM);
    });
    EXPECT_GT(refusals, 0u);
  }
}

TEST(CCallback, TellsFailuresByCodesAndALackOfMemoryByItsOwn) {
  const watchdog guard;
  const fanout::executor on({.concurrency = 3});
  int codes[count];
  int returned = 0;
  const auto call = [&](tally& jobs) {
    const auto task = [&](std::size_t index) {
      jobs.run(static_cast<int>(index));
      if (index % 3 == 0) throw std::invalid_argument("every third");
    };
    std::fill(std::begin(codes), std::end(codes), -1);
    returned = drop_in::run_for_codes(on, count, task, codes);
  };
  warm_up(call);
  std::size_t without_memory = 0;
  refuse_each(call, [&](const tally& jobs, const std::exception_ptr& thrown) {
    ASSERT_TRUE(thrown == nullptr);
    if (returned != 0) {
      EXPECT_EQ(returned, ENOMEM);
      EXPECT_TRUE(jobs.none());
      EXPECT_EQ(std::count(std::begin(codes), std::end(codes), -1), count);
      ++without_memory;
      return;
    }
    EXPECT_TRUE(jobs.all_once());
    for (int i = 0; i != count; ++i) {
      // The text of an exception takes memory, too.
      EXPECT_TRUE(codes[i] == (i % 3 == 0 ? EINVAL : 0) || (i % 3 == 0 && codes[i] == ENOMEM)) << i << ": " << codes[i];
    }
  });
  EXPECT_GT(without_memory, 0u);
}

TEST_F(RefusedThreadsDeathTest, ACCallbackIsNotInstalledWithoutItsThreads) {
  const auto program = [] {
    void* user = nullptr;
    threads::refuse_after(2);
    require(drop_in::create_user(4, &user) == EAGAIN && user == nullptr, 1);
    threads::no_limit();
    require(drop_in::create_user(4, &user) == 0, 2);
    threads::refuse_after(0);  // the executor has its threads
    tally jobs;
    run_as_c_does(jobs, *static_cast<const fanout::executor*>(user));
    require(jobs.all_once(), 3);
    drop_in::destroy_user(user);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

}  // namespace
