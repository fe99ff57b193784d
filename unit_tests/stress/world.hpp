#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../support.hpp"
#include "fanout/executor.hpp"
#include "fanout/resource_pool.hpp"
#include "observer.hpp"
#include "plan.hpp"
#include "record.hpp"

/// What the batches of all drivers share, and where they tell what they found.
namespace stress {

/// A resource that knows whether somebody uses it.
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

/// An executor, and how many threads are at work for it.
struct measured_executor {
  measured_executor(std::size_t named, bool adaptive)
      : executor({.concurrency = named, .adaptive = adaptive}),
        limit(named == fanout::automatic ? fanout::available_concurrency() : named) {}

  fanout::executor executor;
  const std::size_t limit;
  support::gauge at_work;
};

class world {
 public:
  world() {
    for (std::size_t number = 0; number != shared_executors; ++number) {
      executors.push_back(
          std::make_unique<measured_executor>(shared_limits[number], /*adaptive=*/number == shared_executors - 1));
    }
  }

  std::vector<std::unique_ptr<measured_executor>> executors;
  fanout::resource_pool<used> leases = pool_of(2);  // for tasks of all kinds, which hold one and wait for nothing
  fanout::resource_pool<used> pool = pool_of(shared_pool_size);

  /// Batches that were promised more workers together than a driver's share: while one runs, none waits until its limit
  /// is reached.
  std::atomic<int> greedy{0};

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

  /// Keeps what a batch used for a while, to see whether something of it still runs, long after its call.
  void bury(std::shared_ptr<const observer> batch) {
    std::shared_ptr<const observer> oldest;
    const std::lock_guard lock(mutex_);
    buried_.push_back(std::move(batch));
    if (buried_.size() <= 200) return;
    oldest = std::move(buried_.front());
    buried_.pop_front();
    look_at(*oldest);
  }

  /// At the end, when no driver is left.
  void look_at_the_buried() {
    for (const auto& each : buried_) look_at(*each);
  }

  std::size_t batches(ending how) const { return batches_[static_cast<std::size_t>(how)]; }
  std::size_t batches() const {
    std::size_t sum = 0;
    for (const auto& each : batches_) sum += each;
    return sum;
  }
  std::size_t tasks() const { return tasks_; }

 private:
  void look_at(const observer& batch) {
    if (batch.late() == 0) return;
    found_.push_back("structured: tasks or callbacks of a batch ran long after its call");
    broken_ = true;
  }

  std::array<std::atomic<std::size_t>, 7> batches_{};  // by how they ended
  std::atomic<std::size_t> tasks_{0};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;
  std::vector<std::string> found_;
  std::deque<std::shared_ptr<const observer>> buried_;
};

}  // namespace stress
