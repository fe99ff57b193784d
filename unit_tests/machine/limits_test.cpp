#include "fanout/limits.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <future>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "machine/cpu_quota.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/machine.hpp"

namespace {

using fanout::automatic;
using fanout::concurrency_limit;
using fanout::available_concurrency;
using fanout::max_concurrency;
using fanout::unlimited;
using fanout::detail::check_limit;

cpu_set_t own_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  EXPECT_EQ(::sched_getaffinity(0, sizeof mask, &mask), 0);
  return mask;
}

std::size_t count(const cpu_set_t& mask) { return static_cast<std::size_t>(CPU_COUNT(&mask)); }

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
  const std::size_t cpus = count(own_mask());
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

TEST(CpusOfProcess, AreAsManyAsTheCoresByAffinity) {
  std::size_t cpus = 0;
  for (unsigned cpu = 0; cpu != 2 * CPU_SETSIZE; ++cpu) cpus += fanout::detail::may_run_on(cpu) ? 1U : 0U;
  EXPECT_EQ(cpus, fanout::detail::cores_by_affinity());
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

TEST(FirstCallDeathTest, OfAMainThreadThatWasPinnedBesideOthersFindsTheCpusOfTheProcess) {
  use_a_fresh_process();
  const auto first_call = [] {
    const auto expected = expected_concurrency();
    std::promise<void> over;
    std::thread other([&] { over.get_future().wait(); });
    pin_to_one_cpu();
    const auto found = available_concurrency();
    over.set_value();
    other.join();
    std::exit(found == expected && count(own_mask()) == 1 ? 0 : 1);
  };
  EXPECT_EXIT(first_call(), testing::ExitedWithCode(0), "");
}

TEST(MaxConcurrency, IsTheSameOnEveryMachine) { EXPECT_EQ(max_concurrency(), 32'768U); }

TEST(Limits, AutomaticAndUnlimitedDifferFromEveryNumberThatCanBeNamed) {
  EXPECT_NE(automatic, unlimited);
  EXPECT_GT(automatic, max_concurrency());
  EXPECT_GT(unlimited, max_concurrency());
}

// What arithmetic that goes wrong produces lies near 0, near the largest number of a type, or near a power of two.
TEST(Limits, AutomaticAndUnlimitedAreNotWhatArithmeticGoneWrongProduces) {
  for (const std::size_t symbolic : {automatic, unlimited}) {
    for (unsigned bit = 16; bit != 64; ++bit) {
      const std::size_t power = std::size_t{1} << bit;
      EXPECT_GT(std::max(symbolic, power) - std::min(symbolic, power), std::size_t{1} << 20U);
    }
    EXPECT_GT(std::size_t{0} - symbolic, std::size_t{1} << 20U);
  }
}

TEST(ConcurrencyLimit, IsMadeFromAnIntegerOfAnyType) {
  enum unscoped { five = 5 };
  for (const concurrency_limit& each :
       {concurrency_limit(5), concurrency_limit(5U), concurrency_limit(5L), concurrency_limit(5ULL),
        concurrency_limit(std::int8_t{5}), concurrency_limit(std::uint16_t{5}), concurrency_limit(five)}) {
    EXPECT_TRUE(each.is_number());
    EXPECT_EQ(each.number(), 5U);
    EXPECT_TRUE(each == 5);
    EXPECT_FALSE(each == 6);
  }
  static_assert(!std::is_constructible_v<concurrency_limit, bool>);
  static_assert(!std::is_constructible_v<concurrency_limit, double>);
  static_assert(!std::is_constructible_v<concurrency_limit, const char*>);
}

TEST(ConcurrencyLimit, IsAutomaticByDefault) {
  EXPECT_TRUE(concurrency_limit() == automatic);
  EXPECT_FALSE(concurrency_limit(automatic).is_number());
  EXPECT_FALSE(concurrency_limit(unlimited).is_number());
  EXPECT_FALSE(concurrency_limit(automatic) == concurrency_limit(unlimited));
}

TEST(ConcurrencyLimit, ThatIsNegativeIsNoLimit) {
  const concurrency_limit negative(-3);
  EXPECT_TRUE(negative.is_number());
  EXPECT_EQ(negative.number(), 0U);
  EXPECT_FALSE(negative == std::size_t{0} - 3);
}

TEST(CheckLimit, LetsPassWhatCanBeALimit) {
  for (const std::size_t named : {std::size_t{1}, std::size_t{2}, max_concurrency(), automatic, unlimited})
    EXPECT_NO_THROW(check_limit(named));
}

std::string bounds() {
  return "concurrency must be between 1 and " + std::to_string(max_concurrency()) + ", automatic or unlimited; got ";
}

TEST(CheckLimit, RefusesEverythingElseAndNamesTheBounds) {
  for (const std::size_t named : {std::size_t{0}, max_concurrency() + 1, std::size_t{1} << 20U})
    EXPECT_EQ(refusal([=] { check_limit(named); }), bounds() + std::to_string(named));
}

TEST(CheckLimit, NamesANegativeNumberAsTheCallerWroteIt) {
  EXPECT_EQ(refusal([] { check_limit(-1); }), bounds() + "-1");
  EXPECT_EQ(refusal([] { check_limit(std::numeric_limits<long long>::min()); }), bounds() + "-9223372036854775808");
}

TEST(CheckLimit, ReadsAConstantOfAnEnumerationAsItsType) {
  enum large : unsigned long long { all = ~0ULL };
  EXPECT_EQ(refusal([] { check_limit(all); }),
            bounds() + "18446744073709551615, which is what -1 becomes in an unsigned type of 64 bits");
  enum negative : int { minus = -1 };
  EXPECT_EQ(refusal([] { check_limit(minus); }), bounds() + "-1");
}

TEST(CheckLimit, SaysWhatANumberWasThatIsFarTooLarge) {
  EXPECT_EQ(refusal([] { check_limit(std::size_t{0} - 1); }),
            bounds() + "18446744073709551615, which is what -1 becomes in an unsigned type of 64 bits");
  EXPECT_EQ(refusal([] { check_limit(0U - 2); }),
            bounds() + "4294967294, which is what -2 becomes in an unsigned type of 32 bits");
  EXPECT_EQ(refusal([] { check_limit((1 << 20) + 1); }),
            bounds() + "1048577, which looks like a size in bytes or a time, not like a number of threads");
}

}  // namespace
