// Runs `fanout tune` as a user does.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> tune(const std::vector<std::string>& more) {
  std::vector<std::string> all{"tune", "--budget", "2s"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<std::string> tune_sleep(const std::vector<std::string>& more = {}) {
  std::vector<std::string> all{"--workload", "sleep", "--tasks", "8", "--milliseconds", "2", "--sizes", "4,1,2"};
  all.insert(all.end(), more.begin(), more.end());
  return tune(all);
}

TEST(Tune, PrintsATableWithARecommendationAndTheBaselines) {
  const command_result result = run_command(tune_sleep());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(result.out.starts_with("sleep: 8 tasks of 2 ms\n"));
  for (const char* text : {"*", "serial", "thread-rounds", "thread-pool"}) {
    EXPECT_NE(result.out.find(text), std::string::npos) << text;
  }
}

TEST(Tune, RecommendsMoreThreadsForTasksThatWait) {
  const command_result result = run_command(tune_sleep({"--format", "json", "--no-baselines"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = nlohmann::json::parse(result.out);
  EXPECT_GT(report["recommended"], 1);
  EXPECT_EQ(report["workload"], "sleep");
  EXPECT_EQ(report["rows"].size(), 3u);
  EXPECT_FALSE(report.contains("baselines"));
}

TEST(Tune, GivesOneJsonObjectWithTheBaselines) {
  const command_result result = run_command(tune_sleep({"--format", "json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["baselines"]["rows"].size(), 4u);
  EXPECT_EQ(report["summary"], "8 tasks of 2 ms");
}

TEST(Tune, GivesCsvWithARecordForEachSize) {
  const command_result result = run_command(tune_sleep({"--format", "csv"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 4);
}

TEST(Tune, KnowsTasksThatWaitAndCompute) {
  const command_result result = run_command(
      tune({"--workload", "mixed", "--tasks", "8", "--milliseconds", "4", "--waiting", "75", "--sizes", "1,2"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("mixed: 8 tasks of 4 ms, 75 % of it waiting\n"));
}

TEST(Tune, CompressesRealFilesAndTellsThoseThatItCannotRead) {
  if (!permissions_can_count()) GTEST_SKIP() << "every file can be read here";
  const temporary_directory input;
  for (int i = 0; i != 5; ++i) input.write("file" + std::to_string(i), std::string(50'000, 'x'));
  const std::string secret = input.write("secret", "no");
  std::filesystem::permissions(secret, std::filesystem::perms::none);
  command_setting setting;
  setting.permissions_count = true;
  const command_result result = run_command(tune({"--input", input.path(), "--sizes", "1,2"}), setting);
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.error_lines().size(), 1u);
  EXPECT_TRUE(result.error_lines()[0].starts_with("fanout: cannot read '" + secret)) << result.err;
  EXPECT_NE(result.out.find("compress: "), std::string::npos) << "the rest was measured";
}

// ---- Commands ----

TEST(Tune, MeasuresACommandOverAList) {
  const temporary_directory place;
  const std::string list = place.write("list", "one\n\ntwo words\nthree\n");
  const command_result result = run_command(
      tune({"--command", "test -n {}", "--input-list", list, "--sizes", "1,2", "--name", "testing"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("testing: test -n {} for 3 lines of "));
}

TEST(Tune, RunsACommandInAShellOnlyIfAsked) {
  const temporary_directory place;
  const std::string list = place.write("list", "a\nb c\n");
  const std::string command = "echo {} > /dev/null && test {} != x";
  const command_result refused = run_command(tune({"--command", command, "--input-list", list}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--shell"), std::string::npos);
  const command_result result =
      run_command(tune({"--command", command, "--input-list", list, "--sizes", "1", "--shell"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST(Tune, NamesTheLineOfACommandThatFails) {
  const temporary_directory place;
  const std::string list = place.write("list", "0\n\n0\n7\n0\n");
  const command_result result = run_command(tune({"--command", "sh -c 'exit {}'", "--input-list", list}));
  EXPECT_EQ(result.exit_code, 1);
  ASSERT_EQ(result.error_lines().size(), 1u);
  EXPECT_NE(result.err.find("line 4"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("exit status 7"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST(Tune, NamesACommandThatCannotBeStarted) {
  const temporary_directory place;
  const std::string list = place.write("list", "x\n");
  const command_result result = run_command(tune({"--command", "/no/such/program {}", "--input-list", list}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("could not be started"), std::string::npos) << result.err;
}

// ---- Files that it writes ----

TEST(Tune, WritesAPageThatNeedsNoNetwork) {
  const temporary_directory place;
  const command_result result = run_command(
      tune_sleep({"--report", place.path("report.html"), "--name", "<b>&\"sleep\"</b>"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string page = content_of(place.path("report.html"));
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_EQ(page.find("<b>"), std::string::npos) << "names are text";
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("thread-pool"), std::string::npos);
  EXPECT_NE(page.find("fanout tune"), std::string::npos);
}

TEST(Tune, ShowsNoControlCharactersOfAName) {
  for (const char* format : {"table", "json"}) {  // CSV has no name
    const command_result result =
        run_command(tune_sleep({"--name",
                                "\x1b[2J\x7f\xc2\x9b"
                                "2Jname",
                                "--format", format, "--no-baselines"}));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out.find_first_of("\x1b\x7f"), std::string::npos) << result.out;
    EXPECT_EQ(result.out.find("\xc2\x9b"), std::string::npos) << result.out;
  }
}

TEST(Tune, KeepsWhatAProfileKnowsOfOtherWorkloads) {
  const temporary_directory place;
  const std::string profile = place.path("profile.json");
  for (const char* name : {"first", "second"}) {
    const command_result result = run_command(tune_sleep({"--profile", profile, "--name", name, "--no-baselines"}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  const std::string text = content_of(profile);
  EXPECT_NE(text.find("first"), std::string::npos);
  EXPECT_NE(text.find("second"), std::string::npos);
}

// ---- Wrong arguments, interruptions ----

TEST(Tune, RefusesWrongArgumentsWithOneLineAndExitCode2) {
  const temporary_directory place;
  const std::string list = place.write("list", "x\n");
  const std::string empty = place.write("empty", "\n");
  const std::vector<std::vector<std::string>> all_wrong{
      {"tune", "--budget", "0s"},
      {"tune", "--budget", "30"},
      {"tune", "--budget", "0.0000001ms"},
      {"tune", "--budget", "-1s"},
      {"tune", "--budget", "nan"},
      {"tune", "--sizes", "0"},
      {"tune", "--sizes", "1,,2"},
      {"tune", "--sizes", "1,100000"},
      {"tune", "--format", "yaml"},
      {"tune", "--shell"},
      {"tune", "--input-list", list},
      {"tune", "--null"},
      {"tune", "--stdin", list},
      {"tune", "--output", "pipe"},
      {"tune", "--command", "true {}"},
      {"tune", "--command", "", "--input-list", list},
      {"tune", "--command", "true", "--input-list", list},
      {"tune", "--command", "true {}", "--input-list", "/no/such/file"},
      {"tune", "--command", "true {}", "--input-list", empty},
      {"tune", "--command", "true {}", "--input-list", list, "--level", "3"},
      {"tune", "--command", "true {}", "--input-list", list, "--workload", "sleep"},
      {"tune", "--workload", "sleep", "--waiting", "10"},
      {"tune", "--workload", "sleep", "--tasks", "5", "--milliseconds", "50", "--budget", "1ms"},
  };
  for (const auto& arguments : all_wrong) {
    const command_result result = run_command(arguments);
    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments) << result.err;
    EXPECT_EQ(result.error_lines().size(), 1u) << testing::PrintToString(arguments) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(Tune, CtrlCWritesWhatWasMeasuredSoFar) {
  command_setting setting;
  setting.stderr_is_terminal = true;
  bool interrupted = false;
  setting.on_stderr = [&interrupted](pid_t process, const std::string& text) {
    // It runs size 2 and does not warm up: there is something of a size.
    if (!interrupted && text.find("size 2, ") != std::string::npos) interrupted = kill(process, SIGINT) == 0;
  };
  const temporary_directory place;
  const std::string profile = place.path("profile.json");
  const command_result result = run_command({"tune", "--workload", "sleep", "--tasks", "4", "--milliseconds", "100",
                                             "--sizes", "1,2", "--budget", "10h", "--profile", profile},
                                            setting);
  EXPECT_TRUE(interrupted);
  EXPECT_FALSE(std::filesystem::exists(profile));
  EXPECT_NE(result.err.find("nothing was added to the profile '" + profile + "'"), std::string::npos) << result.err;
  EXPECT_EQ(result.exit_code, -SIGINT);
  EXPECT_NE(result.out.find("sleep: 4 tasks of 100 ms"), std::string::npos) << result.out << result.err;
}

// Were the commands not killed, this test would take ten minutes, and its time limit would end it.
TEST(Tune, CtrlCEndsCommandsThatWouldRunForLong) {
  const temporary_directory place;
  const std::string list = place.write("list", "600\n601\n");
  command_setting setting;
  setting.stderr_is_terminal = true;
  bool interrupted = false;
  setting.on_stderr = [&interrupted](pid_t process, const std::string& text) {
    if (!interrupted && text.find("size ") != std::string::npos) interrupted = kill(process, SIGINT) == 0;
  };
  const command_result result =
      run_command({"tune", "--command", "sleep {}", "--input-list", list, "--budget", "10h"}, setting);
  EXPECT_TRUE(interrupted);
  EXPECT_EQ(result.exit_code, -SIGINT);
}

}  // namespace
}  // namespace tool
