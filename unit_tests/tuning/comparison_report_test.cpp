#include "fanout/tuning_comparison_report.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

/// A report as a table, CSV, JSON and a page.
namespace {

using fanout::comparison_report;
using fanout::comparison_results;
using fanout::comparison_row;

comparison_row row(std::string scheduler, std::size_t concurrency, double median) {
  return {.scheduler = std::move(scheduler),
          .concurrency = concurrency,
          .median_seconds = median,
          .low_seconds = median / 2,
          .high_seconds = median * 2,
          .speedup = 1 / median,
          .cpu_seconds = 1.5,
          .seconds = {median / 2, median, median * 2},
          .differences = {}};
}

comparison_results two_by_two() {
  return {.workload = "images",
          .machine = {.cores = 4, .available = 4},
          .tasks = 96,
          .rows = {row("serial", 2, 1), row("fanout", 2, 0.5), row("serial", 4, 1), row("fanout", 4, 0.25)}};
}

TEST(ComparisonReport, ShowsATable) {
  EXPECT_EQ(comparison_report(two_by_two()).to_table(),
            "images: 96 tasks on 4 cores\n"
            "\n"
            "scheduler  at once  median    95 % interval  speed-up  CPU time  runs  results\n"
            "serial           2     1 s     500 ms - 2 s      1.00     1.5 s     3  equal\n"
            "fanout           2  500 ms     250 ms - 1 s      2.00     1.5 s     3  equal\n"
            "serial           4     1 s     500 ms - 2 s      1.00     1.5 s     3  equal\n"
            "fanout           4  250 ms  125 ms - 500 ms      4.00     1.5 s     3  equal\n"
            "\n"
            "All schedulers gave the same results.\n");
}

TEST(ComparisonReport, SaysWhatDiffersAndThatItWasStopped) {
  comparison_results results = two_by_two();
  results.rows[3].differences = {7, 9};
  results.complete = false;
  const comparison_report report(results);
  EXPECT_FALSE(report.equal());
  EXPECT_NE(report.to_table().find("2 differ, first 7\n"), std::string::npos);
  EXPECT_NE(report.to_table().find("Not all schedulers gave the same results. The measurement was stopped before its end."),
            std::string::npos);
  EXPECT_NE(report.to_csv().find(",false,7\n"), std::string::npos);
  EXPECT_NE(report.to_page().find("2 differ, first task 7"), std::string::npos);
  EXPECT_NE(report.to_page().find("stopped before its end"), std::string::npos);
}

TEST(ComparisonReport, FindsARow) {
  const comparison_report report(two_by_two());
  EXPECT_EQ(report.find("fanout"), &report.rows()[1]);
  EXPECT_EQ(report.find("fanout", 4), &report.rows()[3]);
  EXPECT_EQ(report.find("fanout", 3), nullptr);
  EXPECT_EQ(report.find("async"), nullptr);
}

TEST(ComparisonReport, WritesCsv) {
  comparison_results results = two_by_two();
  results.rows.resize(1);
  results.rows[0].scheduler = "our \"own\", old";
  EXPECT_EQ(comparison_report(results).to_csv(),
            "scheduler,concurrency,repetitions,median_seconds,low_seconds,high_seconds,minimum_seconds,"
            "maximum_seconds,speedup,cpu_seconds,equal,first_difference\n"
            "\"our \"\"own\"\", old\",2,3,1,0.5,2,0.5,2,1,1.5,true,\n");
}

TEST(ComparisonReport, WritesJson) {
  comparison_results results = two_by_two();
  results.rows[1].differences = {3};
  results.rows.erase(results.rows.begin() + 2, results.rows.end());
  results.rows.erase(results.rows.begin());
  results.seed = 7;
  results.elapsed = std::chrono::nanoseconds(12);
  EXPECT_EQ(comparison_report(results).to_json(), R"({
  "schema": "fanout-comparison",
  "version": 1,
  "workload": "images",
  "machine": {
    "cores": 4,
    "quota": null,
    "available": 4
  },
  "tasks": 96,
  "equal": false,
  "complete": true,
  "seed": 7,
  "elapsed_nanoseconds": 12,
  "rows": [
    {
      "scheduler": "fanout",
      "concurrency": 2,
      "repetitions": 3,
      "median_seconds": 0.5,
      "low_seconds": 0.25,
      "high_seconds": 1.0,
      "speedup": 2.0,
      "cpu_seconds": 1.5,
      "equal": false,
      "seconds": [
        0.25,
        0.5,
        1.0
      ],
      "differences": [
        3
      ]
    }
  ]
}
)");
}

TEST(ComparisonReport, DrawsAPageThatNeedsNoNetworkAndHasATableForEachConcurrency) {
  comparison_results results = two_by_two();
  results.workload = "a <b> & \"c\"\x1b";
  const std::string page = comparison_report(results).to_page();
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_NE(page.find("<h1>a &lt;b&gt; &amp; &quot;c&quot;?</h1>"), std::string::npos) << page;
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("<h2>2 tasks at once</h2>"), std::string::npos);
  EXPECT_NE(page.find("<h2>4 tasks at once</h2>"), std::string::npos);
  std::size_t bars = 0;
  for (std::size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++bars;
  EXPECT_EQ(bars, 4U);
}

TEST(ComparisonReport, GivesOneRunNoInterval) {
  comparison_results results = two_by_two();
  results.rows.resize(1);
  results.rows[0].seconds = {1};
  EXPECT_NE(comparison_report(results).to_table().find("one run"), std::string::npos);
  EXPECT_NE(comparison_report(results).to_page().find("one run"), std::string::npos);
}

TEST(ComparisonReport, RefusesWhatContradictsItself) {
  const auto refuses = [](auto change) {
    comparison_results results = two_by_two();
    change(results);
    EXPECT_THROW(static_cast<void>(comparison_report(results)), std::invalid_argument);
  };
  refuses([](auto& results) { results.rows.clear(); });
  refuses([](auto& results) { results.workload = "\xff"; });
  refuses([](auto& results) { results.machine.cores = 0; });
  refuses([](auto& results) { results.rows[2].scheduler = ""; });
  refuses([](auto& results) { results.rows[2].scheduler = "\xff"; });
  refuses([](auto& results) { results.rows[2].concurrency = 0; });
  refuses([](auto& results) { results.rows[2].seconds = {}; });
  refuses([](auto& results) { results.rows[2].seconds = {-1}; });
  refuses([](auto& results) { results.rows[2].median_seconds = 3; });
  refuses([](auto& results) { results.rows[2].low_seconds = 1.5; });
  refuses([](auto& results) { results.rows[2].speedup = std::numeric_limits<double>::infinity(); });
  refuses([](auto& results) { results.rows[2].cpu_seconds = std::numeric_limits<double>::quiet_NaN(); });
}

}  // namespace
