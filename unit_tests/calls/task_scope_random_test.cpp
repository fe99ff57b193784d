#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fanout/fanout.hpp"
#include "random_rounds.hpp"
#include "support.hpp"

/// Random scopes: threads and tasks add tasks, some of which throw, while somebody may stop the scope or drop it.
/// Whatever happens, no task runs twice, the limit holds, and the numbers add up.
///
/// FANOUT_STRESS_SECONDS says for how long it goes on. FANOUT_STRESS_SEED=N makes one round alone.
namespace {

using namespace support;
using fanout::error_policy;
using fanout::task_scope;

class round_of_a_scope {
 public:
  explicit round_of_a_scope(std::uint64_t seed) : random_(seed) {
    limit_ = 1 + any(5);
    if (any(2) == 0) on_.emplace(fanout::executor_options{.concurrency = 1 + any(4)});
    on_error_ = any(3) == 0 ? error_policy::run_all : error_policy::stop;
    bound_ = any(3) == 0 ? 1 + any(4) : 100'000;
    adders_ = 1 + any(4);
    from_each_ = any(60);
    depth_ = any(4);
    failing_ = any(3) == 0 ? 1 + any(40) : 0;
    stopped_after_ = any(3) == 0 ? std::optional(std::chrono::microseconds(any(300))) : std::nullopt;
    is_dropped_ = any(8) == 0;
    reports_ = any(3) == 0;
  }

  void run() {
    std::size_t told = 0;
    fanout::run_options options{.concurrency = limit_, .on_error = on_error_, .max_pending = bound_};
    if (reports_) {
      options.on_progress = [&](std::size_t completed, std::size_t total) {
        EXPECT_TRUE(completed > told && completed <= total);
        told = completed;
      };
    }
    {
      std::optional<task_scope> scope;
      on_ ? scope.emplace(*on_, options) : scope.emplace(options);
      std::optional<std::jthread> stopping;
      if (stopped_after_) {
        stopping.emplace([&] {
          std::this_thread::sleep_for(*stopped_after_);
          scope->request_stop();
        });
      }
      on_threads(adders_, [&](std::size_t) {
        for (std::size_t i = 0; i != from_each_; ++i) add(*scope, depth_);
      });
      if (!is_dropped_) judge(*scope, told);
      stopping.reset();
    }
    EXPECT_EQ(running_.inside(), 0);
    EXPECT_LE(static_cast<std::size_t>(running_.most()), limit_);
    EXPECT_LE(ran_, added_);
    EXPECT_EQ(alive_, 0);
  }

 private:
  std::size_t any(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }

  /// Counts itself as long as the scope holds it.
  struct held {
    explicit held(std::atomic<int>& alive) : count(&alive) { ++*count; }
    held(const held& other) : count(other.count) { ++*count; }
    held& operator=(const held&) = delete;
    ~held() { --*count; }
    std::atomic<int>* count;
  };

  void add(task_scope& scope, std::size_t depth) {
    ++added_;
    const auto task = [this, &scope, depth] { work(scope, depth); };
    depth % 2 == 0 ? scope.add(task) : scope.add([task, counted = held(alive_)] { task(); });
  }

  void work(task_scope& scope, std::size_t depth) {
    const gauge::visit here(running_);
    const std::size_t number = ++ran_;
    for (std::size_t child = 0; depth != 0 && child != 2; ++child) add(scope, depth - 1);
    if (failing_ != 0 && number % failing_ == 0) {
      ++failed_;
      throw std::runtime_error("planned");
    }
  }

  void judge(task_scope& scope, const std::size_t& told) {
    std::size_t completed = 0;
    try {
      scope.join();
      completed = added_;
      EXPECT_EQ(failed_, 0U);
      EXPECT_TRUE(!reports_ || told == added_);
    } catch (const fanout::operation_cancelled& e) {
      EXPECT_TRUE(stopped_after_.has_value());
      EXPECT_EQ(e.errors().size(), failed_);
      completed = e.completed();
    } catch (const fanout::aggregate_error& e) {
      EXPECT_EQ(on_error_, error_policy::run_all);
      EXPECT_EQ(e.errors().size(), failed_);
      completed = added_;
    } catch (const fanout::task_error& e) {
      EXPECT_EQ(on_error_, error_policy::stop);
      EXPECT_GE(failed_, 1U);
      EXPECT_LT(e.index(), added_);
      completed = ran_;
    }
    EXPECT_EQ(ran_, completed);
    const fanout::batch_progress at_the_end = scope.progress();
    EXPECT_EQ(at_the_end.total, added_);
    EXPECT_EQ(at_the_end.started, ran_);
    EXPECT_EQ(at_the_end.completed, ran_);
    EXPECT_EQ(at_the_end.failed, failed_);
  }

  std::mt19937_64 random_;
  std::size_t limit_ = 1;
  std::optional<fanout::executor> on_;
  error_policy on_error_ = error_policy::stop;
  std::size_t bound_ = 1;
  std::size_t adders_ = 1;
  std::size_t from_each_ = 0;
  std::size_t depth_ = 0;
  std::size_t failing_ = 0;
  std::optional<std::chrono::microseconds> stopped_after_;
  bool is_dropped_ = false;
  bool reports_ = false;
  gauge running_;
  std::atomic<std::size_t> added_ = 0;
  std::atomic<std::size_t> ran_ = 0;
  std::atomic<std::size_t> failed_ = 0;
  std::atomic<int> alive_ = 0;
};

/// Bounded scopes, free and on two executors. Their tasks add to all of them, directly and from batches, handles, streams
/// and scopes that they wait for.
class round_of_bounded_scopes {
 public:
  explicit round_of_bounded_scopes(std::uint64_t seed)
      : random_(seed), one_({.concurrency = 1 + any(2)}), other_({.concurrency = 1 + any(2)}) {
    for (std::size_t left = 1 + any(3); left != 0; --left) {
      const fanout::run_options options{.concurrency = 1 + any(3), .max_pending = 1 + any(2)};
      const std::size_t where = any(3);
      scopes_.push_back(where == 0 ? std::make_unique<task_scope>(options)
                                   : std::make_unique<task_scope>(where == 1 ? one_ : other_, options));
    }
  }

  void run() {
    const std::size_t adders = 1 + any(4);
    const std::uint64_t seed = random_();
    on_threads(adders, [&](std::size_t me) {
      std::mt19937_64 mine(seed + me);
      for (int i = 0; i != 6; ++i) add(mine(), 0);
    });
    while (ended_ != added_) std::this_thread::sleep_for(100us);  // nobody adds to a scope that has been joined
    for (auto& each : scopes_) each->join();
  }

 private:
  std::size_t any(std::size_t below) { return random_() % below; }

  void add(std::uint64_t seed, int depth) {
    ++added_;
    scopes_[seed % scopes_.size()]->add([this, seed, depth] {
      if (depth != 3) add_some(seed, depth + 1);
      ++ended_;
    });
  }

  void add_some(std::uint64_t seed, int depth) {
    std::mt19937_64 mine(seed);
    std::vector<std::uint64_t> seeds(mine() % 4);
    for (auto& each : seeds) each = mine();
    const auto add_one = [this, depth](std::uint64_t each) {
      add(each, depth);
      return each;
    };
    const std::size_t limit = 1 + mine() % 3;
    const fanout::executor& on = mine() % 2 == 0 ? one_ : other_;
    std::optional<task_scope> inner;
    switch (mine() % 8) {
      case 0: static_cast<void>(fanout::map_in_parallel(seeds, add_one, limit)); break;
      case 1: static_cast<void>(on.map(seeds, add_one, limit)); break;
      case 2: static_cast<void>(fanout::submit_map(seeds, add_one, limit).get()); break;
      case 3: static_cast<void>(on.submit_map(seeds, add_one, limit).get()); break;
      case 4: inner.emplace(fanout::run_options{.concurrency = limit, .max_pending = 1}); break;
      case 5: inner.emplace(on, fanout::run_options{.concurrency = limit, .max_pending = 1}); break;
      case 6:
        for (const auto& each : fanout::stream_in_parallel(seeds, add_one, limit)) static_cast<void>(each);
        break;
      default: std::for_each(seeds.begin(), seeds.end(), add_one);
    }
    if (!inner) return;
    for (const std::uint64_t each : seeds) inner->add([&add_one, each] { add_one(each); });
    inner->join();
  }

  std::mt19937_64 random_;
  const fanout::executor one_;
  const fanout::executor other_;
  std::vector<std::unique_ptr<task_scope>> scopes_;
  std::atomic<std::size_t> added_ = 0;
  std::atomic<std::size_t> ended_ = 0;
};

TEST(TaskScopeAtRandom, RunsEachTaskOnceAndCountsItWhateverHappens) {
  RecordProperty("rounds", std::to_string(run_random_rounds<round_of_a_scope>(3s)));
}

TEST(TaskScopeAtRandom, OfBoundsHoldsUpNobodyForEver) {
  const watchdog guard;
  for (std::uint64_t seed = 0; seed != 200; ++seed) round_of_bounded_scopes(seed).run();
}

}  // namespace
