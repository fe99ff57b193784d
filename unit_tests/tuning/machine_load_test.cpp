#include "tuning/machine_load.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <cstddef>
#include <latch>
#include <optional>
#include <string>
#include <thread>

#include "support.hpp"

namespace {

using namespace std::chrono_literals;
using namespace fanout::detail;

TEST(TuningMachineLoad, TakesTheSecondNumberOfSchedstatForTheWait) {
  EXPECT_EQ(wait_in_schedstat("123 456 7\n"), 456u);
  EXPECT_EQ(wait_in_schedstat("0 18446744073709551615 1"), 18446744073709551615u);
  for (const char* text : {"", "123", "123 ", "wait 456", "1 -5 2", "1 99999999999999999999 2"}) {
    EXPECT_FALSE(wait_in_schedstat(text)) << text;
  }
}

TEST(TuningMachineLoad, AddsUpWhatThreadsWaitedBetweenTwoReadings) {
  const thread_waits before = {{10, 1'000'000'000}, {11, 5'000'000'000}, {13, 2'000'000'000}};
  // 11 has ended, 12 is new, and the number of 13 belongs to another thread by now.
  const thread_waits after = {{10, 1'500'000'000}, {12, 250'000'000}, {13, 125'000'000}};
  EXPECT_DOUBLE_EQ(seconds_waited(before, after), 0.5 + 0.25 + 0.125);
  EXPECT_EQ(seconds_waited(after, after), 0);
  EXPECT_EQ(seconds_waited({}, {}), 0);
}

TEST(TuningMachineLoad, SeesThatThreadsOfThisProcessWaitForACore) {
  const auto before = waits_of_threads();
  if (!before) GTEST_SKIP() << "the system does not report how long threads wait";
  // Two threads on one core: each waits about half of its time, whatever else the machine does.
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  std::latch started(2);
  support::event read;
  const auto compute_until_it_was_read = [&] {
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    started.arrive_and_wait();
    support::compute_for(200ms);
    EXPECT_TRUE(read.wait());
  };
  std::thread a(compute_until_it_was_read);
  std::thread b(compute_until_it_was_read);
  double waited = 0;
  for (int i = 0; i != 3000 && waited < 0.1; ++i) {
    std::this_thread::sleep_for(10ms);
    const auto now = waits_of_threads();
    ASSERT_TRUE(now);
    waited = seconds_waited(*before, *now);
  }
  read.set();
  a.join();
  b.join();
  EXPECT_GE(waited, 0.1);
}

constexpr const char* stat_of_two_cpus =
    "cpu  1000 1000 1000 1000 1000 1000 1000 1000 1000 1000\n"
    "cpu0 1 2 4 8 16 32 64 128 1 1\n"
    "cpu10 100 200 400 800 1600 3200 6400 12800 0 0\n"
    "intr 1 2 3\n";

bool all(unsigned /*cpu*/) { return true; }
bool none(unsigned /*cpu*/) { return false; }
bool the_first(unsigned cpu) { return cpu == 0; }

TEST(TuningMachineLoad, AddsUpTheTimesOfTheCpusThatCount) {
  const auto first = times_in_stat(stat_of_two_cpus, the_first, 0.01);
  ASSERT_TRUE(first);
  EXPECT_DOUBLE_EQ(first->busy, 1.03);
  EXPECT_DOUBLE_EQ(first->stolen, 1.28);
  EXPECT_DOUBLE_EQ(first->all, 2.55);
  const auto both = times_in_stat(stat_of_two_cpus, all, 0.01);
  ASSERT_TRUE(both);
  EXPECT_DOUBLE_EQ(both->all, 257.55);
}

TEST(TuningMachineLoad, TakesAStatThatMakesNoSenseForNone) {
  for (const char* text : {"", "cpu", "cpu 1 2 3 4 5 6 7 8\n", "cpu0 1 2 3 4\n", "cpu0 1 2 3 4 5 6 7 x\n", "cpu0",
                           "intr 1\n", "cpu0 1 2 3 4 5 6 7 -8\n"}) {
    EXPECT_FALSE(times_in_stat(text, all, 0.01)) << text;
  }
  EXPECT_FALSE(times_in_stat(stat_of_two_cpus, none, 0.01));
}

TEST(TuningMachineLoad, ReadsTheTimesOfThisMachine) {
  const auto times = times_of_cpus();
  if (!times) GTEST_SKIP() << "/proc/stat cannot be read here";
  EXPECT_GT(times->busy, 0);
  EXPECT_GE(times->all, times->busy + times->stolen);
}

}  // namespace
