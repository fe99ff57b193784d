#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "support.hpp"
#include "fanout/admission.hpp"
#include "fanout/executor.hpp"
#include "fanout/resource_pool.hpp"
#include "admission_model.hpp"
#include "observer.hpp"
#include "plan.hpp"
#include "plan_text.hpp"
#include "record.hpp"
#include "start_window.hpp"

/// The state that the batches of all drivers share, and to which they report what they found.
namespace stress {

/// A resource that knows whether it is in use.
struct used {
  std::atomic<bool> taken = false;
  bool broken = false;
};

inline fanout::resource_pool<used> pool_of(std::size_t size) {
  fanout::pool_options<used> options;
  options.lazy = true;
  options.validate = [](used& each) { return !each.broken; };
  options.max_lifetime = std::chrono::milliseconds(20);
  return {[] { return used(); }, size, std::move(options)};
}

/// An executor, and the number of threads at work for it.
struct measured_executor {
  /// Executors of 3 have stacks of their own size, and so other threads than the others.
  measured_executor(std::size_t named, bool adaptive)
      : executor({.concurrency = named,
                  .adaptive = adaptive,
                  .stack_size = named == 3 ? std::size_t{1} << 20U : 0}),
        limit(named == fanout::automatic ? fanout::available_concurrency() : named),
        workers(named == fanout::automatic ? limit - 1 : 0) {}

  /// Moves the executor. Requires that no batch runs on it.
  explicit measured_executor(measured_executor&& other)
      : executor(std::move(other.executor)), limit(other.limit), workers(other.workers) {}

  fanout::executor executor;
  const std::size_t limit;
  const std::size_t workers;  // of oneTBB; in loops called by several threads they come on top of the limit
  support::gauge at_work;
  support::gauge at_work_in_loops;  // only in tasks of batches that turns of loops run

  limit_use use() const { return {"its executor", limit, static_cast<std::size_t>(at_work.most())}; }
  limit_use use_in_loops() const {
    return {"the executor that loops call", limit + workers, static_cast<std::size_t>(at_work_in_loops.most())};
  }
};

/// A budget, and what the tasks that run hold of it.
struct measured_budget {
  explicit measured_budget(std::uint64_t capacity) : budget(capacity) {}

  void take(std::uint64_t cost) {
    const std::uint64_t now = held.fetch_add(cost) + cost;
    for (std::uint64_t seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
  }
  void give_back(std::uint64_t cost) { held -= cost; }

  amount_use use() const { return {.of = "a budget", .limit = budget.capacity(), .most = most}; }

  const fanout::resource_budget budget;
  std::atomic<std::uint64_t> held{0};
  std::atomic<std::uint64_t> most{0};
};

/// A rate, and the starts that it allowed.
struct measured_rate {
  explicit measured_rate(const planned_rate& planned)
      : limit(planned.starts, planned.per), window(planned.per), starts(planned.starts) {}

  amount_use use() const { return {.of = "the starts in a window", .limit = starts, .most = window.most()}; }

  const fanout::rate_limit limit;
  start_window window;
  const std::size_t starts;
};

/// Executors that threads pass to each other. One thread creates an executor; others move and use it, one at a time.
/// A thread that returns one when there are too many destroys the oldest idle one.
class passed_on_executors {
 public:
  static constexpr std::size_t most_idle = 2;

  std::unique_ptr<measured_executor> take(std::size_t limit) {
    {
      const std::lock_guard lock(mutex_);
      const auto found =
          std::find_if(idle_.begin(), idle_.end(), [=](const auto& each) { return each->limit == limit; });
      if (found != idle_.end()) {
        const std::unique_ptr<measured_executor> taken = std::move(*found);
        idle_.erase(found);
        return std::make_unique<measured_executor>(std::move(*taken));
      }
    }
    return std::make_unique<measured_executor>(limit, /*adaptive=*/false);
  }

  void leave(std::unique_ptr<measured_executor> left) {
    std::unique_ptr<measured_executor> oldest;
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(left));
    if (idle_.size() <= most_idle) return;
    oldest = std::move(idle_.front());
    idle_.pop_front();
  }

 private:
  std::mutex mutex_;
  std::deque<std::unique_ptr<measured_executor>> idle_;
};

class world {
 public:
  world() {
    for (std::size_t number = 0; number != shared_executors; ++number) {
      executors.push_back(
          std::make_unique<measured_executor>(shared_limits[number], /*adaptive=*/number == shared_executors - 1));
    }
    for (const std::uint64_t capacity : shared_budgets) budgets.emplace_back(capacity);
    for (const planned_rate& each : shared_rates) rates.emplace_back(each);
  }

  std::vector<std::unique_ptr<measured_executor>> executors;
  fanout::resource_pool<used> leases = pool_of(2);  // for tasks of all kinds, which hold one and wait for nothing
  fanout::resource_pool<used> pool = pool_of(shared_pool_size);

  std::deque<measured_budget> budgets;
  std::deque<measured_rate> rates;

  passed_on_executors passed_on;

  /// The executor that only the batch of `plan` uses; null if it has none.
  std::unique_ptr<measured_executor> executor_of_its_own(const batch_plan& plan) {
    if (!plan.has_own_executor()) return nullptr;
    if (plan.place == place::passed_on_executor) return passed_on.take(plan.executor);
    return std::make_unique<measured_executor>(plan.executor, plan.place == place::adaptive_executor);
  }

  /// The threads that are promised to the batches of all drivers. While they are more than the process may have, no
  /// task waits to meet others.
  std::atomic<std::size_t> promised{promised_to_shared_executors()};
  bool workers_suffice() const { return promised <= fanout::max_concurrency() - 1; }

  void count(const batch_record& record) {
    ++batches_[static_cast<std::size_t>(record.how)];
    tasks_ += record.size;
  }

  void report(const batch_plan& plan, const std::vector<std::string>& violations) {
    if (violations.empty()) return;
    const std::lock_guard lock(mutex_);
    if (found_.size() > 20) return;
    std::string text = describe(plan);
    for (const std::string& each : violations) text += "\n    " + each;
    found_.push_back(std::move(text));
    broken_ = true;
  }
  bool broken() const { return broken_; }
  const std::vector<std::string>& found() const { return found_; }

  /// Keeps the observer of a batch for a while, to see whether any of its tasks still run long after the call.
  void bury(std::shared_ptr<const observer> batch) {
    std::shared_ptr<const observer> oldest;
    const std::lock_guard lock(mutex_);
    buried_.push_back(std::move(batch));
    if (buried_.size() <= 200) return;
    oldest = std::move(buried_.front());
    buried_.pop_front();
    look_at(*oldest);
  }

  /// Checks the rest. Requires that no driver is left.
  void look_at_what_is_left() {
    for (const auto& each : buried_) look_at(*each);
    for (const measured_budget& each : budgets) {
      amount_use at_end = each.use();
      at_end.left = each.budget.in_use() + each.budget.waiting();
      judge_amount(at_end, [this](const auto&... parts) {
        std::ostringstream text;
        text << "at the end, ";
        (text << ... << parts);
        found_.push_back(text.str());
        broken_ = true;
      });
    }
  }

  std::size_t batches(ending how) const { return batches_[static_cast<std::size_t>(how)]; }
  std::size_t batches() const {
    std::size_t sum = 0;
    for (const auto& each : batches_) sum += each;
    return sum;
  }
  std::size_t tasks() const { return tasks_; }

 private:
  static std::size_t promised_to_shared_executors() {
    std::size_t sum = passed_on_executors::most_idle * (largest_passed_on - 1);
    ++sum;  // the one that keeps the time
    // The helpers, and those who lead submitted batches.
    for (const std::size_t each : shared_limits) sum += each == fanout::automatic ? fanout::available_concurrency() : each;
    return sum;
  }

  void look_at(const observer& batch) {
    if (batch.late() == 0) return;
    found_.push_back("structured: tasks or callbacks of a batch ran long after its call");
    broken_ = true;
  }

  std::array<std::atomic<std::size_t>, endings> batches_{};  // counted by how they ended
  std::atomic<std::size_t> tasks_{0};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;
  std::vector<std::string> found_;
  std::deque<std::shared_ptr<const observer>> buried_;
};

}  // namespace stress
