#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

/// Ends a stress test in which a batch hangs, and reports what each driver was doing.
namespace stress {

/// What a driver is doing now, for the report of a hang.
class driver_state {
 public:
  void begin(std::size_t number, std::string what) {
    const std::lock_guard lock(mutex_);
    number_ = number;
    what_ = std::move(what);
    since_ = std::chrono::steady_clock::now();
    busy_ = true;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    busy_ = false;
  }
  std::chrono::steady_clock::duration busy_for() const {
    const std::lock_guard lock(mutex_);
    return busy_ ? std::chrono::steady_clock::now() - since_ : std::chrono::steady_clock::duration::zero();
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return (busy_ ? "in batch " : "between batches, after ") + std::to_string(number_) + ": " + what_;
  }

 private:
  mutable std::mutex mutex_;
  std::size_t number_ = 0;
  std::string what_;
  std::chrono::steady_clock::time_point since_;
  bool busy_ = false;
};

/// Watches the drivers while it exists.
class hang_watch {
 public:
  hang_watch(std::uint64_t seed, std::span<const driver_state> drivers, std::chrono::milliseconds longest_batch)
      : seed_(seed), drivers_(drivers), longest_batch_(longest_batch), thread_([this](const std::stop_token& over) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (!never.wait_for(lock, over, longest_batch_ / 20, [&over] { return over.stop_requested(); })) look();
        }) {}

 private:
  void look() const {
    for (const driver_state& each : drivers_) {
      if (each.busy_for() > longest_batch_) report_the_hang_and_abort();
    }
  }

  [[noreturn]] void report_the_hang_and_abort() const {
    std::fprintf(stderr, "A batch hangs. FANOUT_STRESS_SEED=%llu\n", static_cast<unsigned long long>(seed_));
    for (std::size_t number = 0; number != drivers_.size(); ++number)
      std::fprintf(stderr, "driver %zu is %s\n", number, drivers_[number].text().c_str());
    std::abort();
  }

  const std::uint64_t seed_;
  const std::span<const driver_state> drivers_;
  const std::chrono::milliseconds longest_batch_;
  const std::jthread thread_;  // last, because it reads the other members
};

}  // namespace stress
