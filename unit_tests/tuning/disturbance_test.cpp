#include "tuning/disturbance.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "support.hpp"
#include "tuning/results.hpp"
#include "tuning/simulated_machine.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::machine_shape;
using fanout::tuning_results;
using fanout::detail::core_use;
using fanout::detail::cpu_times;
using fanout::detail::use_between;
using support::sizes;

struct situation {
  std::optional<double> wait = 0;  // of the time of each thread
  core_use use{.others = 0.01, .stolen = 0};
  machine_shape machine{.cores = 2, .available = 2};
  sizes measured{1, 2, 4};
};

tuning_results results_of(const situation& given) {
  const fanout::tuning_options options{.budget = 1000s};
  support::tuning_machine machine(support::perfect_up_to(2));
  machine.core_wait = given.wait;
  const auto swept = fanout::detail::sweep(support::named_sizes(given.measured), options, machine.ground());
  return fanout::detail::results_of(swept, options, {.machine = given.machine, .elapsed = 1s, .use = given.use});
}

bool says(const tuning_results& results, const std::string& text) {
  return results.reason.find(text) != std::string::npos;
}

TEST(TuningDisturbance, IsNotSeenOnAnIdleMachine) {
  for (const auto wait : {std::optional(0.0), std::optional(0.09), std::optional<double>()}) {
    const tuning_results results = results_of({.wait = wait, .use = {.others = 0.09, .stolen = 0.09}});
    EXPECT_FALSE(results.busy);
    EXPECT_FALSE(says(results, "busy")) << results.reason;
    EXPECT_TRUE(says(results, " Confidence 100 %.")) << results.reason;
  }
}

TEST(TuningDisturbance, ByAnotherProgramIsSaidWithItsNumbers) {
  const tuning_results results = results_of({.wait = 0.5, .use = {.others = 0.97, .stolen = 0}, .measured = {2, 4}});
  EXPECT_TRUE(results.busy);
  EXPECT_TRUE(
      says(results,
           " The machine was busy: threads waited for a core for 50 % of their time at size 2, and other programs "
           "used 97 % of the cores. Measure again when it is idle. Confidence 100 % for a machine that is as "
           "busy."))
      << results.reason;
  EXPECT_EQ(results.other_load, 0.97);
  EXPECT_EQ(results.steal, 0);
  ASSERT_TRUE(results.rows[0].core_wait_seconds);
  EXPECT_NEAR(*results.rows[0].core_wait_seconds, 0.5, 0.01) << "two threads that wait for half of half a second";
}

TEST(TuningDisturbance, OfCommandsIsSeenByWhatOtherProgramsUsed) {
  const tuning_results results = results_of({.wait = 0.001, .use = {.others = 0.5, .stolen = 0}});
  EXPECT_TRUE(results.busy);
  EXPECT_TRUE(says(results, " The machine was busy: other programs used 50 % of the cores.")) << results.reason;
}

TEST(TuningDisturbance, ByOtherMachinesIsSaid) {
  const tuning_results results = results_of({.wait = std::nullopt, .use = {.others = std::nullopt, .stolen = 0.3}});
  EXPECT_TRUE(results.busy);
  EXPECT_TRUE(says(results, " The machine was busy: the hypervisor gave 30 % of the cores to other machines."))
      << results.reason;
}

TEST(TuningDisturbance, ByWaitsAloneIsOfOthersIfNothingElseIsKnown) {
  const tuning_results results = results_of({.wait = 0.5, .use = {}});
  EXPECT_TRUE(results.busy);
  EXPECT_TRUE(says(results, " The machine was busy: threads waited")) << results.reason;
}

TEST(TuningDisturbance, ByThreadsOfTheWorkloadItselfIsNotOfOthers) {
  const tuning_results results = results_of({.wait = 0.5, .use = {.others = 0.02, .stolen = 0}, .measured = {2, 4}});
  EXPECT_FALSE(results.busy);
  EXPECT_TRUE(
      says(results,
           " Threads waited for a core for 50 % of their time at size 2, but other programs used only 2 % of the "
           "cores: this process has further threads that compute"))
      << results.reason;
  EXPECT_TRUE(says(results, " Confidence 100 %.")) << results.reason;
}

TEST(TuningDisturbance, ByChildProcessesIsNotOfFurtherThreads) {
  const core_use use{.others = 0.02, .stolen = 0, .by_children = true};
  const tuning_results results = results_of({.wait = 0.5, .use = use, .measured = {2, 4}});
  EXPECT_FALSE(results.busy);
  EXPECT_FALSE(says(results, "further threads")) << results.reason;
  const cpu_times before{.busy = 100, .stolen = 10, .all = 1000};
  const cpu_times after{.busy = 116, .stolen = 10, .all = 1020};
  EXPECT_TRUE(use_between(before, after, {.cpu_seconds = 10, .child_cpu_seconds = 2}).by_children);
  EXPECT_FALSE(use_between(before, after, {.cpu_seconds = 10, .child_cpu_seconds = 0.5}).by_children);
  EXPECT_TRUE(use_between(before, std::nullopt, {.cpu_seconds = 10, .child_cpu_seconds = 2}).by_children);
}

TEST(TuningDisturbance, IsNotSeenInWaitsOfMoreThreadsThanCores) {
  EXPECT_FALSE(results_of({.wait = 0.5, .use = {}, .measured = {3, 4}}).busy);
  EXPECT_FALSE(
      results_of({.wait = 0.5, .use = {}, .machine = {.cores = 8, .quota = 1.5, .available = 2}, .measured = {2, 4}})
          .busy)
      << "the quota stops a second thread";
}

TEST(TuningDisturbance, IsNoneOfAQuotaByWhatOthersUseOfTheMachine) {
  const machine_shape machine{.cores = 8, .quota = 2, .available = 2};
  EXPECT_FALSE(results_of({.use = {.others = 0.8, .stolen = 0}, .machine = machine}).busy);
  EXPECT_TRUE(results_of({.wait = 0.5, .use = {.others = 0.8, .stolen = 0}, .machine = machine}).busy);
}

TEST(TuningDisturbance, IsNoReasonToTakeTasksForWaiting) {
  situation given{.wait = 0.6, .use = {.others = 0.9, .stolen = 0}};
  const tuning_results results = results_of(given);
  EXPECT_FALSE(says(results, "Tasks wait most of the time")) << results.reason;
}

TEST(TuningDisturbance, IsTheUseOfTheCoresWithoutTheProcessItself) {
  const cpu_times before{.busy = 100, .stolen = 10, .all = 1000};
  const core_use use = use_between(before, cpu_times{.busy = 116, .stolen = 12, .all = 1020}, {.cpu_seconds = 12});
  ASSERT_TRUE(use.others && use.stolen);
  EXPECT_DOUBLE_EQ(*use.others, 0.2);
  EXPECT_DOUBLE_EQ(*use.stolen, 0.1);
  EXPECT_EQ(use_between(before, cpu_times{.busy = 116, .stolen = 9, .all = 1020}, {.cpu_seconds = 17}).others, 0)
      << "never negative";
}

TEST(TuningDisturbance, IsUnknownForAShortTime) {
  const cpu_times before{.busy = 100, .stolen = 10, .all = 1000};
  EXPECT_FALSE(use_between(before, cpu_times{.busy = 100.4, .stolen = 10, .all = 1000.4}, {}).others);
  EXPECT_FALSE(use_between(before, std::nullopt, {}).others);
  EXPECT_FALSE(use_between(std::nullopt, before, {}).stolen);
}

}  // namespace
