#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fanout/executor.hpp"
#include "fanout/limits.hpp"
#include "support.hpp"

/// An executor that goes away while a batch runs on it: the process says so and ends, where it would crash later.
namespace {

using fanout::executor;

constexpr auto is_destroyed = "an executor is being destroyed while a batch runs on it";
constexpr auto is_moved = "an executor is being moved while a batch runs on it";

/// One of the tasks acts: two that move the same object would be a data race of the test's own.
template <class Action>
void in_one_of_three(executor& on, const Action& action) {
  on.map(3, [&](std::size_t item) {
    if (item == 0) action();
  });
}

class ExecutorLifetimeDeathTest : public testing::TestWithParam<std::size_t> {
 protected:
  ExecutorLifetimeDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_P(ExecutorLifetimeDeathTest, EndsWhereATaskDestroysItsExecutor) {
  std::optional<executor> on(std::in_place, fanout::executor_options{.concurrency = GetParam()});
  EXPECT_DEATH(in_one_of_three(*on, [&] { on.reset(); }), is_destroyed);
}

TEST_P(ExecutorLifetimeDeathTest, EndsWhereATaskMovesItsExecutor) {
  executor on({.concurrency = GetParam()});
  EXPECT_DEATH(in_one_of_three(on, [&] { const executor stolen(std::move(on)); }), is_moved);
  executor other;
  EXPECT_DEATH(in_one_of_three(on, [&] { other = std::move(on); }), is_moved);
  EXPECT_DEATH(in_one_of_three(on, [&] { on = executor(); }), is_destroyed);
}

TEST_P(ExecutorLifetimeDeathTest, EndsWhereAnotherThreadDestroysIt) {
  const auto destroy = [] {
    std::optional<executor> on(std::in_place, fanout::executor_options{.concurrency = GetParam()});
    support::event started;
    std::thread caller([&] {
      on->map(3, [&](int) {
        started.set();
        std::this_thread::sleep_for(support::patience);
      });
    });
    static_cast<void>(started.wait());
    on.reset();
    caller.join();
  };
  EXPECT_DEATH(destroy(), is_destroyed);
}

INSTANTIATE_TEST_SUITE_P(AtLimits, ExecutorLifetimeDeathTest, testing::Values(1U, 2U, 8U, fanout::automatic),
                         [](const auto& of) {
                           return of.param == fanout::automatic ? std::string("Automatic") : std::to_string(of.param);
                         });

TEST(ExecutorLifetime, EndsRightAfterABatch) {
  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{8}, fanout::automatic}) {
    for (int round = 0; round != 200; ++round) {
      std::optional<executor> on(std::in_place, fanout::executor_options{.concurrency = limit});
      on->map(round % 10, [](int) {});
      executor moved(std::move(*on));
      moved.map(3, [](int) {});
      *on = std::move(moved);
    }
  }
}

}  // namespace
