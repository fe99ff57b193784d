// What `fanout run` does with the output of its commands.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "run_fixture.hpp"

namespace tool {
namespace {

class RunOutput : public Run {
 protected:
  // The command of line 1 ends last.
  const std::string first_ends_last_ =
      "if [ {} = 1 ]; then " + wait_for_file("3") + "fi; echo {}; echo error {} >&2; touch \"$PLACE\"/{}";
};

TEST_F(RunOutput, ComesInTheOrderOfTheList) {
  const command_result result = run_shell(first_ends_last_, numbers(3), {"--concurrency", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "1\n2\n3\n");
  EXPECT_TRUE(has(result.err, "error 1\nerror 2\nerror 3\n"));
}

TEST_F(RunOutput, ComesAsCommandsEndIfThatIsWanted) {
  const command_result result = run_shell(first_ends_last_, numbers(3), {"--concurrency", "2", "--as-completed"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "2\n3\n1\n");
  EXPECT_TRUE(has(result.err, "error 2\nerror 3\nerror 1\n"));
}

TEST_F(RunOutput, OfACommandStaysTogether) {
  for (const char* order : {"--as-completed", "--no-progress"}) {
    const command_result result = run_shell("for i in a b c d; do echo {} $i; sleep 0.01; done", numbers(12),
                                            {"--concurrency", "4", order});
    std::istringstream lines(result.out);
    std::set<std::string> seen;
    for (std::string number, rest; lines >> number;) {
      for (const char* letter : {"a", "b", "c", "d"}) {
        if (*letter != 'a') {
          std::string again;
          lines >> again;
          EXPECT_EQ(again, number);
        }
        lines >> rest;
        EXPECT_EQ(rest, letter);
      }
      EXPECT_TRUE(seen.insert(number).second);
    }
    EXPECT_EQ(seen.size(), 12U);
  }
}

TEST_F(RunOutput, OfTheFirstCommandThatRunsIsNotHeldBack) {
  bool seen = false;
  setting_.on_stderr = [&](pid_t, const std::string& text) {
    if (!seen && text.find("early") != std::string::npos) place_.write("go", "");
    seen |= text.find("early") != std::string::npos;
  };
  const command_result result =
      run_shell("echo early >&2; " + wait_for_file("go") + "echo {}", "1\n", {"--timeout", "100s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "1\n");
}

TEST_F(RunOutput, IsWrittenWhenItsTurnComesAlsoIfTheCommandThenSaysNothing) {
  // The second command has written before it has its turn, and writes nothing more until that was seen.
  setting_.on_stderr = [&](pid_t, const std::string& text) {
    if (text.find("second") != std::string::npos) place_.write("seen", "");
  };
  const command_result result = run_shell("if [ {} = 1 ]; then " + wait_for_file("written") +
                                              "else echo second >&2; touch \"$PLACE/written\"; " +
                                              wait_for_file("seen") + "fi",
                                          numbers(2), {"--concurrency", "2", "--timeout", "100s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(RunOutput, MayBeLarge) {
  // Those behind the first one wait for it, in the temporary file.
  const std::string write = "head -c 3000000 /dev/zero | tr '\\0' {}";
  for (const char* order : {"--no-progress", "--as-completed"}) {
    const command_result result = run_shell(
        "if [ {} = 1 ]; then " + wait_for_file("4") + "fi; " + write + "; " + write + " >&2; touch \"$PLACE\"/{}",
        numbers(4), {"--concurrency", "2", order});
    EXPECT_EQ(result.exit_code, 0);
    std::string expected;
    for (const char each : std::string(*(order + 2) == 'n' ? "1234" : "2341")) expected.append(3'000'000, each);
    EXPECT_TRUE(result.out == expected) << result.out.size();
    EXPECT_TRUE(result.err.starts_with(expected)) << result.err.size();
    std::filesystem::remove(place_.path("4"));
  }
}

TEST_F(RunOutput, HasEveryByteAsItIs) {
  const command_result result = run_shell("printf 'a\\000b\\377'; printf {}", "c\n");
  EXPECT_EQ(result.out, std::string("a\0b\377c", 5));
}

TEST_F(RunOutput, ThatNobodyTakesStopsTheRun) {
  setting_.stdout_path = "/dev/full";
  const command_result result = run_shell("echo {}; touch \"$PLACE\"/{}", numbers(20), {"--concurrency", "1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(has(result.err, "cannot write to standard output: No space left on device"));
  EXPECT_FALSE(exists("20"));
}

TEST_F(RunOutput, ThatCanBeKeptNowhereStopsTheRun) {
  setting_.before_start = [this] {
    setenv("PLACE", place_.path().c_str(), 1);
    setenv("TMPDIR", "/nowhere", 1);
  };
  const command_result result = run_shell("if [ {} = 1 ]; then sleep 600; fi; head -c 5000000 /dev/zero",
                                          numbers(2), {"--concurrency", "2"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(has(result.err, "cannot write a temporary file in '/nowhere', which TMPDIR names"));
}

TEST_F(RunOutput, OnAClosedStandardErrorIsLost) {
  setting_.before_start = [] { close(STDERR_FILENO); };
  const command_result result = run_shell("echo {}; echo error >&2", numbers(2));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "1\n2\n");
}

TEST_F(RunOutput, OfWhatACommandLeavesBehindIsWaitedForALittle) {
  const command_result result = run_shell("(sleep 0.3; echo late {}) & echo {}", numbers(2), {"--grace", "60s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "1\nlate 1\n2\nlate 2\n");
}

TEST_F(RunOutput, IsWrittenBesideTheProgressBar) {
  setting_.stderr_is_terminal = true;
  // The bar is drawn ten times a second.
  const command_result result = run_shell("sleep 0.3; echo error {} >&2; echo {}", numbers(2), {"--concurrency", "1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "1\n2\n");
  EXPECT_TRUE(has(result.err, "[..............................]   0 %"));
  EXPECT_TRUE(has(result.err, "[###############...............]  50 %"));
  // Each is written into an empty line.
  const std::string erased = "\r\x1b[K";
  for (const char* text : {"error 1\r\n", "error 2\r\n", "fanout: 2 commands"}) {
    EXPECT_TRUE(has(result.err, erased + text));
  }
}

TEST_F(RunOutput, HasNoProgressBarInAFile) {
  const command_result result = run_shell("sleep 0.3; true {}", "1\n");
  EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
}

}  // namespace
}  // namespace tool
