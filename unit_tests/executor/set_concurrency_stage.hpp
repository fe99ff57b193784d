#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "fanout/executor.hpp"
#include "support.hpp"

/// What the tests of a limit that changes share.
namespace support {

/// Tasks that say how many of them are in flight. The first ones wait until they are let go; the later ones are
/// counted apart, because the first may still run when the limit has been lowered.
class two_crowds {
 public:
  /// `first`: how many tasks wait. `together`: so many of the later tasks, the first of them, meet each other.
  explicit two_crowds(std::size_t first, std::size_t together = 0)
      : first_(first), together_(together), all_here_(first + 1), meeting_(std::max<std::size_t>(1, together)) {}

  /// A task of either crowd.
  void run() {
    const std::size_t number = started_++;
    if (number < first_) {
      if (!all_here_.meet() || !let_go_.wait()) ++gave_up_;
      return;
    }
    const gauge::visit here(later_);
    if (number < first_ + together_) {
      if (!meeting_.meet()) ++gave_up_;
    } else {
      std::this_thread::sleep_for(200us);
    }
  }

  /// Returns when the first crowd is in flight.
  void wait_for_first() {
    if (!all_here_.meet()) ++gave_up_;
  }
  void let_first_go() { let_go_.set(); }

  std::size_t started() const { return started_; }
  const gauge& later() const { return later_; }

  /// Whether a thread has waited in vain.
  bool gave_up() const { return gave_up_ != 0; }

 private:
  const std::size_t first_;
  const std::size_t together_;
  std::atomic<std::size_t> started_{0};
  std::atomic<int> gave_up_{0};
  rendezvous all_here_;
  rendezvous meeting_;
  event let_go_;
  gauge later_;
};

/// Waits until the condition holds. False if it does not in time.
template <class Condition>
bool comes_true(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// Changes the limit of an executor again and again, until it is destroyed; then raises it to the greatest.
class restless_limit {
 public:
  explicit restless_limit(fanout::executor& of, unsigned seed) : of_(of), thread_([this, seed] { change(seed); }) {}
  restless_limit(const restless_limit&) = delete;
  restless_limit& operator=(const restless_limit&) = delete;
  ~restless_limit() {
    over_ = true;
    thread_.join();
    of_.set_concurrency(of_.greatest_concurrency());
  }

 private:
  void change(unsigned seed) {
    std::mt19937 random(seed);
    while (!over_) {
      of_.set_concurrency(random() % of_.greatest_concurrency() + 1);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
    }
  }

  fanout::executor& of_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace support
