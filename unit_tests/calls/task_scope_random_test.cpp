#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
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

TEST(TaskScopeAtRandom, RunsEachTaskOnceAndCountsItWhateverHappens) {
  RecordProperty("rounds", std::to_string(run_random_rounds<round_of_a_scope>(3s)));
}

}  // namespace
