#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// What docs/concurrency-limits.md says of fork(): the child of a process that uses fanout may exec or _exit, and the
/// parent's batches do not notice.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;

constexpr int said_by_child = 7;

[[noreturn]] void exec_shell() {
  ::execl("/bin/sh", "sh", "-c", "exit 7", static_cast<char*>(nullptr));
  ::_exit(1);  // only what is async-signal-safe, from the fork on
}

[[noreturn]] void exit_at_once() { ::_exit(said_by_child); }

/// The status of a child that has ended.
int status_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -2;
}

/// Forks a child that does this alone; returns what it said.
int fork_a_child(void (*child)()) {
  const pid_t id = ::fork();
  if (id == 0) child();
  return id < 0 ? -3 : status_of(id);
}

int spawn_a_child() {
  char shell[] = "sh", option[] = "-c", command[] = "exit 7";
  char* const arguments[] = {shell, option, command, nullptr};
  pid_t id = 0;
  if (::posix_spawn(&id, "/bin/sh", nullptr, nullptr, arguments, environ) != 0) return -3;
  return status_of(id);
}

int fork_and_exec() { return fork_a_child(&exec_shell); }
int fork_and_exit() { return fork_a_child(&exit_at_once); }

struct way {
  const char* name;
  int (*run)();
};

class Fork : public testing::TestWithParam<way> {};

TEST_P(Fork, WithIdleWorkersDisturbsNobody) {
  const watchdog guard;
  executor four({.concurrency = 4});
  const std::vector tasks(50, [] { return 1; });
  four.execute(tasks);
  execute_in_parallel(tasks, 3);
  execute_in_parallel(tasks);
  for (int round = 0; round != 20; ++round) {
    EXPECT_EQ(GetParam().run(), said_by_child);
    EXPECT_EQ(four.execute(tasks), std::vector(50, 1));
    EXPECT_EQ(execute_in_parallel(tasks, 3), std::vector(50, 1));
  }
}

TEST_P(Fork, BesideRunningBatchesDisturbsNobody) {
  const watchdog guard;
  executor three({.concurrency = 3});
  std::atomic<bool> over = false;
  std::atomic<int> batches = 0;
  const auto run_batches = [&](const std::function<std::vector<int>()>& batch) {
    while (!over) {
      ASSERT_EQ(batch(), std::vector(40, 1));
      ++batches;
    }
  };
  {
    const std::vector tasks(40, [] { return std::vector<int>(20, 1).front(); });  // they allocate: locks of malloc's
    std::jthread on_executor([&] { run_batches([&] { return three.execute(tasks); }); });
    std::jthread free_call([&] { run_batches([&] { return execute_in_parallel(tasks, 2); }); });
    for (int round = 0; round != 30; ++round) {
      const int before = batches;
      EXPECT_EQ(GetParam().run(), said_by_child);
      while (batches == before) std::this_thread::yield();  // they go on
    }
    over = true;
  }
  rendezvous all(3);
  std::atomic<int> met = 0;
  three.execute(std::vector(3, [&] { met += all.meet() ? 1 : 0; }));
  EXPECT_EQ(met, 3);
}

TEST_P(Fork, WithinTasksIsATaskLikeAnyOther) {
  const watchdog guard;
  executor four({.concurrency = 4});
  const std::vector tasks(16, [] { return GetParam().run(); });
  EXPECT_EQ(four.execute(tasks), std::vector(16, said_by_child));
  EXPECT_EQ(execute_in_parallel(tasks, 2), std::vector(16, said_by_child));
  EXPECT_EQ(execute_in_parallel(tasks), std::vector(16, said_by_child));
  const auto inner = [&] { return execute_in_parallel(tasks, 2); };
  EXPECT_EQ(four.execute(std::vector(3, inner)), std::vector(3, std::vector(16, said_by_child)));
}

TEST_P(Fork, WhileAResourceIsLentLeavesItWithItsHolder) {
  const watchdog guard;
  fanout::resource_pool<int> pool([] { return 0; }, 2);
  const std::vector tasks(12, [](int& uses) {
    ++uses;
    return GetParam().run();
  });
  EXPECT_EQ(fanout::execute_with_pool(tasks, pool), std::vector(12, said_by_child));
  EXPECT_EQ(pool.idle(), 2U);
  const auto first = pool.acquire();
  const auto second = pool.acquire();
  EXPECT_EQ(*first + *second, 12);
}

INSTANTIATE_TEST_SUITE_P(Children, Fork,
                         testing::Values(way{"Exec", &fork_and_exec}, way{"Exit", &fork_and_exit},
                                         way{"Spawn", &spawn_a_child}),
                         [](const auto& each) { return each.param.name; });

}  // namespace
