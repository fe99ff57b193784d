#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Promise 9: bad input is refused before anything runs. (Concurrencies: run_options_test, executor_test.)
namespace {

using namespace support;
using fanout::execute_in_parallel;
using fanout::executor;
using fanout::task_context;

using action = std::function<void()>;

TEST(Promise9BadInput, IsAConcurrencyOfZero) {
  const std::string expected = "concurrency must be between 1 and " + std::to_string(fanout::max_concurrency()) +
                               ", automatic or unlimited; got 0";
  EXPECT_EQ(message_of<std::invalid_argument>([] { execute_in_parallel(std::vector(1, [] {}), 0); }), expected);
  EXPECT_EQ(message_of<std::invalid_argument>([] { executor({.concurrency = 0}); }), expected);
}

TEST(Promise9BadInput, IsAnEmptyFunctionAmongTheTasks) {
  std::atomic<int> ran = 0;
  executor three({.concurrency = 3});
  std::vector<action> tasks(100, [&] { ++ran; });
  tasks[42] = nullptr;
  tasks[77] = nullptr;
  for (const auto& call : std::vector<action>{
           [&] { execute_in_parallel(tasks); }, [&] { execute_in_parallel(tasks, 1); },
           [&] { fanout::settle_in_parallel(tasks); }, [&] { three.execute(tasks); }, [&] { three.settle(tasks); }})
    EXPECT_EQ(message_of<std::invalid_argument>(call), "tasks[42] is an empty function");
  EXPECT_EQ(ran, 0);
}

TEST(Promise9BadInput, IsAnEmptyFunctionInAnyKindOfRange) {
  const action full = [] {};
  const action empty;
  const std::string second = "tasks[1] is an empty function";
  const std::list<action> list{full, empty};
  const std::array<action, 2> array{full, empty};
  const action c_array[] = {full, empty};
  EXPECT_EQ(message_of<std::invalid_argument>([&] { execute_in_parallel(list); }), second);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { execute_in_parallel(array); }), second);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { execute_in_parallel(c_array); }), second);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { execute_in_parallel(std::list<action>{full, empty}); }), second);
}

void nothing() {}

TEST(Promise9BadInput, IsAPointerToNoFunction) {
  const std::vector<void (*)()> tasks{nothing, nothing, nullptr};
  EXPECT_EQ(message_of<std::invalid_argument>([&] { execute_in_parallel(tasks); }), "tasks[2] is an empty function");
}

TEST(Promise9BadInput, IsAnEmptyFunctionThatTakesAContext) {
  const std::vector<std::function<int(const task_context&)>> tasks(1);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { execute_in_parallel(tasks); }), "tasks[0] is an empty function");
}

TEST(Promise9BadInput, IsRefusedEvenWhereTheStopWasRequested) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(execute_in_parallel(std::vector<action>(1), {.stop = source.get_token()}), std::invalid_argument);
}

TEST(Promise9BadInput, IsNoErrorOfFanout) {
  try {
    execute_in_parallel(std::vector<action>(1));
    FAIL() << "no exception";
  } catch (const fanout::error&) {
    FAIL() << "a mistake of the program is a std::invalid_argument";
  } catch (const std::invalid_argument&) {
  }
}

TEST(Promise9BadInput, LeavesAnExecutorUsable) {
  executor one({.concurrency = 1});
  EXPECT_THROW(one.execute(std::vector<action>(1)), std::invalid_argument);
  EXPECT_THROW(one.execute(std::vector(1, [] {}), {.concurrency = 0}), std::invalid_argument);
  EXPECT_EQ(one.execute(std::vector(1, [] { return 5; })).at(0), 5);
}

TEST(Promise9BadInput, IsTheFirstEmptyFunctionAmongVeryMany) {
  for (const std::size_t last : {std::size_t{16'383}, std::size_t{16'384}, std::size_t{99'999}}) {
    for (const std::size_t first : {std::size_t{0}, last / 2, last}) {
      std::atomic<int> ran = 0;
      std::vector<action> tasks(last + 1, [&] { ++ran; });
      tasks[first] = nullptr;
      tasks[last] = nullptr;
      const std::string index = "tasks[" + std::to_string(first) + "]";
      executor two({.concurrency = 2});
      for (const auto& call : std::vector<action>{[&] { execute_in_parallel(tasks); }, [&] { two.execute(tasks); },
                                                  [&] { execute_in_parallel(tasks, 3); }}) {
        try {
          call();
          ADD_FAILURE() << "not refused";
        } catch (const std::invalid_argument& e) {
          EXPECT_EQ(std::string(e.what()).substr(0, index.size()), index);
        }
      }
      EXPECT_EQ(ran, 0);
    }
  }
}

// Neither the stop nor the limit of an executor changes what is refused, or when.
TEST(Promise9BadInput, IsFoundAmongVeryManyFunctionsOnABusyExecutor) {
  std::stop_source stop;
  stop.request_stop();
  for (const fanout::executor_options& options : {fanout::executor_options{.concurrency = 1},
                                                  {.concurrency = 2},
                                                  {.concurrency = fanout::automatic},
                                                  {.concurrency = 2, .adaptive = true}}) {
    executor busy(options);
    full_house others(busy);
    for (const std::size_t count : {16'383U, 16'384U, 100'000U}) {
      std::vector<action> tasks(count, [] { ADD_FAILURE() << "started"; });
      tasks[count / 2] = nullptr;
      tasks[count - 1] = nullptr;
      const std::string expected = "tasks[" + std::to_string(count / 2) + "] is an empty function";
      for (const auto& call : std::vector<action>{[&] { busy.execute(tasks); }, [&] { busy.settle(tasks); },
                                                  [&] { busy.execute(tasks, {.concurrency = 1}); },
                                                  [&] { busy.execute(tasks, {.stop = stop.get_token()}); },
                                                  [&] { execute_in_parallel(tasks, {.stop = stop.get_token()}); }})
        EXPECT_EQ(message_of<std::invalid_argument>(call), expected);
    }
    EXPECT_TRUE(others.held_until_now()) << "a call waited for a place";
  }
}

TEST(Promise9BadInput, IsAnEmptyMapper) {
  const std::vector<int> items{1, 2, 3};
  EXPECT_THROW(fanout::map_in_parallel(items, std::function<int(int)>()), std::invalid_argument);
  EXPECT_THROW(fanout::map_in_parallel(std::vector<int>(), std::function<int(int)>()), std::invalid_argument);
  int (*nothing)(int) = nullptr;
  EXPECT_THROW(fanout::map_in_parallel(items, nothing), std::invalid_argument);
}

}  // namespace
