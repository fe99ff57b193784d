#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/program_tsan.hpp"
#include "base/stop_forwarder.hpp"
#include "engine/batch_deadline.hpp"
#include "fanout/error.hpp"
#include "fanout/run_options.hpp"

namespace fanout::detail {

/// How a batch or scope ends. It is decided once, by a compare-and-swap: the first event wins. The thread that wins
/// writes what belongs to it, which is read when all runners have ended. (One later change is possible: from
/// `cancelled` or `enough` to `broken`, if there is no memory to keep a failure that has to be reported.) Each
/// function that decides returns true if the batch must now be stopped.
class verdict {
 public:
  /// `deadline`: what stops the batch when its time is over; may be null. `failures_stop`: false if only the rule may
  /// stop it after failures.
  verdict(const run_options& options, const batch_deadline* deadline, bool failures_stop = true)
      : policy_(failures_stop && !options.stop_when.is_set() ? options.on_error : error_policy::run_all),
        rule_(options.stop_when),
        deadline_(deadline) {}

  /// Task `index` has failed, at the last of so many attempts.
  [[nodiscard]] bool fail(std::size_t index, std::exception_ptr cause, unsigned attempts = 1) noexcept;

  /// The same for a failure that is data, and does not stop the batch.
  void count_failure() noexcept { failed_.fetch_add(1, std::memory_order_release); }

  [[nodiscard]] bool cancel() noexcept { return decide(ending::cancelled); }

  /// No more needs to run.
  [[nodiscard]] bool have_enough() noexcept { return decide(ending::enough); }

  /// Whether the rule may end the batch: then it must be asked whenever a task has ended.
  bool has_rule() const noexcept { return rule_.is_set(); }
  [[nodiscard]] bool ask_rule(std::size_t ended) noexcept;

  /// The same for a batch of `total` tasks. A rule that is fulfilled by the last task changes nothing: all have run. A
  /// runner that finds the decision made by another one stops the batch as well: the other may have been suspended
  /// before it does, and this one would start its next task.
  [[nodiscard]] bool ends_by_rule(std::size_t ended, std::size_t total) noexcept {
    return ended != total && (ask_rule(ended) || is_decided());
  }

  /// Whether the end was decided, maybe by a thread that is only about to stop the batch.
  bool is_decided() const noexcept { return ending_.load(std::memory_order_acquire) != ending::undecided; }

  /// The batch ends with this exception.
  [[nodiscard]] bool break_off(std::exception_ptr cause) noexcept;

  /// The number of failures so far.
  std::size_t failed() const { return failed_.load(std::memory_order_acquire); }

  /// Whether nothing is to be thrown. Requires that all runners have ended.
  bool is_success() const {
    return ending_.load(std::memory_order_acquire) == ending::undecided &&
           failed_.load(std::memory_order_acquire) == 0;
  }

  /// Whether it was stopped, and not because of what a task or callback did wrong.
  bool is_cancelled() const {
    const ending how = ending_.load(std::memory_order_acquire);
    return how == ending::cancelled || how == ending::enough;
  }

  /// Throws what must be thrown. `all_ran`: a cancellation came when nothing was left to cancel, and does not count.
  /// Requires that all runners have ended.
  void pronounce(std::size_t completed, std::size_t total, bool all_ran);

 private:
  enum class ending { undecided, failed, cancelled, enough, broken };

  struct failure {
    std::size_t index;
    std::exception_ptr cause;
    unsigned attempts;
  };

  bool decide(ending decision, ending before = ending::undecided) noexcept {
    return ending_.compare_exchange_strong(before, decision, std::memory_order_acq_rel);
  }
  std::vector<task_error> task_errors();

  const error_policy policy_;
  const stop_rule rule_;
  const batch_deadline* const deadline_;
  std::atomic<ending> ending_{ending::undecided};
  std::atomic<std::size_t> failed_{0};
  std::exception_ptr cause_;  // of `failed` and `broken`; written by the thread that decided
  std::size_t failed_index_ = 0;
  unsigned failed_attempts_ = 1;
  std::mutex mutex_;  // guards what follows; never locked without failures
  std::vector<failure> failures_{};
};

/// The stop that tasks see, made when the first of them asks for its token. The ThreadSanitizer of a program sees
/// that one thread requests it, by `stop_functions`, and another frees it, so it is told the order of the two.
class stop_for_tasks {
 public:
  explicit stop_for_tasks(const stop_functions* stops) : functions_(stops) {}
  stop_for_tasks(const stop_for_tasks&) = delete;
  stop_for_tasks& operator=(const stop_for_tasks&) = delete;
  ~stop_for_tasks() { program_tsan::acquire(this); }

  /// `stopped()`: whether the stop has been requested, read after the source is there.
  template <class Stopped>
  std::stop_token token(const Stopped& stopped) {
    std::optional<std::stop_source> source;
    {
      const std::lock_guard lock(mutex_);
      if (!source_) source_.emplace();
      source = source_;
    }
    if (stopped()) request(*source);
    return source->get_token();
  }

  /// Call it after `stopped()` has become true.
  void request() noexcept {
    std::optional<std::stop_source> asked;
    {
      const std::lock_guard lock(mutex_);
      asked = source_;
    }
    if (asked) request(*asked);  // not under the mutex: this runs callbacks of the tasks, which may call `token`
  }

 private:
  void request(std::stop_source& asked) noexcept {
    detail::request_stop(asked, functions_);
    program_tsan::release(this);
  }

  const stop_functions* const functions_;
  std::mutex mutex_;
  std::optional<std::stop_source> source_;
};

}  // namespace fanout::detail
