#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "machine/cpu_quota.hpp"
#include "machine/cpu_quota_machine.hpp"

// Which groups the quota comes from: memberships, mounts, namespaces. What the numbers mean: cpu_quota_test.cpp.
namespace fanout::detail {
namespace {

// ── finding the group ───────────────────────────────────────────────────────────────────────────────────

TEST(CpuQuota, IsNoneWhenFilesAreMissingOrEmpty) {
  const machine whole = {
      {memberships, "0::/job\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/job/cpu.max", "150000 100000\n"}};
  ASSERT_EQ(quota_of(whole), 1.5);
  EXPECT_EQ(quota_of({}), std::nullopt);
  for (const auto& [path, content] : whole) {
    auto missing = whole;
    missing.erase(path);
    EXPECT_EQ(quota_of(missing), std::nullopt) << path;
    auto empty = whole;
    empty[path] = "";
    EXPECT_EQ(quota_of(empty), std::nullopt) << path;
  }
  EXPECT_EQ(quota_of({{memberships, "4:cpu:/job\n"},
                      {mounts, v1_mount()},
                      {"/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "150000\n"}}),
            std::nullopt)
      << "a quota without its period";
}

TEST(CpuQuota, IsTheTightestOfAllEnclosingGroups) {
  machine files = {{memberships, "0::/kubepods/pod1/box\n"},
                   {mounts, v2_mount()},
                   {"/sys/fs/cgroup/kubepods/cpu.max", "600000 100000\n"},
                   {"/sys/fs/cgroup/kubepods/pod1/cpu.max", "200000 100000\n"},
                   {"/sys/fs/cgroup/kubepods/pod1/box/cpu.max", "max 100000\n"}};
  EXPECT_EQ(quota_of(files), 2.0);
  files["/sys/fs/cgroup/kubepods/pod1/box/cpu.max"] = "50000 100000\n";
  EXPECT_EQ(quota_of(files), 0.5);
  files["/sys/fs/cgroup/cpu.max"] = "10000 100000\n";  // the mount point itself is the root of a container
  EXPECT_EQ(quota_of(files), 0.1);
}

TEST(CpuQuota, IsTheTightestOfAllEnclosingGroupsInVersion1) {
  const std::string outer = "/sys/fs/cgroup/cpu,cpuacct/docker";
  machine files = v1_group(outer, "150000\n", "50000\n");
  files.merge(v1_group(outer + "/abc", "-1\n", "100000\n"));
  EXPECT_EQ(quota_of(files, {{memberships, "4:cpu,cpuacct:/docker/abc\n"}, {mounts, v1_mount()}}), 3.0);
}

TEST(CpuQuota, LooksPastGroupsWhoseCpuControllerIsOff) {
  EXPECT_EQ(
      quota_of({{memberships, "0::/a/b/c\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/a/cpu.max", "400000 100000"}}),
      4.0);
}

TEST(CpuQuota, IsNotThatOfAGroupBesideTheProcess) {
  EXPECT_EQ(quota_of({{memberships, "0::/job\n"},
                      {mounts, v2_mount()},
                      {"/sys/fs/cgroup/jo/cpu.max", "50000 100000\n"},
                      {"/sys/fs/cgroup/job/child/cpu.max", "50000 100000\n"},
                      {"/sys/fs/cgroup/other/cpu.max", "50000 100000\n"}}),
            std::nullopt);
}

TEST(CpuQuota, ComesFromTheControllerNamedCpuAlone) {
  machine files = {{mounts,
                    "36 25 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                    "37 25 0:32 / /sys/fs/cgroup/named rw - cgroup cgroup rw,name=cpu\n" +
                        v1_mount("/", "/sys/fs/cgroup/cpu")}};
  files.merge(v1_group("/sys/fs/cgroup/cpu/right", "200000\n", "100000\n"));
  files.merge(v1_group("/sys/fs/cgroup/cpu/wrong", "100000\n", "100000\n"));
  files.merge(v1_group("/sys/fs/cgroup/cpuset/right", "100000\n", "100000\n"));
  EXPECT_EQ(quota_of(files, {{memberships, "9:cpuset:/wrong\n8:cpuacct:/wrong\n7:name=cpu:/wrong\n3:cpu:/right\n"}}),
            2.0);
  EXPECT_EQ(quota_of(files, {{memberships, "3:cpuacct,cpu:/right\n"}}), 2.0);
  EXPECT_EQ(quota_of(files, {{memberships, "3:cpuacct,cpuset:/wrong\n"}}), std::nullopt);
}

TEST(CpuQuota, AllowsColonsAndSpacesInTheNameOfAGroup) {
  EXPECT_EQ(
      quota_of({{memberships, "0::/a:b c/d\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/a:b c/d/cpu.max", "70000"}}),
      0.7);
}

TEST(CpuQuota, ReadsFilesWithCarriageReturns) {
  EXPECT_EQ(quota_of(v1_group("/cg/job", "300000\r\n", "100000\r\n"),
                     {{memberships, "4:cpu:/job\r\n"}, {mounts, "34 25 0:29 / /cg rw - cgroup cgroup rw,cpu\r\n"}}),
            3.0);
}

TEST(CpuQuota, StillSeesTheGroupsAroundOneThatWasDeleted) {
  EXPECT_EQ(
      quota_of({{memberships, "0::/a/b (deleted)\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/a/cpu.max", "90000"}}),
      0.9);
}

// ── both versions ───────────────────────────────────────────────────────────────────────────────────────

TEST(CpuQuota, ComesFromVersion1OnAHybridMachine) {
  EXPECT_EQ(quota_of(v1_group("/sys/fs/cgroup/cpu,cpuacct/docker/abc", "250000\n", "100000\n"),
                     {{memberships, "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"},
                      {mounts, v2_mount("/", "/sys/fs/cgroup/unified") + v1_mount()}}),
            2.5);
}

TEST(CpuQuota, IsTheTightestOfBothVersions) {
  machine files = v1_group("/sys/fs/cgroup/cpu,cpuacct/one", "250000\n", "100000\n");
  files[memberships] = "4:cpu,cpuacct:/one\n0::/two\n";
  files[mounts] = v2_mount("/", "/sys/fs/cgroup/unified") + v1_mount();
  EXPECT_EQ(quota_of(files, {{"/sys/fs/cgroup/unified/two/cpu.max", "150000 100000\n"}}), 1.5);
  EXPECT_EQ(quota_of(files, {{"/sys/fs/cgroup/unified/two/cpu.max", "350000 100000\n"}}), 2.5);
}

TEST(CpuQuota, ReadsTheFilesOfEachVersionInMountsOfThatVersionAlone) {
  machine files = v1_group("/cg/job", "50000\n", "100000\n");
  files["/cg/job/cpu.max"] = "50000 100000\n";
  const std::string one = v1_mount("/", "/cg");
  const std::string two = v2_mount("/", "/cg");
  EXPECT_EQ(quota_of(files, {{memberships, "0::/job\n"}, {mounts, two}}), 0.5);
  EXPECT_EQ(quota_of(files, {{memberships, "0::/job\n"}, {mounts, one}}), std::nullopt);
  EXPECT_EQ(quota_of(files, {{memberships, "4:cpu:/job\n"}, {mounts, one}}), 0.5);
  EXPECT_EQ(quota_of(files, {{memberships, "4:cpu:/job\n"}, {mounts, two}}), std::nullopt);
}

// ── containers, namespaces and mounts ───────────────────────────────────────────────────────────────────

TEST(CpuQuota, IsFoundInAContainerWithItsOwnCgroupNamespace) {
  const machine files = {
      {memberships, "0::/\n"}, {mounts, v2_mount()}, {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}};
  EXPECT_EQ(quota_of(files), 2.0);
}

// Docker without a namespace of its own: the path is the host's, and the mount shows that very group (moby/moby
// issue 34584).
TEST(CpuQuota, IsFoundWhenTheMountShowsTheGroupItself) {
  const std::string group = "/kubepods/besteffort/pod9a18ffb8/d28e0087";
  EXPECT_EQ(quota_of(v1_group("/sys/fs/cgroup/cpu", "200000\n", "100000\n"),
                     {{memberships, "2:cpu:" + group + "\n"}, {mounts, v1_mount(group, "/sys/fs/cgroup/cpu")}}),
            2.0);
}

TEST(CpuQuota, IsFoundBelowAMountThatShowsAnEnclosingGroup) {
  EXPECT_EQ(quota_of({{memberships, "0::/outer/inner/leaf\n"},
                      {mounts, v2_mount("/outer")},
                      {"/sys/fs/cgroup/inner/leaf/cpu.max", "300000 100000\n"},
                      {"/sys/fs/cgroup/cpu.max", "100000 100000\n"}}),
            1.0);
}

TEST(CpuQuota, IsNotThatOfAMountOfAnotherGroup) {
  for (const std::string root : {"/other", "/job/child", "/jo", "/..", "/../job", "relative", "/a/../job"}) {
    const bool encloses = root == "/..";  // only this one holds the process
    EXPECT_EQ(
        quota_of({{memberships, "0::/job\n"}, {mounts, v2_mount(root)}, {"/sys/fs/cgroup/cpu.max", "50000 100000"}}),
        encloses ? std::optional(0.5) : std::nullopt)
        << root;
  }
}

TEST(CpuQuota, FollowsPathsThatLeaveTheNamespace) {
  const std::string max = "/sys/fs/cgroup/cpu.max";
  // The process was moved out of its namespace; the mount shows the namespace, where it no longer is.
  EXPECT_EQ(quota_of({{memberships, "0::/../..\n"}, {mounts, v2_mount()}, {max, "50000"}}), std::nullopt);
  EXPECT_EQ(quota_of({{memberships, "0::/../sibling\n"}, {mounts, v2_mount()}, {max, "50000"}}), std::nullopt);
  // A mount from before the namespace shows the host's root: the names on the way down are hidden.
  EXPECT_EQ(quota_of({{memberships, "0::/\n"}, {mounts, v2_mount("/../..")}, {max, "50000"}}), 0.5);
  EXPECT_EQ(quota_of({{memberships, "0::/..\n"}, {mounts, v2_mount("/../..")}, {max, "50000"}}), 0.5);
  // Both begin at the same place.
  EXPECT_EQ(quota_of({{memberships, "0::/../..\n"}, {mounts, v2_mount("/../..")}, {max, "50000"}}), 0.5);
  EXPECT_EQ(quota_of({{memberships, "0::/../sibling/x\n"},
                      {mounts, v2_mount("/../sibling")},
                      {"/sys/fs/cgroup/x/cpu.max", "70000"}}),
            0.7);
  // The kernel goes up only at the beginning.
  EXPECT_EQ(quota_of({{memberships, "0::/a/../b\n"}, {mounts, v2_mount("/..")}, {max, "50000"}}), std::nullopt);
}

TEST(CpuQuota, FindsMountPointsWithEscapedCharacters) {
  EXPECT_EQ(quota_of({{memberships, "0::/my job/x\n"},
                      {mounts, v2_mount("/my\\040job", "/mnt/a\\040b\\134c\\011d")},
                      {"/mnt/a b\\c\td/x/cpu.max", "70000"}}),
            0.7);
  for (const std::string odd : {"/mnt\\", "/mnt\\0", "/mnt\\04", "/mnt\\999", "/mnt\\x40"}) {  // not an escape
    EXPECT_EQ(quota_of({{memberships, "0::/\n"}, {mounts, v2_mount("/", odd)}, {odd + "/cpu.max", "70000"}}), 0.7)
        << odd;
  }
}

TEST(CpuQuota, ReadsMountsWithAnyNumberOfOptionalFields) {
  for (const std::string fields : {"", "shared:4 ", "master:1 ", "shared:4 master:1 propagate_from:2 unbindable "}) {
    EXPECT_EQ(quota_of({{memberships, "0::/\n"},
                        {mounts, "35 24 0:30 / /cg rw,nosuid " + fields + "- cgroup2 none rw\n"},
                        {"/cg/cpu.max", "70000"}}),
              0.7)
        << fields;
  }
}

// The hyphen of a name is not the separator (dotnet/coreclr pull request 13895), and a source may be empty.
TEST(CpuQuota, ReadsMountsWithHyphensInPathsAndWithoutASource) {
  const std::string scope = "/system.slice/docker-654dd7b6.scope";
  EXPECT_EQ(
      quota_of(v1_group("/sys/fs/cgroup/cpuacct,cpu", "400000\n", "100000\n"),
               {{memberships, "5:cpuacct,cpu:" + scope + "\n"},
                {mounts, "354 347 0:28 " + scope + " /sys/fs/cgroup/cpuacct,cpu ro - cgroup  rw,cpuacct,cpu\n"}}),
      4.0);
}

TEST(CpuQuota, IgnoresMountsThatAreNoControlGroups) {
  for (const std::string type : {"tmpfs", "cgroup3", "cgrou", "fuse.cgroup2", "cgroup", "-"}) {
    EXPECT_EQ(quota_of({{memberships, "0::/\n"},
                        {mounts, "35 24 0:30 / /cg rw - " + type + " cgroup2 rw\n"},
                        {"/cg/cpu.max", "70000"}}),
              std::nullopt)
        << type;
  }
}

TEST(CpuQuota, TakesTheTightestOfSeveralMountsButNotOfAHiddenOne) {
  const machine files = {{memberships, "0::/a/b\n"},
                         {"/one/a/b/cpu.max", "300000"},
                         {"/two/b/cpu.max", "200000"},
                         {"/two/a/b/cpu.max", "400000"}};
  const std::string hidden = v2_mount("/a", "/two");
  EXPECT_EQ(quota_of(files, {{mounts, v2_mount("/", "/one") + v2_mount("/a", "/two")}}), 2.0);
  EXPECT_EQ(quota_of(files, {{mounts, hidden + v2_mount("/", "/two")}}), 4.0) << "hidden by the same hierarchy";
  EXPECT_EQ(quota_of(files, {{mounts, hidden + "9 8 0:1 / /two rw - tmpfs tmpfs rw\n"}}), std::nullopt);
}

TEST(CpuQuota, WorksWhenTheHierarchyIsMountedAtTheRootDirectory) {
  EXPECT_EQ(quota_of({{memberships, "0::/job\n"}, {mounts, v2_mount("/", "/")}, {"/job/cpu.max", "50000"}}), 0.5);
  EXPECT_EQ(quota_of({{memberships, "0::/job\n"}, {mounts, v2_mount("/", "/")}, {"/cpu.max", "60000"}}), 0.6);
}

}  // namespace
}  // namespace fanout::detail
