#include "command_line.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "duration.hpp"
#include "exit_status.hpp"
#include "text_output.hpp"

namespace tool {
namespace {

TEST(ParseNumber, TakesEveryNumberWithinTheBounds) {
  EXPECT_EQ(parse_number("--n", "1", 1, 257), 1U);
  EXPECT_EQ(parse_number("--n", "257", 1, 257), 257U);
  EXPECT_EQ(parse_number("--n", "007", 1, 257), 7U);
}

TEST(ParseNumber, RefusesEverythingElse) {
  for (const char* text :
       {"", "0", "258", "-1", "+1", " 1", "1 ", "1.0", "1e2", "0x10", "abc", "99999999999999999999"}) {
    EXPECT_THROW(parse_number("--n", text, 1, 257), usage_error) << text;
  }
}

TEST(ParseDuration, TakesTimesFromANanosecondToADay) {
  EXPECT_EQ(parse_duration("--budget", "1.5s"), std::chrono::milliseconds(1500));
  EXPECT_EQ(parse_duration("--budget", "24h"), std::chrono::hours(24));
  EXPECT_GT(parse_duration("--budget", "0.000002ms").count(), 0);
}

TEST(ParseDuration, RefusesWhatIsNoTimeItCanKeep) {
  for (const char* text :
       {"", "s", "0s", "-1s", "1", "1 s", "1e3s", "nans", "infs", "24.001h", "0.0000001ms", "1sec"}) {
    EXPECT_THROW(parse_duration("--budget", text), usage_error) << text;
  }
}

TEST(OneLine, LeavesNoControlCharacters) {
  EXPECT_EQ(one_line("a\nb\tc\r\x1b[2J\x7f"), "a\\nb\\tc\\x0d\\x1b[2J\\x7f");
}

TEST(OneLine, LeavesNoControlCharactersOfTwoBytes) {
  EXPECT_EQ(one_line("\xc2\x80 \xc2\x9b"
                     "2J \xc2\x9f"),
            "\\u0080 \\u009b2J \\u009f");
  EXPECT_EQ(one_line("\xc2\xa0 \xc2"), "\xc2\xa0 \xc2");
}

TEST(OneLine, LeavesOtherBytesAlone) { EXPECT_EQ(one_line("gr\xc3\xbc\xc3\x9f \xff"), "gr\xc3\xbc\xc3\x9f \xff"); }

}  // namespace
}  // namespace tool
