#include "workloads/command_template.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <utility>
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
  EXPECT_EQ(split("a \"b \\\" \\\\ \\n \\$x $ $\" {}"), (words{"a", "b \" \\ \\n $x $ $", "LINE"}));
  EXPECT_EQ(split("a b\\ c \\> {}"), (words{"a", "b c", ">", "LINE"}));
  EXPECT_EQ(split("a '' x'y'\"z\" {}"), (words{"a", "", "xyz", "LINE"}));
  EXPECT_EQ(split("a '{}' \"{}\""), (words{"a", "LINE", "LINE"}));
}

/// What the refusal of a text says after "has "; empty if it is not refused.
std::string refusal_of(const std::string& text) {
  try {
    split(text);
    return {};
  } catch (const command_template::invalid& error) {
    return std::string(error.what()).substr(std::string("has ").size());
  }
}

TEST(CommandTemplate, RefusesWhatOnlyAShellUnderstands) {
  for (const auto& [text, character] : std::vector<std::pair<std::string, char>>{
           {"a {} > b", '>'},        {"a {} | b", '|'},    {"a {} & b", '&'},  {"a; {}", ';'},    {"a < {}", '<'},
           {"a $(b) {}", '$'},       {"a `b` {}", '`'},    {"a $b {}", '$'},   {"a * {}", '*'},   {"a {}*", '*'},
           {"a 'x'*.log {}", '*'},   {"a ? {}", '?'},      {"a [ab] {}", '['}, {"a x[{}]", '['},  {"a [!a] {}", '['},
           {"a ~ {}", '~'},          {"~/bin/a {}", '~'},  {"a ~x/y {}", '~'}, {"a {} # b", '#'}, {"a #{}", '#'},
           {"a b{1,2} {}", '{'},     {"a {1..3} {}", '{'}, {"a {{},b}", '{'},  {"a {b,{}}", '{'}, {"! a {}", '!'},
           {"a {\"b\":1,2} {}", '{'}}) {
    EXPECT_EQ(refusal_of(text), std::string("a '") + character + "', which is for a shell: quote it, or add --shell")
        << text;
  }
  for (const char* text : {"a \"$b\" {}", "a \"${b}\" {}", "a \"$(b)\" {}", "a \"`b`\" {}", "a \"$1\" {}"}) {
    EXPECT_TRUE(refusal_of(text).ends_with(
        "' between \"…\", which is for a shell: put a backslash before it, or add --shell"))
        << text << refusal_of(text);
  }
}

TEST(CommandTemplate, RefusesAssignmentsBeforeTheProgram) {
  for (const char* text : {"X=1 a {}", "X= a {}", "_x9='b c' a {}", "X={} a"}) {
    EXPECT_TRUE(refusal_of(text).starts_with("the assignment '")) << text;
    EXPECT_NE(refusal_of(text).find("put env before it"), std::string::npos) << text;
  }
  EXPECT_EQ(split("env X=1 a {}"), (words{"env", "X=1", "a", "LINE"}));
  EXPECT_EQ(split("9x=1 {}"), (words{"9x=1", "LINE"}));
  EXPECT_EQ(split("'X'=1 {}"), (words{"X=1", "LINE"})) << "in a shell, this is the name of a program";
}

TEST(CommandTemplate, RefusesLineEndsThatEndACommandInAShell) {
  EXPECT_TRUE(refusal_of("a {}\nb").starts_with("a line end between words, which is for a shell"));
  EXPECT_TRUE(refusal_of("a\n {}").starts_with("a line end between words"));
  EXPECT_EQ(split("\n a {}\n \n"), (words{"a", "LINE"}));
  EXPECT_EQ(split("a 'b\nc' \"d\ne\" {}"), (words{"a", "b\nc", "d\ne", "LINE"}));
}

TEST(CommandTemplate, JoinsLinesThatEndInABackslash) {
  EXPECT_EQ(split("a \\\n  b \\\n\\\n {}\\\n"), (words{"a", "b", "LINE"}));
  EXPECT_EQ(split("a b\\\nc \"d\\\ne\" 'f\\\ng' {}"), (words{"a", "bc", "de", "f\\\ng", "LINE"}));
}

TEST(CommandTemplate, TakesLiterallyWhatAShellDoes) {
  EXPECT_EQ(split("[ -f {} ]"), (words{"[", "-f", "LINE", "]"}));
  EXPECT_EQ(split("a b~ c#d ! x[] {b} {} {a,b X=1 x=~ \\* \\~ '*' \"?\" % ^ @ , a:b"),
            (words{"a", "b~", "c#d", "!", "x[]", "{b}", "LINE", "{a,b", "X=1", "x=~", "*", "~", "*", "?", "%", "^",
                   "@", ",", "a:b"}));
  EXPECT_EQ(split("a {},{} {threads},x"), (words{"a", "LINE,LINE", "1,x"}));
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

TEST(CommandTemplate, KnowsItsProgramUnlessTheLineIsPartOfIt) {
  EXPECT_EQ(command_template("'my program' {}", false).program(), "my program");
  EXPECT_EQ(command_template("cat {} | wc", true).program(), "/bin/sh");
  EXPECT_EQ(command_template("{} x", false).program(), "");
  EXPECT_EQ(command_template("./{}.sh x", false).program(), "");
}

TEST(WordForShell, IsQuotedOnlyWhereAShellWouldNotTakeItLiterally) {
  EXPECT_EQ(word_for_shell("--a=/b/c.d,e:f+g%h_i"), "--a=/b/c.d,e:f+g%h_i");
  EXPECT_EQ(word_for_shell(""), "''");
  EXPECT_EQ(word_for_shell("a b"), "'a b'");
  EXPECT_EQ(word_for_shell("it's"), "'it'\\''s'");
  for (const char* text : {"*", "~", "{}", "$x", "\n", "!", "#", "[a]", "a;b"}) {
    EXPECT_EQ(word_for_shell(text), quoted_for_shell(text));
  }
}

}  // namespace
}  // namespace tool
