#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tuning/random.hpp"
#include "tuning/reason.hpp"
#include "tuning/results.hpp"

namespace {

using fanout::machine_shape;
using fanout::tuning_results;
using fanout::detail::measured_size;

/// What a size takes, and how much runs differ from it.
struct size_model {
  double seconds;
  double noise = 0.01;
};

struct situation {
  std::map<std::size_t, size_model> sizes;
  machine_shape machine{.cores = 2, .available = 2};
  std::size_t repetitions = 15;
  double busy = 1;  // how much of its time a thread computes
  std::uint64_t seed = 1;
  std::optional<std::size_t> tasks{};
};

tuning_results results_of(const situation& given) {
  fanout::detail::random_numbers random(given.seed);
  fanout::detail::sweep_result measured;
  for (const auto& [concurrency, model] : given.sizes) {
    measured_size size{.concurrency = concurrency};
    for (std::size_t i = 0; i != given.repetitions; ++i) {
      const double share = static_cast<double>(random.below(2'000'001)) / 1e6 - 1;
      size.seconds.push_back(model.seconds * (1 + model.noise * share));
      size.cpu_seconds += given.busy * size.seconds.back() * static_cast<double>(concurrency);
    }
    size.times = fanout::detail::bootstrap_median(size.seconds, concurrency);
    measured.sizes.push_back(size);
  }
  return fanout::detail::results_of(
      measured, {.workload = "test"},
      {.machine = given.machine, .elapsed = std::chrono::seconds(1), .tasks = given.tasks});
}

TEST(TuningDecision, RecommendsTheSmallestSizeThatIsAsGoodAsTheBest) {
  const auto results = results_of({.sizes = {{1, {1}}, {2, {0.5}}, {3, {0.502}}, {4, {0.498}}, {8, {0.499}}}});
  EXPECT_EQ(results.recommended, 2u);
  EXPECT_GT(results.confidence, 0.9);
  EXPECT_EQ(results.reason.substr(0, 72), "2 is 2.00 times as fast as 1, and no larger size is clearly faster. Conf");
}

TEST(TuningDecision, StaysOnAPlateauOfManySizesWhateverTheNoise) {
  for (std::uint64_t seed = 0; seed != 50; ++seed) {
    const size_model same{0.5, 0.04};
    const auto results =
        results_of({.sizes = {{1, {1, 0.04}}, {2, same}, {3, same}, {4, same}, {6, same}, {8, same}}, .seed = seed});
    EXPECT_LE(results.recommended, 3u) << seed;
    EXPECT_GE(results.recommended, 2u) << seed;
  }
}

TEST(TuningDecision, FindsAClearBestAtTheEnd) {
  const auto results =
      results_of({.sizes = {{1, {8}}, {2, {4}}, {4, {2}}, {8, {1}}}, .machine = {.cores = 8, .available = 8}});
  EXPECT_EQ(results.recommended, 8u);
  EXPECT_EQ(results.confidence, 1);
  EXPECT_NE(results.reason.find("the largest size measured"), std::string::npos) << results.reason;
}

TEST(TuningDecision, TellsWhereLargerSizesAreSlower) {
  const auto results = results_of({.sizes = {{1, {1}}, {2, {0.5}}, {3, {0.4}}, {4, {0.44}}, {8, {0.6}}},
                                   .machine = {.cores = 8, .available = 8}});
  EXPECT_EQ(results.recommended, 3u);
  EXPECT_NE(results.reason.find("sizes above 3 are slower (by 50 % at 8)"), std::string::npos) << results.reason;
}

TEST(TuningDecision, StaysWithOneWhereNothingIsBetter) {
  const auto results = results_of({.sizes = {{1, {1}}, {2, {1.001}}, {3, {1.3}}}});
  EXPECT_EQ(results.recommended, 1u);
  EXPECT_EQ(results.reason,
            "No size is clearly better than 1, sizes above 2 are slower (by 30 % at 3). "
            "Confidence 100 %.");
}

TEST(TuningDecision, NamesTheQuotaWhereThereIsOne) {
  const auto results = results_of(
      {.sizes = {{1, {1}}, {2, {0.67}}, {4, {0.75}}}, .machine = {.cores = 8, .quota = 1.5, .available = 2}});
  EXPECT_EQ(results.recommended, 2u);
  EXPECT_NE(results.reason.find("CPU quota 1.5 cores: sizes above 2 are throttled."), std::string::npos)
      << results.reason;
}

TEST(TuningDecision, SaysNothingOfAQuotaThatDoesNotMatter) {
  const auto results = results_of(
      {.sizes = {{1, {1}}, {2, {0.5}}, {4, {0.5}}}, .machine = {.cores = 2, .quota = 8.0, .available = 2}});
  EXPECT_EQ(results.reason.find("quota"), std::string::npos) << results.reason;
}

TEST(TuningDecision, ExplainsThatWaitingTasksPayOffBeyondTheCores) {
  const auto results = results_of({.sizes = {{1, {8}}, {2, {4}}, {4, {2}}, {8, {1}}, {12, {1}}}, .busy = 0.24});
  EXPECT_EQ(results.recommended, 8u);
  EXPECT_NE(results.reason.find("Tasks wait most of the time (CPU busy 24 % at 1)"), std::string::npos)
      << results.reason;
}

TEST(TuningDecision, IsLessSureInNoise) {
  std::map<std::size_t, size_model> quiet;
  std::map<std::size_t, size_model> noisy;
  for (const std::size_t size : {1u, 2u, 3u, 4u}) {
    quiet[size] = {1.0 - 0.03 * static_cast<double>(size), 0.002};
    noisy[size] = {1.0 - 0.03 * static_cast<double>(size), 0.3};
  }
  const auto known = results_of({.sizes = quiet});
  const auto guessed = results_of({.sizes = noisy});
  EXPECT_EQ(known.recommended, 4u);
  EXPECT_EQ(known.confidence, 1);
  EXPECT_LT(guessed.confidence, 0.95);
}

TEST(TuningDecision, ClaimsNoConfidenceFromTwoRuns) {
  const auto results = results_of({.sizes = {{1, {1}}, {2, {0.5}}}, .repetitions = 2});
  EXPECT_EQ(results.recommended, 2u);
  EXPECT_EQ(results.confidence, 0);
  EXPECT_NE(results.reason.find("too few runs"), std::string::npos);
}

TEST(TuningDecision, ComputesSpeedUpAndEfficiencyFromTheSmallestSize) {
  const auto results = results_of({.sizes = {{2, {4, 0}}, {4, {2, 0}}, {8, {1.6, 0}}}});
  EXPECT_DOUBLE_EQ(results.rows[0].speedup, 1);
  EXPECT_DOUBLE_EQ(results.rows[0].efficiency, 1);
  EXPECT_DOUBLE_EQ(results.rows[1].speedup, 2);
  EXPECT_DOUBLE_EQ(results.rows[1].efficiency, 1);
  EXPECT_DOUBLE_EQ(results.rows[2].speedup, 2.5);
  EXPECT_DOUBLE_EQ(results.rows[2].efficiency, 0.625);
}

TEST(TuningDecision, TellsWhatWasLeftOutAndWhatIsMissing) {
  tuning_results results = results_of({.sizes = {{1, {1}}, {2, {0.5}}}});
  EXPECT_NE(fanout::detail::explain(results, 48)
                .find(" Sizes from 48 up were left out: the machine cannot give the threads."),
            std::string::npos);
  results.precise = false;
  EXPECT_NE(fanout::detail::explain(results).find("before all times were known well"), std::string::npos);
  results.complete = false;
  EXPECT_NE(fanout::detail::explain(results).find("stopped early"), std::string::npos);
}

TEST(TuningDecision, SaysThatThereWereFewTasksForEachThread) {
  situation few{.sizes = {{1, {4}}, {2, {2}}, {4, {1.9}}, {6, {1.9}}}, .tasks = 4};
  EXPECT_NE(
      results_of(few).reason.find(" There were only 4 tasks for 4 threads, so the times say more about how these "
                                  "tasks divide among the threads than about the machine: measure with 16 tasks "
                                  "or more. Confidence "),
      std::string::npos)
      << results_of(few).reason;
  few.tasks = 1;
  few.sizes = {{1, {4}}, {2, {4}}};
  EXPECT_NE(results_of(few).reason.find(" There was only 1 task for 1 thread,"), std::string::npos)
      << results_of(few).reason;
}

TEST(TuningDecision, SaysNothingOfFewTasksIfOneThreadRunsThemAll) {
  const tuning_results results = results_of({.sizes = {{1, {4}}}, .tasks = 3});
  EXPECT_EQ(results.reason.find("only 3 tasks"), std::string::npos) << results.reason;
}

TEST(TuningDecision, SaysNothingOfTasksThatAreEnoughOrUnknown) {
  situation given{.sizes = {{1, {4}}, {2, {2}}, {4, {1.9}}, {6, {1.9}}}};
  for (const auto tasks : {std::optional<std::size_t>(16), std::optional<std::size_t>()}) {
    given.tasks = tasks;
    EXPECT_EQ(results_of(given).reason.find("There were only"), std::string::npos) << results_of(given).reason;
  }
}

TEST(TuningDecision, OfOneSizeSaysThatItIsTheOnlyOne) {
  const auto results = results_of({.sizes = {{4, {1}}}});
  EXPECT_EQ(results.recommended, 4u);
  EXPECT_EQ(results.reason, "Only 4 was measured. Confidence 100 %.");
}

}  // namespace
