#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "admission/gate.hpp"
#include "executor/batch_scope.hpp"
#include "fanout/admission.hpp"
#include "support.hpp"

/// Batches as an admission knows them, without an engine.
namespace admission_tests {

using fanout::detail::admission_reply;
using fanout::detail::scope_entry;

/// A batch of 100 tasks at one admission. It counts how often it was told.
class batch final : public fanout::detail::applicant {
 public:
  explicit batch(const fanout::admission& admission, const scope_entry* started = nullptr)
      : applicant(started), gate_(admission.rule()->open(100, *this)) {}

  bool ask_again() noexcept override {
    ++told;
    return can_ask;
  }

  admission_reply reply_to(std::size_t index, std::size_t running = 0) { return gate_->ask(index, running); }
  bool starts(std::size_t index) { return reply_to(index).what == admission_reply::kind::yes; }
  bool waits(std::size_t index) { return reply_to(index).what == admission_reply::kind::wait; }
  void leave() { gate_->leave(); }
  void begin(std::size_t index) { gate_->begin(index); }
  void end(std::size_t index) { gate_->end(index); }

  /// Whether it was told since the last look.
  bool was_told() {
    const bool any = told != 0;
    told = 0;
    return any;
  }

  std::size_t told = 0;
  bool can_ask = true;  // false: it waits for a place of its executor

 private:
  std::unique_ptr<fanout::detail::gate> gate_;
};

/// Asks as the engine of a batch does: when it is told, and when it is time.
class asking_thread final : public fanout::detail::applicant {
 public:
  explicit asking_thread(const fanout::admission& admission, const scope_entry* started = nullptr)
      : applicant(started), gate_(admission.rule()->open(1'000, *this)) {}

  bool ask_again() noexcept override {
    const std::lock_guard lock(mutex_);
    told_ = true;
    changed_.notify_one();
    return true;
  }

  /// Returns when the task may start.
  void wait_for(std::size_t index) {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        told_ = false;
      }
      const auto reply = gate_->ask(index, 0);
      if (reply.what == admission_reply::kind::yes) return;
      std::unique_lock lock(mutex_);
      const auto limit = std::min(reply.until, std::chrono::steady_clock::now() + support::patience);  // TSan cannot wait until `max`
      ASSERT_TRUE(changed_.wait_until(lock, limit, [this] { return told_; }) || limit == reply.until) << "forgotten";
    }
  }

  fanout::detail::gate& at() { return *gate_; }

 private:
  std::unique_ptr<fanout::detail::gate> gate_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool told_ = false;
};

/// A task that runs on the calling thread: the batch around it, and this thread's stay in that.
class running_task {
 public:
  explicit running_task(const scope_entry* started_in = nullptr)
      : scope_{.starter = started_in}, entry_(scope_, false, 0) {}
  const scope_entry* entry() const { return &entry_; }

 private:
  const fanout::detail::batch_scope scope_;
  const scope_entry entry_;
};

}  // namespace admission_tests
