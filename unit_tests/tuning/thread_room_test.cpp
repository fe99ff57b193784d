#include "tuning/thread_room.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <optional>
#include <string>

namespace {

using fanout::detail::thread_room;

using machine = std::map<std::string, std::string>;

constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

std::size_t room_of(const machine& files, std::optional<std::size_t> limit_of_user = std::nullopt) {
  const auto read_file = [&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  return thread_room(read_file, limit_of_user);
}

/// With 3 of its 80 threads in this process.
machine with(const machine& more) {
  machine files{{"/proc/self/status", "Name:\tx\nThreads:\t3\nSigQ:\t0/1\n"},
                {"/proc/loadavg", "0.20 0.18 0.12 1/80 11206\n"}};
  files.insert(more.begin(), more.end());
  return files;
}

TEST(TuningThreadRoom, IsWithoutALimitWhereTheSystemShowsNone) {
  EXPECT_EQ(room_of({}), no_limit);
  EXPECT_EQ(room_of(with({})), no_limit);
  EXPECT_EQ(room_of(with({{"/proc/self/cgroup", "0::/\n"},
                          {"/sys/fs/cgroup/pids.max", "max\n"},
                          {"/sys/fs/cgroup/pids.current", "9\n"}})),
            no_limit);
}

TEST(TuningThreadRoom, IsNotAboveTheLimitOfTheUser) {
  EXPECT_EQ(room_of(with({}), 12), 12U);
  EXPECT_EQ(room_of(with({}), 0), 3U) << "those that it has";
}

TEST(TuningThreadRoom, IsWhatTheOtherThreadsOfTheSystemLeave) {
  EXPECT_EQ(room_of(with({{"/proc/sys/kernel/pid_max", "1000\n"}})), 1000U - 77);
  EXPECT_EQ(room_of(with({{"/proc/sys/kernel/threads-max", "500\n"}, {"/proc/sys/kernel/pid_max", "1000\n"}})),
            500U - 77);
  EXPECT_EQ(room_of(with({{"/proc/sys/kernel/threads-max", "40\n"}})), 3U) << "those that it has";
}

TEST(TuningThreadRoom, IsWhatTheControlGroupAndItsParentsLeave) {
  const machine second = with({{"/proc/self/cgroup", "0::/pod/one\n"},
                               {"/sys/fs/cgroup/pod/one/pids.max", "max\n"},
                               {"/sys/fs/cgroup/pod/one/pids.current", "4\n"},
                               {"/sys/fs/cgroup/pod/pids.max", "100\n"},
                               {"/sys/fs/cgroup/pod/pids.current", "30\n"}});
  EXPECT_EQ(room_of(second), 100U - 27);
  const machine first = with({{"/proc/self/cgroup", "9:cpu:/\n8:pids:/job\n0::/\n"},
                              {"/sys/fs/cgroup/pids/job/pids.max", "50\n"},
                              {"/sys/fs/cgroup/pids/job/pids.current", "3\n"}});
  EXPECT_EQ(room_of(first), 50U);
}

TEST(TuningThreadRoom, IsNotLimitedByContentThatMakesNoSense) {
  for (const char* groups : {"", "0", "0:", "0::", "::::", "8:pids", "0::/../x\n"}) {
    EXPECT_EQ(room_of(with({{"/proc/self/cgroup", groups}})), no_limit) << groups;
  }
  EXPECT_EQ(room_of({{"/proc/sys/kernel/pid_max", "1000"}, {"/proc/loadavg", "none"}}), no_limit);
}

TEST(TuningThreadRoom, HoldsTheThreadsOfThisProcess) { EXPECT_GE(thread_room(), 1U); }

}  // namespace
