#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <stop_token>
#include <thread>

#include "executor/batch_scope.hpp"
#include "executor/executor_limiter.hpp"
#include "support.hpp"

/// What the tests of the limiter share. Nothing runs there: the threads of a test say where they stand, and ask.
namespace fanout::detail {

using admission = executor_limiter::admission;
using enter_result = executor_limiter::enter_result;

class ExecutorLimiter : public testing::Test {
  const support::watchdog guard_{support::patience};
};

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

inline void wait_until_waiting(const executor_limiter& here, std::size_t count) {
  wait_until([&] { return here.waiting() == count; });
}

inline enter_result enter(executor_limiter& limiter, const std::stop_token& stop = {}) {
  return limiter.enter(current_entry(), stop);
}

/// The calling thread runs a task of a batch while this lives.
struct task_of {
  /// A batch that the task around it has started, or the task of `starter`.
  explicit task_of(executor_limiter& limiter,
                   const enter_result& from = {admission::slot},
                   const scope_entry* starter = current_entry())
      : scope{.limiter = &limiter, .starter = starter, .lender = from.lender},
        entry(scope, from.how == admission::slot) {}

  batch_scope scope;
  scope_entry entry;
};

/// A batch that wants help.
class batch_of_helpers final : public executor_limiter::helped {
 public:
  void answer(std::size_t calls) { unanswered -= calls; }

  std::atomic<std::size_t> called{0};
  std::atomic<std::size_t> unanswered{0};
  std::atomic<bool> wants{true};

 private:
  void call_helpers(std::size_t count) noexcept override {
    called += count;
    unanswered += count;
  }
  std::size_t withdraw_helpers() noexcept override { return unanswered.exchange(0); }
  bool wants_help() const noexcept override { return wants; }
};

/// Whether all slots are free: that many can be taken, and no more.
inline void expect_all_free(executor_limiter& limiter, std::size_t limit) {
  EXPECT_EQ(limiter.waiting(), 0U);
  std::stop_source stop;
  for (std::size_t taken = 0; taken != limit; ++taken)
    EXPECT_EQ(limiter.enter(nullptr, {}).how, admission::slot);
  std::jthread one_more(
      [&] { EXPECT_EQ(limiter.enter(nullptr, stop.get_token()).how, admission::stopped); });
  wait_until_waiting(limiter, 1);
  stop.request_stop();
  one_more.join();
  for (std::size_t taken = 0; taken != limit; ++taken) limiter.leave();
}

}  // namespace fanout::detail
