#include "report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fake_workload.hpp"

namespace tool {
namespace {

class Report : public testing::Test {
 protected:
  static competitor_result row(const char* name, double median) {
    return {.name = name,
            .seconds = summarise({median * 0.9, median * 0.95, median, median * 1.05, median * 1.1}),
            .low_seconds = median * 0.95,
            .high_seconds = median * 1.05,
            .checksum = 0xabc,
            .first_difference = {}};
  }

  std::string format(report_format form) const { return format_report(result_, context_, form); }

  fake_workload tasks_{10, [](std::size_t) { return 0; }};
  report_context context_{.tasks = tasks_, .cores = 2, .concurrency = 4, .compiler = "GNU 12"};
  comparison result_{.tasks = 10,
                     .completed = 8,
                     .repetitions = 5,
                     .rows = {row("serial", 2), row("fanout", 0.5)},
                     .errors = {{"a \xff", "gone"}, {"b", "lost"}}};
};

TEST_F(Report, TheTableNamesWhoDiffersAndWhere) {
  result_.rows[1].first_difference = 6;
  const std::string table = format(report_format::table);
  EXPECT_NE(table.find("0000000000000abc DIFFERENT\n"), std::string::npos);
  EXPECT_NE(table.find("\nThe results of fanout differ from those of serial's first run, first at task 6.\n"),
            std::string::npos);
  EXPECT_EQ(table.find("All 2"), std::string::npos);
}

TEST_F(Report, SaysThatTheMeasurementWasInterrupted) {
  EXPECT_EQ(format(report_format::table).find("interrupted"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(format(report_format::json))["complete"], true);
  result_.complete = false;
  EXPECT_NE(format(report_format::table).find("The measurement was interrupted.\n"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(format(report_format::json))["complete"], false);
}

TEST_F(Report, CsvHasAHeaderAndARecordForEachCompetitor) {
  const std::string csv = format(report_format::csv);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  EXPECT_TRUE(csv.starts_with("workload,input,cores,concurrency,"));
  EXPECT_NE(
      csv.find(
          "\nfake,\"some tasks, \"\"quoted\"\"\",2,4,5,10,8,serial,2,1.8,1.9,2.1,2.2,1,4,0000000000000abc,true,,1.9,2.1\n"),
      std::string::npos)
      << csv;
}

TEST_F(Report, CsvFieldsAreQuotedWhenTheyMust) {
  EXPECT_EQ(csv_field("plain text"), "plain text");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_field(""), "");
}

TEST_F(Report, JsonHoldsEverything) {
  const auto report = nlohmann::json::parse(format(report_format::json));
  EXPECT_EQ(report["machine"], (nlohmann::json{{"cores", 2}, {"concurrency", 4}, {"compiler", "GNU 12"}}));
  EXPECT_EQ(report["workload"], "fake");
  EXPECT_EQ(report["parameters"]["repetitions"], 5);
  EXPECT_EQ(report["parameters"]["tasks"], 10);
  EXPECT_EQ(report["parameters"]["number"], 7);
  EXPECT_EQ(report["completed"], 8);
  ASSERT_EQ(report["rows"].size(), 2U);
  EXPECT_EQ(report["rows"][1]["competitor"], "fanout");
  EXPECT_EQ(report["rows"][1]["median_seconds"], 0.5);
  EXPECT_EQ(report["rows"][0]["low_seconds"], 1.9);
  EXPECT_EQ(report["rows"][0]["high_seconds"], 2.1);
  EXPECT_EQ(report["rows"][1]["speed_up"], 4.0);
  EXPECT_EQ(report["rows"][1]["tasks_per_second"], 16.0);
  EXPECT_EQ(report["rows"][1]["checksum"], "0000000000000abc");
  EXPECT_EQ(report["rows"][1]["checksum_equal"], true);
  EXPECT_FALSE(report["rows"][1].contains("first_difference"));
  ASSERT_EQ(report["errors"].size(), 2U);
  EXPECT_EQ(report["errors"][1], (nlohmann::json{{"path", "b"}, {"reason", "lost"}}));
  EXPECT_EQ(report["checksum_equal"], true);
}

TEST_F(Report, JsonReplacesWhatIsNotUtf8) {
  const auto report = nlohmann::json::parse(format(report_format::json));
  EXPECT_EQ(report["errors"][0]["path"], "a \xef\xbf\xbd");
  EXPECT_EQ(report["parameters"]["text"], "name \xef\xbf\xbd");
}

TEST_F(Report, ShowsNoControlCharactersOfNames) {
  tasks_.set_summary(
      "files below \x1b[2J\x7f\xc2\x9b"
      "2J");
  result_.errors = {
      {"\x1b[2J\x7f\xc2\x9b"
       "2J",
       "gone"}};
  for (const report_format form : {report_format::table, report_format::csv, report_format::json}) {
    const std::string text = format(form);
    EXPECT_EQ(text.find_first_of("\x1b\x7f"), std::string::npos) << text;
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos) << text;
  }
  EXPECT_EQ(nlohmann::json::parse(format(report_format::json))["errors"][0]["path"],
            "\x1b[2J\x7f\xc2\x9b"
            "2J");
}

TEST_F(Report, GivesOneRunNoSpread) {
  for (competitor_result& each : result_.rows) each.seconds = summarise({each.seconds.median});
  EXPECT_EQ(format(report_format::table).find("±"), std::string::npos);
  EXPECT_NE(format(report_format::csv).find(",serial,2,2,,,2,1,"), std::string::npos) << format(report_format::csv);
  const auto report = nlohmann::json::parse(format(report_format::json));
  EXPECT_TRUE(report["rows"][0]["lower_quartile_seconds"].is_null());
  EXPECT_TRUE(report["rows"][0]["upper_quartile_seconds"].is_null());
  EXPECT_TRUE(report["rows"][0]["low_seconds"].is_null());
  EXPECT_EQ(report["rows"][0]["minimum_seconds"], 2);
}

TEST_F(Report, CsvIsUtf8WhateverTheNamesAre) {
  tasks_.set_summary("files below \xff\xe2\x82");
  EXPECT_NO_THROW(static_cast<void>(nlohmann::json(format(report_format::csv)).dump()));
}

TEST_F(Report, JsonNamesTheFirstDifference) {
  result_.rows[1].first_difference = 6;
  const auto report = nlohmann::json::parse(format(report_format::json));
  EXPECT_EQ(report["checksum_equal"], false);
  EXPECT_EQ(report["rows"][1]["first_difference"], "task 6");
}

}  // namespace
}  // namespace tool
