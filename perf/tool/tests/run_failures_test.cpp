// What `fanout run` does when commands fail: how it tells, tries again, and stops.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "run_fixture.hpp"

namespace tool {
namespace {

class RunFailures : public Run {};

TEST_F(RunFailures, AreNamedAndCountedAndTheRestIsRun) {
  const command_result result =
      run_shell("echo {}; case {} in 2) exit 7;; 3) kill -9 $$;; esac", numbers(4), {"--concurrency", "2"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "1\n2\n3\n4\n");
  ASSERT_EQ(result.error_lines().size(), 3U) << result.err;
  EXPECT_EQ(result.error_lines()[0], "fanout: the command for '2' (line 2) ended with exit status 7");
  EXPECT_EQ(result.error_lines()[1], "fanout: the command for '3' (line 3) was ended by signal 9");
  EXPECT_TRUE(has(result.error_lines()[2], "fanout: 4 commands in "));
  EXPECT_TRUE(has(result.err, "2 succeeded, 2 failed, 0 timed out, 0 stopped, 0 not started; 0 retried\n"));
}

TEST_F(RunFailures, StandBehindTheOutputOfTheirCommand) {
  const command_result result = run_shell("echo before {} >&2; exit 1", numbers(2), {"--concurrency", "2"});
  EXPECT_TRUE(has(result.err,
                  "before 1\nfanout: the command for '1' (line 1) ended with exit status 1\n"
                  "before 2\nfanout: the command for '2' (line 2) ended with exit status 1\n"));
}

TEST_F(RunFailures, OfProgramsThatCannotBeStartedSayWhy) {
  const command_result result = run("{}", "no-such-program\n/\n/bin/true\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(has(result.err, "for 'no-such-program' (line 1) could not be started: No such file or directory\n"));
  EXPECT_TRUE(has(result.err, "for '/' (line 2) could not be started: Permission denied\n"));
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 2 failed,"));
}

TEST_F(RunFailures, OfLinesThatAreTooLongForACommandSayWhy) {
  const command_result result = run("true {}", std::string(3'000'000, 'x') + "\nshort\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(has(result.err, "(line 1) could not be started: Argument list too long\n"));
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 1 failed,"));
}

TEST_F(RunFailures, OfCommandsThatWantTheTerminalDoNotHang) {
  const command_result result = run_shell("kill -TTIN $$; true {}", "1\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(has(result.err, "wanted to read the terminal"));
}

// ---- Further attempts ----

// Succeeds in its third attempt.
const std::string third_time = "echo x >> \"$PLACE\"/{}; echo attempt $(wc -l < \"$PLACE\"/{}); "
                               "[ $(wc -l < \"$PLACE\"/{}) = 3 ]";

TEST_F(RunFailures, AreTriedAgain) {
  for (const char* order : {"--no-progress", "--as-completed"}) {
    const command_result result = run_shell(third_time, "a\nb\n", {"--retry", "2", order});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "attempt 3\nattempt 3\n") << "of the attempts before nothing is kept";
    EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
    EXPECT_TRUE(has(result.err, ": 2 succeeded, 0 failed, 0 timed out, 0 stopped, 0 not started; 2 retried\n"));
    std::filesystem::remove(place_.path("a"));
    std::filesystem::remove(place_.path("b"));
  }
}

TEST_F(RunFailures, AreTriedAgainNoMoreOftenThanAllowed) {
  const command_result result = run_shell(third_time, "a\n", {"--retry", "1"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "attempt 2\n");
  EXPECT_TRUE(has(result.err, "for 'a' (line 1) ended with exit status 1, in attempt 2\n"));
  EXPECT_TRUE(has(result.err, ": 0 succeeded, 1 failed, 0 timed out, 0 stopped, 0 not started; 1 retried\n"));
}

TEST_F(RunFailures, AreTriedAgainAfterAPause) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_shell(third_time, "a\n", {"--retry", "2", "--retry-pause", "200ms"}).exit_code, 0);
  // 0.2 s and 0.4 s, each up to a fifth shorter.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(480));
}

TEST_F(RunFailures, ThatWouldBeTheSameAgainAreNotTriedAgain) {
  const command_result result = run("{}", "no-such-program\n", {"--retry", "5", "--retry-pause", "10m"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(has(result.err, "; 0 retried\n"));
}

TEST_F(RunFailures, ByTheTimeOfACommandAreTriedAgain) {
  const command_result result =
      run_shell("if [ ! -e \"$PLACE\"/{} ]; then touch \"$PLACE\"/{}; exec sleep 600; fi", "a\n",
                {"--retry", "1", "--task-timeout", "2s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 0 failed, 0 timed out, 0 stopped, 0 not started; 1 retried\n"));
}

class RunRefusals : public Run {
 protected:
  RunRefusals() {
    setting_.before_start = [] {
      const rlimit few{20, 20};  // each command needs up to five
      setrlimit(RLIMIT_NOFILE, &few);
    };
  }
};

TEST_F(RunRefusals, OfTheSystemSayWhy) {
  const command_result result = run("sleep 2{}", "0\n0\n0\n0\n0\n0\n0\n0\n", {"--concurrency", "8", "--timeout", "3s"});
  EXPECT_TRUE(has(result.err, "could not be started: cannot make a pipe: Too many open files\n"));
}

TEST_F(RunRefusals, OfTheSystemAreTriedAgain) {
  const command_result result =
      run("sleep 0.{}", numbers(8), {"--concurrency", "8", "--retry", "1000", "--retry-pause", "20ms"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(has(result.err, ": 8 succeeded, 0 failed,"));
}

// ---- Enough of them ----

TEST_F(RunFailures, StopTheRunWhenThereAreEnough) {
  const command_result result =
      run_shell("echo {}; [ {} -lt 3 ]", numbers(10), {"--concurrency", "1", "--stop-after-failures", "2"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "1\n2\n3\n4\n");
  EXPECT_TRUE(has(result.err, ": 2 succeeded, 2 failed, 0 timed out, 0 stopped, 6 not started; 0 retried; no more were "
                              "started after so many failures\n"));
}

TEST_F(RunFailures, LetCommandsThatRunEnd) {
  const command_result result = run_shell(
      "if [ {} = 1 ]; then touch \"$PLACE/failed\"; exit 1; fi; " + wait_for_file("failed") + "sleep 0.5; echo {}",
      numbers(10), {"--concurrency", "2", "--stop-after-failures", "1"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "2\n");
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 1 failed, 0 timed out, 0 stopped, 8 not started"));
}

// ---- Files ----

TEST_F(RunFailures, AreInTheSummary) {
  const std::string summary = place_.path("summary");
  const command_result result =
      run_shell("exit {}", "0\n5\n0\n9\n", {"--summary", summary, "--concurrency", "1"});
  EXPECT_EQ(result.error_lines().size(), 2U) << result.err;
  const std::string text = place_.content("summary");
  EXPECT_TRUE(text.starts_with("4 commands in ")) << text;
  EXPECT_TRUE(text.ends_with("; 0 retried\nended with exit status 5\t5\nended with exit status 9\t9\n")) << text;
}

TEST_F(RunFailures, AreTheListOfAnotherRun) {
  const std::string again = place_.path("again");
  EXPECT_EQ(run_shell("[ {} -lt 3 ]", numbers(6), {"--concurrency", "1", "--unfinished", again,
                                                   "--stop-after-failures", "2"})
                .exit_code,
            3);
  EXPECT_EQ(place_.content("again"), "3\n4\n5\n6\n");
  const command_result second =
      run_command({"run", "--command", "true {}", "--input-list", again, "--unfinished", place_.path("none")});
  EXPECT_EQ(second.exit_code, 0);
  EXPECT_EQ(place_.content("none"), "");

  const std::string list("a\nb\0c\nd\0", 8);
  EXPECT_EQ(run_shell("[ {} = \"c\nd\" ]", list, {"--null", "--unfinished", again}).exit_code, 3);
  EXPECT_EQ(place_.content("again"), std::string("a\nb\0", 4));
}

// ---- Who may start ----

class RunStarts : public Run {};

TEST_F(RunStarts, ComeNoFasterThanTheRate) {
  const auto begin = std::chrono::steady_clock::now();
  const command_result result = run("true {}", numbers(5), {"--rate", "2/500ms", "--concurrency", "5"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1'000));
}

TEST_F(RunStarts, WaitForMemory) {
  // So much is available nowhere: each command waits until none runs.
  const command_result result =
      run_shell("mkdir \"$PLACE/alone\" && sleep 0.05 && rmdir \"$PLACE/alone\"; echo {}", numbers(6),
                {"--memory-free", "1000000T", "--concurrency", "4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, numbers(6));
  EXPECT_FALSE(has(result.err, "mkdir"));
}

}  // namespace
}  // namespace tool
