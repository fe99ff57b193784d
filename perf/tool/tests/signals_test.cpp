// Signals to `fanout tune --command`: no command outlives it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "observed_processes.hpp"
#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

/// Two commands that would run for ten minutes. Each tells its group, then runs `rest`.
class Signals : public testing::Test {
 protected:
  command_result run(const std::string& rest = "sleep 600; true") {
    // They leave standard error alone then: its end is that of the tool.
    const std::string command = "echo group $$ >&2; exec 2> /dev/null; " + rest + "; true {}";
    setting_.on_stderr = [this](pid_t process, const std::string& text) {
      if (done_ || numbers_after("group", text).size() != 2 || text.back() != '\n') return;
      done_ = true;
      groups_ = numbers_after("group", text);
      when_they_run_(process);
    };
    return run_command({"tune", "--shell", "--command", command, "--input-list", place_.write("list", "1\n2\n"),
                        "--sizes", "2", "--budget", "10h", "--no-baselines"},
                       setting_);
  }

  /// Whether both commands have started what they start: a shell each, and its sleep.
  bool all_run() const {
    const auto processes = processes_in_groups(groups_);
    return std::count_if(processes.begin(), processes.end(),
                         [](const observed_process& each) { return each.name == "sleep"; }) == 2;
  }

  /// The keeper, which may still have to take its name; or 0, with a failure.
  static pid_t keeper_of(pid_t tool) {
    std::vector<observed_process> keepers;
    EXPECT_TRUE(eventually([&] {
      keepers = processes_that(
          [=](const observed_process& each) { return each.parent == tool && each.name == "fanout-keeper"; });
      return !keepers.empty();
    }));
    return keepers.empty() ? 0 : keepers[0].number;
  }

  bool all_in_state(bool stopped) const {
    const auto processes = processes_in_groups(groups_);
    return std::all_of(processes.begin(), processes.end(),
                       [=](const observed_process& each) { return (each.state == 'T') == stopped; });
  }

  ~Signals() override {
    for (const pid_t group : groups_) kill(-group, SIGKILL);
  }

  temporary_directory place_;
  command_setting setting_;
  std::function<void(pid_t)> when_they_run_;
  std::vector<pid_t> groups_;
  bool done_ = false;
};

class EndingSignals : public Signals, public testing::WithParamInterface<int> {};

TEST_P(EndingSignals, EndTheToolAndLeaveNoCommand) {
  setting_.before_start = [] {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) std::signal(signal, SIG_DFL);
  };
  when_they_run_ = [this](pid_t tool) {
    EXPECT_TRUE(eventually([this] { return all_run(); }));  // so that killing the shells would not be enough
    kill(tool, GetParam());
  };
  const command_result result = run();
  EXPECT_EQ(result.exit_code, -GetParam()) << result.err;
  EXPECT_TRUE(eventually([this] { return processes_in_groups(groups_).empty(); }));
  const std::size_t own_lines = GetParam() == SIGINT ? 1 : 0;  // "interrupted"; the killed commands are no failures
  EXPECT_EQ(result.error_lines().size(), 2 + own_lines) << result.err;
}

// SIGABRT and SIGSEGV are for a crash.
INSTANTIATE_TEST_SUITE_P(All, EndingSignals,
                         testing::Values(SIGTERM, SIGHUP, SIGQUIT, SIGKILL, SIGINT, SIGABRT, SIGSEGV),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

/// What the commands start in other groups: `timeout` makes one of its own.
class SignalsBeyondGroups : public Signals, public testing::WithParamInterface<int> {};

TEST_P(SignalsBeyondGroups, EndTheToolAndLeaveNoProcess) {
  const std::string seconds = std::to_string(100'000 + getpid());
  const auto sleeping = [&] {
    return processes_that([&](const observed_process& each) {
      return each.name == "sleep" && arguments_of(each.number).find(seconds) != std::string::npos;
    });
  };
  when_they_run_ = [&](pid_t tool) {
    EXPECT_TRUE(eventually([&] { return sleeping().size() == 4; }));
    for (const observed_process& each : sleeping()) {
      EXPECT_EQ(std::count(groups_.begin(), groups_.end(), each.group), 0) << "that would be no test";
    }
    kill(tool, GetParam());
  };
  const std::string long_sleep = "timeout 100000 sleep " + seconds;
  EXPECT_EQ(run("(" + long_sleep + "; true) & " + long_sleep + "; true").exit_code, -GetParam());
  EXPECT_TRUE(eventually([&] { return sleeping().empty(); }));
  for (const observed_process& each : sleeping()) kill(each.number, SIGKILL);
}

INSTANTIATE_TEST_SUITE_P(All, SignalsBeyondGroups, testing::Values(SIGTERM, SIGINT),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

/// A command that joins the group of the tool, as a shell with job control does for its own jobs.
class SignalsToMovedCommands : public Signals, public testing::WithParamInterface<int> {};

TEST_P(SignalsToMovedCommands, EndTheToolAndLeaveNoProcess) {
  if (std::system("perl -e 1") != 0) GTEST_SKIP() << "perl is needed for a command that changes its group";
  const std::string seconds = std::to_string(200'000 + getpid());
  const auto sleeping = [&] {
    return processes_that([&](const observed_process& each) {
      return each.name == "sleep" && arguments_of(each.number).find(seconds) != std::string::npos;
    });
  };
  setting_.before_start = [] { setpgid(0, 0); };
  when_they_run_ = [&](pid_t tool) {
    EXPECT_TRUE(eventually([&] { return sleeping().size() == 2; }));
    for (const observed_process& each : sleeping()) EXPECT_EQ(each.group, tool) << "that would be no test";
    kill(tool, GetParam());
  };
  EXPECT_EQ(run("exec perl -e 'setpgrp(0, getpgrp(getppid())); exec \"sleep\", \"" + seconds + "\"'").exit_code,
            -GetParam());
  EXPECT_TRUE(eventually([&] { return sleeping().empty(); }));
  for (const observed_process& each : sleeping()) kill(each.number, SIGKILL);
}

INSTANTIATE_TEST_SUITE_P(All, SignalsToMovedCommands, testing::Values(SIGTERM, SIGINT, SIGKILL),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

class SignalsToAStoppedKeeper : public Signals, public testing::WithParamInterface<int> {};

TEST_P(SignalsToAStoppedKeeper, EndItWithTheTool) {
  pid_t keeper = 0;
  when_they_run_ = [&](pid_t tool) {
    keeper = keeper_of(tool);
    if (keeper != 0) kill(keeper, SIGSTOP);
    kill(tool, GetParam());
  };
  EXPECT_EQ(run().exit_code, -GetParam());
  EXPECT_TRUE(eventually([&] {
    return processes_that(
               [&](const observed_process& each) { return each.number == keeper && each.name == "fanout-keeper"; })
        .empty();
  }));
  EXPECT_TRUE(eventually([this] { return processes_in_groups(groups_).empty(); }));
}

INSTANTIATE_TEST_SUITE_P(All, SignalsToAStoppedKeeper, testing::Values(SIGTERM, SIGINT, SIGKILL),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

TEST_F(Signals, KillTheCommandsAlsoIfTheKeeperIsKilledWithTheTool) {
  when_they_run_ = [](pid_t tool) {
    const pid_t keeper = keeper_of(tool);
    kill(tool, SIGSTOP);  // or it could see the end of the keeper
    if (keeper != 0) kill(keeper, SIGKILL);
    kill(tool, SIGKILL);
  };
  run("exec sleep 600");
  EXPECT_TRUE(eventually([this] { return processes_in_groups(groups_).empty(); }));
}

TEST_F(Signals, StopTheCommandsWithTheToolAndContinueThem) {
  setting_.before_start = [] {
    setpgid(0, 0);  // a job, as of a shell
    std::signal(SIGTSTP, SIG_DFL);
  };
  when_they_run_ = [this](pid_t tool) {
    const auto tool_is_stopped = [=] {
      return processes_that([=](const observed_process& each) {
               return each.number == tool && each.state == 'T';
             }).size() == 1;
    };
    EXPECT_TRUE(eventually([this] { return all_run(); }));
    for (int round = 0; round != 2; ++round) {
      kill(-tool, SIGTSTP);
      EXPECT_TRUE(eventually([&] { return tool_is_stopped() && all_in_state(/*stopped=*/true); }));
      kill(-tool, SIGCONT);
      EXPECT_TRUE(eventually([&] { return !tool_is_stopped() && all_in_state(/*stopped=*/false); }));
      EXPECT_EQ(processes_in_groups(groups_).size(), 4U);
    }
    kill(tool, SIGTERM);
  };
  EXPECT_EQ(run().exit_code, -SIGTERM);
  EXPECT_TRUE(eventually([this] { return processes_in_groups(groups_).empty(); }));
}

TEST_F(Signals, ThatAreIgnoredFromTheStartStayIgnored) {
  setting_.before_start = [] { std::signal(SIGHUP, SIG_IGN); };  // as by nohup
  when_they_run_ = [this](pid_t tool) {
    kill(tool, SIGHUP);
    EXPECT_FALSE(processes_in_groups(groups_).empty());
    kill(tool, SIGTERM);
  };
  EXPECT_EQ(run().exit_code, -SIGTERM);
}

TEST_F(Signals, SentToTheGroupOfTheToolLeaveNoCommand) {
  setting_.before_start = [] { setpgid(0, 0); };
  when_they_run_ = [](pid_t tool) { kill(-tool, SIGKILL); };  // as timeout -s KILL does
  EXPECT_EQ(run().exit_code, -SIGKILL);
  EXPECT_TRUE(eventually([this] { return processes_in_groups(groups_).empty(); }));
}

class SignalsWhileTheListIsRead : public Signals, public testing::WithParamInterface<int> {};

// Were the tool to go on waiting for the end of the list, this would hang until its time limit.
TEST_P(SignalsWhileTheListIsRead, EndTheTool) {
  const std::string pipe = place_.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& list : {pipe, std::string("-")}) {
    setting_.before_start = [&] {
      if (list == "-") dup2(open(pipe.c_str(), O_RDONLY), STDIN_FILENO);
    };
    std::promise<void> over;
    std::thread writer([&, ended = over.get_future()] {
      const int end = open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
      EXPECT_EQ(write(end, "1\n", 2), 2);
      std::vector<observed_process> keepers;
      EXPECT_TRUE(eventually([&] {
        keepers = processes_that([](const observed_process& each) { return each.name == "fanout-keeper"; });
        std::erase_if(keepers, [](const observed_process& keeper) {
          return processes_that([&](const observed_process& each) {
                   return each.number == keeper.parent && each.parent == getpid();
                 })
              .empty();
        });
        return keepers.size() == 1;
      }));
      if (!keepers.empty()) kill(keepers[0].parent, GetParam());
      ended.wait();
      close(end);
    });
    const command_result result = run_command(
        {"tune", "--command", "true {}", "--input-list", list, "--sizes", "1", "--budget", "10h"}, setting_);
    over.set_value();
    writer.join();
    EXPECT_EQ(result.exit_code, -GetParam()) << list << ": " << result.err;
    EXPECT_EQ(result.out, "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, SignalsWhileTheListIsRead, testing::Values(SIGINT, SIGTERM),
                         [](const auto& instance) { return std::string(sigabbrev_np(instance.param)); });

TEST_F(Signals, ReachACommandWithTheirDefaultAction) {
  setting_.before_start = [] {
    // As of a caller that waits for signals in a thread, and of one that has no children.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    for (const int signal : {SIGPIPE, SIGXFSZ, SIGCHLD}) std::signal(signal, SIG_IGN);
  };
  const std::string list = place_.write("list", "Blk\nIgn\n");
  const command_result result =
      run_command({"tune", "--command", "sh -c 'grep -q \"^Sig$1:.0*$\" /proc/self/status' sh {}", "--input-list",
                   list, "--sizes", "2", "--budget", "20s"},
                  setting_);
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Signals, OfChildrenThatTheCallerIgnoresDoNotHideAFailure) {
  setting_.before_start = [] { std::signal(SIGCHLD, SIG_IGN); };
  const std::string list = place_.write("list", "7\n");
  const command_result result = run_command(
      {"tune", "--command", "sh -c 'exit {}'", "--input-list", list, "--sizes", "1", "--budget", "20s"}, setting_);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("exit status 7"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace tool
