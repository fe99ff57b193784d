// Runs `fanout tune` where its result means little, and looks at what it says of that.

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

/// Processes that compute until this ends: two for each core.
class busy_machine {
 public:
  busy_machine() {
    for (unsigned i = 0; i != 2 * std::thread::hardware_concurrency(); ++i) {
      const pid_t process = fork();
      if (process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (volatile unsigned count = 0;;) count = count + 1;
      }
      if (process > 0) processes_.push_back(process);
    }
  }
  busy_machine(const busy_machine&) = delete;
  busy_machine& operator=(const busy_machine&) = delete;
  ~busy_machine() {
    for (const pid_t process : processes_) kill(process, SIGKILL);
    for (const pid_t process : processes_) waitpid(process, nullptr, 0);
  }

 private:
  std::vector<pid_t> processes_;
};

TEST(TuneReport, SaysThatTheMachineWasBusy) {
  const temporary_directory place;
  const busy_machine others;
  // Half a second of the cores at the least, even if five runs are enough: the load is not reported for less.
  std::vector<std::string> arguments{
      "tune",     "--workload", "mandelbrot", "--size",         "200",      "--sizes",
      "2",        "--budget",   "8s",         "--no-baselines", "--report", place.path("report.html"),
      "--format", "json"};
  const command_result result = run_command(arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = nlohmann::json::parse(result.out);
  EXPECT_TRUE(report.at("busy").get<bool>());
  EXPECT_GT(report.at("other_load"), 0.1);
  EXPECT_GT(report["rows"][0]["core_wait_seconds"], 0.1 * report["rows"][0]["median_seconds"].get<double>());
  const std::string reason = report["reason"];
  EXPECT_NE(reason.find("The machine was busy: threads waited for a core for "), std::string::npos) << reason;
  EXPECT_NE(reason.find(" for a machine that is as busy"), std::string::npos) << reason;
  const std::string page = place.content("report.html");
  EXPECT_NE(page.find("The machine was busy"), std::string::npos);
  EXPECT_NE(page.find("<th>core wait</th>"), std::string::npos);

  arguments.back() = "table";
  const std::string table = run_command(arguments).out;
  EXPECT_NE(table.find("core wait"), std::string::npos) << table;
  EXPECT_NE(table.find("The machine was busy"), std::string::npos) << table;
}

TEST(TuneReport, SaysThatTheMachineWasBusyForCommands) {
  const temporary_directory place;
  const std::string list = place.write("list", "1\n2\n3\n4\n");
  const busy_machine others;
  const command_result result =
      run_command({"tune", "--shell", "--command", "i={}; while [ $i -lt 10000 ]; do i=$((i+1)); done", "--input-list",
                   list, "--sizes", "2", "--budget", "6s", "--no-baselines"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("The machine was busy: "), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("other programs used "), std::string::npos) << result.out;
}

// The name of the directory is part of the summary and of the command.
TEST(TuneReport, IsUtf8WhateverTheNamesOfFilesAre) {
  const temporary_directory place;
  const std::string name = "\xff\x1b[2J\xe2\x82 <b>";
  place.write(name + "/file", std::string(20'000, 'x'));
  const std::string list = place.write(name + "/list", "\xfe\n\xc0\xaf\n");
  const std::vector<std::vector<std::string>> measurements{{"--input", place.path(name)},
                                                           {"--command", "test -n {} -a \xff", "--input-list", list}};
  for (const auto& measurement : measurements) {
    for (const char* format : {"json", "csv"}) {
      std::vector<std::string> arguments{
          "tune", "--sizes", "1,2", "--budget", "2s", "--report", place.path("report.html"), "--format", format};
      arguments.insert(arguments.end(), measurement.begin(), measurement.end());
      const command_result result = run_command(arguments);
      EXPECT_EQ(result.exit_code, 0) << result.err;
      for (const std::string& text : {result.out, place.content("report.html")}) {
        EXPECT_NO_THROW(static_cast<void>(nlohmann::json(text).dump())) << text;
        EXPECT_EQ(text.find('\x1b'), std::string::npos);
      }
    }
  }
}

TEST(TuneReport, SaysThatThereWereFewTasksForEachThread) {
  const temporary_directory input;
  for (int i = 0; i != 3; ++i) input.write("file" + std::to_string(i), std::string(50'000, 'x'));
  const command_result result =
      run_command({"tune", "--input", input.path(), "--budget", "2s", "--sizes", "1,2,4", "--no-baselines"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("There were only 3 tasks for "), std::string::npos) << result.out;
}

}  // namespace
}  // namespace tool
