#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/intrusive_list.hpp"
#include "base/stop_forwarder.hpp"
#include "engine/batch_deadline.hpp"
#include "engine/batch_watch.hpp"
#include "engine/claim.hpp"
#include "executor/executor_core.hpp"
#include "executor/executor_limiter.hpp"
#include "fanout/detail/submission.hpp"
#include "threads/floating_point.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail {

/// One submitted batch. A reserve is called to lead it; on an executor, when the limiter has a slot for it, so that
/// no thread waits for the slot. Three threads may run it, and `claim` decides which: that reserve, a thread that
/// waits for the end, and one that requests the stop before anything has begun (then there is nothing to run).
///
/// Whoever takes the claim and is not the reserve calls the reserve off, and waits for it if it was on its way. So
/// when the batch is over, no slot is held for it, and no reserve is promised to it.
class submission_core final : public list_entry<submission_core>,
                              private reserves::duty,
                              private executor_limiter::helped,
                              private batch_deadline {
 public:
  submission_core(executor_core* on, std::size_t size, const run_options& options, submitted_work work,
                  const stop_functions* stops);
  submission_core(const submission_core&) = delete;
  submission_core& operator=(const submission_core&) = delete;
  ~submission_core() override;

  bool is_over() const { return claim_.is_over(); }
  void wait();
  bool wait_until(std::chrono::steady_clock::time_point limit);
  void request_stop() noexcept;
  bool keep() noexcept;

  /// Whether no reserve uses it any more.
  bool is_left() const noexcept { return calls_.have_ended(); }

  /// Deletes the object to which it belongs.
  void destroy_all() const noexcept { work_.destroy(work_.object); }

  batch_progress progress() const;

 private:
  // reserves::duty, and executor_limiter::helped
  void serve() noexcept override;
  bool wants_help() const noexcept override { return !claim_.is_taken(); }
  void call_helpers(std::size_t count) noexcept override { calls_.call(count); }
  std::size_t withdraw_helpers() noexcept override { return calls_.withdraw(); }

  // batch_deadline
  bool is_stopped() const noexcept override { return stop_.stop_requested(); }
  void stop() noexcept override { stop_from_outside(); }

  void stop_from_outside() noexcept;
  void call_leader();
  void call_off() noexcept;
  bool run_if_open(bool may_outlive_handle) noexcept;
  void run(bool may_outlive_handle) noexcept;

  /// Whether the calling thread, whose entry this is, would wait for itself.
  bool is_within(const scope_entry* here) const;

  executor_limiter* limiter() const { return executor_ != nullptr ? executor_->limiter() : nullptr; }

  executor_core* const executor_;
  const std::size_t size_;
  const submitted_work work_;
  const stop_functions* const functions_;
  std::stop_source stop_;
  run_options options_;  // with the token of `stop_`
  const float_settings float_settings_ = float_settings::of_this_thread();
  std::optional<executor_core::leader_promise> promise_;
  batch_watch watch_;
  claim claim_;
  std::atomic<std::thread::id> run_by_{};  // the thread in `run`; each thread looks for itself only
  bool can_be_kept_ = false;               // the next two are used by that thread
  bool is_kept_ = false;                   // its handle is gone
  reserves::calls calls_{*this};
  std::mutex calling_;          // guards the next two; taken before the mutex of the limiter or of the reserves
  bool is_called_ = false;      // the reserve has been called, or a slot for it requested
  bool is_called_off_ = false;  // it must not be called any more
  stop_forwarder forwarded_{functions_};  // of the stop that the submitter may request
};

}  // namespace fanout::detail
