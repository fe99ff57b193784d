#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

#include "fanout/execute.hpp"
#include "fanout/executor.hpp"
#include "fanout/task_scope.hpp"
#include "random_rounds.hpp"
#include "support.hpp"

/// Executors that call each other at random, from several ends, with free calls between and stops at any moment: whatever
/// waits for whatever, every call ends, each task runs once or was stopped, and no limit is exceeded.
///
/// FANOUT_STRESS_SECONDS says for how long it goes on. FANOUT_STRESS_SEED=N makes the plans of one round alone.
namespace {

using namespace support;

/// A batch, and what its tasks do: they nap, and may run a batch of their own.
struct call_plan {
  static constexpr int free_of_two = -1;
  static constexpr int automatic = -2;

  struct task {
    std::chrono::microseconds before;
    std::vector<call_plan> inside;
    std::chrono::microseconds after;
  };

  int where = automatic;  // or the number of an executor
  std::vector<task> tasks;
  bool is_scope = false;  // its tasks are added to a scope, which may hold up who adds
  bool is_stopped = false;
  std::chrono::microseconds stopped_after{};
};

class round_of_calls {
 public:
  explicit round_of_calls(std::uint64_t seed) : random_(seed) {
    const std::size_t count = 2 + any(3);
    for (std::size_t i = 0; i != count; ++i) {
      limits_.push_back(any(4) == 0 ? 2 : 1);
      executors_.push_back(std::make_unique<fanout::executor>(fanout::executor_options{.concurrency = limits_[i]}));
    }
    at_work_ = std::vector<gauge>(count);
    naps_ = any(4) == 0;
    plans_.resize(2 + any(4));
    for (std::vector<call_plan>& one_after_the_other : plans_)
      for (int i = 0; i != 8; ++i) one_after_the_other.push_back(plan(any(6)));
  }

  void run() {
    on_threads(plans_.size(), [this](std::size_t number) {
      for (const call_plan& each : plans_[number]) run(each);
    });
    for (std::size_t i = 0; i != limits_.size(); ++i)
      EXPECT_LE(static_cast<std::size_t>(at_work_[i].most()), limits_[i]) << "executor " << i;
  }

 private:
  std::size_t any(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  std::chrono::microseconds nap() { return std::chrono::microseconds(naps_ ? any(4) * 100 : 0); }

  call_plan plan(std::size_t levels_inside) {
    call_plan made;
    made.where = any(4) != 0   ? static_cast<int>(any(executors_.size()))
                 : any(4) != 0 ? call_plan::free_of_two
                               : call_plan::automatic;
    made.is_scope = any(3) == 0;
    made.is_stopped = any(8) == 0;
    made.stopped_after = nap();
    const std::size_t tasks = 1 + any(3);
    for (std::size_t i = 0; i != tasks; ++i) {
      call_plan::task each{nap(), {}, nap()};
      if (levels_inside != 0 && any(4) != 0) each.inside.push_back(plan(levels_inside - 1));
      made.tasks.push_back(std::move(each));
    }
    return made;
  }

  void run(const call_plan& what) {
    std::stop_source stop;
    std::optional<std::jthread> stopping;
    if (what.is_stopped && naps_) {
      stopping.emplace([&] {
        std::this_thread::sleep_for(what.stopped_after);
        stop.request_stop();
      });
    }
    std::atomic<std::size_t> ran = 0;
    std::vector<std::function<void()>> tasks;
    for (const call_plan::task& each : what.tasks) {
      tasks.emplace_back([this, &each, &what, &ran, &stop] {
        ++ran;
        work(what.where, each.before);
        if (what.is_stopped && &each == &what.tasks.front()) stop.request_stop();
        for (const call_plan& inner : each.inside) run(inner);
        work(what.where, each.after);
      });
    }
    const fanout::run_options options{.concurrency = what.where == call_plan::free_of_two ? 2 : fanout::automatic,
                                      .stop = stop.get_token()};
    try {
      if (what.is_scope) {
        run_in_scope(what.where, tasks, options);
      } else if (what.where < 0) {
        fanout::execute_in_parallel(tasks, options);
      } else {
        executors_[static_cast<std::size_t>(what.where)]->execute(tasks, options);
      }
      EXPECT_EQ(ran, tasks.size());
    } catch (const fanout::operation_cancelled& stopped) {
      EXPECT_TRUE(what.is_stopped);
      EXPECT_EQ(ran, stopped.completed());
    }
  }

  void run_in_scope(int where, const std::vector<std::function<void()>>& tasks, fanout::run_options options) {
    options.max_pending = 1;
    std::optional<fanout::task_scope> scope;
    where < 0 ? scope.emplace(options) : scope.emplace(*executors_[static_cast<std::size_t>(where)], options);
    for (const auto& each : tasks) scope->add(each);
    scope->join();
  }

  /// As a task of this executor that is not waiting for an inner batch.
  void work(int where, std::chrono::microseconds time) {
    std::optional<gauge::visit> here;
    if (where >= 0) here.emplace(at_work_[static_cast<std::size_t>(where)]);
    if (naps_) std::this_thread::sleep_for(time);
  }

  std::mt19937_64 random_;
  bool naps_ = false;
  std::vector<std::size_t> limits_;
  std::vector<std::unique_ptr<fanout::executor>> executors_;
  std::vector<gauge> at_work_;
  std::vector<std::vector<call_plan>> plans_;  // of each caller
};

/// The inner one would wait for a loan of an entry under which a thread is stuck, while one is free further in.
TEST(ExecutorCycles, EndWhereTwoCallsOfOneTaskMeetThoseOfAnother) {
  const watchdog guard;
  using tasks = std::vector<std::function<void()>>;
  for (int round = 0; round != 60; ++round) {
    const auto nap = [round](int units) { std::this_thread::sleep_for(units * (round + 1) * 10us); };
    fanout::executor a({.concurrency = 1});
    fanout::executor b({.concurrency = 1});
    const auto in_two = [](const tasks& both) { fanout::execute_in_parallel(both, 2); };
    const auto a_for = [&](int before, int inside) {
      nap(before);
      a.execute(tasks{[&] { nap(inside); }});
    };
    std::jthread other([&] {
      nap(1);
      b.execute(tasks{[&] { in_two({[&] { a_for(3, 1); }, [&] { a_for(1, 2); }}); }});
    });
    const auto b_then_a = [&] {
      nap(3);
      b.execute(tasks{[&] { a.execute(tasks{[] {}}); }});
    };
    const auto a_then_b = [&] {
      nap(1);
      a.execute(tasks{[&] {
        nap(1);
        b.execute(tasks{[] {}});
      }});
    };
    a.execute(tasks{[&] { in_two({b_then_a, a_then_b}); }});
  }
}

TEST(ExecutorCycles, EndWhateverWaitsForWhatever) { run_random_rounds<round_of_calls>(4s); }

}  // namespace
