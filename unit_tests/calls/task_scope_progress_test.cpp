// What a scope tells of its progress, by its callback and to those who ask.

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

namespace {

using namespace support;
using fanout::error_policy;
using fanout::task_scope;

struct TaskScopeProgress : testing::Test {
  const watchdog guard;
};

TEST_F(TaskScopeProgress, CountsWhatTheCallerHasAdded) {
  event may_end;
  task_scope scope({.concurrency = 1});
  for (std::size_t i = 1; i != 100; ++i) {
    scope.add([&] { EXPECT_TRUE(may_end.wait()); });
    EXPECT_EQ(scope.progress().total, i);
  }
  may_end.set();
  scope.join();
}

TEST_F(TaskScopeProgress, HasATotalThatGrows) {
  std::size_t last = 0;
  std::size_t last_total = 0;
  bool wrong = false;
  task_scope scope({.concurrency = 3, .on_progress = [&](std::size_t completed, std::size_t total) {
                      wrong = wrong || completed <= last || completed > total || total < last_total;
                      last = completed;
                      last_total = total;
                    }});
  for (int i = 0; i != 500; ++i) scope.add([] {});
  scope.join();
  EXPECT_FALSE(wrong);
  EXPECT_EQ(last, 500U);
  EXPECT_EQ(last_total, 500U);
}

TEST_F(TaskScopeProgress, IsToldAtTheEndWhateverTheInterval) {
  std::vector<std::pair<std::size_t, std::size_t>> calls;
  const auto keep = [&](std::size_t completed, std::size_t total) { calls.emplace_back(completed, total); };
  task_scope scope({.on_progress = keep, .progress_interval = 1h});
  for (int i = 0; i != 50; ++i) scope.add([] {});
  scope.join();
  EXPECT_EQ(calls, (std::vector<std::pair<std::size_t, std::size_t>>{{50, 50}}));
}

TEST_F(TaskScopeProgress, StopsTheScopeByItsException) {
  std::atomic<int> ran = 0;
  task_scope scope({.concurrency = 1, .on_progress = [](std::size_t completed, std::size_t) {
                      if (completed == 3) throw std::domain_error("told");
                    }});
  for (int i = 0; i != 10; ++i) scope.add([&] { ++ran; });
  EXPECT_EQ(message_of<std::domain_error>([&] { scope.join(); }), "told");
  EXPECT_EQ(ran, 3);
}

TEST_F(TaskScopeProgress, IsSeenInNumbersThatGrow) {
  std::atomic<bool> over = false;
  task_scope scope({.concurrency = 2, .on_error = error_policy::run_all});
  std::jthread watching([&] {
    for (fanout::batch_progress before; !over;) {
      const fanout::batch_progress now = scope.progress();
      if (now.completed > now.started || now.started > now.total || now.failed > now.completed ||
          now.completed < before.completed || now.started < before.started || now.total < before.total ||
          now.failed < before.failed) {
        ADD_FAILURE() << now.completed << " of " << now.started << " of " << now.total << ", " << now.failed;
        return;
      }
      before = now;
    }
  });
  for (int i = 0; i != 3'000; ++i) {
    scope.add([i] {
      if (i % 3 == 0) throw i;
    });
  }
  EXPECT_THROW(scope.join(), fanout::aggregate_error);
  over = true;
  const fanout::batch_progress at_the_end = scope.progress();
  EXPECT_EQ(at_the_end.failed, 1'000U);
  EXPECT_EQ(at_the_end.completed, 3'000U);
}

}  // namespace
