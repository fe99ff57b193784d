#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// `run_options::around`: of every call, and whatever it does with what it is given.
namespace {

using namespace support;
using fanout::run_options;
using fanout::task_context;

using body_of_task = std::function<void()>;

/// The message of the cause of the failure with which `call` ends.
template <class Call>
std::string cause_of(const Call& call) {
  try {
    call();
  } catch (const fanout::task_error& e) {
    try {
      e.rethrow_nested();
    } catch (const std::exception& cause) {
      return cause.what();
    } catch (...) {
      return "no exception of the standard library";
    }
  }
  return "nothing was thrown";
}

TEST(Around, IsCalledAroundEachTaskOnItsThread) {
  std::vector<std::thread::id> before(100);
  std::vector<std::thread::id> after(100);
  const auto threads = fanout::map_in_parallel(100, [&](std::size_t i) {
    EXPECT_EQ(before[i], std::this_thread::get_id());
    return std::this_thread::get_id();
  }, {.concurrency = 3, .around = [&](const task_context& context, const body_of_task& body) {
    before[context.index()] = std::this_thread::get_id();
    body();
    after[context.index()] = std::this_thread::get_id();
  }});
  EXPECT_EQ(before, threads);
  EXPECT_EQ(after, threads);
}

TEST(Around, IsCalledForEveryKindOfBatch) {
  std::atomic<int> calls = 0;
  const run_options options{.timeout = std::chrono::hours(1), .around = [&](const task_context&, const body_of_task& body) {
    ++calls;
    body();
  }};
  const std::vector<std::function<int()>> tasks(5, [] { return 1; });
  EXPECT_EQ(fanout::execute_in_parallel(tasks, options).size(), 5U);
  EXPECT_EQ(calls.exchange(0), 5);
  EXPECT_EQ(fanout::settle_map(5, [](int i) { return i; }, options)[4].value(), 4);
  EXPECT_EQ(calls.exchange(0), 5);
  EXPECT_EQ(fanout::submit_map(5, [](int i) { return i; }, options).get().size(), 5U);
  EXPECT_EQ(calls.exchange(0), 5);
  fanout::first_in_parallel(std::vector<std::function<int()>>(1, [] { return 1; }), options);
  EXPECT_EQ(calls.exchange(0), 1);
  std::atomic<int> indices = 0;
  fanout::for_each_range(1'000, [&](int first, int last) { indices += last - first; }, options);
  EXPECT_EQ(indices, 1'000);
  EXPECT_GE(calls.exchange(0), 1);
  fanout::task_scope scope(options);
  int captured = 0;
  for (int i = 0; i != 5; ++i) scope.add([] {});
  scope.add([&captured, text = std::string(100, 'x')] { captured = static_cast<int>(text.size()); });
  scope.join();
  EXPECT_EQ(captured, 100);
  EXPECT_EQ(calls, 6);
}

TEST(Around, SeesTheExceptionOfTheTaskAndPassesItOn) {
  std::atomic<int> seen = 0;
  const run_options options{.around = [&](const task_context&, const body_of_task& body) {
    try {
      body();
    } catch (const std::runtime_error&) {
      ++seen;
      throw;
    }
  }};
  const auto fails = [](int) { throw std::runtime_error("of the task"); };
  EXPECT_EQ(cause_of([&] { fanout::map_in_parallel(1, fails, options); }), "of the task");
  EXPECT_EQ(seen.exchange(0), 1);
  const auto outcomes = fanout::settle_map(2, fails, options);
  EXPECT_FALSE(outcomes[1].has_value());
  EXPECT_FALSE(outcomes[1].cancelled());
  EXPECT_EQ(seen.exchange(0), 2);
  fanout::task_scope scope(options);
  scope.add([&] { fails(0); });
  EXPECT_EQ(cause_of([&] { scope.join(); }), "of the task");
  EXPECT_EQ(seen, 1);
}

TEST(Around, MayGiveAnotherReason) {
  const run_options options{.around = [](const task_context&, const body_of_task& body) {
    body();
    throw std::runtime_error("of the outside");
  }};
  EXPECT_EQ(cause_of([&] { fanout::map_in_parallel(1, [](int) {}, options); }), "of the outside");
  EXPECT_THROW(fanout::settle_map(1, [](int i) { return i; }, options)[0].value(), fanout::task_error);
}

TEST(Around, ThatSwallowsAnExceptionDoesNotMakeASuccess) {
  const run_options options{.around = [](const task_context&, const body_of_task& body) {
    try {
      body();
    } catch (...) {
    }
  }};
  const auto fails = [](int) -> int { throw std::runtime_error("of the task"); };
  EXPECT_EQ(cause_of([&] { fanout::map_in_parallel(1, fails, options); }), "of the task");
  EXPECT_FALSE(fanout::settle_map(1, fails, options)[0].has_value());
}

TEST(Around, MustCallTheBodyOnce) {
  int ran = 0;
  const auto counts = [&](int) { ++ran; };
  const run_options never{.around = [](const task_context&, const body_of_task&) {}};
  const run_options twice{.around = [](const task_context&, const body_of_task& body) {
    body();
    body();
  }};
  const std::string not_called = "run_options::around did not call the body of a task";
  EXPECT_EQ(cause_of([&] { fanout::map_in_parallel(1, counts, never); }), not_called);
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(cause_of([&] { fanout::map_in_parallel(1, counts, twice); }),
            "run_options::around called the body of a task twice");
  EXPECT_EQ(ran, 1);
  fanout::task_scope scope(never);
  scope.add([text = std::string(100, 'x')] {});
  EXPECT_EQ(cause_of([&] { scope.join(); }), not_called);
}

TEST(Around, ThatDoesNotCallTheBodyCountsInTheProgressOfAHandle) {
  const auto around = [](const task_context& context, const body_of_task& body) {
    if (context.index() == 1) throw std::runtime_error("no device");
    body();
  };
  const run_options options{.concurrency = 1, .on_error = fanout::error_policy::run_all, .around = around};
  auto batch = fanout::submit_map(3, [](int) {}, options);
  batch.wait();
  const fanout::batch_progress counts = batch.progress();
  EXPECT_EQ(counts.started, 3U);
  EXPECT_EQ(counts.completed, 3U);
  EXPECT_EQ(counts.failed, 1U);
  EXPECT_THROW(batch.get(), fanout::aggregate_error);
}

TEST(Around, AppliesToEachOfNestedBatches) {
  std::atomic<int> depth_of_outer = 0;
  const auto around = [&](const task_context&, const body_of_task& body) {
    ++depth_of_outer;
    body();
  };
  EXPECT_THROW(fanout::map_in_parallel(2, [&](int) {
    fanout::map_in_parallel(3, [](int) {}, {.around = around});
    throw 1;
  }, {.concurrency = 1, .on_error = fanout::error_policy::run_all, .around = around}), fanout::aggregate_error);
  EXPECT_EQ(depth_of_outer, 8);
}

TEST(Around, IsCalledNoMoreAfterAStop) {
  int calls = 0;
  EXPECT_THROW(fanout::map_in_parallel(10, [](int i) { if (i == 3) throw i; },
                                       {.concurrency = 1, .around = [&](const task_context&, const body_of_task& body) {
                                         ++calls;
                                         body();
                                       }}),
               fanout::task_error);
  EXPECT_EQ(calls, 4);
}

}  // namespace
