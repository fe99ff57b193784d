// The lists, the options and the help of `fanout run`.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "run_fixture.hpp"

namespace tool {
namespace {

class RunList : public Run {};

const std::string odd_names = "plain\n a b \n'single'\n\"double\"\n$HOME `id` $(id)\n\\\n*\n{}\n-n\n\xff\xfe\ntab\there\n;#&|<>";

TEST_F(RunList, MayHoldAnyNames) {
  for (const std::string shell : {"", "--shell"}) {
    std::vector<std::string> more;
    if (!shell.empty()) more = {shell};
    const command_result result = run("printf '%s\\n' {}", odd_names, more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, odd_names + "\n");
  }
}

TEST_F(RunList, MayHoldNamesWithLineEndsBetweenNullCharacters) {
  const std::string list("two\nlines\0\nthree\n\nlines\n\0last", 29);
  const command_result result = run("printf '%s\\0' {}", list, {"--null"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, list + '\0');
}

TEST_F(RunList, WithNullCharactersNeedsTheOption) {
  const command_result result = run("touch {}", std::string("a\0b\0", 4));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(has(result.err, "null character"));
}

TEST_F(RunList, MayBeStandardInput) {
  const std::string list = place_.write("stdin", odd_names);
  setting_.before_start = [&] { dup2(open(list.c_str(), O_RDONLY | O_CLOEXEC), STDIN_FILENO); };
  const command_result result =
      run_command({"run", "--command", "printf '%s\\n' {}", "--input-list", "-"}, setting_);
  EXPECT_EQ(result.out, odd_names + "\n");
}

TEST_F(RunList, LosesNothing) {
  const std::string list = numbers(300);
  for (const char* number : {"1", "2", "7", "auto"}) {
    EXPECT_EQ(run("echo {}", list, {"--concurrency", number}).out, list) << number;
  }
}

TEST_F(RunList, MayBeEmpty) {
  for (const std::string list : {"", "\n\n"}) {
    const command_result result = run("touch {}", list);
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_TRUE(has(result.err, "fanout: 0 commands in "));
  }
}

TEST_F(RunList, MayBeTheFilesBelowADirectory) {
  place_.write("files/b c", "2");
  place_.write("files/a/x", "1");
  place_.write("files/it's", "3");
  const std::string files = place_.path("files");
  const command_result result = run_command({"run", "--command", "cat {}", "--input", files});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "123");
  EXPECT_EQ(run_command({"run", "--command", "false {}", "--input", files}).error_lines().at(0),
            "fanout: the command for '" + files + "/a/x' ended with exit status 1");
}

TEST_F(RunList, OfADirectoryThatCannotBeReadAsAWholeIsRunAsFarAsItCan) {
  if (!permissions_can_count()) GTEST_SKIP() << "root may read everything here";
  place_.write("files/a", "");
  place_.write("files/secret/b", "");
  chmod(place_.path("files/secret").c_str(), 0);
  setting_.permissions_count = true;
  const command_result result =
      run_command({"run", "--command", "basename {}", "--input", place_.path("files")}, setting_);
  chmod(place_.path("files/secret").c_str(), 0700);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "a\n");
  EXPECT_TRUE(has(result.err, "secret"));
}

TEST_F(RunList, IsNoStandardInputOfTheCommands) {
  const std::string list = place_.write("stdin", numbers(3));
  setting_.before_start = [&] { dup2(open(list.c_str(), O_RDONLY | O_CLOEXEC), STDIN_FILENO); };
  EXPECT_EQ(run_command({"run", "--command", "cat - {}", "--input-list", "-", "--dry-run"}, setting_).out,
            "cat - 1\ncat - 2\ncat - 3\n");
  EXPECT_EQ(run_command({"run", "--shell", "--command", "cat; echo {}", "--input-list", "-"}, setting_).out,
            numbers(3));
  EXPECT_EQ(run("cat - {}", "/dev/null\n/dev/null\n", {"--stdin", place_.write("in", "in\n")}).out, "in\nin\n");
}

// ---- Options ----

TEST_F(RunList, CanBeShownAsAScriptThatDoesTheSame) {
  const std::string list = odd_names + "\nX=1\n";
  for (const std::string shell : {"--shell", "--no-progress"}) {
    const command_result shown = run("printf '%s\\n' {}", list, {"--dry-run", shell});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_EQ(shown.err, "");
    const std::string script = place_.write("script", shown.out);
    const std::string out = place_.path("out");
    EXPECT_EQ(std::system(("sh " + script + " > " + out).c_str()), 0);
    EXPECT_EQ(place_.content("out"), list);
  }
  EXPECT_EQ(run("{} x", "X=1\n", {"--dry-run"}).out, "'X=1' x\n");
}

struct refused_options {
  std::vector<std::string> options;
  std::string message;
};

class RunOptions : public Run, public testing::WithParamInterface<refused_options> {};

TEST_P(RunOptions, ThatCannotBeUsedAreRefusedBeforeACommandStarts) {
  const command_result result = run_shell("touch \"$PLACE/ran\"; true {}", "1\n", GetParam().options);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(has(result.err, GetParam().message));
  EXPECT_TRUE(has(result.err, "(see fanout run --help)"));
  EXPECT_EQ(result.error_lines().size(), 1U) << result.err;
  EXPECT_FALSE(exists("ran"));
}

INSTANTIATE_TEST_SUITE_P(
    All, RunOptions,
    testing::Values(refused_options{{"--concurrency", "0"}, "--concurrency takes a whole number from 1 to 32768, not '0'"},
                    refused_options{{"--concurrency", "many"}, "not 'many'"},
                    refused_options{{"--concurrency", ""}, "not ''"},
                    refused_options{{"--timeout", "5"}, "--timeout takes a time of up to a day"},
                    refused_options{{"--task-timeout", "0s"}, "--task-timeout takes a time"},
                    refused_options{{"--grace", "x"}, "--grace takes a time"},
                    refused_options{{"--retry", "-1"}, "--retry takes a whole number from 0 to 1000"},
                    refused_options{{"--retry-pause", "1"}, "--retry-pause takes a time"},
                    refused_options{{"--rate", "10"}, "--rate takes 1 to 1000000 starts in a time"},
                    refused_options{{"--rate", "0/s"}, "--rate takes"},
                    refused_options{{"--rate", "1/x"}, "not '1/x'"},
                    refused_options{{"--memory-free", "1X"}, "--memory-free takes a number of bytes"},
                    refused_options{{"--memory-free", "0"}, "--memory-free takes a number of bytes"},
                    refused_options{{"--stop-after-failures", "some"}, "--stop-after-failures takes a whole number"},
                    refused_options{{"--stdin", "/nowhere"}, "--stdin: cannot read '/nowhere'"},
                    refused_options{{"--summary", "/nowhere/x"}, "cannot write '/nowhere/x'"},
                    refused_options{{"--unfinished", "/"}, "cannot write '/'"},
                    refused_options{{"--input-list", "/nowhere"}, "--input-list '/nowhere' cannot be read"},
                    refused_options{{"--input", "/"}, "--input-list and --input exclude each other"},
                    refused_options{{"--command", "'"}, "--command ''' has"},
                    refused_options{{"--command", "x {threads} {}"}, "which only fanout tune replaces"},
                    refused_options{{"--command", "x"}, "has no {}"},
                    refused_options{{"--nonsense"}, "--nonsense"},
                    refused_options{{"more"}, "more"}));

TEST_F(RunList, IsNotOverwritten) {
  const std::string list = place_.write("list", "1\n");
  for (const char* option : {"--summary", "--unfinished"}) {
    const command_result result = run("true {}", "1\n", {option, list});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(has(result.err, "are the same file"));
  }
}

TEST_F(RunList, IsNeeded) {
  EXPECT_TRUE(has(run_command({"run", "--command", "true {}"}).err, "--input-list or --input is needed"));
  EXPECT_TRUE(has(run_command({"run", "--input-list", "-"}).err, "--command is needed"));
}

TEST_F(RunList, IsNotReadForAProgramThatIsNotThere) {
  const command_result result = run("no-such-program {}", "1\n");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_TRUE(has(result.err, "cannot run 'no-such-program': No such file or directory"));
  EXPECT_TRUE(has(run("/etc/passwd {}", "1\n").err, "cannot run '/etc/passwd': Permission denied"));
}

TEST_F(RunList, IsExplainedByTheHelp) {
  const command_result result = run_command({"run", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* text : {"--stop-after-failures", "Examples:\n", "Exit codes:\n", "124"}) {
    EXPECT_TRUE(has(result.out, text));
  }
}

}  // namespace
}  // namespace tool
