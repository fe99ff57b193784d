#include "tuning/sweep.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "support.hpp"
#include "tuning/ladder.hpp"
#include "tuning/simulated_machine.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::tuning_options;
using fanout::tuning_progress;
using fanout::detail::sweep;
using fanout::detail::sweep_plan;
using fanout::detail::sweep_result;
using support::named_sizes;
using support::perfect_up_to;
using support::sizes;
using support::sizes_of;
using support::tuning_machine;

sweep_plan ladder(std::size_t cores) {
  return {.sizes = fanout::detail::default_ladder(cores, 4 * cores), .available = cores, .most = 257};
}

TEST(TuningSweep, RunsEachSizeOnceBeforeItCounts) {
  tuning_machine machine(perfect_up_to(2));
  machine.cold_start = 5;
  const auto result = sweep(named_sizes({1, 2, 4}), {.budget = 100s}, machine.ground());
  EXPECT_EQ((sizes(machine.order().begin(), machine.order().begin() + 3)), (sizes{1, 2, 4}));
  EXPECT_LT(*std::max_element(result.sizes[0].seconds.begin(), result.sizes[0].seconds.end()), 1.1);
}

TEST(TuningSweep, LetsTheSizesTakeTurnsInAChangingOrder) {
  tuning_machine machine(perfect_up_to(8));
  sweep(named_sizes({1, 2, 3, 4, 6}), {.budget = 1000s}, machine.ground());
  std::vector<sizes> rounds;
  for (std::size_t first = 5; first + 5 <= 30; first += 5) {
    const auto begin = machine.order().begin() + static_cast<std::ptrdiff_t>(first);
    rounds.emplace_back(begin, begin + 5);
  }
  EXPECT_TRUE(std::any_of(rounds.begin(), rounds.end(), [&](const sizes& round) { return round != rounds[0]; }));
  for (sizes& round : rounds) {
    std::sort(round.begin(), round.end());
    EXPECT_EQ(round, (sizes{1, 2, 3, 4, 6}));
  }
}

TEST(TuningSweep, TakesTheOrderFromTheSeed) {
  const auto order_for = [](std::uint64_t seed) {
    tuning_machine machine(perfect_up_to(8));
    sweep(named_sizes({1, 2, 3, 4, 6}), {.budget = 1000s, .seed = seed}, machine.ground());
    return machine.order();
  };
  EXPECT_EQ(order_for(5), order_for(5));
  EXPECT_NE(order_for(5), order_for(6));
}

TEST(TuningSweep, EndsWhenTheIntervalsAreNarrow) {
  tuning_machine machine(perfect_up_to(2));
  const auto result = sweep(named_sizes({1, 2}), {.budget = 1000s}, machine.ground());
  EXPECT_TRUE(result.precise);
  EXPECT_TRUE(result.complete);
  EXPECT_LT(machine.now(), 30);
  for (const auto& size : result.sizes) EXPECT_GE(size.seconds.size(), 5u);
}

TEST(TuningSweep, RepeatsNoisyRunsMoreOften) {
  tuning_machine quiet(perfect_up_to(2), 0.01);
  tuning_machine noisy(perfect_up_to(2), 0.1);
  const tuning_options options{.budget = 1000s};
  const auto few = sweep(named_sizes({2, 3}), options, quiet.ground());
  const auto many = sweep(named_sizes({2, 3}), options, noisy.ground());
  EXPECT_GT(many.sizes[0].seconds.size(), 2 * few.sizes[0].seconds.size());
  EXPECT_TRUE(many.precise);
}

TEST(TuningSweep, SpendsItsTimeOnTheContenders) {
  tuning_machine machine(perfect_up_to(4), 0.1);
  const auto result = sweep(named_sizes({1, 2, 4, 6}), {.budget = 1000s}, machine.ground());
  EXPECT_FALSE(result.sizes[0].contender);
  EXPECT_FALSE(result.sizes[1].contender);
  EXPECT_TRUE(result.sizes[2].contender);
  EXPECT_TRUE(result.sizes[3].contender);
  EXPECT_EQ(result.sizes[0].seconds.size(), 5u);
  EXPECT_GT(result.sizes[3].seconds.size(), 10u);
}

TEST(TuningSweep, EndsAtTheMostRepetitions) {
  tuning_machine machine(perfect_up_to(2), 0.9);
  const auto result = sweep(named_sizes({2, 3}), {.budget = 10000s, .max_repetitions = 20}, machine.ground());
  EXPECT_EQ(result.sizes[0].seconds.size(), 20u);
  EXPECT_EQ(result.sizes[1].seconds.size(), 20u);
  EXPECT_FALSE(result.precise);
  EXPECT_TRUE(result.complete);
}

TEST(TuningSweep, GoesOnUpwardWhileItStillGrows) {
  tuning_machine machine(perfect_up_to(40));
  const auto result = sweep(ladder(2), {.budget = 1000s}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}));
}

TEST(TuningSweep, FindsGrowthThatTheWarmUpHid) {
  bool first = true;
  tuning_machine machine([&](std::size_t concurrency) {
    if (concurrency == 8 && first) {  // its warm-up was disturbed
      first = false;
      return 1.0;
    }
    return perfect_up_to(12)(concurrency);
  });
  const auto result = sweep(ladder(2), {.budget = 1000s}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1, 2, 3, 4, 6, 8, 12, 16}));
  EXPECT_GE(result.sizes.back().seconds.size(), 5u);
}

TEST(TuningSweep, StopsClimbingAtTheMostThreads) {
  tuning_machine machine(perfect_up_to(10'000));
  const auto result = sweep(ladder(2), {.budget = 10000s}, machine.ground());
  EXPECT_EQ(result.sizes.back().concurrency, 256u);
}

TEST(TuningSweep, CutsTheLadderWhereItClearlyFalls) {
  tuning_machine machine([](std::size_t n) { return n <= 4 ? 1.0 / static_cast<double>(n) : 0.5; });
  const auto result = sweep(ladder(4), {.budget = 1000s}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1, 2, 3, 4, 6, 8}));
}

TEST(TuningSweep, MeasuresAllNamedSizesAndNoOthers) {
  tuning_machine falling([](std::size_t n) { return static_cast<double>(n); });
  EXPECT_EQ(sizes_of(sweep(named_sizes({1, 2, 4, 8, 16}), {.budget = 1000s}, falling.ground())),
            (sizes{1, 2, 4, 8, 16}));
  tuning_machine growing(perfect_up_to(100));
  EXPECT_EQ(sizes_of(sweep(named_sizes({1, 2}), {.budget = 1000s}, growing.ground())), (sizes{1, 2}));
}

TEST(TuningSweep, LeavesOutRungsForWhichThereAreNoThreads) {
  tuning_machine machine(perfect_up_to(16));
  machine.refuses_from = 6;
  const auto result = sweep(ladder(2), {.budget = 1000s}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1, 2, 3, 4}));
  EXPECT_EQ(result.refused, 6u);
}

TEST(TuningSweep, LeavesOutNamedSizesForWhichThereAreNoThreads) {
  tuning_machine machine(perfect_up_to(16));
  machine.refuses_from = 6;
  const auto result = sweep(named_sizes({1, 8, 16}), {.budget = 1000s}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1}));
  EXPECT_EQ(result.refused, 8u);
}

TEST(TuningSweep, MeasuresAllSizesOfAPlanFromWhichLargerOnesWereLeftOut) {
  for (sweep_plan plan : {ladder(2), named_sizes({1, 2})}) {
    plan.refused = 64;
    tuning_machine machine(perfect_up_to(16));
    const auto result = sweep(plan, {.budget = 1000s}, machine.ground());
    EXPECT_EQ(sizes_of(result), plan.sizes);
    EXPECT_EQ(result.refused, 64U);
  }
}

TEST(TuningSweep, ThrowsIfThereAreThreadsForNoSize) {
  tuning_machine machine(perfect_up_to(16));
  machine.refuses_from = 6;
  EXPECT_THROW(sweep(named_sizes({8, 16}), {.budget = 1000s}, machine.ground()), fanout::resource_error);
}

TEST(TuningSweep, StopsBeforeTheNextRunAndKeepsWhatItHas) {
  std::stop_source stop;
  tuning_machine machine(perfect_up_to(2));
  machine.during[3] = [&] { stop.request_stop(); };  // the first that counts
  const auto result = sweep(named_sizes({1, 2, 4}), {.budget = 100s, .stop = stop.get_token()}, machine.ground());
  EXPECT_EQ(machine.order().size(), 4u);
  EXPECT_FALSE(result.complete);
  EXPECT_FALSE(result.precise);
  EXPECT_EQ(sizes_of(result), (sizes{machine.order()[3]}));
}

TEST(TuningSweep, DoesNotCountTheRunThatTheStopInterrupted) {
  std::stop_source stop;
  tuning_machine machine(perfect_up_to(2));
  machine.during[5] = [&] {
    stop.request_stop();
    throw fanout::operation_cancelled("the workload saw it");
  };
  const auto result = sweep(named_sizes({1, 2, 4}), {.budget = 100s, .stop = stop.get_token()}, machine.ground());
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(sizes_of(result).size(), 2u);
}

TEST(TuningSweep, ThrowsWhenItIsStoppedBeforeAnythingCounts) {
  std::stop_source stop;
  tuning_machine machine(perfect_up_to(2));
  machine.during[1] = [&] { stop.request_stop(); };
  EXPECT_THROW(sweep(named_sizes({1, 2, 4}), {.budget = 100s, .stop = stop.get_token()}, machine.ground()),
               fanout::operation_cancelled);
}

TEST(TuningSweep, LetsExceptionsOfTheWorkloadThrough) {
  for (const std::size_t run : {0u, 4u}) {
    tuning_machine machine(perfect_up_to(2));
    machine.during[run] = [] { throw std::domain_error("mine"); };
    EXPECT_EQ(support::message_of<std::domain_error>([&] {
                sweep(named_sizes({1, 2}), {.budget = 100s}, machine.ground());
              }),
              "mine");
  }
}

TEST(TuningSweep, TakesACancellationWithoutAStopForAnException) {
  tuning_machine machine(perfect_up_to(2));
  machine.during[4] = [] { throw fanout::operation_cancelled("of its own"); };
  EXPECT_EQ(support::message_of<fanout::operation_cancelled>([&] {
              sweep(named_sizes({1, 2}), {.budget = 100s}, machine.ground());
            }),
            "of its own");
}

TEST(TuningSweep, TellsItsProgressBeforeEachRunAndAtTheEnd) {
  tuning_machine machine(perfect_up_to(2), 0.1);
  std::vector<tuning_progress> told;
  sweep(named_sizes({1, 2, 4}), {.budget = 60s, .on_progress = [&](const auto& now) { told.push_back(now); }},
        machine.ground());
  ASSERT_EQ(told.size(), machine.order().size() + 1);
  for (std::size_t i = 0; i + 1 != told.size(); ++i) {
    EXPECT_EQ(told[i].concurrency, machine.order()[i]);
    EXPECT_EQ(told[i].warming_up, i < 3);
    EXPECT_EQ(told[i].measurements, i < 3 ? 0 : i - 3);
    EXPECT_LE(told[i].elapsed + told[i].remaining, 61s);
    EXPECT_EQ(told[i].sizes, 3u);
  }
  EXPECT_GT(told.front().remaining, 0ns);
  EXPECT_EQ(told.back().concurrency, machine.order().back());
  EXPECT_EQ(told.back().remaining, 0ns);
  EXPECT_EQ(told.back().measurements, machine.order().size() - 3);
  EXPECT_EQ(told.back().contenders, 2u);  // 1 is out of the race
}

TEST(TuningSweep, GivesUpASizeWhoseThreadsWereTakenAway) {
  for (const sweep_plan& plan : {ladder(1), named_sizes({1, 2, 3, 4})}) {
    tuning_machine machine(perfect_up_to(4));
    machine.during[8] = [&] { machine.refuses_from = 4; };
    const auto result = sweep(plan, {.budget = 1000s}, machine.ground());
    EXPECT_LE(std::count(machine.order().begin(), machine.order().end(), 4u), 4);
    EXPECT_TRUE(result.complete);
    EXPECT_EQ(result.refused, 4u);
  }
}

TEST(TuningSweep, BearsRunsThatTakeNoTime) {
  tuning_machine machine([](std::size_t) { return 0.0; });
  const auto result = sweep(named_sizes({1, 2}), {.budget = 1s}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1, 2}));
}

TEST(TuningSweep, AddsUpWhatTheRunsUsed) {
  tuning_machine machine(perfect_up_to(2), 0);
  const auto result = sweep(named_sizes({2}), {.budget = 100s}, machine.ground());
  const auto runs = static_cast<double>(result.sizes[0].seconds.size());
  EXPECT_DOUBLE_EQ(result.sizes[0].cpu_seconds, 0.5 * runs);
  EXPECT_DOUBLE_EQ(result.sizes[0].voluntary_switches, 3 * runs);
  EXPECT_EQ(result.sizes[0].peak_memory_bytes, 2048u);
}

TEST(TuningSweep, AddsUpTheWaitsForACoreIfTheyAreKnownOfEachRun) {
  tuning_machine machine(perfect_up_to(2), 0);
  machine.core_wait = 0.25;
  const auto known = sweep(named_sizes({2}), {.budget = 100s}, machine.ground());
  EXPECT_DOUBLE_EQ(known.sizes[0].core_wait_seconds.value_or(-1),
                   0.25 * static_cast<double>(known.sizes[0].seconds.size()));
  machine.during[machine.order().size() + 3] = [&] { machine.core_wait.reset(); };
  EXPECT_FALSE(sweep(named_sizes({2}), {.budget = 100s}, machine.ground()).sizes[0].core_wait_seconds);
}

}  // namespace
