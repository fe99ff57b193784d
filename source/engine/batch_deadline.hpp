#pragma once

#include <atomic>
#include <chrono>

#include "fanout/detail/time_limit.hpp"
#include "fanout/run_options.hpp"
#include "threads/alarms.hpp"

namespace fanout::detail {

/// The end of the time that a batch, scope or stream has. When it comes, the owner is stopped.
class batch_deadline {
 public:
  batch_deadline(const batch_deadline&) = delete;
  batch_deadline& operator=(const batch_deadline&) = delete;

  /// Whether the time was over before anything else stopped the owner. Read it when the owner has ended.
  bool has_stopped_it() const noexcept { return has_stopped_it_.load(std::memory_order_acquire); }

 protected:
  batch_deadline() = default;
  virtual ~batch_deadline() = default;

  /// Begins to count, unless there is no limit. If it throws, nothing happens: see `alarm::set`.
  void set_deadline(std::chrono::nanoseconds limit) {
    if (limit.count() <= 0) return pass();
    if (limit != no_limit) alarm_.set(after(std::chrono::steady_clock::now(), limit));
  }

  /// Call it before the owner is destroyed.
  void drop_deadline() noexcept { alarm_.cancel(); }

 private:
  virtual bool is_stopped() const noexcept = 0;
  virtual void stop() noexcept = 0;

  // If another stop comes in between, both came at the same moment.
  void pass() noexcept {
    if (!is_stopped()) has_stopped_it_.store(true, std::memory_order_release);
    stop();
  }

  struct alarm_of_owner final : alarm {
    explicit alarm_of_owner(batch_deadline& owner) : of(owner) {}
    void ring() noexcept override { of.pass(); }
    batch_deadline& of;
  };

  alarm_of_owner alarm_{*this};
  std::atomic<bool> has_stopped_it_{false};  // written by the thread that keeps the time, before it stops the owner
};

}  // namespace fanout::detail
