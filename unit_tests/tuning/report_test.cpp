#include <gtest/gtest.h>

#include <clocale>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanout/tuning.hpp"
#include "support.hpp"
#include "tuning/example_results.hpp"

namespace {

using fanout::tuning_report;
using fanout::tuning_results;
using support::some_results;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::string refusal_of(const std::function<void(tuning_results&)>& spoil) {
  tuning_results results = some_results();
  spoil(results);
  return support::message_of<std::invalid_argument>([&] { const tuning_report report(results); });
}

TEST(TuningReport, SaysWhatItWasMadeOf) {
  const tuning_report report(some_results());
  EXPECT_EQ(report.recommended(), 2u);
  EXPECT_EQ(report.recommended_row().concurrency, 2u);
  EXPECT_EQ(report.rows().size(), 2u);
  EXPECT_EQ(report.workload(), "compress");
  EXPECT_EQ(report.machine().to_string(), "4 cores, CPU quota 1.5 cores");
  EXPECT_TRUE(report.complete());
  EXPECT_FALSE(report.precise());
}

/// Each of these changes one member.
template <class T>
using changes = std::vector<std::function<void(T&)>>;

template <class T>
void expect_that_each_counts(const T& original, const changes<T>& each_member) {
  EXPECT_EQ(original, T(original));
  for (std::size_t i = 0; i != each_member.size(); ++i) {
    T changed = original;
    each_member[i](changed);
    EXPECT_FALSE(changed == original) << "member " << i;
  }
}

TEST(TuningReport, IsTheSameIfEachMemberOfItsResultsIs) {
  expect_that_each_counts<fanout::machine_shape>(some_results().machine, {
                                                                             [](auto& it) { ++it.cores; },
                                                                             [](auto& it) { it.quota.reset(); },
                                                                             [](auto& it) { it.quota = 1.25; },
                                                                             [](auto& it) { ++it.available; },
                                                                         });
  expect_that_each_counts<fanout::tuning_row>(some_results().rows[0],
                                              {
                                                  [](auto& it) { ++it.concurrency; },
                                                  [](auto& it) { ++it.repetitions; },
                                                  [](auto& it) { it.median_seconds += 1; },
                                                  [](auto& it) { it.low_seconds += 1; },
                                                  [](auto& it) { it.high_seconds += 1; },
                                                  [](auto& it) { it.speedup += 1; },
                                                  [](auto& it) { it.efficiency += 1; },
                                                  [](auto& it) { it.cpu_seconds += 1; },
                                                  [](auto& it) { it.voluntary_switches += 1; },
                                                  [](auto& it) { it.involuntary_switches += 1; },
                                                  [](auto& it) { it.peak_memory_bytes.reset(); },
                                                  [](auto& it) { it.contender = !it.contender; },
                                                  [](auto& it) { it.core_wait_seconds.reset(); },
                                                  [](auto& it) { it.steal_seconds.reset(); },
                                              });
  expect_that_each_counts<tuning_results>(some_results(), {
                                                              [](auto& it) { it.workload += "?"; },
                                                              [](auto& it) { ++it.machine.cores; },
                                                              [](auto& it) { it.rows.pop_back(); },
                                                              [](auto& it) { ++it.recommended; },
                                                              [](auto& it) { it.confidence /= 2; },
                                                              [](auto& it) { it.reason += "?"; },
                                                              [](auto& it) { it.complete = !it.complete; },
                                                              [](auto& it) { it.precise = !it.precise; },
                                                              [](auto& it) { it.tolerance += 1; },
                                                              [](auto& it) { --it.seed; },
                                                              [](auto& it) { ++it.budget; },
                                                              [](auto& it) { ++it.elapsed; },
                                                              [](auto& it) { it.tasks.reset(); },
                                                              [](auto& it) { it.busy = true; },
                                                              [](auto& it) { it.other_load.reset(); },
                                                              [](auto& it) { it.steal.reset(); },
                                                          });
  tuning_results other = some_results();
  other.workload = "other";
  EXPECT_EQ(tuning_report(some_results()), tuning_report(some_results()));
  EXPECT_FALSE(tuning_report(other) == tuning_report(some_results()));
}

TEST(TuningReport, RefusesResultsThatContradictThemselves) {
  EXPECT_EQ(refusal_of([](auto& r) { r.rows.clear(); }), "rows must not be empty");
  EXPECT_EQ(refusal_of([](auto& r) { r.recommended = 3; }), "recommended must be the concurrency of a row");
  EXPECT_EQ(refusal_of([](auto& r) { r.confidence = 1.1; }), "confidence must be between 0 and 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.confidence = not_a_number; }), "confidence must be between 0 and 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[1].concurrency = 1; }),
            "rows[1].concurrency must be above the one before");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[0].concurrency = 0; }), "rows[0].concurrency must be at least 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[0].repetitions = 0; }), "rows[0].repetitions must be at least 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[1].cpu_seconds = -1; }),
            "rows[1].cpu_seconds must be a finite number that is not negative");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[1].high_seconds = infinity; }),
            "rows[1].high_seconds must be a finite number that is not negative");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[1].low_seconds = 0.2; }),
            "rows[1].median_seconds must lie between low_seconds and high_seconds");
  EXPECT_EQ(refusal_of([](auto& r) { r.workload = "\xff"; }), "workload must be UTF-8");
  EXPECT_EQ(refusal_of([](auto& r) { r.workload.assign(1025, 'a'); }), "workload must not be above 1024 bytes");
  EXPECT_EQ(refusal_of([](auto& r) { r.machine.cores = 0; }), "machine.cores must be at least 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.machine.quota = not_a_number; }),
            "machine.quota must be a finite number above 0");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[0].core_wait_seconds = -1; }),
            "rows[0].core_wait_seconds must be a finite number that is not negative");
  EXPECT_EQ(refusal_of([](auto& r) { r.rows[0].steal_seconds = infinity; }),
            "rows[0].steal_seconds must be a finite number that is not negative");
  EXPECT_EQ(refusal_of([](auto& r) { r.other_load = 1.1; }), "other_load must be between 0 and 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.steal = not_a_number; }), "steal must be between 0 and 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.tasks = 0; }), "tasks must be at least 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.tolerance = 1; }), "tolerance must be from 0 to below 1");
  EXPECT_EQ(refusal_of([](auto& r) { r.elapsed = std::chrono::nanoseconds(-1); }), "elapsed must not be negative");
}

TEST(TuningReport, ShowsATableWithTheRecommendedRowMarked) {
  tuning_results results = some_results();
  results.rows[0].peak_memory_bytes = 3 << 20;
  EXPECT_EQ(tuning_report(results).to_table(),
            R"(compress on 4 cores, CPU quota 1.5 cores

   size  median    95 % interval  speed-up  efficiency  CPU time  waited  preempted  peak memory  runs
      1  300 ms  290 ms - 333 ms      1.00       100 %    300 ms       0         11      3.0 MiB  7, given up
*     2  150 ms  149 ms - 152 ms      2.00       100 %    310 ms      40          0            -  12

* Recommended: 2. 2 is 2.00 times as fast as 1.
)");
}

TEST(TuningReport, ShowsTheWaitsForACoreIfTheMachineWasBusy) {
  tuning_results results = some_results();
  results.busy = true;
  const std::string table = tuning_report(results).to_table();
  EXPECT_NE(table.find("CPU time  core wait  steal  waited"), std::string::npos) << table;
  EXPECT_NE(table.find("  300 ms     800 ms  10 ms       0"), std::string::npos) << table;
  EXPECT_NE(table.find("  310 ms          -      -      40"), std::string::npos) << "unknown:" << table;
}

TEST(TuningReport, ShowsNoIntervalOfOneRun) {
  tuning_results results = some_results();
  results.rows[0].repetitions = 1;
  const std::string table = tuning_report(results).to_table();
  EXPECT_NE(table.find("300 ms          one run      1.00"), std::string::npos) << table;
}

TEST(TuningReport, ShowsNoControlCharactersOfAName) {
  tuning_results results = some_results();
  results.workload = "\x1b[2Jname";
  EXPECT_EQ(tuning_report(results).to_table().substr(0, 8), "?[2Jname");
}

TEST(TuningReport, WritesCsvInFullPrecision) {
  EXPECT_EQ(tuning_report(some_results()).to_csv(),
            "concurrency,repetitions,median_seconds,low_seconds,high_seconds,speedup,efficiency,cpu_seconds,"
            "voluntary_switches,involuntary_switches,peak_memory_bytes,contender,recommended,core_wait_seconds,"
            "steal_seconds\n"
            "1,7,0.30000000000000004,0.29,0.3333333333333333,1,1,0.3,0.2857142857142857,11,"
            "18446744073709551615,false,false,0.7999999999999999,0.01\n"
            "2,12,0.15,0.149,0.152,2.0000000000000004,1.0000000000000002,0.31,40,5e-324,,true,true,,\n");
}

TEST(TuningReport, WritesPointsInEveryLocale) {
  const tuning_report report(some_results());
  const std::string table = report.to_table();
  const std::string csv = report.to_csv();
  const std::string json = report.to_json();
  if (std::setlocale(LC_ALL, "de_DE.UTF-8") == nullptr) GTEST_SKIP() << "there is no German locale here";
  EXPECT_EQ(report.to_table(), table);
  EXPECT_EQ(report.to_csv(), csv);
  EXPECT_EQ(report.to_json(), json);
  EXPECT_EQ(tuning_report::from_json(json), report);
  std::setlocale(LC_ALL, "C");
}

}  // namespace
