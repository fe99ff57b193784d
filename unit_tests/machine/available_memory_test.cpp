#include "machine/available_memory.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "fanout/admission.hpp"
#include "machine/cpu_quota_machine.hpp"

// What the numbers mean. Which groups they come from is the same as for the CPU quota: cpu_quota_groups_test.cpp.
namespace fanout::detail {
namespace {

constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();
const std::string v2 = "/sys/fs/cgroup";
const std::string v1 = "/sys/fs/cgroup/memory";

std::uint64_t memory_of(const machine& files) {
  return available_memory([&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  });
}

machine with(machine files, const machine& more) {
  for (const auto& [path, content] : more) files[path] = content;
  return files;
}

/// A machine with 64 MiB, and the process in a group of version 2.
machine in_group(const std::string& group) {
  return {{memberships, "0::" + group + "\n"},
          {mounts, v2_mount()},
          {"/proc/meminfo", "MemTotal:  131072 kB\nMemFree:  1024 kB\nMemAvailable:   65536 kB\nBuffers:  1 kB\n"}};
}
constexpr std::uint64_t of_the_machine = 65'536 * 1'024;

machine group(const std::string& name, const std::string& max, const std::string& current, const std::string& stat) {
  const std::string directory = v2 + name;
  return {{directory + "/memory.max", max},
          {directory + "/memory.current", current},
          {directory + "/memory.stat", stat}};
}

TEST(AvailableMemory, IsWhatTheMachineHasWhereNoGroupHasALimit) {
  EXPECT_EQ(memory_of(in_group("/job")), of_the_machine);
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "max\n", "1000\n", ""))), of_the_machine);
  EXPECT_EQ(memory_of({{"/proc/meminfo", "MemAvailable: 7 kB\n"}}), 7 * 1'024U);
}

TEST(AvailableMemory, IsUnknownWhereNothingCanBeRead) { EXPECT_EQ(memory_of({}), unknown); }

TEST(AvailableMemory, IsTheLimitOfTheGroupWithoutWhatItUses) {
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", "4000\n", ""))), 6'000U);
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", "10000\n", ""))), 0U);
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", "12000\n", ""))), 0U)
      << "the limit was lowered, or is exceeded for a moment";
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "0\n", "0\n", ""))), 0U);
}

TEST(AvailableMemory, IsThatOfTheMachineIfItHasLess) {
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "1000000000\n", "4000\n", ""))), of_the_machine);
}

TEST(AvailableMemory, CountsTheFileCacheOfTheGroupAndNotItsOtherMemory) {
  const std::string stat =
      "anon 1000\nfile 2500\nshmem 500\nfile_mapped 100\ninactive_anon 700\nactive_anon 800\ninactive_file 1200\n"
      "active_file 800\nunevictable 0\nslab_reclaimable 300\n";
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", "4000\n", stat))), 8'000U);
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", "1500\n", stat))), 10'000U)
      << "the files were read one after the other";
}

TEST(AvailableMemory, IsThatOfTheLowerOfBothLimitsOfAGroup) {
  machine files = with(in_group("/job"), group("/job", "10000\n", "4000\n", ""));
  files[v2 + "/job/memory.high"] = "9000\n";
  EXPECT_EQ(memory_of(files), 5'000U);
  files[v2 + "/job/memory.high"] = "max\n";
  EXPECT_EQ(memory_of(files), 6'000U);
  files[v2 + "/job/memory.high"] = "9000\n";
  files[v2 + "/job/memory.max"] = "max\n";
  EXPECT_EQ(memory_of(files), 5'000U);
}

TEST(AvailableMemory, IsTheLeastOfAllEnclosingGroups) {
  machine files = with(in_group("/pods/one/box"), group("/pods/one/box", "max\n", "10\n", ""));
  files.merge(group("/pods/one", "10000\n", "4000\n", ""));
  files.merge(group("/pods", "50000\n", "45000\n", "inactive_file 500\n"));
  EXPECT_EQ(memory_of(files), 5'500U) << "others in the outer group use the rest";
  files[v2 + "/pods/memory.current"] = "20000\n";
  EXPECT_EQ(memory_of(files), 6'000U);
  files[v2 + "/pods/one/box/memory.max"] = "1000\n";
  EXPECT_EQ(memory_of(files), 990U);
}

TEST(AvailableMemory, IsReadFromGroupsOfVersion1) {
  machine files = {
      {memberships, "9:memory:/docker/abc\n4:cpu:/docker/abc\n"},
      {mounts, "34 25 0:29 / " + v1 + " rw shared:15 - cgroup cgroup rw,memory\n" + v1_mount("/", "/sys/fs/cgroup/cpu")},
      {"/proc/meminfo", "MemAvailable: 65536 kB\n"},
      {v1 + "/docker/abc/memory.limit_in_bytes", "10000\n"},
      {v1 + "/docker/abc/memory.usage_in_bytes", "4000\n"},
      {v1 + "/docker/abc/memory.stat", "inactive_file 1\nactive_file 2\ntotal_inactive_file 500\ntotal_active_file 1000\n"},
      {"/sys/fs/cgroup/cpu/docker/abc/memory.limit_in_bytes", "5\n"},
      {v1 + "/docker/abc/memory.max", "5\n"}};
  EXPECT_EQ(memory_of(files), 7'500U) << "with the cache of the groups inside, which are counted as well";
  files[v1 + "/docker/memory.limit_in_bytes"] = "8000\n";
  files[v1 + "/docker/memory.usage_in_bytes"] = "4000\n";
  EXPECT_EQ(memory_of(files), 4'000U);
  for (const char* const path : {"/docker/memory.limit_in_bytes", "/docker/abc/memory.limit_in_bytes"})
    files[v1 + path] = "9223372036854771712\n";  // no limit
  EXPECT_EQ(memory_of(files), of_the_machine);
  files.erase("/proc/meminfo");
  EXPECT_EQ(memory_of(files), unknown);
}

TEST(AvailableMemory, DoesNotCareAboutFilesThatAreMissing) {
  const machine whole = with(in_group("/job"), group("/job", "10000\n", "4000\n", "inactive_file 500\n"));
  ASSERT_EQ(memory_of(whole), 6'500U);
  const std::map<std::string, std::uint64_t> expected = {
      {memberships, of_the_machine},          {mounts, of_the_machine},
      {"/proc/meminfo", 6'500U},              {v2 + "/job/memory.max", of_the_machine},
      {v2 + "/job/memory.current", of_the_machine}, {v2 + "/job/memory.stat", 6'000U}};
  ASSERT_EQ(expected.size(), whole.size());
  for (const auto& [path, memory] : expected) {
    machine files = whole;
    files.erase(path);
    EXPECT_EQ(memory_of(files), memory) << path;
    files[path] = "";
    EXPECT_EQ(memory_of(files), memory) << path;
  }
}

TEST(AvailableMemory, TakesNumbersThatMakeNoSenseForNone) {
  const std::vector<std::string> numbers = {"-1\n", "1e3\n", "0x10\n", "10000 20000\n", "18446744073709551616\n",
                                            "max\n", "\n", "10000x\n", "+5\n"};
  for (const std::string& wrong : numbers) {
    EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", wrong, "4000\n", ""))), of_the_machine) << wrong;
    EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", wrong, ""))), of_the_machine) << wrong;
    EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", "4000\n", "inactive_file " + wrong))),
              wrong == "10000 20000\n" ? 10'000U : 6'000U)
        << wrong;
  }
  const std::vector<std::string> lines = {"MemAvailable:\n", "MemAvailable: x kB\n", "MemAvailable: 5 MB\n",
                                          "MemAvailable: 5\n", "MemAvailable: 18446744073709551615 kB\n",
                                          "MemFree: 5 kB\n"};
  for (const std::string& wrong : lines)
    EXPECT_EQ(memory_of({{"/proc/meminfo", wrong}}), unknown) << wrong;
}

TEST(AvailableMemory, ComputesWithTheLargestNumbers) {
  const std::string largest = "18446744073709551615\n";
  EXPECT_EQ(memory_of(with(in_group("/job"), group("/job", "10000\n", largest, ""))), 0U);
  EXPECT_EQ(memory_of(with(in_group("/job"),
                           group("/job", "10000\n", "5\n", "inactive_file " + largest + "active_file " + largest))),
            10'000U);
}

TEST(AvailableMemory, NeverThrowsWhateverTheFilesHold) {
  std::mt19937 random(11);
  const std::vector<std::string> pieces = {"0::/a/b\n", "memory", "max", "inactive_file ", "1000", " ", "\n", ":", "/", "/..",
                                           "MemAvailable: 7 kB\n", "kB", "-", "cgroup2", v2_mount(), "18446744073709551615"};
  const std::vector<std::string> paths = {memberships, mounts, "/proc/meminfo", v2 + "/memory.max", v2 + "/a/memory.max",
                                          v2 + "/a/b/memory.max", v2 + "/a/memory.current", v2 + "/a/b/memory.current",
                                          v2 + "/a/memory.stat"};
  std::size_t known = 0;
  for (int round = 0; round != 4'000; ++round) {
    machine files = {{memberships, "0::/a/b\n"}, {mounts, v2_mount()}};
    for (const std::string& path : paths) {
      if (files.contains(path) && random() % 4 != 0) continue;
      std::string content;
      for (auto left = random() % 5; left != 0; --left) content += pieces[random() % pieces.size()];
      files[path] = content;
    }
    if (memory_of(files) != unknown) ++known;
  }
  EXPECT_GT(known, 100U) << "some of them must make sense";
}

TEST(AvailableMemory, OfThisMachineIsMoreThanNothing) {
  EXPECT_GT(fanout::available_memory(), 0U);
  EXPECT_LT(fanout::available_memory(), unknown) << "Linux has said this since 3.14";
  EXPECT_GT(recently_available_memory(), 0U);
}

}  // namespace
}  // namespace fanout::detail
