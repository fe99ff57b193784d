#include <gtest/gtest.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

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
#include <utility>
#include <vector>

#include "fanout/execute.hpp"
#include "fanout/executor.hpp"
#include "fanout/submit.hpp"
#include "random_rounds.hpp"
#include "support.hpp"

/// Executors that call each other at random, blocking and through handles, with stops, dropped handles and threads from
/// outside that wait as well: every wait ends, each task runs once or was stopped, and no limit is exceeded.
///
/// FANOUT_STRESS_SECONDS says for how long it goes on. FANOUT_STRESS_SEED=N makes the plans of one round alone.
namespace {

using namespace support;

enum class way {
  called,
  got,          // submitted, and got at once
  got_later,    // after the task has gone on
  with_others,  // threads from outside wait as well
  dropped,
};

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
  way how = way::called;
  std::vector<task> tasks;
  bool is_stopped = false;
  std::chrono::microseconds pause{};  // before it is stopped, got later, or dropped
};

class round_of_submissions {
 public:
  explicit round_of_submissions(std::uint64_t seed) : random_(seed) {
    const std::size_t count = 2 + any(3);
    for (std::size_t i = 0; i != count; ++i) {
      const bool is_automatic = any(6) == 0;
      limits_.push_back(is_automatic ? fanout::available_concurrency() : 1 + any(2));
      executors_.push_back(std::make_unique<fanout::executor>(fanout::executor_options{
          .concurrency = is_automatic ? fanout::concurrency_limit(fanout::automatic) : limits_[i]}));
    }
    at_work_ = std::vector<gauge>(count);
    naps_ = any(3) == 0;
    plans_.resize(2 + any(3));
    for (std::vector<call_plan>& one_after_the_other : plans_)
      for (int i = 0; i != 6; ++i) one_after_the_other.push_back(plan(any(5)));
  }

  void run() {
    on_threads(plans_.size(), [this](std::size_t number) {
      for (const call_plan& each : plans_[number]) run(each);
    });
    for (std::size_t i = 0; i != limits_.size(); ++i)
      EXPECT_LE(static_cast<std::size_t>(at_work_[i].most()), limits_[i]) << "executor " << i;
  }

 private:
  using functions = std::vector<std::function<void()>>;

  std::size_t any(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  std::chrono::microseconds nap() { return std::chrono::microseconds(naps_ ? any(4) * 100 : 0); }

  call_plan plan(std::size_t levels_inside) {
    call_plan made;
    made.where = any(4) != 0   ? static_cast<int>(any(executors_.size()))
                 : any(4) != 0 ? call_plan::free_of_two
                               : call_plan::automatic;
    made.how = std::vector{way::called,    way::got,         way::got,    way::got_later,
                           way::got_later, way::with_others, way::dropped}[any(7)];
    made.is_stopped = any(8) == 0;
    made.pause = nap();
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
        std::this_thread::sleep_for(what.pause);
        stop.request_stop();
      });
    }
    std::atomic<std::size_t> started = 0;
    std::atomic<std::size_t> ran = 0;
    functions tasks;
    for (const call_plan::task& each : what.tasks) {
      tasks.emplace_back([this, &each, &what, &started, &ran, &stop] {
        ++started;
        work(what.where, each.before);
        if (what.is_stopped && &each == &what.tasks.front()) stop.request_stop();
        for (const call_plan& inner : each.inside) run(inner);
        work(what.where, each.after);
        ++ran;
      });
    }
    const fanout::run_options options{.concurrency = what.where == call_plan::free_of_two ? 2 : fanout::automatic,
                                      .stop = stop.get_token()};
    try {
      what.how == way::called ? call(what, tasks, options) : use(what, submit(what, tasks, options));
      EXPECT_TRUE(ran == tasks.size() || what.how == way::dropped);
    } catch (const fanout::operation_cancelled& stopped) {
      EXPECT_TRUE(what.is_stopped);
      EXPECT_EQ(ran, stopped.completed());
    }
    EXPECT_EQ(ran, started) << "a task runs after its batch";
  }

  void call(const call_plan& what, const functions& tasks, const fanout::run_options& options) {
    what.where < 0 ? fanout::execute_in_parallel(tasks, options) : on(what).execute(tasks, options);
  }
  fanout::batch<void> submit(const call_plan& what, const functions& tasks, const fanout::run_options& options) {
    return what.where < 0 ? fanout::submit(tasks, options) : on(what).submit(tasks, options);
  }
  fanout::executor& on(const call_plan& what) { return *executors_[static_cast<std::size_t>(what.where)]; }

  void use(const call_plan& what, fanout::batch<void> handle) {
    if (what.how == way::got_later || what.how == way::dropped) std::this_thread::sleep_for(what.pause);
    if (what.how == way::dropped) return;
    if (what.how == way::with_others) {
      const std::jthread one([&handle] { handle.wait(); });
      const std::jthread other([&handle] { static_cast<void>(handle.wait_for(1ms)); });
      handle.wait();
    }
    handle.get();
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

TEST(SubmitCycles, EndWhateverWaitsForWhatever) { run_random_rounds<round_of_submissions>(4s); }

/// Naps of random lengths, so that the threads meet in another way in each round.
void nap(std::mt19937& random) {
  const unsigned length = random() % 4;
  if (length != 0) std::this_thread::sleep_for(length * 50us);
}

/// Two tasks hold the slots of `a` and wait for handles of `b`, whose tasks call `a`. The handles are begun by leaders, by
/// the tasks that wait, or by threads from outside that wait as well, and these wait for slots of `b` that are held by
/// tasks which wait for `a`.
TEST(SubmitCycles, EndWhereTwoExecutorsWaitForEachOthersHandles) {
  const watchdog guard;
  for (unsigned round = 0; round != 200; ++round) {
    const std::size_t limit = 1 + round % 2;
    const fanout::executor a({.concurrency = limit});
    const fanout::executor b({.concurrency = limit});
    std::atomic<int> ran = 0;
    const auto across = [&](const fanout::executor& one, const fanout::executor& other, unsigned seed) {
      return [&, seed](int i) {
        std::mt19937 random(seed + static_cast<unsigned>(i));
        nap(random);
        auto handle = other.submit_map(2, [&, seed](int k) {
          std::mt19937 inner(seed + 10 + static_cast<unsigned>(k));
          nap(inner);
          one.map(2, [&](int) { ++ran; });
          one.submit_map(2, [&](int) { ++ran; }).get();
        });
        nap(random);
        const std::jthread outside([&] { handle.wait(); });
        if (random() % 2 == 0) nap(random);
        handle.wait();
      };
    };
    auto from_a = a.submit_map(2, across(a, b, round));
    auto from_b = b.submit_map(2, across(b, a, round + 1'000));
    const std::jthread helping([&] { from_b.wait(); });
    from_a.get();
    from_b.wait();
    ASSERT_EQ(ran, 2 * 2 * 2 * 4);
  }
}

/// Workers of oneTBB in loops of tasks wait for handles: of the executor whose task has started the loop, of another one,
/// and of none.
TEST(SubmitCycles, EndWhereTheTurnsOfALoopWaitForHandles) {
  if (under_thread_sanitizer) GTEST_SKIP() << unseen_order;
  const watchdog guard;
  const fanout::executor automatic;
  const fanout::executor one({.concurrency = 1});
  gauge at_work;
  for (int round = 0; round != 50; ++round) {
    std::atomic<int> ran = 0;
    const auto turn = [&](int number) {
      const auto count = [&](int) { ++ran; };
      const auto count_alone = [&](int) {
        const gauge::visit here(at_work);
        ++ran;
      };
      auto first = number % 3 == 0   ? automatic.submit_map(3, count)
                   : number % 3 == 1 ? one.submit_map(3, count_alone)
                                     : fanout::submit_map(3, count, 2);
      if (number % 2 == 0) automatic.map(2, [](int) {});
      number % 5 == 0 ? static_cast<void>(first.wait_for(100us)) : first.wait();
      first.get();
    };
    const auto loop = [&](int) {
      tbb::parallel_for(
          0, 12, [&](int number) { turn(number); }, tbb::simple_partitioner());
    };
    if (round % 2 == 0) {
      automatic.map(3, loop);
    } else {
      automatic.submit_map(3, loop).get();
    }
    ASSERT_EQ(ran, 3 * 12 * 3);
  }
  EXPECT_EQ(at_work.most(), 1);
}

}  // namespace
