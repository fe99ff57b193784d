#include "workloads/command_template.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace tool {
namespace {

using words = std::vector<std::string>;

words split(const std::string& text, const std::string& line = "LINE") {
  return command_template(text, /*shell=*/false).words_for(line, 1);
}

TEST(CommandTemplate, SplitsAtBlanksAndFillsTheGap) {
  EXPECT_EQ(split("zstd -q  -c\t{}"), (words{"zstd", "-q", "-c", "LINE"}));
  EXPECT_EQ(split("  cp {} out/{}.bak "), (words{"cp", "LINE", "out/LINE.bak"}));
}

TEST(CommandTemplate, KeepsALineWithBlanksAndQuotesInOneWord) {
  EXPECT_EQ(split("cat {}", "a 'b' \"c\" $d {} *"), (words{"cat", "a 'b' \"c\" $d {} *"}));
}

TEST(CommandTemplate, UnderstandsQuotesAsAShellDoes) {
  EXPECT_EQ(split("a 'b c' {}"), (words{"a", "b c", "LINE"}));
  EXPECT_EQ(split("a \"b \\\" \\\\ \\n $x\" {}"), (words{"a", "b \" \\ \\n $x", "LINE"}));
  EXPECT_EQ(split("a b\\ c \\> {}"), (words{"a", "b c", ">", "LINE"}));
  EXPECT_EQ(split("a '' x'y'\"z\" {}"), (words{"a", "", "xyz", "LINE"}));
  EXPECT_EQ(split("a '{}' \"{}\""), (words{"a", "LINE", "LINE"}));
}

TEST(CommandTemplate, RefusesWhatOnlyAShellUnderstands) {
  for (const char* text : {"a {} > b", "a {} | b", "a {} & b", "a; {}", "a < {}", "a $(b) {}", "a `b` {}", "a $b {}"}) {
    EXPECT_THROW(split(text), command_template::invalid) << text;
  }
}

TEST(CommandTemplate, RefusesWhatIsNotFinished) {
  for (const char* text : {"", "  ", "a 'b {}", "a \"b {}", "a {} \\", "a b"}) {
    EXPECT_THROW(split(text), command_template::invalid) << text;
    EXPECT_THROW(command_template(std::string(text) + std::string(1, '\0'), true), command_template::invalid);
  }
}

TEST(CommandTemplate, FillsInTheNumberOfThreads) {
  const command_template command("make -j{threads} 'x {threads}' {}", /*shell=*/false);
  EXPECT_TRUE(command.takes_threads());
  EXPECT_EQ(command.words_for("a {threads}", 12), (words{"make", "-j12", "x 12", "a {threads}"}));
  const command_template in_shell("make -j{threads} {}", /*shell=*/true);
  EXPECT_TRUE(in_shell.takes_threads());
  EXPECT_EQ(in_shell.words_for("a", 3), (words{"/bin/sh", "-c", "make -j3 \"$1\"", "sh", "a"}));
  EXPECT_FALSE(command_template("make {thread} {}", /*shell=*/false).takes_threads());
}

TEST(CommandTemplate, TakesDoubledBracesForTheTextItself) {
  const command_template command("a {{}} {{threads}} -{{}}- {{x}} {}", /*shell=*/false);
  EXPECT_FALSE(command.takes_threads());
  EXPECT_EQ(command.words_for("LINE", 2), (words{"a", "{}", "{threads}", "-{}-", "{{x}}", "LINE"}));
  EXPECT_EQ(command_template("echo ${{threads}} {{}} {}", /*shell=*/true).words_for("x", 2)[2],
            "echo ${threads} {} \"$1\"");
  EXPECT_THROW(split("a {{}}"), command_template::invalid) << "that is no place for the line";
}

TEST(CommandTemplate, HandsTheLineToAShellAsAVariable) {
  const command_template command("test {} = \"$EXPECTED\"", /*shell=*/true);
  EXPECT_EQ(command.words_for("it's; $(exit 1)", 1),
            (words{"/bin/sh", "-c", "test \"$1\" = \"$EXPECTED\"", "sh", "it's; $(exit 1)"}));
}

/// The exit status of what a template makes of a line; 128 and the number of the signal that ended it.
int run_in_shell(const std::string& text, const std::string& line) {
  std::string command;
  for (const std::string& word : command_template(text, /*shell=*/true).words_for(line, 1)) {
    command += quoted_for_shell(word) + " ";
  }
  const int status = std::system((command + "> /dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(CommandTemplate, AShellSeesTheLineAsItIs) {
  const std::string line = "it's; $(exit 1)\n`x` \\ \"";
  ASSERT_EQ(setenv("EXPECTED", line.c_str(), 1), 0);
  EXPECT_EQ(run_in_shell("test {} = \"$EXPECTED\"", line), 0);
  EXPECT_EQ(run_in_shell("test \"$(printf %s {})\" = \"$EXPECTED\"", line), 0);
}

TEST(CommandTemplate, NoLineRunsAnythingInAShellWhateverQuotesStandAroundTheGap) {
  for (const char* text : {"true {}", "true '{}'", "true \"{}\"", "true '\"{}\"'", "true \\{}", "true ${}",
                           "true \"$(true {})\"", "cat <<END\n{}\nEND", "true # {}"}) {
    for (const char* line :
         {"$(kill -9 $$)", "`kill -9 $$`", "; kill -9 $$ #", "' ; kill -9 $$ #", "\" ; kill -9 $$ #",
          "'; kill -9 $$ ; '", "\\'; kill -9 $$ ; '", "\nkill -9 $$\n", "x\nEND\nkill -9 $$"}) {
      EXPECT_NE(run_in_shell(text, line), 128 + 9) << text << " with " << line;
    }
  }
}

}  // namespace
}  // namespace tool
