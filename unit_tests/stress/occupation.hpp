#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <ranges>
#include <thread>

#include "support.hpp"
#include "world.hpp"

/// Another caller of an executor, which holds all its slots for a while.
namespace stress {

class occupation {
 public:
  /// Returns when all slots are held, or after a while if that does not happen. They are held until `end`, but at
  /// most for `time`.
  occupation(measured_executor& occupied, std::chrono::nanoseconds time)
      : occupied_(occupied), time_(time), caller_([this] { hold(); }) {
    (void)full_.wait(std::chrono::seconds(1));
  }
  occupation(const occupation&) = delete;
  occupation& operator=(const occupation&) = delete;
  ~occupation() { end(); }

  void end() { over_.set(); }

  /// Whether `time` passed before `end` was called.
  bool lasted_for_its_time() const { return time_passed_; }

 private:
  void hold() {
    occupied_.executor.map(std::views::iota(std::size_t{0}, occupied_.limit), [this](std::size_t /*unused*/) {
      const support::gauge::visit at_work(occupied_.at_work);
      if (++inside_ == occupied_.limit) full_.set();
      if (!over_.wait(time_)) time_passed_ = true;
    });
  }

  measured_executor& occupied_;
  const std::chrono::nanoseconds time_;
  support::event full_;
  support::event over_;
  std::atomic<std::size_t> inside_{0};
  std::atomic<bool> time_passed_{false};
  const std::jthread caller_;  // last, because it uses the other members and must be joined first
};

}  // namespace stress
