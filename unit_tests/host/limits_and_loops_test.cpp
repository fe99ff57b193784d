#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Calls within calls end, whatever loop of oneTBB stands between them, as they would without limits.
namespace {

using namespace support;
using fanout::executor;

using action = std::function<void()>;
using actions = std::vector<action>;

/// Calls `body` for 0 … size - 1 in parallel.
struct loop {
  const char* name;
  void (*run)(int size, const std::function<void(int)>& body);
};

const loop loops[] = {
    {"SimpleLoop",
     [](int size, const std::function<void(int)>& body) {
       tbb::parallel_for(0, size, body, tbb::simple_partitioner());
     }},
    {"AutoLoop",
     [](int size, const std::function<void(int)>& body) {
       tbb::parallel_for(0, size, body, tbb::auto_partitioner());
     }},
    {"StaticLoop",
     [](int size, const std::function<void(int)>& body) {
       tbb::parallel_for(0, size, body, tbb::static_partitioner());
     }},
    {"NestedLoop",
     [](int size, const std::function<void(int)>& body) {
       const int half = size / 2;
       tbb::parallel_for(0, 2, [&](int part) {
         tbb::parallel_for(
             part * half, part == 0 ? half : size, [&](int i) { body(i); }, tbb::simple_partitioner());
       });
     }},
    {"TaskGroup",
     [](int size, const std::function<void(int)>& body) {
       tbb::task_group group;
       for (int i = 0; i != size; ++i) group.run([&body, i] { body(i); });
       group.wait();
     }},
};

struct loop_at_limit {
  loop by;
  std::size_t limit;
};

class LimitsAndLoops : public testing::TestWithParam<loop_at_limit> {
 protected:
  void SetUp() override {
    if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  }

  std::size_t limit() const {
    return GetParam().limit == fanout::automatic ? fanout::available_concurrency() : GetParam().limit;
  }

  /// Runs the loop in as many tasks of the executor as its limit; counts how often the body was called.
  int loops_in_tasks(executor& on, const std::function<void(int)>& body) {
    std::atomic<int> bodies = 0;
    on.execute(actions(limit(), [&] {
      GetParam().by.run(32, [&](int i) {
        body(i);
        ++bodies;
      });
    }));
    return bodies;
  }

  /// Runs this in some rounds on a new executor, and sees to it that no body is left out.
  void in_rounds(const std::function<void(executor&, int)>& body, int rounds = 5) {
    executor some({.concurrency = GetParam().limit});
    for (int round = 0; round != rounds; ++round)
      ASSERT_EQ(loops_in_tasks(some, [&](int i) { body(some, i); }), static_cast<int>(limit()) * 32);
  }

  const watchdog guard_{2 * patience};
};

std::vector<loop_at_limit> all_loops() {
  std::vector<loop_at_limit> all;
  for (const loop& by : loops)
    for (const std::size_t limit :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{4}, fanout::automatic})
      all.push_back({by, limit});
  return all;
}

INSTANTIATE_TEST_SUITE_P(In, LimitsAndLoops, testing::ValuesIn(all_loops()), [](const auto& given) {
  const std::size_t limit = given.param.limit;
  return given.param.by.name +
         (limit == fanout::automatic ? std::string("OnTheCores") : "At" + std::to_string(limit));
});

void briefly() { std::this_thread::sleep_for(100us); }

TEST_P(LimitsAndLoops, EndWhereTheBodyMapsOnTheSameExecutor) {
  in_rounds(
      [](executor& same, int) { same.map(std::views::iota(0, 2), [](int) { std::this_thread::sleep_for(1ms); }); },
      20);
}

TEST_P(LimitsAndLoops, EndWhereTheBodyExecutesOnTheSameExecutor) {
  in_rounds([](executor& same, int i) { same.execute(actions(static_cast<std::size_t>(i % 4), briefly)); });
}

TEST_P(LimitsAndLoops, EndWhereTheBodySettlesOnTheSameExecutor) {
  in_rounds([](executor& same, int) {
    for (const auto& end : same.settle(actions(3, briefly))) EXPECT_TRUE(end.has_value());
  });
}

TEST_P(LimitsAndLoops, EndWhereTheBodyCallsAnotherExecutor) {
  executor other({.concurrency = 2});
  in_rounds([&](executor&, int) { other.execute(actions(2, briefly)); });
}

TEST_P(LimitsAndLoops, EndWhereTheBodyCallsAnotherExecutorThatCallsBack) {
  for (const std::size_t limit_of_other : {std::size_t{1}, std::size_t{2}}) {
    executor other({.concurrency = limit_of_other});
    in_rounds([&](executor& same, int) {
      other.execute(actions(2, [&] { same.map(std::views::iota(0, 2), [](int) { briefly(); }); }));
    });
  }
}

TEST_P(LimitsAndLoops, EndWhereAFreeCallInTheBodyCallsBack) {
  in_rounds([&](executor& same, int) {
    fanout::execute_in_parallel(actions(2, [&] { same.execute(actions(2, briefly)); }), 2);
  });
}

TEST_P(LimitsAndLoops, EndWhereAnInnerTaskRunsALoopThatCallsBackAgain) {
  in_rounds([&](executor& same, int i) {
    if (i % 8 != 0) return;
    same.execute(actions(2, [&] { GetParam().by.run(4, [&](int) { same.execute(actions(2, briefly)); }); }));
  });
}

TEST_P(LimitsAndLoops, EndForSeveralCallers) {
  executor some({.concurrency = GetParam().limit});
  std::atomic<int> bodies = 0;
  on_threads(3, [&](std::size_t) {
    bodies += loops_in_tasks(some, [&](int) { some.map(std::views::iota(0, 2), [](int) { briefly(); }); });
  });
  EXPECT_EQ(bodies, 3 * static_cast<int>(limit()) * 32);
}

TEST_P(LimitsAndLoops, EndWhereTheBodyCallsTheExecutorAroundAnAutomaticOne) {
  executor outer({.concurrency = GetParam().limit});
  executor automatic;
  std::atomic<int> bodies = 0;
  const auto loop = [&] {
    GetParam().by.run(32, [&](int) {
      outer.execute(actions(2, briefly));
      ++bodies;
    });
  };
  outer.execute(actions{[&] { automatic.execute(actions{loop}); }});
  outer.execute(actions{[&] { automatic.execute(actions{[&] { automatic.execute(actions{loop, loop}); }}); }});
  outer.execute(actions{[&] { fanout::execute_in_parallel(actions{loop, loop}); }});
  EXPECT_EQ(bodies, 5 * 32);
}

TEST_P(LimitsAndLoops, EndForSeveralCallersWhereTheBodyCallsAnotherExecutorThatCallsBack) {
  executor some({.concurrency = GetParam().limit});
  executor other({.concurrency = 2});
  std::atomic<int> bodies = 0;
  on_threads(3, [&](std::size_t) {
    bodies += loops_in_tasks(some, [&](int) {
      other.execute(actions(2, [&] { some.map(std::views::iota(0, 2), [](int) { briefly(); }); }));
    });
  });
  EXPECT_EQ(bodies, 3 * static_cast<int>(limit()) * 32);
}

TEST_P(LimitsAndLoops, KeepTheLimitOfTheExecutorThatTheBodyCalls) {
  gauge in_flight;
  in_rounds([&](executor& same, int) {
    same.execute(actions(2, [&] {
      const gauge::visit here(in_flight);
      briefly();
    }));
  });
  EXPECT_LE(in_flight.most(), static_cast<int>(limit()));
}

}  // namespace
