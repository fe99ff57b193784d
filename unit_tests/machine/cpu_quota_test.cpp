#include "machine/cpu_quota.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <string>

#include "machine/cpu_quota_machine.hpp"

// What the numbers mean, garbage, and the real files. Which groups count: cpu_quota_groups_test.cpp.
namespace fanout::detail {
namespace {

// A version 2 process in the group "/job" whose cpu.max has the given content.
std::optional<double> quota_for_cpu_max(const std::string& content) {
  return quota_of({{memberships, "0::/job\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/job/cpu.max", content}});
}

// A version 1 process in the group "/job" whose two files have the given content.
std::optional<double> quota_for_cfs(const std::string& quota, const std::string& period) {
  return quota_of({{memberships, "4:cpu,cpuacct:/job\n"}, {mounts, v1_mount()}},
                  v1_group("/sys/fs/cgroup/cpu,cpuacct/job", quota, period));
}

// ── the numbers ─────────────────────────────────────────────────────────────────────────────────────────

TEST(CpuQuota, IsTheQuotaDividedByThePeriod) {
  EXPECT_EQ(quota_for_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(quota_for_cpu_max("25000 50000\n"), 0.5);
  EXPECT_EQ(quota_for_cfs("800000\n", "100000\n"), 8.0);
  EXPECT_EQ(quota_for_cfs("1000\n", "1000000\n"), 0.001);
}

TEST(CpuQuota, IsNoneWhenTheGroupIsUnlimited) {
  EXPECT_EQ(quota_for_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(quota_for_cpu_max("max\n"), std::nullopt);
  EXPECT_EQ(quota_for_cfs("-1\n", "100000\n"), std::nullopt);
}

TEST(CpuQuota, TakesAPeriodOfAHundredMillisecondsWhenCpuMaxNamesNone) {
  EXPECT_EQ(quota_for_cpu_max("50000\n"), 0.5);
  EXPECT_EQ(quota_for_cpu_max("50000"), 0.5);
}

TEST(CpuQuota, ReadsNumbersWhateverWhitespaceSurroundsThem) {
  for (const auto* content : {"150000 100000", " 150000\t100000 \n\n", "150000 100000\r\n", "\n150000\n100000"}) {
    EXPECT_EQ(quota_for_cpu_max(content), 1.5) << content;
  }
  EXPECT_EQ(quota_for_cfs(" 300000\r\n", "100000"), 3.0);
}

TEST(CpuQuota, IgnoresFurtherNumbersThatALaterKernelMayAdd) {
  EXPECT_EQ(quota_for_cpu_max("150000 100000 20000\n"), 1.5);
}

TEST(CpuQuota, IsNoneWhenTheNumbersMakeNoSense) {
  for (const std::string content : {"", "\n", " ", "0 100000", "-5 100000", "150000 0", "150000 -100000", "150000 x",
                                    "150000x 100000", "+150000", "1.5 1", "0x10 1", "99999999999999999999 100000",
                                    "150000 99999999999999999999", "MAX 100000", ",", "\\040"}) {
    EXPECT_EQ(quota_for_cpu_max(content), std::nullopt) << content;
    EXPECT_EQ(quota_for_cfs(content, "100000\n"), std::nullopt) << content;
  }
  EXPECT_EQ(quota_for_cpu_max(std::string("150000\0 100000", 14)), std::nullopt);
  EXPECT_EQ(quota_for_cpu_max(std::string(100'000, '9')), std::nullopt);
  for (const std::string period : {"", "0\n", "-1\n", "x\n", "99999999999999999999\n", "1 2\n"}) {
    EXPECT_EQ(quota_for_cfs("150000\n", period), std::nullopt) << period;
  }
}

// ── garbage ─────────────────────────────────────────────────────────────────────────────────────────────

TEST(CpuQuota, SkipsLinesItDoesNotUnderstand) {
  EXPECT_EQ(quota_of({{memberships, "\n:\n::\n0:\n0::\n0::relative\n4\n:cpu:\n4:cpu\n0::/job\n7:"},
                      {mounts,
                       "\n \n-\n - cgroup2\n1 2 3 / /cg rw\n1 2 3 / /cg rw -\n1 2 3 / /cg rw - cgroup2\n"
                       "1 2 3 / /cg rw - cgroup2 x\n1 2 3 / relative rw - cgroup2 x rw\n1 2 3\n" +
                           v2_mount() + "36 24 0:30 / /cg"},
                      {"relative/cpu.max", "1000 100000\n"},
                      {"/sys/fs/cgroup/job/cpu.max", "150000 100000\n"}}),
            1.5);
}

TEST(CpuQuota, StandsVeryLongLines) {
  const std::string deep = [] {
    std::string path;
    while (path.size() < 1'000'000) path += "/x";
    return path;
  }();
  EXPECT_EQ(
      quota_of({{memberships, "0::/a" + deep + "\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/a/cpu.max", "50000"}}),
      0.5);
  const std::string name(1'000'000, 'n');
  EXPECT_EQ(quota_of({{memberships, "4:" + name + ",cpu:/\n0::/\n"},
                      {mounts, "1 2 0:3 / /" + name + " rw - ext4 " + name + " " + name + "\n" + v2_mount()},
                      {"/sys/fs/cgroup/cpu.max", "50000"}}),
            0.5);
}

// Every file of a machine is cut short or has bytes changed; whatever is found must be a usable number.
TEST(CpuQuota, NeverThrowsAndIsAlwaysPositiveWhateverTheFilesHold) {
  const std::string group = "/sys/fs/cgroup/cpu,cpuacct/a/b";
  const machine whole = {{memberships, "4:cpu,cpuacct:/a/b\n0::/../c\n"},
                         {mounts, v2_mount("/..", "/two\\040") + v1_mount()},
                         {group + "/cpu.cfs_quota_us", "250000\n"},
                         {group + "/cpu.cfs_period_us", "100000\n"},
                         {"/two /c/cpu.max", "150000 100000\n"}};
  ASSERT_EQ(quota_of(whole), 1.5);
  const auto check = [](const machine& files) {
    std::optional<double> quota;
    ASSERT_NO_THROW(quota = quota_of(files));
    ASSERT_GT(quota.value_or(1), 0.0);
  };
  std::mt19937 random(20251123);  // fixed: a failure must come back
  const std::string alphabet = std::string("/:.- \\\n\r\t,0129-+acpux\xff", 22) + '\0';
  for (const auto& [path, content] : whole) {
    for (std::size_t length = 0; length <= content.size(); ++length) {
      auto cut = whole;
      cut[path].resize(length);
      check(cut);
    }
    for (int round = 0; round < 2'000; ++round) {
      auto changed = whole;
      auto& text = changed[path];
      for (int i = 0; i < 3; ++i) text[random() % text.size()] = alphabet[random() % alphabet.size()];
      check(changed);
    }
  }
}

// ── whole cores ─────────────────────────────────────────────────────────────────────────────────────────

TEST(WholeCores, RoundsUp) {
  EXPECT_EQ(whole_cores(1.0), 1U);
  EXPECT_EQ(whole_cores(1.5), 2U);
  EXPECT_EQ(whole_cores(2.0), 2U);
  EXPECT_EQ(whole_cores(2.00001), 3U);
  EXPECT_EQ(whole_cores(700000.0 / 100000.0), 7U);
}

TEST(WholeCores, IsAtLeastOneAndNeverOverflows) {
  EXPECT_EQ(whole_cores(0.001), 1U);
  EXPECT_EQ(whole_cores(0.0), 1U);
  EXPECT_EQ(whole_cores(-3.0), 1U);
  EXPECT_EQ(whole_cores(std::numeric_limits<double>::quiet_NaN()), 1U);
  EXPECT_EQ(whole_cores(std::numeric_limits<double>::infinity()), 1'000'000'000U);
}

// ── the real files ──────────────────────────────────────────────────────────────────────────────────────

class temporary_file {
 public:
  explicit temporary_file(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / ("fanout_cpu_quota_test." + std::to_string(::getpid()))) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~temporary_file() { std::filesystem::remove(path_); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(ReadSmallFile, ReturnsTheContentByteForByte) {
  for (const std::string& content : {std::string(), std::string("a\0b\r\n", 5), std::string(4096, 'x')}) {
    EXPECT_EQ(read_small_file(temporary_file(content).path()), content);
  }
}

TEST(ReadSmallFile, ReturnsNoneForWhatCannotBeRead) {
  EXPECT_EQ(read_small_file("/nonexistent/file"), std::nullopt);
  EXPECT_EQ(read_small_file("/"), std::nullopt);
  EXPECT_EQ(read_small_file(""), std::nullopt);
}

TEST(ReadSmallFile, ReturnsTheCompleteLinesOfTheBeginningOfALargeFile) {
  std::string lines;
  while (lines.size() < (std::size_t{3} << 20)) lines += "a line of some length\n";
  const auto content = read_small_file(temporary_file(lines).path());
  ASSERT_TRUE(content);
  EXPECT_LE(content->size(), std::size_t{1} << 20);
  EXPECT_GT(content->size(), (std::size_t{1} << 20) - 100);
  EXPECT_TRUE(content->ends_with("length\n"));
}

TEST(CpuQuota, OfThisMachineIsNoneOrPositive) { EXPECT_GT(cpu_quota(read_small_file).value_or(1), 0.0); }

}  // namespace
}  // namespace fanout::detail
