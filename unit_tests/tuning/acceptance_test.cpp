#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fanout/execute.hpp"
#include "fanout/resource_pool.hpp"
#include "fanout/tuning.hpp"
#include "support.hpp"

// Workloads whose best size is known by construction. They measure the machine, so they want it quiet, and they take
// minutes: they run only where FANOUT_ACCEPTANCE says how often each, as in
//
//     FANOUT_ACCEPTANCE=10 ctest --preset dev -L acceptance
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// How often: 0 where nobody asked.
int asked_repetitions() {
  const char* const asked = std::getenv("FANOUT_ACCEPTANCE");
  return asked == nullptr ? 0 : std::atoi(asked);
}

/// CPU time of the calling thread, so that a task computes as much wherever it runs and however often it is preempted.
void use_cpu_for(std::chrono::nanoseconds time) {
  const auto now = [] {
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
  };
  const auto end = now() + time;
  while (now() < end) {
  }
}

/// Whether two sizes are the same rung or neighbours.
bool within_one_step(std::size_t size, std::size_t best) {
  const std::vector<std::size_t> ladder = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256};
  const auto rung = [&](std::size_t of) {
    return std::lower_bound(ladder.begin(), ladder.end(), of) - ladder.begin();
  };
  return std::abs(rung(size) - rung(best)) <= 1;
}

/// How many cores' worth of work the process gets done now: less than there are while others work, too.
double cores_to_be_had() {
  const std::size_t cores = fanout::available_concurrency();
  const auto start = clock::now();
  fanout::execute_in_parallel(std::vector(cores, [] { use_cpu_for(100ms); }), cores);
  return 0.1 * static_cast<double>(cores) / std::chrono::duration<double>(clock::now() - start).count();
}

bool machine_is_quiet() { return cores_to_be_had() > 0.9 * static_cast<double>(fanout::available_concurrency()); }

/// False if the others did not come to an end.
bool wait_for_a_quiet_machine() {
  const auto end = clock::now() + 5min;
  while (!machine_is_quiet()) {
    if (clock::now() > end) return false;
    std::this_thread::sleep_for(1s);
  }
  return true;
}

/// The recommendation must be right in each run in which nobody else used the machine; that is asked before and after.
template <class Task>
void expect_about(std::size_t best, std::size_t tasks, Task task) {
  if (asked_repetitions() == 0) GTEST_SKIP() << "takes minutes: FANOUT_ACCEPTANCE says how often";
  int counted = 0;
  for (int run = 0; run != 4 * asked_repetitions() && counted != asked_repetitions(); ++run) {
    if (!wait_for_a_quiet_machine()) break;
    const auto report = fanout::tune(tasks, task);
    const bool quiet = machine_is_quiet();
    if (quiet) {
      ++counted;
      EXPECT_TRUE(within_one_step(report.recommended(), best));
    }
    std::printf("best by construction %zu, recommended %zu%s\n%s\n", best, report.recommended(),
                quiet ? "" : ", not counted: others used the machine", report.to_table().c_str());
    std::fflush(stdout);
  }
  EXPECT_EQ(counted, asked_repetitions()) << "the machine was not quiet for long enough";
}

// While one computes three wait: four times the cores keep them busy, and more are no faster. They compute with a token
// in the hand, of which there are as many as cores, handed on in the order of arrival. Without, the kernel lets all that
// are ready take turns on the cores; they end together and wait together, and four times the cores keep them only 75 %
// busy (measured; eight times 90 %): then the best size would be one that is not known by construction. The number of
// tasks is a multiple of all sizes around it, so that none of them has a last round with less to do.
TEST(TuningAcceptance, FindsFourTimesTheCoresForTasksThatWaitThreeQuarters) {
  const std::size_t cores = fanout::available_concurrency();
  fanout::resource_pool<char> tokens([] { return 'x'; }, cores);
  expect_about(4 * cores, 48 * cores, [&](std::size_t) {
    std::this_thread::sleep_for(6ms);
    const auto token = tokens.acquire();
    use_cpu_for(2ms);
  });
}

TEST(TuningAcceptance, FindsTheCoresForTasksThatCompute) {
  expect_about(fanout::available_concurrency(), 100, [](std::size_t) { use_cpu_for(500us); });
}

// A third of each task is under a lock, two thirds are waiting: three threads keep the lock busy. Every further one
// makes each hold of the lock longer, as threads that fight for a cache line or a disk do.
TEST(TuningAcceptance, FindsThreeWhereALockMakesMoreWorse) {
  static std::mutex lock;
  static std::atomic<int> inside{0};
  expect_about(3, 60, [](std::size_t) {
    const int threads = ++inside;
    std::this_thread::sleep_for(2ms);
    {
      const std::lock_guard holding(lock);
      std::this_thread::sleep_for(std::chrono::milliseconds(1) * (1 + 0.5 * std::max(0, threads - 3)));
    }
    --inside;
  });
}

}  // namespace
