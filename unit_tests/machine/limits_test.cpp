#include "fanout/limits.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "machine/cpu_quota.hpp"
#include "fanout/detail/batch.hpp"

namespace {

using fanout::automatic;
using fanout::available_concurrency;
using fanout::max_concurrency;
using fanout::unlimited;
using fanout::detail::checked_concurrency;
using fanout::detail::throw_negative_concurrency;

cpu_set_t own_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  EXPECT_EQ(::sched_getaffinity(0, sizeof mask, &mask), 0);
  return mask;
}

/// Leaves only one of the allowed CPUs to the calling thread.
void pin_to_one_cpu() {
  const cpu_set_t allowed = own_mask();
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (::sched_setaffinity(0, sizeof one, &one) == 0) return;
  }
  std::exit(99);
}

/// What the process may use, from the same two sources, each read by the plainest means.
std::size_t expected_concurrency() {
  const cpu_set_t mask = own_mask();
  const auto cpus = static_cast<std::size_t>(CPU_COUNT(&mask));
  const auto quota = fanout::detail::cpu_quota(fanout::detail::read_small_file);
  return quota ? std::min(cpus, fanout::detail::whole_cores(*quota)) : cpus;
}

std::string refusal(auto call) {
  try {
    call();
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
  return "accepted";
}

TEST(AvailableConcurrency, IsTheSmallerOfTheAffinityMaskAndTheQuota) {
  EXPECT_GE(available_concurrency(), 1U);
  EXPECT_EQ(available_concurrency(), expected_concurrency());
}

// The answer is kept for the life of the process, so what happens at the first call needs a process of its own:
// a death test in this style runs this binary again, with this test alone.
void use_a_fresh_process() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

TEST(FirstCallDeathTest, OfAProcessPinnedToOneCpuFindsOne) {
  use_a_fresh_process();
  const auto first_call = [] {
    pin_to_one_cpu();
    std::exit(available_concurrency() == 1 ? 0 : 1);
  };
  EXPECT_EXIT(first_call(), testing::ExitedWithCode(0), "");
}

TEST(FirstCallDeathTest, IsRememberedWhenTheMaskChangesLater) {
  use_a_fresh_process();
  const auto two_calls = [] {
    const auto before = available_concurrency();
    pin_to_one_cpu();
    std::exit(available_concurrency() == before ? 0 : 1);
  };
  EXPECT_EXIT(two_calls(), testing::ExitedWithCode(0), "");
}

TEST(FirstCallDeathTest, FromAPinnedThreadFindsTheCpusOfTheProcess) {
  use_a_fresh_process();
  const auto first_call = [] {
    const auto expected = expected_concurrency();
    std::size_t found = 0;
    std::thread([&] {
      pin_to_one_cpu();
      found = available_concurrency();
    }).join();
    std::exit(found == expected ? 0 : 1);
  };
  EXPECT_EXIT(first_call(), testing::ExitedWithCode(0), "");
}

TEST(MaxConcurrency, IsTheSameOnEveryMachine) { EXPECT_EQ(max_concurrency(), 32'768U); }

TEST(Limits, AutomaticAndUnlimitedDifferFromEveryNumberThatCanBeNamed) {
  EXPECT_NE(automatic, unlimited);
  EXPECT_GT(automatic, max_concurrency());
  EXPECT_GT(unlimited, max_concurrency());
}

TEST(CheckedConcurrency, LetsPassWhatCanBeALimit) {
  for (const std::size_t named : {std::size_t{1}, std::size_t{2}, max_concurrency(), automatic, unlimited}) {
    EXPECT_EQ(checked_concurrency(named), named);
  }
}

TEST(CheckedConcurrency, RefusesEverythingElseAndNamesTheBounds) {
  const std::string most = std::to_string(max_concurrency());
  for (const std::size_t named : {std::size_t{0}, max_concurrency() + 1, unlimited - 1}) {
    EXPECT_EQ(refusal([=] { checked_concurrency(named); }),
              "concurrency must be between 1 and " + most + ", automatic or unlimited; got " + std::to_string(named));
  }
}

TEST(RefuseNegativeConcurrency, NamesTheNumberAsTheCallerWroteIt) {
  const std::string bounds = "concurrency must be between 1 and " + std::to_string(max_concurrency()) +
                             ", automatic or unlimited; got ";
  EXPECT_EQ(refusal([] { throw_negative_concurrency(-1); }), bounds + "-1");
  EXPECT_EQ(refusal([] { throw_negative_concurrency(std::numeric_limits<long long>::min()); }),
            bounds + "-9223372036854775808");
}

}  // namespace
