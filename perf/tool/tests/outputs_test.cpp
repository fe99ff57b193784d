// The files that `fanout tune` reads and writes. It knows before the measurement which of them it cannot write.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Outputs : public testing::Test {
 protected:
  /// Measures a command that leaves a mark.
  command_result tune(const std::vector<std::string>& more, const command_setting& setting = {}) {
    std::vector<std::string> all{"tune", "--command",      "touch " + mark_ + " {}", "--sizes", "1", "--budget",
                                 "20s",  "--no-baselines", "--input-list=" + list_};
    all.insert(all.end(), more.begin(), more.end());
    return run_command(all, setting);
  }

  /// Wrong arguments, told in one line, before anything has run.
  void expect_that_nothing_ran(const command_result& result, int exit_code) {
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(fs::exists(mark_)) << "a command ran";
  }

  temporary_directory place_;
  std::string mark_ = place_.path("mark");
  std::string list_ = place_.write("list", place_.path("touched") + "\n");
};

TEST_F(Outputs, ThatCannotBeWrittenAreToldBeforeTheMeasurement) {
  fs::create_directory(place_.path("directory"));
  for (const char* option : {"--report", "--profile"}) {
    for (const std::string& path : {place_.path("none/x"), std::string("/proc/x"), list_ + "/x",
                                    place_.path("directory"), std::string(), place_.path("directory/")}) {
      SCOPED_TRACE(std::string(option) + " '" + path + "'");
      const command_result result = tune({option, path});
      expect_that_nothing_ran(result, 2);
      EXPECT_NE(result.err.find(path), std::string::npos) << result.err;
    }
  }
}

TEST_F(Outputs, InADirectoryThatIsNotOursAreToldBeforeTheMeasurement) {
  if (!permissions_can_count()) GTEST_SKIP() << "root cannot give up writing every file here";
  command_setting setting;
  setting.permissions_count = true;
  const std::string report = place_.write("locked/report.html", "old");
  const std::string profile = place_.path("locked/profile.json");
  fs::permissions(report, fs::perms::owner_read);
  fs::permissions(place_.path("locked"), fs::perms::owner_read | fs::perms::owner_exec);
  expect_that_nothing_ran(tune({"--report", report}, setting), 2);
  expect_that_nothing_ran(tune({"--profile", profile}, setting), 2);
  fs::permissions(place_.path("locked"), fs::perms::owner_all);
}

TEST_F(Outputs, LeaveAFileAsItIsUntilThereIsSomethingToWrite) {
  const std::string report = place_.write("report.html", "old");
  std::ofstream(list_) << "/no/such/directory/x\n";
  const command_result result = tune({"--report", report, "--profile", place_.path("profile.json")});
  EXPECT_EQ(result.exit_code, 1) << "the command fails";
  EXPECT_EQ(content_of(report), "old");
  EXPECT_FALSE(fs::exists(place_.path("profile.json")));
}

TEST_F(Outputs, DamagedProfilesAreToldBeforeTheMeasurement) {
  const std::string other_machine =
      R"({"schema": "fanout-tuning-profile", "version": 1, "machine": {"cores": 4097, "quota": null, )"
      R"("available": 4097}, "workloads": []})";
  for (const std::string& text : {std::string("{\"schema\":"), std::string(), other_machine}) {
    const std::string profile = place_.write("profile.json", text);
    const command_result result = tune({"--profile", profile});
    expect_that_nothing_ran(result, 2);
    EXPECT_NE(result.err.find(profile), std::string::npos) << result.err;
    EXPECT_EQ(content_of(profile), text);
  }
}

TEST_F(Outputs, AreWrittenToAPipe) {
  command_setting setting;
  setting.stdout_path = "/dev/null";
  const command_result result = tune({"--report", "/dev/stderr"}, setting);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.err.find("</html>"), std::string::npos) << result.err;
}

// Were the tool to wait for a reader, or for a profile in the pipe, these would hang until their time limit.
TEST_F(Outputs, ThatArePipesWithoutAReaderAreErrors) {
  const std::string pipe = place_.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const command_result report = tune({"--report", pipe, "--profile", place_.path("profile.json")});
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_NE(report.err.find("'" + pipe + "': it is a pipe that nobody reads"), std::string::npos) << report.err;
  EXPECT_NE(report.out.find("Recommended"), std::string::npos);
  EXPECT_NE(content_of(place_.path("profile.json")).find("command"), std::string::npos);
  fs::remove(mark_);
  const command_result profile = tune({"--profile", pipe});
  expect_that_nothing_ran(profile, 2);
  EXPECT_NE(profile.err.find(pipe + ": it is a pipe"), std::string::npos) << profile.err;
}

TEST_F(Outputs, AboveTheLimitOfFileSizesAreErrorsThatNameThem) {
  command_setting setting;
  setting.before_start = [] {
    const rlimit few{1024, 1024};
    setrlimit(RLIMIT_FSIZE, &few);
    std::signal(SIGXFSZ, SIG_DFL);
  };
  const std::string report = place_.path("report.html");
  const command_result result = tune({"--report", report}, setting);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("cannot write '" + report + "'"), std::string::npos) << result.err;
  EXPECT_NE(result.out.find("Recommended"), std::string::npos);
  const std::string profile = place_.path("profile.json");
  const command_result second = tune({"--profile", profile, "--name", std::string(1000, 'x')}, setting);
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_NE(second.err.find(profile), std::string::npos) << second.err;
  EXPECT_FALSE(fs::exists(profile));
}

TEST_F(Outputs, ThatNobodyReadsAreKnownBeforeTheMeasurement) {
  command_setting pipe;
  pipe.stdout_is_closed_pipe = true;
  expect_that_nothing_ran(tune({"--report", place_.path("report.html")}, pipe), 1);
  command_setting none;
  none.before_start = [] { close(STDOUT_FILENO); };
  expect_that_nothing_ran(tune({"--report", place_.path("report.html")}, none), 1);
  EXPECT_EQ(run_command({"compare", "--workload", "sleep", "--tasks", "1"}, pipe).exit_code, 1);
}

TEST_F(Outputs, ThatFailAtTheEndDoNotKeepTheOthersFromBeingWritten) {
  command_setting setting;
  setting.stdout_path = "/dev/full";
  const std::string report = place_.path("report.html");
  const std::string profile = place_.path("profile.json");
  const command_result result = tune({"--report", report, "--profile", profile}, setting);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("standard output"), std::string::npos) << result.err;
  EXPECT_NE(content_of(report).find("</html>"), std::string::npos);
  EXPECT_NE(content_of(profile).find("command"), std::string::npos);

  setting.stdout_path.clear();
  const command_result other = tune({"--report", "/dev/full", "--profile", place_.path("second.json")}, setting);
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("cannot write '/dev/full'"), std::string::npos) << other.err;
  EXPECT_NE(other.out.find("Recommended"), std::string::npos);
  EXPECT_NE(content_of(place_.path("second.json")).find("command"), std::string::npos);
}

// ---- The list ----

TEST_F(Outputs, ListsMayBeSeparatedByNullCharacters) {
  const std::string names = place_.path("two\nlines") + '\0' + '\0' + place_.path("one") + '\0' + place_.path("end");
  place_.write("list", names);
  const command_result result = tune({"--null", "--format", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(std::string(nlohmann::json::parse(result.out)["summary"]).find("3 lines"), std::string::npos);
  for (const char* name : {"two\nlines", "one", "end"}) EXPECT_TRUE(fs::exists(place_.path(name))) << name;
}

TEST_F(Outputs, ListsWithNullCharactersAreRefusedWithTheOptionForThem) {
  place_.write("list", std::string("one\0two\0", 8));
  const command_result result = tune({});
  expect_that_nothing_ran(result, 2);
  EXPECT_NE(result.err.find("line 1 has a null character"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("--null"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tool
