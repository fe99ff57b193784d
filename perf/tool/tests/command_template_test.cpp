#include "workloads/command_template.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace tool {
namespace {

using words = std::vector<std::string>;

words split(const std::string& text, const std::string& line = "LINE") {
  return command_template(text, /*shell=*/false).words_for(line);
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

TEST(CommandTemplate, QuotesTheLineForAShell) {
  const words shell = command_template("test {} = \"$EXPECTED\" > /dev/null", /*shell=*/true).words_for("it's; $(exit 1)");
  ASSERT_EQ(shell.size(), 3u);
  EXPECT_EQ(shell[0], "/bin/sh");
  EXPECT_EQ(shell[2], "test 'it'\\''s; $(exit 1)' = \"$EXPECTED\" > /dev/null");
  ASSERT_EQ(setenv("EXPECTED", "it's; $(exit 1)", 1), 0);
  EXPECT_EQ(std::system(shell[2].c_str()), 0) << "a real shell sees the line as it was";
}

}  // namespace
}  // namespace tool
