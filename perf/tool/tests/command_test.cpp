// Runs the program as a user does: every workload and format, wrong arguments, terminals, Ctrl-C, full disks.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

const std::vector<std::string> competitor_names{"serial", "fanout", "thread-rounds", "thread-pool"};

// ---- Workloads and formats ----

class Workload : public testing::TestWithParam<std::string> {
 protected:
  Workload() {
    for (int size : {0, 1, 100, 70'000, 200'000}) {
      input_.write("file" + std::to_string(size), std::string(static_cast<std::size_t>(size), 'x'));
    }
  }

  std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"compare", "--workload", GetParam(), "--repetitions", "2"};
    if (GetParam() == "compress") all.insert(all.end(), {"--input", input_.path()});
    if (GetParam() == "mandelbrot") all.insert(all.end(), {"--size", "20"});
    if (GetParam() == "sleep" || GetParam() == "mixed")
      all.insert(all.end(), {"--tasks", "7", "--milliseconds", "1"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  nlohmann::json report(const std::vector<std::string>& more) const {
    std::vector<std::string> all = arguments(more);
    all.insert(all.end(), {"--format", "json"});
    const command_result result = run_command(all);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    return nlohmann::json::parse(result.out);
  }

 private:
  temporary_directory input_;
};

TEST_P(Workload, GivesATableWithEqualChecksums) {
  const command_result result = run_command(arguments({"--concurrency", "3"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(result.out.starts_with(GetParam() + ": "));
  for (const auto& name : competitor_names) EXPECT_NE(result.out.find("\n" + name + " "), std::string::npos);
  EXPECT_TRUE(result.out.ends_with("\nAll 4 competitors produced the same checksum.\n"));
}

TEST_P(Workload, GivesOneJsonObject) {
  const nlohmann::json object = report({"--concurrency", "3"});
  EXPECT_EQ(object["workload"], GetParam());
  EXPECT_EQ(object["machine"]["concurrency"], 3);
  EXPECT_GE(object["machine"]["cores"], 1);
  EXPECT_NE(object["machine"]["compiler"], "");
  EXPECT_EQ(object["parameters"]["repetitions"], 2);
  EXPECT_EQ(object["completed"], object["parameters"]["tasks"]);
  EXPECT_EQ(object["errors"], nlohmann::json::array());
  EXPECT_EQ(object["checksum_equal"], true);
  ASSERT_EQ(object["rows"].size(), competitor_names.size());
  for (std::size_t index = 0; index < competitor_names.size(); ++index) {
    const auto& row = object["rows"][index];
    EXPECT_EQ(row["competitor"], competitor_names[index]);
    EXPECT_EQ(row["checksum"], object["rows"][0]["checksum"]);
    EXPECT_LE(row["minimum_seconds"], row["median_seconds"]);
    EXPECT_LE(row["median_seconds"], row["maximum_seconds"]);
  }
  EXPECT_EQ(object["rows"][0]["speed_up"], 1.0);
}

TEST_P(Workload, MayBeTakenAsAStream) {
  const command_result table = run_command(arguments({"--stream", "--concurrency", "3"}));
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_NE(table.out.find("concurrency 3, a stream with 6 tasks on the way,"), std::string::npos) << table.out;
  for (const char* name : {"serial", "fanout", "tbb-pipeline", "thread-queue"})
    EXPECT_NE(table.out.find("\n" + std::string(name) + " "), std::string::npos);
  const nlohmann::json stream = report({"--stream", "--ahead", "5"});
  EXPECT_EQ(stream["parameters"]["ahead"], 5);
  EXPECT_EQ(stream["checksum_equal"], true);
  const nlohmann::json batch = report({});
  EXPECT_EQ(stream["rows"][0]["checksum"], batch["rows"][0]["checksum"]);
  EXPECT_FALSE(batch["parameters"].contains("ahead"));
}

TEST_P(Workload, HasTheSameChecksumAtEveryConcurrency) {
  const std::string checksum = report({"--concurrency", "1"})["rows"][0]["checksum"];
  EXPECT_EQ(report({"--concurrency", "5"})["rows"][0]["checksum"], checksum);
  EXPECT_EQ(report({})["rows"][0]["checksum"], checksum);
}

std::vector<std::string> csv_fields(const std::string& record) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char character : record) {
    if (character == '"') {
      quoted = !quoted;
    } else if (character == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += character;
    }
  }
  return fields;
}

TEST_P(Workload, GivesCsvWithTheSameColumnsInEveryRecord) {
  const command_result result = run_command(arguments({"--format", "csv"}));
  EXPECT_EQ(result.exit_code, 0);
  std::istringstream lines(result.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const std::vector<std::string> header = csv_fields(line);
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin());
  };
  for (const auto& name : competitor_names) {
    ASSERT_TRUE(std::getline(lines, line));
    const std::vector<std::string> fields = csv_fields(line);
    ASSERT_EQ(fields.size(), header.size());
    EXPECT_EQ(fields[column("workload")], GetParam());
    EXPECT_EQ(fields[column("competitor")], name);
    EXPECT_EQ(fields[column("checksum_equal")], "true");
    EXPECT_GT(std::stod(fields[column("median_seconds")]), 0);
  }
  EXPECT_FALSE(std::getline(lines, line));
}

INSTANTIATE_TEST_SUITE_P(All, Workload, testing::Values("compress", "mandelbrot", "sleep", "mixed"),
                         [](const auto& instance) { return instance.param; });

// ---- Arguments ----

TEST(Command, WrongArgumentsGiveOneLineAndExitCode2) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {""},
      {"frobnicate"},
      {"--frobnicate"},
      {"compare", "extra"},
      {"compare", "--frobnicate"},
      {"compare", "-x"},
      {"compare", "two\nlines"},
      {"--workload", "sleep", "compare"},
      {"compare", "--concurrency"},
      {"compare", "--concurrency", "0"},
      {"compare", "--concurrency", "-1"},
      {"compare", "--concurrency", "abc"},
      {"compare", "--concurrency", "1.5"},
      {"compare", "--concurrency="},
      {"compare", "--concurrency", "1000000"},
      {"compare", "--concurrency", "99999999999999999999999"},
      {"compare", "--repetitions", "0"},
      {"compare", "--ahead", "5"},
      {"compare", "--stream", "--ahead", "-1"},
      {"compare", "--stream=perhaps"},
      {"compare", "--workload", "frobnicate"},
      {"compare", "--format", "xml"},
      {"compare", "--level", "100"},
      {"compare", "--no-progress=perhaps"},
      {"compare", "--workload", "sleep", "--level", "3"},
      {"compare", "--workload", "mandelbrot", "--input", "/"},
      {"compare", "--size", "100"},
      {"compare", "--input", ""},
      {"compare", "--input", "/dev/null"},
      {"compare", "--input", "/no/such/directory"},
  };
  for (const auto& arguments : wrong) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const command_result result = run_command(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
    EXPECT_TRUE(result.err.starts_with("fanout: ")) << result.err;
    EXPECT_NE(result.err.find("--help)"), std::string::npos) << result.err;
  }
}

TEST(Command, TheLastOfRepeatedOptionsCounts) {
  const command_result result = run_command({"compare", "--workload", "sleep", "--tasks", "1", "--milliseconds", "0",
                                             "--repetitions", "2", "--repetitions", "1", "--format", "json"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(result.out)["parameters"]["repetitions"], 1);
}

TEST(Command, RefusesTwoSubcommands) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"tune", "compare"},
                                                    {"tune", "--sizes", "1", "compare", "--workload", "sleep"},
                                                    {"compare", "tune", "--no-baselines"},
                                                    {"tune", "tune"}}) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const command_result result = run_command(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(result.err.starts_with("fanout: only one subcommand can run at a time (see fanout")) << result.err;
  }
}

TEST(Command, HelpIsOnStandardOutput) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"}, {"compare", "--help"}}) {
    const command_result result = run_command(arguments);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_NE(result.out, "");
  }
}

TEST(Command, TellsItsVersion) {
  const command_result result = run_command({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "fanout " FANOUT_VERSION "\n");
}

// ---- Terminals, signals, outputs that fail ----

const std::vector<std::string> short_run{"compare",        "--workload", "sleep",         "--tasks", "2",
                                         "--milliseconds", "1",          "--repetitions", "1"};
const std::string erased_line = "\r\x1b[K";

TEST(Command, ShowsABarOnATerminalAndLeavesTheLineEmpty) {
  command_setting setting;
  setting.stderr_is_terminal = true;
  const command_result result = run_command(short_run, setting);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find(" %  "), std::string::npos) << result.err;
  EXPECT_TRUE(result.err.ends_with(erased_line)) << result.err;
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
}

TEST(Command, ShowsNoBarWhereItIsNotWanted) {
  command_setting dumb_terminal;
  dumb_terminal.stderr_is_terminal = true;
  dumb_terminal.terminal_type = "dumb";
  EXPECT_EQ(run_command(short_run, dumb_terminal).err, "");

  command_setting terminal;
  terminal.stderr_is_terminal = true;
  std::vector<std::string> without_bar = short_run;
  without_bar.emplace_back("--no-progress");
  EXPECT_EQ(run_command(without_bar, terminal).err, "");

  EXPECT_EQ(run_command(short_run).err, "");
}

// Were the tasks not woken, this test would take hours, and its time limit would end it.
TEST(Command, CtrlCEndsItWithoutAReport) {
  command_setting setting;
  setting.stderr_is_terminal = true;
  bool interrupted = false;
  setting.on_stderr = [&interrupted](pid_t process, const std::string& text) {
    if (!interrupted && text.find(" %  serial") != std::string::npos) interrupted = kill(process, SIGINT) == 0;
  };
  const command_result result = run_command(
      {"compare", "--workload", "sleep", "--tasks", "1000", "--milliseconds", "60000", "--concurrency", "4"},
      setting);
  EXPECT_TRUE(interrupted);
  EXPECT_EQ(result.exit_code, -SIGINT);
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(result.err.ends_with(erased_line + "fanout: interrupted\r\n")) << result.err;
}

TEST(Command, CtrlCAfterWholeRoundsLeavesTheirResult) {
  command_setting setting;
  setting.stderr_is_terminal = true;
  bool interrupted = false;
  // Each repetition is a hundredth of the work, so some that count are over when ten have been shown.
  setting.on_stderr = [&interrupted](pid_t process, const std::string& text) {
    const std::size_t shown = text.rfind(" %  ");
    if (interrupted || shown == std::string::npos || shown < 3) return;
    if (std::atoi(text.c_str() + shown - 3) >= 10) interrupted = kill(process, SIGINT) == 0;
  };
  const command_result result =
      run_command({"compare", "--workload", "sleep", "--tasks", "4", "--milliseconds", "10", "--concurrency", "4",
                   "--repetitions", "99", "--format", "json"},
                  setting);
  EXPECT_TRUE(interrupted);
  EXPECT_EQ(result.exit_code, -SIGINT);
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["complete"], false);
  EXPECT_EQ(report["checksum_equal"], true);
  EXPECT_GE(report["parameters"]["repetitions"], 1);
  EXPECT_LT(report["parameters"]["repetitions"], 99);
}

TEST(Command, AFullDiskIsAnError) {
  command_setting setting;
  setting.stdout_path = "/dev/full";
  for (const auto& arguments : {short_run, {"--help"}, {"--version"}}) {
    const command_result result = run_command(arguments, setting);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
  }
}

TEST(Command, AClosedPipeIsAnError) {
  command_setting setting;
  setting.stdout_is_closed_pipe = true;
  const command_result result = run_command(short_run, setting);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
}

}  // namespace
}  // namespace tool
