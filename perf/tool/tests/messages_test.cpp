// What the messages of `fanout tune` say: which option, which program, and not too much of it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

class Message : public testing::Test {
 protected:
  /// What the tool says, without the advice at its end.
  std::string of(const std::vector<std::string>& more, int exit_code = 2, const command_setting& setting = {}) {
    return of(more, "1", exit_code, setting);
  }

  std::string of(const std::vector<std::string>& more, const std::string& sizes, int exit_code,
                 const command_setting& setting) {
    std::vector<std::string> arguments{"tune", "--sizes", sizes, "--no-baselines"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const command_result result = run_command(arguments, setting);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
    return result.err.substr(0, result.err.find(" (see fanout tune --help)"));
  }

  std::string of_command(const std::vector<std::string>& more, int exit_code = 2,
                         const command_setting& setting = {}) {
    std::vector<std::string> arguments{"--command", "true {}"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return of(arguments, exit_code, setting);
  }

  temporary_directory place_;
  std::string list_ = place_.write("list", "x\n");
};

TEST_F(Message, NamesTheProgramThatCannotBeStarted) {
  const std::string message = of({"--command", "no-such-{} x", "--input-list", list_}, 1);
  EXPECT_EQ(message, "fanout: the command for line 1 of " + list_ +
                         " ('x') could not be started: cannot run 'no-such-x': No such file or directory\n");
}

TEST_F(Message, NamesTheOptionThatCannotBeUsed) {
  EXPECT_EQ(of_command({"--input-list", list_, "--stdin", "/no/file"}),
            "fanout: --stdin: cannot read '/no/file': No such file or directory");
  EXPECT_EQ(of_command({"--input-list", place_.path()}),
            "fanout: --input-list '" + place_.path() + "' cannot be read: Is a directory");
  EXPECT_EQ(of({"--workload", "sleep", "--name", "a\xff"}), "fanout: --name takes UTF-8, not 'a\xff'");
  for (const std::string& name : {std::string(), std::string(1025, 'x')}) {
    EXPECT_EQ(of({"--workload", "sleep", "--name", name}), "fanout: --name takes 1 to 1024 bytes");
  }
}

TEST_F(Message, NamesTheSizesForWhichThereAreNoThreads) {
  command_setting setting;
  setting.before_start = [] {
    const rlimit limit{rlim_t{1} << 31, rlim_t{1} << 31};  // of 20,000 stacks, a few hundred
    setrlimit(RLIMIT_AS, &limit);
  };
  const std::string message = of({"--workload", "sleep"}, "20000", 1, setting);
  EXPECT_TRUE(message.starts_with("fanout: none of the --sizes can be measured: ")) << message;
  EXPECT_NE(message.find("20000 are needed"), std::string::npos) << message;
}

TEST_F(Message, NamesTheOptionAndTheDirectoryOfTemporaryFiles) {
  command_setting setting;
  setting.before_start = [] { setenv("TMPDIR", "/proc", 1); };
  const std::string message = of_command({"--input-list", list_, "--output", "file"}, 2, setting);
  EXPECT_TRUE(message.starts_with("fanout: --output file: cannot write a temporary file in '/proc'")) << message;
}

TEST_F(Message, KnowsAStandardInputThatCannotBeReadFromAnEmptyOne) {
  command_setting closed;
  closed.before_start = [] { close(STDIN_FILENO); };
  EXPECT_EQ(of_command({"--input-list", "-"}, 2, closed),
            "fanout: --input-list 'standard input' cannot be read: Bad file descriptor");
  command_setting directory;
  directory.before_start = [] { dup2(open("/", O_RDONLY), STDIN_FILENO); };
  EXPECT_EQ(of_command({"--input-list", "-"}, 2, directory),
            "fanout: --input-list 'standard input' cannot be read: Is a directory");
  command_setting empty;
  empty.before_start = [] { dup2(open("/dev/null", O_RDONLY), STDIN_FILENO); };
  EXPECT_EQ(of_command({"--input-list", "-"}, 2, empty), "fanout: --input-list '-' holds no lines");
}

TEST_F(Message, ShowsTheBeginningOfALongTextOnly) {
  const std::string longer(20'000, 'x');
  place_.write("list", longer + "\n");
  const std::vector<std::pair<std::vector<std::string>, int>> all{
      {{"--command", "false {}", "--input-list", list_}, 1},
      {{"--command", longer, "--input-list", list_}, 2},
      {{"--command", longer + "{}", "--input-list", list_}, 1},
      {{"--command", "true {}", "--input-list", longer}, 2},
      {{"--workload", longer}, 2},
      {{"--level", longer}, 2},
      {{"--budget", longer}, 2},
      {{"--input", longer}, 2},
      {{"--report", longer}, 2},
      {{"--command", "true {}", "--input-list", list_, "--stdin", longer}, 2},
      {{longer}, 2},
      {{"--" + longer}, 2},
  };
  for (const auto& [arguments, exit_code] : all) {
    const std::string message = of(arguments, exit_code);
    EXPECT_NE(message.find("x…"), std::string::npos) << message.substr(0, 200);
    EXPECT_LT(message.size(), 1'000U) << message.substr(0, 200);
  }
}

}  // namespace
}  // namespace tool
