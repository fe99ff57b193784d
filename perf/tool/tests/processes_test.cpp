// How `fanout tune --command` runs its commands: their terminal, input and output, their threads, memory and limits.

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "observed_processes.hpp"
#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

namespace fs = std::filesystem;

class Processes : public testing::Test {
 protected:
  command_result tune(const std::string& command, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all{"tune", "--shell", "--command", command, "--input-list", list_, "--no-baselines"};
    all.insert(all.end(), {"--sizes", sizes_, "--budget", "20s"});
    all.insert(all.end(), more.begin(), more.end());
    return run_command(all, setting_);
  }

  std::string content_of(const std::string& name) const {
    std::ifstream file(place_.path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  temporary_directory place_;
  std::string list_ = place_.write("list", "first\n");
  std::string sizes_ = "1";
  command_setting setting_;
};

// ---- The terminal ----

/// The tool leads a session with a terminal.
class Terminal : public Processes {
 protected:
  Terminal() {
    setting_.stderr_is_terminal = true;
    setting_.before_start = [] {
      setsid();
      ioctl(STDERR_FILENO, TIOCSCTTY, 0);
    };
  }
};

// Were the commands not ended, these tests would hang, and their time limit would end them.
TEST_F(Terminal, ThatACommandReadsIsAnErrorThatNamesTheLine) {
  for (const char* command : {"read x < /dev/tty; true {}", "head -c 1 /dev/tty; true {}",
                              "(read x < /dev/tty); true {}", "sh -c 'exec cat /dev/tty' | cat; true {}"}) {
    const command_result result = tune(command);
    EXPECT_EQ(result.exit_code, 1) << command;
    EXPECT_NE(result.err.find("the command for line "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("terminal"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("--stdin"), std::string::npos) << result.err;
  }
}

TEST_F(Terminal, ThatACommandChangesIsAnErrorThatNamesTheLine) {
  const command_result result = tune("stty -echo < /dev/tty; true {}");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("the command for line "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("terminal"), std::string::npos) << result.err;
}

TEST_F(Terminal, ThatACommandMayNotWriteToIsAnErrorThatSaysWhy) {
  setting_.before_start = [] {
    setsid();
    ioctl(STDERR_FILENO, TIOCSCTTY, 0);
    termios settings{};
    tcgetattr(STDERR_FILENO, &settings);
    settings.c_lflag |= TOSTOP;
    tcsetattr(STDERR_FILENO, TCSANOW, &settings);
  };
  const command_result result = tune("echo text >&2; true {}");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("stty tostop"), std::string::npos) << result.err;
}

TEST_F(Terminal, IsNotTheStandardInputOfACommandUnlessAsked) {
  EXPECT_EQ(tune("cat > /dev/null; true {}").exit_code, 0);
  const command_result result = tune("cat; true {}", {"--stdin", "/dev/tty"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("terminal"), std::string::npos) << result.err;
}

TEST_F(Processes, OfACommandThatStopsItselfAreAnError) {
  const command_result result = tune("kill -TSTP $$; true {}");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("stopped itself"), std::string::npos) << result.err;
}

// ---- Input and output ----

TEST_F(Processes, EachReadTheWholeFileOfStdin) {
  const std::string input = place_.write("input", "content");
  const command_result result = tune("test \"$(cat)\" = content && true {}", {"--stdin", input});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Processes, DoNotStartWithAnInputThatCannotBeRead) {
  ASSERT_EQ(mkfifo(place_.path("pipe").c_str(), 0600), 0);
  for (const std::string& input : {place_.path("none"), place_.path(), place_.path("pipe")}) {
    const command_result result = tune("touch " + place_.path("mark") + "; true {}", {"--stdin", input});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(input), std::string::npos) << result.err;
  }
  EXPECT_FALSE(fs::exists(place_.path("mark")));
}

TEST_F(Processes, WriteIntoAPipeUnlessAskedOtherwise) {
  const std::string command = "readlink /proc/self/fd/3 3>&1 >&2; true {}";
  EXPECT_TRUE(tune(command).err.starts_with("pipe:["));
  EXPECT_TRUE(tune(command, {"--output", "pipe"}).err.starts_with("pipe:["));
  EXPECT_TRUE(tune(command, {"--output", "null"}).err.starts_with("/dev/null\n"));
  const std::string file = tune(command, {"--output", "file"}).err;
  EXPECT_NE(file.find(" (deleted)\n"), std::string::npos) << file;
  EXPECT_EQ(tune(command, {"--output", "socket"}).exit_code, 2);
}

TEST_F(Processes, MayWriteMoreThanAPipeHolds) {
  for (const char* output : {"null", "pipe", "file"}) {
    const command_result result = tune("head -c 3000000 /dev/zero; true {}", {"--output", output});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
}

TEST_F(Processes, DoNotStartWithoutADirectoryForTheirFiles) {
  const std::string none = place_.path("none");
  setting_.before_start = [&] { setenv("TMPDIR", none.c_str(), 1); };
  const command_result result = tune("true {}", {"--output", "file"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("'" + none + "', which TMPDIR names"), std::string::npos) << result.err;
}

// Threads take their stack sizes from this limit.
TEST_F(Processes, RunOnSmallStacks) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer needs larger stacks";
#endif
  setting_.before_start = [] {
    rlimit stack{};
    getrlimit(RLIMIT_STACK, &stack);
    stack.rlim_cur = rlim_t{64} * 1024;
    setrlimit(RLIMIT_STACK, &stack);
  };
  sizes_ = "1,2";
  const command_result result = tune("head -c 300000 /dev/zero; true {}");
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Processes, MayBeMoreThanTheToolMayHaveOpenFiles) {
  setting_.before_start = [] {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 24;
    setrlimit(RLIMIT_NOFILE, &files);
  };
  std::string lines;
  for (int i = 0; i != 16; ++i) lines += "x\n";
  place_.write("list", lines);
  sizes_ = "16";
  const command_result result = tune("sleep 0.02; test $(ulimit -n) = 24 && true {}");
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Processes, ThatACommandLeavesRunningEndWithIt) {
  // With a pipe that they keep open.
  const command_result result = tune("echo group $$ >&2; sleep 600 2> /dev/null & true {}");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<pid_t> groups = numbers_after("group", result.err);
  EXPECT_FALSE(groups.empty());
  EXPECT_TRUE(eventually([&] { return processes_in_groups(groups).empty(); }));
}

TEST_F(Processes, InheritNoDescriptorOfTheTool) {
  std::set<std::string> expected{"0", "1", "2"};
  for (int number = 3; number != 1'024; ++number) {
    const int flags = fcntl(number, F_GETFD);  // of the tests: the tool gets those that are inherited
    if (flags != -1 && (flags & FD_CLOEXEC) == 0) expected.insert(std::to_string(number));
  }
  int of_ls = 3;
  while (expected.contains(std::to_string(of_ls))) ++of_ls;
  expected.insert(std::to_string(of_ls));
  const command_result result = tune("ls /proc/self/fd >&2; true {}", {"--report", place_.path("report.html")});
  EXPECT_EQ(result.exit_code, 0);
  const std::vector<std::string> lines = result.error_lines();
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()), expected);
}

// ---- Threads and memory ----

TEST_F(Processes, WithThreadsOfTheirOwnRunOneAtATimeAndKnowTheSize) {
  const std::string log = place_.path("log");
  place_.write("list", "first\nsecond\n");
  sizes_ = "1,3";
  const command_result result =
      tune("mkdir " + place_.path("one") + " && echo {threads} >> " + log + " && rmdir " + place_.path("one") +
           " && echo {{threads}} {{}} > " + place_.path("braces") + "; true {}");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "") << "mkdir fails if two run at a time";
  std::string sizes = content_of("log");
  EXPECT_NE(sizes.find("1\n"), std::string::npos);
  EXPECT_NE(sizes.find("3\n"), std::string::npos);
  EXPECT_EQ(sizes.find_first_not_of("13\n"), std::string::npos);
  EXPECT_EQ(content_of("braces"), "{threads} {}\n");
}

TEST_F(Processes, WithThreadsOfTheirOwnAreNotComparedWithSchedulers) {
  const std::vector<std::string> arguments{"tune",    "--command", "true {threads} {}", "--input-list", list_,
                                           "--sizes", "1",         "--budget",          "20s",          "--format",
                                           "json"};
  const command_result result = run_command(arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(nlohmann::json::parse(result.out).contains("baselines"));
}

TEST_F(Processes, AreTheOnesWhosePeakMemoryIsReported) {
  constexpr std::uint64_t block = 40U << 20;
  place_.write("list", "first\nsecond\n");
  sizes_ = "2";
  const command_result result =
      tune("dd if=/dev/zero of=/dev/null bs=40M count=1 2> /dev/null; true {}", {"--format", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["peak_memory_of"], "largest command");
  for (const auto& row : report["rows"]) {
    EXPECT_GE(row["peak_memory_bytes"], block);
    EXPECT_LT(row["peak_memory_bytes"], 2 * block) << "of one command, not of all together";
  }
}

TEST_F(Processes, AreNamedWhereTheirPeakMemoryIsReported) {
  const std::string page = place_.path("report.html");
  const command_result result = tune("true {}", {"--report", page});
  EXPECT_NE(result.out.find("Peak memory is that of the largest command."), std::string::npos) << result.out;
  EXPECT_NE(content_of("report.html").find("Peak memory is that of the largest command."), std::string::npos);
  const command_result own = run_command({"tune", "--workload", "sleep", "--tasks", "2", "--milliseconds", "1",
                                          "--sizes", "1", "--budget", "20s", "--no-baselines", "--format", "json"});
  EXPECT_EQ(nlohmann::json::parse(own.out)["peak_memory_of"], "process");
}

// ---- A user who may not have more processes ----

/// Runs as a user of its own, who may have ten processes, threads included.
class FewProcesses : public Processes {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become a user who has no processes yet";
    // The limit counts those of other tests that run at the same time.
    const auto user = static_cast<uid_t>(1'000'000 + getpid());
    fs::permissions(place_.path(), fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
    setting_.before_start = [user] {
      const rlimit few{10, 10};
      if (setrlimit(RLIMIT_NPROC, &few) != 0 || setgroups(0, nullptr) != 0 || setgid(user) != 0 ||
          setuid(user) != 0) {
        _exit(125);
      }
    };
    if (run_command({"--version"}, setting_).exit_code != 0) GTEST_SKIP() << "other users cannot run the tool here";
  }

  /// The limit is reached at other places each time.
  void expect_an_error_each_time(const std::vector<std::string>& arguments, const std::vector<std::string>& texts) {
    for (int attempt = 0; attempt != 10; ++attempt) {
      const command_result result = run_command(arguments, setting_);
      EXPECT_EQ(result.exit_code, 1) << result.err;
      EXPECT_EQ(result.err.find("terminate"), std::string::npos) << result.err;
      EXPECT_TRUE(std::any_of(texts.begin(), texts.end(), [&](const auto& text) {
        return result.err.find(text) != std::string::npos;
      })) << result.err;
    }
  }
};

TEST_F(FewProcesses, AreAnErrorOfALineOrOfTheThreads) {
  std::string lines;
  for (int i = 0; i != 16; ++i) lines += "0.02\n";
  const std::string list = place_.write("sixteen", lines);
  for (const char* size : {"8", "6", "9"}) {
    expect_an_error_each_time(
        {"tune", "--command", "sleep {}", "--input-list", list, "--sizes", size, "--budget", "20s", "--no-baselines"},
        {"the command for line ", "threads"});
  }
}

TEST_F(FewProcesses, LeaveOutSizesAboveTheirNumber) {
  const command_result result = run_command({"tune", "--workload", "sleep", "--tasks", "16", "--milliseconds", "1",
                                             "--sizes", "1,2,32768", "--budget", "20s", "--no-baselines"},
                                            setting_);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("Sizes from 32768 up were left out"), std::string::npos) << result.out;
}

TEST_F(FewProcesses, LeaveOutTheSchedulersAndTellWhy) {
  // The limit is reached at other places each time.
  for (int attempt = 0; attempt != 10; ++attempt) {
    const command_result result = run_command(
        {"tune", "--workload", "sleep", "--tasks", "16", "--milliseconds", "1", "--sizes", "6", "--budget", "20s"},
        setting_);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("Recommended: 6"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("The hand-written schedulers were left out: "), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("cannot start a thread"), std::string::npos) << result.out;
  }
}

// There is a recommendation, so the exit code is 0: nobody asked for the schedulers, which need more than it did.
TEST_F(FewProcesses, LeaveOutTheSchedulersIfACommandIsRefused) {
  const std::string list = place_.write("sixteen", "0.01\n0.01\n0.01\n0.01\n0.01\n0.01\n0.01\n0.01\n");
  int refused_commands = 0;  // or threads
  for (int attempt = 0; attempt != 5; ++attempt) {
    const command_result result = run_command(
        {"tune", "--command", "sleep {}", "--input-list", list, "--sizes", "3", "--budget", "20s"}, setting_);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find("Recommended: 3"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("The hand-written schedulers were left out: "), std::string::npos) << result.out;
    refused_commands += result.out.find("were left out: the command for line ") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(refused_commands, 0);
}

}  // namespace
}  // namespace tool
