// The files that `fanout tune` reads and writes. It knows before the measurement which of them it cannot write.

#include <fcntl.h>
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

TEST_F(Outputs, CanBeNoneOfTheInputsUnderAnyName) {
  const std::string link = place_.path("link");
  const std::string hard_link = place_.path("hard-link");
  fs::create_symlink("list", link);
  fs::create_hard_link(list_, hard_link);
  const std::string before = content_of(list_);
  for (const std::string& name : {list_, link, hard_link, place_.path("./list")}) {
    for (const char* output : {"--report", "--profile"}) {
      SCOPED_TRACE(std::string(output) + " '" + name + "'");
      const command_result result = tune({output, name});
      expect_that_nothing_ran(result, 2);
      EXPECT_NE(result.err.find("--input-list '" + list_ + "' and " + output + " '" + name + "' are the same file"),
                std::string::npos)
          << result.err;
    }
  }
  const std::string input = place_.write("input", "content");
  fs::create_symlink("input", place_.path("input-link"));
  const command_result result = tune({"--stdin", input, "--report", place_.path("input-link")});
  expect_that_nothing_ran(result, 2);
  EXPECT_NE(result.err.find("--stdin '" + input + "' and --report"), std::string::npos) << result.err;
  EXPECT_EQ(content_of(input), "content");
  EXPECT_EQ(content_of(list_), before);
}

TEST_F(Outputs, CanBeNoListThatIsStandardInput) {
  command_setting setting;
  setting.before_start = [this] { dup2(open(list_.c_str(), O_RDONLY), STDIN_FILENO); };
  const command_result result = run_command(
      {"tune", "--command", "touch " + mark_ + " {}", "--input-list", "-", "--report", place_.path("./list")},
      setting);
  expect_that_nothing_ran(result, 2);
  EXPECT_NE(result.err.find("--input-list - and --report"), std::string::npos) << result.err;
}

TEST_F(Outputs, CanBeNoFileThatAWorkloadReads) {
  const std::string file = place_.write("input/deep/file", "content");
  fs::create_hard_link(file, place_.path("hard-link"));
  const command_result result =
      run_command({"tune", "--input", place_.path("input"), "--report", place_.path("hard-link"), "--sizes", "1"});
  expect_that_nothing_ran(result, 2);
  EXPECT_NE(result.err.find("the input '" + file + "' and --report"), std::string::npos) << result.err;
  EXPECT_EQ(content_of(file), "content");
}

// A measurement can be repeated: what the first one has written is no input of the second.
TEST_F(Outputs, OfAnEarlierMeasurementAreNoInput) {
  place_.write("input/file", "content");
  fs::create_directory_symlink("input", place_.path("link"));
  const std::vector<std::string> arguments{"tune",
                                           "--input",
                                           place_.path("input"),
                                           "--report",
                                           place_.path("link/report.html"),
                                           "--profile",
                                           place_.path("link/profile.json"),
                                           "--sizes",
                                           "1",
                                           "--budget",
                                           "5s",
                                           "--no-baselines",
                                           "--format",
                                           "json"};
  for (int time = 0; time != 2; ++time) {
    const command_result result = run_command(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(nlohmann::json::parse(result.out)["tasks"], 1) << result.out;
    EXPECT_NE(place_.content("input/report.html").find("1 files below"), std::string::npos);
  }
  place_.write("input/report.html", "<!DOCTYPE html>\n<title>of somebody else</title>\n");
  const command_result refused = run_command(arguments);
  expect_that_nothing_ran(refused, 2);
  EXPECT_NE(refused.err.find("are the same file, which would be overwritten"), std::string::npos) << refused.err;
}

TEST_F(Outputs, HaveNoRecommendationFromFilesThatCannotBeRead) {
  if (!permissions_can_count()) GTEST_SKIP() << "every file can be read here";
  command_setting setting;
  setting.permissions_count = true;
  const std::string profile = place_.path("profile.json");
  const std::vector<std::string> arguments{"tune",      "--input", place_.path("input"), "--sizes", "1",
                                           "--profile", profile,   "--budget",           "1s",      "--no-baselines"};
  for (const char* name : {"a", "b"})
    fs::permissions(place_.write("input/" + std::string(name), "x"), fs::perms::none);
  const command_result none = run_command(arguments, setting);
  EXPECT_EQ(none.exit_code, 1);
  ASSERT_EQ(none.error_lines().size(), 3U) << none.err;
  EXPECT_EQ(none.error_lines()[2], "fanout: no file could be read: the profile '" + profile + "' is not written");
  EXPECT_FALSE(fs::exists(profile));

  fs::permissions(place_.path("input/b"), fs::perms::owner_read);
  const command_result one = run_command(arguments, setting);
  EXPECT_EQ(one.exit_code, 1);
  EXPECT_EQ(one.error_lines().size(), 1U) << one.err;
  EXPECT_TRUE(fs::exists(profile));
}

TEST_F(Outputs, AreDifferentFiles) {
  fs::create_directory(place_.path("below"));
  fs::create_directory_symlink("below", place_.path("directory"));
  fs::create_symlink("below/new", place_.path("dangling"));
  for (const char* name : {"below/new", "directory/new", "directory/../below/new", "dangling"}) {
    SCOPED_TRACE(name);
    const command_result result = tune({"--report", place_.path("below/new"), "--profile", place_.path(name)});
    expect_that_nothing_ran(result, 2);
    EXPECT_NE(result.err.find("--report"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("--profile"), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(place_.path("below/new")));
  }
  const std::string out = place_.write("out", "");
  command_setting setting;
  setting.stdout_path = out;
  for (const char* option : {"--report", "--profile"}) {
    const command_result result = tune({option, out}, setting);
    expect_that_nothing_ran(result, 2);
    EXPECT_NE(result.err.find("standard output and"), std::string::npos) << result.err;
  }
}

TEST_F(Outputs, AreWrittenToTheTargetOfALink) {
  fs::create_directory(place_.path("below"));
  fs::create_symlink("second-link", place_.path("profile"));
  fs::create_symlink("below/profile.json", place_.path("second-link"));
  fs::create_symlink("below/report.html", place_.path("report"));
  const std::vector<std::string> both{"--report", place_.path("report"), "--profile", place_.path("profile")};
  std::ofstream(list_) << "/no/such/directory/x\n";
  EXPECT_EQ(tune(both).exit_code, 1) << "the command fails";
  EXPECT_TRUE(fs::is_empty(place_.path("below")));
  std::ofstream(list_) << place_.path("touched") << "\n";
  const command_result result = tune(both);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* link : {"profile", "second-link", "report"})
    EXPECT_TRUE(fs::is_symlink(place_.path(link))) << link;
  EXPECT_NE(content_of(place_.path("below/profile.json")).find("command"), std::string::npos);
  EXPECT_NE(content_of(place_.path("below/report.html")).find("</html>"), std::string::npos);
}

TEST_F(Outputs, ThatAreLinksInACircleAreToldBeforeTheMeasurement) {
  fs::create_symlink("other", place_.path("one"));
  fs::create_symlink("one", place_.path("other"));
  for (const char* option : {"--report", "--profile"}) {
    const command_result result = tune({option, place_.path("one")});
    expect_that_nothing_ran(result, 2);
    EXPECT_NE(result.err.find(place_.path("one")), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("Too many levels of symbolic links"), std::string::npos) << result.err;
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
