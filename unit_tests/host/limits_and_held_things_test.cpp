#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "support.hpp"

/// Calls within calls end, whatever their tasks hold, as they would without limits.
namespace {

using namespace support;
using fanout::executor;

using action = std::function<void()>;
using actions = std::vector<action>;

/// Fails where a wait takes longer than anything should.
void require(bool happened) { EXPECT_TRUE(happened); }

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

}  // namespace
