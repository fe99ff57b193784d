#include "tuning/resource_use.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "support.hpp"
#include "tuning/number_text.hpp"
#include "tuning/utf8.hpp"

namespace {

using namespace std::chrono_literals;
using namespace fanout::detail;

TEST(TuningResourceUse, CountsTheTimeOfChildProcesses) {
  const resource_use before = resource_use_of_process();
  ASSERT_EQ(std::system("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"), 0);
  const resource_use after = resource_use_of_process();
  EXPECT_GT(after.child_cpu_seconds, before.child_cpu_seconds);
  EXPECT_GT(after.cpu_seconds, before.cpu_seconds);
}

TEST(TuningResourceUse, ForgetsThePeakOfEarlier) {
  if (!forget_peak_memory()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written here";
  if (support::under_address_sanitizer) GTEST_SKIP() << "memory that is freed stays in quarantine";
  constexpr std::size_t large = 64u << 20;
  const auto before = peak_memory_bytes();
  ASSERT_TRUE(before);
  {
    const std::vector<char> block(large, 'x');
    const volatile char read = block.back();  // a block that nobody reads clang leaves out
    static_cast<void>(read);
  }
  const auto with_block = peak_memory_bytes();
  ASSERT_TRUE(forget_peak_memory());
  const auto after = peak_memory_bytes();
  EXPECT_GE(*with_block, *before + large / 2);
  EXPECT_LE(*after, *with_block - large / 2);
}

TEST(TuningResourceUse, FindsThePeakInTheStatus) {
  EXPECT_EQ(peak_in_status("VmPeak:\t  10 kB\nVmHWM:\t    1234 kB\nVmRSS:\t 5 kB\n"), 1234u * 1024);
}

TEST(TuningResourceUse, TakesAStatusThatMakesNoSenseForNone) {
  for (const char* text : {"", "VmHWM:", "VmHWM:\t", "VmHWM:\tmuch kB", "VmHWM: 12 MB", "VmHWM: 12",
                           "VmHWM: 99999999999999999999 kB", "VmHWM: 18446744073709551615 kB"}) {
    EXPECT_FALSE(peak_in_status(text)) << text;
  }
}

TEST(TuningNumberText, WritesDurationsInAFittingUnit) {
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(2.5e-7), "250 ns");
  EXPECT_EQ(duration_text(1.234e-5), "12.3 us");
  EXPECT_EQ(duration_text(0.1), "100 ms");
  EXPECT_EQ(duration_text(4.2), "4.2 s");
  EXPECT_EQ(duration_text(90), "90 s");
  EXPECT_EQ(duration_text(1e300).size(), 303u);
}

TEST(TuningNumberText, IsExactWhereItHasToBe) {
  EXPECT_EQ(exact_text(1.5), "1.5");
  EXPECT_EQ(std::strtod(exact_text(0.1 + 0.2).c_str(), nullptr), 0.1 + 0.2);
}

TEST(TuningUtf8, KnowsWhatIsUtf8) {
  for (const char* text : {"", "plain", "Größe", "…", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(TuningUtf8, PrintsNoControlCharacters) {
  EXPECT_EQ(printable("a\x1b[31mb\n\x7f"
                      "\xc2\x9b"
                      "ü"),
            "a?[31mb???ü");
  EXPECT_EQ(printable("a\u202egpj\u200b\u2066\ufeff\U000e0041 \u2010\u202f\U0001f600"),
            "a?gpj???? \u2010\u202f\U0001f600")
      << "nor those that cannot be seen or turn the text";
}

}  // namespace
