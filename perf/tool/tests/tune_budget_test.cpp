// Runs `fanout tune` with budgets that are too small, and with sizes for which there are no threads.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "run_command.hpp"
#include "temporary_directory.hpp"

namespace tool {
namespace {

std::vector<std::string> tune(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "tune");
  return arguments;
}

/// The second `--budget` of a message: the one to use. Empty if there is none.
std::string budget_named_in(const std::string& message) {
  static const std::string before = "use --budget ";
  const std::size_t begin = message.find(before);
  if (begin == std::string::npos) return "";
  const std::size_t word = begin + before.size();
  return message.substr(word, message.find(',', word) - word);
}

std::size_t lines_in(const std::string& path) {
  std::ifstream file(path);
  return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

// A loaded machine may be slower the second time than the first, so the budget may be named anew; but not for long.
TEST(TuneBudget, ThatIsNamedIsAccepted) {
  const std::vector<std::vector<std::string>> measurements{
      {"--workload", "sleep", "--tasks", "10", "--milliseconds", "10", "--sizes", "1,2", "--no-baselines"},
      {"--workload", "sleep", "--tasks", "10", "--milliseconds", "10", "--sizes", "1,2"},
      {"--workload", "sleep", "--tasks", "10", "--milliseconds", "5", "--no-baselines"},
  };
  for (const auto& measurement : measurements) {
    for (const char* budget : {"30ms", "150ms"}) {  // the first run does not end within the first one
      std::vector<std::string> arguments = tune(measurement);
      arguments.insert(arguments.end(), {"--budget", budget});
      const command_result refused = run_command(arguments);
      EXPECT_EQ(refused.exit_code, 2) << refused.out;
      EXPECT_EQ(refused.error_lines().size(), 1u) << refused.err;
      command_result last = refused;
      for (int i = 0; i != 3 && last.exit_code == 2; ++i) {
        arguments.back() = budget_named_in(last.err);
        last = run_command(arguments);
      }
      EXPECT_EQ(last.exit_code, 0) << refused.err << last.err;
    }
  }
}

// The first run would take all of the lines, which is what is counted here.
TEST(TuneBudget, IsRefusedSoonAfterItIsSpent) {
  const temporary_directory place;
  std::string lines;
  for (int i = 0; i != 400; ++i) lines += "0.05\n";
  const std::string list = place.write("list", lines);
  const std::string log = place.path("log");
  const command_result result = run_command(tune({"--shell", "--command", "echo >> '" + log + "'; sleep {}",
                                                  "--input-list", list, "--budget", "1s", "--no-baselines"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(budget_named_in(result.err), "") << result.err;
  EXPECT_LT(lines_in(log), 200u);
}

// Were the command not stopped, this test would take ten minutes, and its time limit would end it.
TEST(TuneBudget, EndsACommandThatTakesLonger) {
  const temporary_directory place;
  const std::string list = place.write("list", "600\n601\n");
  const command_result result =
      run_command(tune({"--command", "sleep {}", "--input-list", list, "--budget", "300ms", "--no-baselines"}));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("none of the 2 tasks ended within it"), std::string::npos) << result.err;
}

// The one size takes six runs of the budget's twelve, and the schedulers would take ten. A slower machine can do less.
TEST(TuneBudget, LeavesOutSchedulersForWhichItIsTooSmall) {
  const temporary_directory place;
  const std::string list = place.write("list", "0.1\n0.1\n0.1\n0.1\n");
  const command_result result =
      run_command(tune({"--command", "sleep {}", "--input-list", list, "--sizes", "1", "--budget", "4800ms"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("Recommended: 1"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("The hand-written schedulers were left out: they take about "), std::string::npos)
      << result.out;
}

// Stacks of 200 MB, and room for less than ten of them.
TEST(TuneSizes, ThatTheMachineCannotGiveAreLeftOutAndNamed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer needs terabytes of address space";
#endif
  const std::string command = "ulimit -s 200000; ulimit -v 2000000; '" FANOUT_TOOL
                              "' tune --workload sleep --tasks 64 --milliseconds 1 --budget 2s --no-baselines "
                              "--sizes 1,2,64,128 2>&1";
  std::FILE* const shell = popen(command.c_str(), "r");
  ASSERT_NE(shell, nullptr);
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), shell))
    out.append(buffer.data(), count);
  EXPECT_EQ(pclose(shell), 0) << out;
  EXPECT_NE(out.find("Sizes from 64 up were left out"), std::string::npos) << out;
}

}  // namespace
}  // namespace tool
