// What ends the commands of `fanout run` before they end by themselves, and what they leave behind.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "observed_processes.hpp"
#include "run_fixture.hpp"

namespace tool {
namespace {

class RunEnds : public Run {
 protected:
  ~RunEnds() override {
    for (const observed_process& each : sleeping()) kill(each.number, SIGKILL);
  }

  /// The processes of this test that sleep.
  std::vector<observed_process> sleeping() const {
    return processes_that([this](const observed_process& each) {
      return each.name == "sleep" && arguments_of(each.number).find(seconds_) != std::string::npos;
    });
  }

  bool nothing_sleeps() const {
    return eventually([this] { return sleeping().empty(); });
  }

  /// Calls it with the process of the tool when the text is in standard error for the first time.
  void when_told(const std::string& text, const std::function<void(pid_t)>& action) {
    setting_.on_stderr = [=, done = false](pid_t process, const std::string& all) mutable {
      if (done || all.find(text) == std::string::npos) return;
      done = true;
      action(process);
    };
  }

  const std::string seconds_ = std::to_string(300'000 + getpid());
  const std::string sleep_ = "sleep " + seconds_;
};

// ---- The time of each command ----

TEST_F(RunEnds, CommandsThatTakeTooLong) {
  const command_result result =
      run_shell("if [ {} = 2 ]; then trap 'echo asked; exit' TERM; " + sleep_ + " & wait; fi; echo {}", numbers(3),
                {"--task-timeout", "3s", "--grace", "10m"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "1\nasked\n3\n");
  EXPECT_TRUE(has(result.err, "for '2' (line 2) took longer than 3 s\n"));
  EXPECT_TRUE(has(result.err, ": 2 succeeded, 0 failed, 1 timed out, 0 stopped, 0 not started"));
  EXPECT_TRUE(nothing_sleeps());
}

TEST_F(RunEnds, CommandsThatDoNotWantToEndAfterAGrace) {
  const command_result result = run_shell("trap '' TERM; echo {}; " + sleep_ + "; echo never", "1\n",
                                          {"--task-timeout", "2s", "--grace", "300ms"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "1\n");
  EXPECT_TRUE(nothing_sleeps());
}

TEST_F(RunEnds, WhatCommandsHaveStartedInOtherGroups) {
  // `timeout` makes a group of its own; the shell around it ignores the signal.
  for (const std::string& command : {"timeout 400000 " + sleep_, "trap '' TERM; (timeout 400000 " + sleep_ + ")",
                                     "trap '' TERM; setsid " + sleep_ + " & wait"}) {
    const command_result result =
        run_shell(command + "; true {}", "1\n", {"--task-timeout", "2s", "--grace", "500ms"});
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_TRUE(nothing_sleeps()) << command;
  }
}

TEST_F(RunEnds, WithTimeForTheChildrenOfACommandThatHasEnded) {
  // The command ends at once, and what it has started in its group puts things in order.
  const std::string tidy = "trap 'sleep 0.5; touch \"$PLACE/tidied\"; exit' TERM; touch \"$PLACE/ready\"; " + sleep_ +
                           " & wait";
  const command_result result = run_shell("(" + tidy + ") > /dev/null 2>&1 & " + wait_for_file("ready") +
                                              "wait; true {}",
                                          "1\n", {"--task-timeout", "3s", "--grace", "100s"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_TRUE(exists("ready"));
  EXPECT_TRUE(exists("tidied"));
  EXPECT_TRUE(nothing_sleeps());
}

TEST_F(RunEnds, CommandsThatWereStopped) {
  const command_result result =
      run_shell("trap 'echo asked; exit' TERM; kill -STOP $$; true {}", "1\n", {"--task-timeout", "2s"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "asked\n");
}

// ---- The time of all ----

TEST_F(RunEnds, AllWhenTheTimeIsOver) {
  const command_result result = run_shell("[ {} = 1 ] || exec " + sleep_ + "; echo {}", numbers(9),
                                          {"--concurrency", "2", "--timeout", "2s"});
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_EQ(result.out, "1\n");
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 0 failed, 0 timed out, 2 stopped, 6 not started; 0 retried; the time was "
                              "over\n"));
  EXPECT_TRUE(nothing_sleeps());
}

TEST_F(RunEnds, NothingIfTheTimeIsEnough) {
  const command_result result =
      run("echo {}", numbers(3), {"--timeout", "1h", "--task-timeout", "1h", "--stop-after-failures", "1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, numbers(3));
}

TEST_F(RunEnds, AWaitForTheNextAttemptWhenTheTimeIsOver) {
  const command_result result = run_shell("echo {}; exit 4", "1\n", {"--retry", "1", "--retry-pause", "10m",
                                                                     "--timeout", "2s"});
  EXPECT_EQ(result.exit_code, 3) << "it has failed, and was not stopped";
  EXPECT_EQ(result.out, "1\n") << "the only attempt is the last";
  EXPECT_TRUE(has(result.err, "for '1' (line 1) ended with exit status 4\n"));
}

// ---- Signals ----

class RunSignals : public RunEnds, public testing::WithParamInterface<int> {};

TEST_P(RunSignals, EndCommandsGentlyAndThenTheTool) {
  when_told("ready", [](pid_t tool) { kill(tool, GetParam()); });
  const std::string unfinished = place_.path("unfinished");
  const command_result result = run_shell(
      "[ {} = 1 ] && exit; trap 'sleep 0.3; echo tidied; exit' TERM; echo ready >&2; " + sleep_ + " & wait",
      numbers(9), {"--concurrency", "1", "--grace", "10m", "--unfinished", unfinished});
  EXPECT_EQ(result.exit_code, -GetParam());
  EXPECT_EQ(result.out, "tidied\n");
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 0 failed, 0 timed out, 1 stopped, 7 not started"));
  EXPECT_EQ(place_.content("unfinished"), numbers(9).substr(2));
  EXPECT_TRUE(nothing_sleeps());
}

TEST_P(RunSignals, EndAllAtOnceTheSecondTime) {
  when_told("ready", [this](pid_t tool) {
    kill(tool, GetParam());
    EXPECT_TRUE(eventually([this] { return exists("asked"); }));
    kill(tool, GetParam());
  });
  const command_result result =
      run_shell("trap 'touch \"$PLACE/asked\"' TERM; echo ready >&2; while true; do " + sleep_ +
                    " & wait; done; true {}",
                "1\n", {"--grace", "10m"});
  EXPECT_EQ(result.exit_code, -GetParam());
  EXPECT_TRUE(nothing_sleeps());
}

INSTANTIATE_TEST_SUITE_P(All, RunSignals, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

class RunKills : public RunEnds, public testing::WithParamInterface<int> {};

TEST_P(RunKills, OfTheToolLeaveNoCommand) {
  when_told("ready", [](pid_t tool) { kill(tool, GetParam()); });
  EXPECT_EQ(run_shell("echo ready >&2; " + sleep_ + "; true {}", "1\n").exit_code, -GetParam());
  EXPECT_TRUE(nothing_sleeps());
}

INSTANTIATE_TEST_SUITE_P(All, RunKills, testing::Values(SIGKILL, SIGABRT),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

TEST_F(RunEnds, CommandsOfARunInTheBackgroundOfAScriptOnlyBySigterm) {
  setting_.before_start = [] { std::signal(SIGINT, SIG_IGN); };
  when_told("ready", [](pid_t tool) {
    kill(tool, SIGINT);
    kill(tool, SIGTERM);
  });
  EXPECT_EQ(run_shell("echo ready >&2; exec " + sleep_ + " {}", "1\n").exit_code, -SIGTERM);
  EXPECT_TRUE(nothing_sleeps());
}

TEST_F(RunEnds, AWaitForTheRateOnCtrlC) {
  when_told("ready", [](pid_t tool) { kill(tool, SIGINT); });
  // What it writes is seen when it has ended.
  const command_result result =
      run_shell("echo ready >&2; true {}", numbers(3), {"--rate", "1/1h", "--as-completed"});
  EXPECT_EQ(result.exit_code, -SIGINT);
  EXPECT_TRUE(has(result.err, ": 1 succeeded, 0 failed, 0 timed out, 0 stopped, 2 not started"));
}

// ---- What commands leave behind ----

TEST_F(RunEnds, WhatACommandLeavesInItsGroup) {
  const command_result result =
      run_shell(sleep_ + " > /dev/null 2>&1 & echo {}", numbers(3), {"--grace", "10m"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, numbers(3));
  EXPECT_TRUE(nothing_sleeps());
}

TEST_F(RunEnds, WhatACommandLeavesAtItsOutputAfterAGrace) {
  const command_result result = run_shell(sleep_ + " & echo {}", numbers(3), {"--grace", "300ms"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, numbers(3));
  EXPECT_TRUE(nothing_sleeps());
}

}  // namespace
}  // namespace tool
