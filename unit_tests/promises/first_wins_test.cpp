#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "promises/cancellation.hpp"
#include "support.hpp"

/// Promise 8: of a stop, a failure and a callback that throws, what came first wins.
namespace {

using namespace support;
using fanout::error_policy;
using fanout::execute_in_parallel;
using fanout::operation_cancelled;
using fanout::run_options;
using fanout::task_context;

using task = std::function<void(const task_context&)>;

TEST(Promise8Cancellation, AfterAFailureUnderStopIsATaskError) {
  std::stop_source source;
  rendezvous both(2);
  const std::vector<task> tasks{[&](const task_context& context) {
                                  EXPECT_TRUE(both.meet());
                                  while (!context.stop_requested()) std::this_thread::yield();
                                  source.request_stop();
                                },
                                [&](const task_context&) {
                                  EXPECT_TRUE(both.meet());
                                  throw std::domain_error("first");
                                }};
  EXPECT_EQ(message_of<fanout::task_error>(
                [&] { execute_in_parallel(tasks, {.concurrency = 2, .stop = source.get_token()}); }),
            "task 1 failed: first");
}

TEST(Promise8Cancellation, BeforeAFailureTellsTheFailureToo) {
  for (const auto policy : {error_policy::stop, error_policy::run_all}) {
    std::stop_source source;
    const std::vector<task> tasks(5, [&](const task_context& context) {
      if (context.index() == 2) {
        source.request_stop();
        throw std::domain_error("after the stop");
      }
    });
    const auto error = cancellation_of(
        [&] { execute_in_parallel(tasks, {.concurrency = 1, .on_error = policy, .stop = source.get_token()}); });
    EXPECT_EQ(error.completed(), 3U);
    ASSERT_EQ(error.errors().size(), 1U);
    EXPECT_STREQ(error.errors()[0].what(), "task 2 failed: after the stop");
  }
}

TEST(Promise8Cancellation, TellsEveryFailureUnderRunAllByIndex) {
  std::stop_source source;
  const std::vector<task> tasks(100, [&](const task_context& context) {
    if (context.index() == 50) source.request_stop();
    if (context.index() % 10 == 5) throw static_cast<int>(context.index());
  });
  for (const std::size_t limit : {1U, 4U}) {
    source = std::stop_source();
    const auto error = cancellation_of([&] {
      execute_in_parallel(tasks,
                          {.concurrency = limit, .on_error = error_policy::run_all, .stop = source.get_token()});
    });
    ASSERT_GE(error.errors().size(), 4U);
    for (std::size_t i = 0; i != error.errors().size(); ++i) {
      const std::size_t index = error.errors()[i].index();
      if (i != 0) {
        EXPECT_LT(error.errors()[i - 1].index(), index);
      }
      if (limit == 1) {
        EXPECT_EQ(index, 10 * i + 5);
      }
      EXPECT_THROW(error.errors()[i].rethrow_nested(), int);
    }
    if (limit == 1) {
      EXPECT_EQ(error.errors().size(), 5U);
      EXPECT_EQ(error.completed(), 51U);
    }
  }
}

TEST(Promise8Cancellation, AfterTheCallbackThrewIsTheExceptionOfTheCallback) {
  std::stop_source source;
  run_options options{.concurrency = 2, .stop = source.get_token()};
  rendezvous both(2);
  options.on_progress = [&](std::size_t, std::size_t) {
    EXPECT_TRUE(both.meet());
    throw std::domain_error("first");
  };
  const std::vector<task> tasks{[](const task_context&) {},
                                [&](const task_context& context) {
                                  EXPECT_TRUE(both.meet());
                                  while (!context.stop_requested()) std::this_thread::yield();
                                  source.request_stop();
                                }};
  EXPECT_EQ(message_of<std::domain_error>([&] { execute_in_parallel(tasks, options); }), "first");
}

TEST(Promise8Cancellation, BeforeTheCallbackThrowsIsACancellation) {
  std::stop_source source;
  run_options options{.concurrency = 1, .stop = source.get_token()};
  options.on_progress = [&](std::size_t, std::size_t) {
    source.request_stop();
    throw std::domain_error("second");
  };
  EXPECT_EQ(cancellation_of([&] { execute_in_parallel(std::vector(5, [] {}), options); }).completed(), 1U);
}

}  // namespace
