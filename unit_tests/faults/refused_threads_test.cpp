#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fanout/fanout.hpp"
#include "faults/refused_threads.hpp"
#include "faults/refusing_threads.hpp"
#include "own_process.hpp"
#include "support.hpp"

/// Thread creation fails, at each step in turn: a call says what could be had, and fanout is usable at once. Each test
/// runs in a process of its own, in which no other thread exists yet.
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::resource_error;

TEST_F(RefusedThreadsDeathTest, AnExecutorIsRefusedAtEachThreadThatItCannotHave) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    for (std::size_t granted = 0; granted != size - 1; ++granted) {
      threads::refuse_after(granted);
      require_refusal([] { const executor eight({.concurrency = size}); }, size, granted + 1, 1);
      require(threads::existing() == 0, 4);
      threads::no_limit();
    }
    executor eight({.concurrency = size});
    require(reaches(eight, size), 5);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedThreadsDeathTest, AFreeCallIsRefusedAtEachThreadThatItCannotHaveAndNothingHasRun) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    std::atomic<std::size_t> ran = 0;
    const std::vector tasks(size, [&] { ++ran; });
    for (std::size_t granted = 0; granted != size - 1; ++granted) {
      threads::refuse_after(granted);
      require_refusal([&] { execute_in_parallel(tasks, size); }, size, granted + 1, 1);
      require(ran == 0 && threads::existing() == 0, 4);
      execute_in_parallel(tasks, 1);
      require(ran.exchange(0) == size, 5);
      threads::no_limit();
    }
    execute_in_parallel(tasks, size);
    require(ran == size, 6);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

// Under a limit that stands, as the system's do, the refusal says exactly what still works, and it does.
TEST_F(RefusedThreadsDeathTest, WhatARefusalSaysIsAvailableWorksUnderTheSameLimit) {
  const auto program = [] {
    for (std::size_t most = 0; most != 12; ++most) {
      threads::limit(most);
      require_refusal([&] { const executor larger({.concurrency = most + 2}); }, most + 2, most + 1, 1);
      {
        executor available({.concurrency = most + 1});
        require(reaches(available, most + 1), 4);
      }
      execute_in_parallel(std::vector(20, [] {}), most + 1);
      require(threads::existing() <= most, 5);
    }
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

// Its helpers are oneTBB's workers, of which it needs none.
TEST_F(RefusedThreadsDeathTest, AnAutomaticBatchGoesOnWithoutTheWorkersThatOneTbbCannotCreate) {
  const auto program = [] {
    threads::limit(0);
    std::atomic<std::size_t> ran = 0;
    execute_in_parallel(std::vector(10, [&] { ++ran; }));
    executor automatic;
    automatic.execute(std::vector(10, [&] { ++ran; }));
    require(ran == 20 && threads::existing() == 0, 1);
    threads::no_limit();
    execute_in_parallel(std::vector(10, [&] { ++ran; }));
    require(ran == 30, 2);
    executor three({.concurrency = 3});
    require(reaches(three, 3), 3);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedThreadsDeathTest, ExecutorsThatLiveKeepTheirThreads) {
  const auto program = [] {
    threads::limit(6);
    executor three({.concurrency = 3});
    for (int round = 0; round != 20; ++round) {
      // Two threads for the one that lives, nine for the other, and the caller.
      require_refusal([] { const executor ten({.concurrency = 10}); }, 12, 7, 1);
      require_refusal([] { execute_in_parallel(std::vector(10, [] {}), 10); }, 12, 7, 4);
      require(reaches(three, 3), 7);
      executor another({.concurrency = 3});
      require(reaches(another, 3), 8);
    }
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

// To make an executor costs what its threads cost only the first time: nothing is created in order to try.
TEST_F(RefusedThreadsDeathTest, ExecutorsAfterTheFirstNeedNoNewThread) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    executor automatic;
    require(reaches(automatic, fanout::available_concurrency()), 1);  // so that oneTBB has its workers
    {
      executor first({.concurrency = size});
      require(reaches(first, size), 2);
    }
    threads::refuse_after(0);
    for (std::size_t i = 0; i != 1'000; ++i) {
      executor again({.concurrency = 2 + i % (size - 1)});
      if (i % 50 == 0) require(reaches(again, again.concurrency()), 3);
    }
    executor last({.concurrency = size});
    require(reaches(last, size), 4);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedThreadsDeathTest, FreeCallsOfOtherLimitsAndSizesNeedNoNewThread) {
  const auto program = [] {
    constexpr std::size_t size = 8;
    const auto meets = [](std::size_t tasks, std::size_t limit) {
      rendezvous all(tasks);
      std::atomic<std::size_t> met = 0;
      execute_in_parallel(std::vector(tasks, [&] { met += all.meet() ? 1 : 0; }), limit);
      return met == tasks;
    };
    executor automatic;
    require(reaches(automatic, fanout::available_concurrency()), 1);  // as above
    require(meets(size, size), 2);
    threads::refuse_after(0);
    for (std::size_t limit = 2; limit <= size; ++limit)
      for (std::size_t tasks = 2; tasks <= limit; ++tasks) require(meets(tasks, limit), 3);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

// Beside a batch that is not over, the threads for a refused one end at once.
TEST_F(RefusedThreadsDeathTest, ThreadsThatWereCreatedForARefusedRequestEnd) {
  const auto program = [] {
    threads::limit(6);
    executor three({.concurrency = 3});
    three.execute(std::vector(1, [] {
      require_refusal([] { const executor ten({.concurrency = 10}); }, 12, 7, 1);
      require(threads::existing() == 2, 4);
      require_refusal([] { execute_in_parallel(std::vector(10, [] {}), 10); }, 12, 7, 5);
      require(threads::existing() == 2, 8);
    }));
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedThreadsDeathTest, ThreadsThatAreRefusedAtOnceAreEachToldWhatThereCanBe) {
  const auto program = [] {
    threads::limit(4);
    executor kept({.concurrency = 3});  // the threads of the test are as many as may be besides
    for (int round = 0; round != 50; ++round) {
      rendezvous both(2);
      on_threads(2, [&](std::size_t) {
        require(both.meet(), 4);
        try {
          const executor five({.concurrency = 5});
          std::_Exit(1);
        } catch (const resource_error& e) {
          require(e.requested() == 7 && e.available() >= 3 && e.available() <= 4, 2);
        }
      });
      require(reaches(kept, 3), 3);
    }
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

TEST_F(RefusedThreadsDeathTest, ATaskIsToldThatItsInnerBatchCannotHaveThreads) {
  const auto program = [] {
    threads::limit(2);
    executor three({.concurrency = 3});
    const auto refused = [] {
      try {
        execute_in_parallel(std::vector(5, [] {}), 5);
      } catch (const resource_error&) {
        return true;
      }
      return false;
    };
    require(three.execute(std::vector(6, refused)) == std::vector(6, true), 1);
    require(reaches(three, 3), 2);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

// ── Limits of the system ────────────────────────────────────────────────────────────────────────────────────────

/// Under a limit of the system's that leaves room for `most` threads besides the main one, or a little less.
void use_fanout_within(std::size_t most) {
  try {
    const executor large({.concurrency = 100});
    std::_Exit(1);
  } catch (const resource_error& e) {
    require(e.requested() == 100, 2);
    require(e.available() >= 2 && e.available() <= most + 1, 3);
    require(
        reaches(*std::make_unique<executor>(fanout::executor_options{.concurrency = e.available()}), e.available()),
        4);
    execute_in_parallel(std::vector(20, [] {}), e.available());
  }
}

TEST_F(RefusedThreadsDeathTest, AnExecutorUnderALimitOfProcessesIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become a user that has no other process";
  const auto program = [] {
    support::become_user(54'321);
    const rlimit limit{10, 10};  // this process is one
    if (::setrlimit(RLIMIT_NPROC, &limit) != 0) std::_Exit(91);
    use_fanout_within(9);
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

/// A control group of its own for a process, with at most so many threads.
class pids_group {
 public:
  explicit pids_group(std::size_t most) : folder_(parent() / ("fanout-test-" + std::to_string(::getpid()))) {
    made_ = ::mkdir(folder_.c_str(), 0755) == 0;
    usable_ = made_ && write(folder_ / "pids.max", std::to_string(most));
  }
  pids_group(const pids_group&) = delete;
  pids_group& operator=(const pids_group&) = delete;
  ~pids_group() {
    if (!made_) return;
    write(parent() / "cgroup.procs", std::to_string(::getpid()));
    ::rmdir(folder_.c_str());
  }

  bool usable() const { return usable_; }
  bool join() const { return write(folder_ / "cgroup.procs", std::to_string(::getpid())); }

 private:
  /// The group of this process in the first version of control groups, or in the second.
  static std::filesystem::path parent() {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
      const std::size_t path = line.rfind(':') + 1;
      if (line.find(":pids:") != std::string::npos) return "/sys/fs/cgroup/pids" + line.substr(path);
      if (line.starts_with("0::") && std::filesystem::exists("/sys/fs/cgroup/cgroup.procs")) {
        return "/sys/fs/cgroup" + line.substr(path);
      }
    }
    return "/nowhere";
  }
  static bool write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file);
    out << text << std::flush;
    return out.good();
  }

  std::filesystem::path folder_;
  bool made_ = false;
  bool usable_ = false;
};

TEST_F(RefusedThreadsDeathTest, AnExecutorInAGroupOfFewThreadsIsRefused) {
  if (!pids_group(10).usable()) GTEST_SKIP() << "no control group with a limit of threads may be made here";
  const auto program = [] {
    {
      const pids_group ten(10);
      if (!ten.usable() || !ten.join()) std::_Exit(90);
      use_fanout_within(9);
    }
    std::_Exit(0);
  };
  IN_A_NEW_PROCESS(program);
}

}  // namespace
