#include "command_line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

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

TEST(OneLine, ShowsCharactersThatCannotBeSeenOrTurnTheText) {
  EXPECT_EQ(one_line("a\u202egpj.exe"), "a\\u202egpj.exe");
  EXPECT_EQ(one_line("\u00ad\u061c\u180e\u200b\u200f\u2028\u2066\u2069\ufeff\U000e0041"),
            "\\u00ad\\u061c\\u180e\\u200b\\u200f\\u2028\\u2066\\u2069\\ufeff\\U000e0041");
  EXPECT_EQ(one_line("\u200a\u2010\u2027\u202f\u2070\u00ae\u05d0\u0645\u3042\U0001f600"),
            "\u200a\u2010\u2027\u202f\u2070\u00ae\u05d0\u0645\u3042\U0001f600");
  EXPECT_EQ(one_line("\xe2\x80"), "\xe2\x80") << "cut off";
  EXPECT_EQ(escaped("a\u202e<b>"), "a\\u202e&lt;b&gt;") << "the page";
}

TEST(ShortLine, HasAnEllipsisInPlaceOfTheRestOfALongText) {
  EXPECT_EQ(short_line(std::string(200, 'x')), std::string(200, 'x'));
  EXPECT_EQ(short_line(std::string(200'000, 'x')), std::string(200, 'x') + "…");
  EXPECT_EQ(short_line(std::string(199, 'x') + "äää"), std::string(199, 'x') + "…") << "no character is divided";
  EXPECT_EQ(short_line(std::string(300, '\n')).size(), 400 + std::string("…").size());
}

TEST(OneLine, LeavesOtherBytesAlone) { EXPECT_EQ(one_line("gr\xc3\xbc\xc3\x9f \xff"), "gr\xc3\xbc\xc3\x9f \xff"); }

}  // namespace
}  // namespace tool
