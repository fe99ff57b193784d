#include "tuning/budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support.hpp"
#include "tuning/simulated_machine.hpp"

namespace {

using namespace std::chrono_literals;
using fanout::budget_error;
using fanout::tuning_progress;
using fanout::detail::sweep;
using support::named_sizes;
using support::perfect_up_to;
using support::sizes;
using support::sizes_of;
using support::tuning_machine;

TEST(TuningBudget, IsKept) {
  tuning_machine machine(perfect_up_to(2), 0.5);
  const auto result = sweep(named_sizes({1, 2, 4}), {.budget = 20s}, machine.ground());
  EXPECT_LE(machine.now(), 20.5);
  EXPECT_GT(machine.now(), 18);
  EXPECT_FALSE(result.precise);
  EXPECT_TRUE(result.complete);
}

TEST(TuningBudget, ThatIsTooSmallIsRefusedWithOneThatIsSufficient) {
  tuning_machine machine(perfect_up_to(2), 0);
  EXPECT_EQ(
      support::message_of<budget_error>([&] {
        sweep(named_sizes({1, 2, 4, 8}), {.budget = 2s}, machine.ground());
      }),
      "a budget of 2 s is too small for 4 sizes: 21.2 s is sufficient, because a run at size 1 takes about 1 s");
  EXPECT_LT(machine.now(), 2.1) << "the budget was enough to know";
}

/// The budget that is named when this one is refused.
std::optional<std::chrono::nanoseconds> named_instead(std::chrono::nanoseconds budget, tuning_machine machine,
                                                      const sizes& measured) {
  try {
    sweep(named_sizes(measured), {.budget = budget}, machine.ground());
  } catch (const budget_error& refused) {
    return refused.sufficient();
  }
  ADD_FAILURE() << "the budget was accepted";
  return std::nullopt;
}

TEST(TuningBudget, ThatWasNamedIsAccepted) {
  const std::vector<tuning_machine::formula> curves = {perfect_up_to(1), perfect_up_to(2), perfect_up_to(100),
                                                       [](std::size_t size) { return size > 2 ? 1.1 : 1.0; }};
  for (std::size_t curve = 0; curve != curves.size(); ++curve) {
    for (const std::size_t tasks : {0u, 50u}) {
      for (const auto budget : {300ms, 1100ms, 2500ms}) {
        for (const sizes& measured : {sizes{1}, sizes{1, 2, 3, 4, 6, 8}}) {
          tuning_machine machine(curves[curve], 0.1);
          machine.tasks = tasks;
          machine.cold_start = 0.2;
          const auto sufficient = named_instead(budget, machine, measured);
          ASSERT_TRUE(sufficient);
          tuning_machine again = machine;
          EXPECT_NO_THROW(sweep(named_sizes(measured), {.budget = *sufficient}, again.ground()))
              << "curve " << curve << ", " << tasks << " tasks, " << measured.size() << " sizes, " << budget.count();
        }
      }
    }
  }
}

TEST(TuningBudget, StopsTheFirstRunAtItsEnd) {
  tuning_machine machine([](std::size_t) { return 20.0; }, 0);
  machine.tasks = 400;
  EXPECT_EQ(
      support::message_of<budget_error>([&] {
        sweep(named_sizes({1, 2}), {.budget = 1s}, machine.ground());
      }),
      "a budget of 1 s is too small for 2 sizes: 200 s is sufficient, because a run at size 1 takes about 20 s");
  EXPECT_DOUBLE_EQ(machine.now(), 1);
}

TEST(TuningBudget, StopsTheFirstRunOfALaterSizeAtItsEnd) {
  tuning_machine machine([](std::size_t size) { return size == 2 ? 20.0 : 1.0; }, 0);
  machine.tasks = 400;
  EXPECT_EQ(
      support::message_of<budget_error>([&] {
        sweep(named_sizes({1, 2, 3}), {.budget = 8s}, machine.ground());
      }),
      "a budget of 8 s is too small for 3 sizes: 205 s is sufficient, because a run at size 2 takes about 20 s");
  EXPECT_DOUBLE_EQ(machine.now(), 8);
}

TEST(TuningBudget, IsRefusedWithoutAnotherIfNoTaskEnded) {
  tuning_machine machine([](std::size_t) { return 20.0; }, 0);
  machine.tasks = 4;
  try {
    sweep(named_sizes({1, 2}), {.budget = 1s}, machine.ground());
    FAIL() << "the budget was accepted";
  } catch (const budget_error& refused) {
    EXPECT_STREQ(refused.what(), "a budget of 1 s is too small: no task ended within it at size 1");
    EXPECT_FALSE(refused.sufficient());
  }
}

TEST(TuningBudget, IsNotRefusedBecauseOfAColdStart) {
  tuning_machine machine(perfect_up_to(2));
  machine.cold_start = 4;  // with four runs of 5 s it would not fit
  EXPECT_NO_THROW(sweep(named_sizes({1, 2}), {.budget = 12s}, machine.ground()));
}

TEST(TuningBudget, ThatACallbackSpendsIsEnoughForARunOfEachSize) {
  tuning_machine machine(perfect_up_to(2));
  const auto slow = [&](const tuning_progress& progress) {
    if (!progress.warming_up && progress.measurements == 0) machine.wait(100);
  };
  const auto result = sweep(named_sizes({1, 2, 4}), {.budget = 20s, .on_progress = slow}, machine.ground());
  EXPECT_EQ(sizes_of(result), (sizes{1, 2, 4}));
}

TEST(TuningBudget, MayBeTheLongestThatThereIs) {
  tuning_machine machine(perfect_up_to(2));
  std::chrono::nanoseconds longest{0};
  sweep(named_sizes({1, 2}),
        {.budget = std::chrono::nanoseconds::max(),
         .on_progress = [&](const auto& now) { longest = std::max(longest, now.remaining); }},
        machine.ground());
  EXPECT_GT(longest, 0ns);
}

}  // namespace
