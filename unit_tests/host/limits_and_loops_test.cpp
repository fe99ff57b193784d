#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <ranges>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Calls within calls end, whatever their tasks hold and whatever stands between them, as they would without limits.
namespace {

using namespace support;
using fanout::executor;

using action = std::function<void()>;
using actions = std::vector<action>;

/// Fails where a wait takes longer than anything should.
void require(bool happened) { EXPECT_TRUE(happened); }

// ── What a task holds while it waits for an inner call ──────────────────────────────────────────────────────────

/// Something that one task at a time can have: of several kinds.
struct exclusive {
  virtual ~exclusive() = default;
  virtual void with(const action& call) = 0;
};

struct a_mutex : exclusive {
  void with(const action& call) override {
    const std::lock_guard lock(mutex);
    call();
  }
  std::mutex mutex;
};

struct a_lease : exclusive {
  void with(const action& call) override {
    const fanout::lease<int> lent = pool.acquire();
    call();
  }
  fanout::resource_pool<int> pool{[] { return 0; }, 1};
};

struct a_semaphore : exclusive {
  void with(const action& call) override {
    semaphore.acquire();
    call();
    semaphore.release();
  }
  std::counting_semaphore<> semaphore{1};
};

struct kind_of_exclusive {
  const char* name;
  std::unique_ptr<exclusive> (*make)();
};

template <class T>
kind_of_exclusive kind(const char* name) {
  return {name, []() -> std::unique_ptr<exclusive> { return std::make_unique<T>(); }};
}

class LimitsAndWhatTasksHold : public testing::TestWithParam<kind_of_exclusive> {
 protected:
  /// A task on `outer` takes what is exclusive and waits for `inner`. A task of another batch on `outer`, which waits for
  /// calls of its own meanwhile, wants the same below them.
  void one_holds_what_is_wanted_below_the_other(executor& outer, const std::function<void(const action&)>& inner,
                                                const std::function<void(const action&)>& between) {
    const std::unique_ptr<exclusive> only = GetParam().make();
    rendezvous both_run(2);  // the one has it then, and its inner tasks keep nobody out
    event wanted;
    std::atomic<int> had = 0;
    std::jthread one([&] {
      outer.execute(actions{[&] {
        only->with([&] {
          require(both_run.meet());
          inner([&] { require(wanted.wait()); });
          std::this_thread::sleep_for(5ms);  // so that a turn which is lent is taken
          inner([] {});
        });
      }});
    });
    std::jthread other([&] {
      outer.execute(actions{[&] {
        require(both_run.meet());
        between([&] {
          outer.execute(actions{[&] {
            wanted.set();
            only->with([&] { ++had; });
          }});
        });
      }});
    });
    one.join();
    other.join();
    EXPECT_GE(had, 1);
  }

  const watchdog guard_{2 * patience};
};

INSTANTIATE_TEST_SUITE_P(Of, LimitsAndWhatTasksHold,
                         testing::Values(kind<a_mutex>("AMutex"), kind<a_lease>("ALease"),
                                         kind<a_semaphore>("ASemaphore")),
                         [](const auto& given) { return given.param.name; });

TEST_P(LimitsAndWhatTasksHold, EndWithFreeCallsBetween) {
  for (int round = 0; round != 10; ++round) {
    executor two({.concurrency = 2});
    const auto free = [](const action& task) { fanout::execute_in_parallel(std::vector(2, task), 2); };
    one_holds_what_is_wanted_below_the_other(two, free, free);
  }
}

TEST_P(LimitsAndWhatTasksHold, EndWithAutomaticCallsBetween) {
  for (int round = 0; round != 10; ++round) {
    executor two({.concurrency = 2});
    const auto automatic = [](const action& task) { fanout::execute_in_parallel(std::vector(2, task)); };
    one_holds_what_is_wanted_below_the_other(two, automatic, automatic);
  }
}

TEST_P(LimitsAndWhatTasksHold, EndWithAnotherExecutorBetween) {
  for (int round = 0; round != 10; ++round) {
    executor two({.concurrency = 2});
    executor four({.concurrency = 4});
    const auto on_four = [&](const action& task) { four.execute(std::vector(2, task)); };
    one_holds_what_is_wanted_below_the_other(two, on_four, on_four);
  }
}

TEST_P(LimitsAndWhatTasksHold, EndWithTwoMoreExecutorsBetween) {
  for (int round = 0; round != 10; ++round) {
    executor two({.concurrency = 2});
    executor three({.concurrency = 3});
    executor four({.concurrency = 4});
    const auto chain = [&](const action& task) {
      three.execute(actions{[&] { four.execute(std::vector(2, task)); }});
    };
    const auto other_chain = [&](const action& task) {
      four.execute(
          actions{[&] { three.execute(actions{[&] { fanout::execute_in_parallel(std::vector(2, task), 2); }}); }});
    };
    one_holds_what_is_wanted_below_the_other(two, chain, other_chain);
  }
}

// The one who holds it waits on the executor itself.
TEST_P(LimitsAndWhatTasksHold, EndWhereTheInnerCallIsOnTheSameExecutor) {
  for (int round = 0; round != 10; ++round) {
    executor two({.concurrency = 2});
    const auto same = [&](const action& task) { two.execute(std::vector(2, task)); };
    const auto free = [](const action& task) { fanout::execute_in_parallel(std::vector(2, task), 2); };
    one_holds_what_is_wanted_below_the_other(two, same, free);
  }
}

// Many at once: whoever has it runs an inner call, and everybody wants it in the innermost one.
TEST_P(LimitsAndWhatTasksHold, EndForManyCallers) {
  for (const std::size_t limit : {std::size_t{2}, std::size_t{3}}) {
    executor some({.concurrency = limit});
    const std::unique_ptr<exclusive> only = GetParam().make();
    std::atomic<int> had = 0;
    on_threads(4, [&](std::size_t number) {
      for (int round = 0; round != 50; ++round) {
        const auto take = [&] {
          only->with([&] {
            fanout::execute_in_parallel(actions(2, [] {}), 2);
            ++had;
          });
        };
        some.execute(actions(2, [&] {
          number % 2 == 0 ? take()
                          : fanout::execute_in_parallel(actions(2, [&] { some.execute(actions(1, take)); }), 2);
        }));
      }
    });
    EXPECT_EQ(had, 2 * 50 * 2 + 2 * 50 * 4);
  }
}

// ── Loops of oneTBB between a task and an inner call ────────────────────────────────────────────────────────────

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

// ── Executors whose tasks are nothing but batches on another one ────────────────────────────────────────────────

class LimitsOfExecutorsInRounds : public testing::Test {
 protected:
  static constexpr int rounds = 200;
  executor outer_{{.concurrency = 2}};
  executor inner_{{.concurrency = 2}};
  const watchdog guard_{3 * patience};
};

TEST_F(LimitsOfExecutorsInRounds, AreReachedByTwoOuterTasksWhoseInnerOnesMeet) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    outer_.execute(actions(2, [&] { inner_.execute(actions{[&] { missed += both.meet() ? 0 : 1; }}); }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// A task that computes leaves a core to the others only when there are enough of them.
TEST_F(LimitsOfExecutorsInRounds, AreReachedByTwoOuterTasksWhoseInnerOnesComputeUntilTheyMeet) {
  for (int round = 0; round != rounds; ++round) {
    std::atomic<int> begun = 0;
    std::atomic<int> missed = 0;
    outer_.execute(actions(2, [&] {
      inner_.execute(actions{[&] {
        ++begun;
        const auto end = std::chrono::steady_clock::now() + patience;
        while (begun != 2 && std::chrono::steady_clock::now() < end) {
        }
        missed += begun == 2 ? 0 : 1;
      }});
    }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST_F(LimitsOfExecutorsInRounds, AreReachedByTheFirstInnerTasksOfTwoBatches) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    outer_.execute(actions(
        2, [&] { inner_.map(std::views::iota(0, 2), [&](int i) { missed += i != 0 || both.meet() ? 0 : 1; }); }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// The first two outer tasks end when they have been in flight at once.
TEST_F(LimitsOfExecutorsInRounds, AreReachedByOuterTasksThatDoNothingElse) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    std::atomic<int> outer_begun = 0;
    outer_.execute(actions(20, [&] {
      const bool meets = ++outer_begun <= 2;
      std::atomic<int> inner_begun = 0;
      inner_.execute(actions(3, [&] {
        if (meets && ++inner_begun == 1) missed += both.meet() ? 0 : 1;
      }));
    }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST_F(LimitsOfExecutorsInRounds, AreReachedByTheInnerTasksOfOneOuterTask) {
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    outer_.execute(actions{[&] { inner_.execute(actions(2, [&] { missed += both.meet() ? 0 : 1; })); }});
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

TEST_F(LimitsOfExecutorsInRounds, AreReachedThroughAThirdExecutor) {
  executor third({.concurrency = 2});
  for (int round = 0; round != rounds; ++round) {
    rendezvous both(2);
    std::atomic<int> missed = 0;
    const auto innermost = [&] { third.execute(actions{[&] { missed += both.meet() ? 0 : 1; }}); };
    outer_.execute(actions(2, [&] { inner_.execute(actions{innermost}); }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// Each batch wants the two slots of the inner executor for tasks that meet: they have it one after the other.
TEST_F(LimitsOfExecutorsInRounds, AreReachedByEachOfTwoInnerBatchesInTurn) {
  for (int round = 0; round != rounds; ++round) {
    std::atomic<int> missed = 0;
    std::mutex one_at_a_time;
    outer_.execute(actions(2, [&] {
      rendezvous both(2);
      const std::lock_guard turn(one_at_a_time);
      inner_.execute(actions(2, [&] { missed += both.meet() ? 0 : 1; }));
    }));
    ASSERT_EQ(missed, 0) << "in round " << round;
  }
}

// ── Cycles, called from both ends ───────────────────────────────────────────────────────────────────────────────

class LimitsOfExecutorsInACycle : public testing::TestWithParam<std::size_t> {
 protected:
  /// Calls the executors inside each other, from the first to the last, with so many tasks each.
  static void down(const std::vector<executor*>& path, std::size_t tasks, const action& innermost,
                   std::size_t at = 0) {
    if (at == path.size()) return innermost();
    path[at]->execute(actions(tasks, [&, at] { down(path, tasks, innermost, at + 1); }));
  }

  const watchdog guard_{2 * patience};
};

INSTANTIATE_TEST_SUITE_P(Of, LimitsOfExecutorsInACycle, testing::Values(1, 2, 3));

TEST_P(LimitsOfExecutorsInACycle, EndWhereTheInnermostTasksTakeAMutexEach) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  std::mutex mutex;
  int had = 0;
  const auto take = [&] {
    const std::lock_guard lock(mutex);
    ++had;
  };
  constexpr int rounds = 30;
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != rounds; ++round)
      down(number % 2 == 0 ? std::vector{&a, &b, &a} : std::vector{&b, &a, &b}, 2, take);
  });
  EXPECT_EQ(had, 4 * rounds * 8);
}

TEST_P(LimitsOfExecutorsInACycle, EndWhereTheInnermostTasksTakeALease) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  fanout::resource_pool<int> pool([] { return 0; }, 1);
  std::atomic<int> had = 0;
  const auto take = [&] {
    fanout::lease<int> lent = pool.acquire();
    had += ++*lent > 0 ? 1 : 0;
  };
  constexpr int rounds = 30;
  on_threads(4, [&](std::size_t number) {
    for (int round = 0; round != rounds; ++round)
      down(number % 2 == 0 ? std::vector{&a, &b, &a} : std::vector{&b, &a, &b}, 2, take);
  });
  EXPECT_EQ(had, 4 * rounds * 8);
}

TEST_P(LimitsOfExecutorsInACycle, EndForThreeExecutorsFromThreeEnds) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  executor c({.concurrency = GetParam()});
  const std::vector<std::vector<executor*>> paths{{&a, &b, &c, &a}, {&b, &c, &a, &b}, {&c, &a, &b, &c}};
  std::mutex mutex;
  int had = 0;
  const auto take = [&] {
    const std::lock_guard lock(mutex);
    ++had;
  };
  constexpr int rounds = 20;
  on_threads(3, [&](std::size_t number) {
    for (int round = 0; round != rounds; ++round) down(paths[number], 2, take);
  });
  EXPECT_EQ(had, 3 * rounds * 16);
}

TEST_P(LimitsOfExecutorsInACycle, KeepTheirLimits) {
  executor a({.concurrency = GetParam()});
  executor b({.concurrency = GetParam()});
  gauge in_a;
  gauge in_b;
  on_threads(4, [&](std::size_t number) {
    executor& outer = number % 2 == 0 ? a : b;
    executor& inner = number % 2 == 0 ? b : a;
    gauge& gauge_of_outer = number % 2 == 0 ? in_a : in_b;
    for (int round = 0; round != 30; ++round) {
      down({&outer, &inner, &outer}, 2, [&] {
        const gauge::visit here(gauge_of_outer);
        briefly();
      });
    }
  });
  EXPECT_LE(in_a.most(), static_cast<int>(GetParam()));
  EXPECT_LE(in_b.most(), static_cast<int>(GetParam()));
}

}  // namespace
