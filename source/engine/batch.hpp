#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/adaptation.hpp"
#include "threads/arena.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_limiter.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/error.hpp"
#include "engine/progress.hpp"
#include "threads/reserves.hpp"
#include "engine/work_distributor.hpp"

namespace fanout::detail {

/// One batch, from its first task to what its call returns or throws.
///
/// Its threads are a team: each is a **runner**, a loop that takes tasks until none is left. What they share is
/// the work distributor, the progress, and the **verdict**: how the batch ends. The verdict is decided once, by whatever
/// comes first in time, by a compare-and-swap from `undecided`; the thread that wins it writes what belongs to it, which is
/// read after all runners have joined. (One change is possible: a cancelled batch that finds no memory for a failure that
/// it has to tell is broken.)
///
/// The helpers of a batch are reserves, or workers of oneTBB: `run_on_reserves` and `run_on_workers`.
class batch final : public batch_control,
                    private team,
                    private helper_calls,
                    private reserves::duty,
                    private executor_limiter::helped {
 public:
  /// For `runners` threads at most. `adapt_from`: begins with so many runners and seeks the best number; 0 for all of
  /// them, all the time.
  batch(const batch_request& request, std::size_t runners, const batch_scope& scope, std::size_t adapt_from = 0);

  // Each of these gives back the slot of the scope's limiter, if the batch has one of its own. On the calling thread,
  // inside of `home` or, if that is null, where it is:

  /// Alone. Throws `std::bad_alloc`, if it enters.
  void run_alone(arena* home);

  /// With reserves that enter `home`. Throws `resource_error` or `std::bad_alloc`.
  void run_on_reserves(arena& home, bool enters);

  /// With workers of oneTBB. Throws `std::bad_alloc`.
  void run_on_workers(arena& home, bool enters);

  /// It was admitted by a limiter. To be said before it runs.
  void admit(const batch_scope& scope);

  /// The stop token was requested.
  void cancel() noexcept;

  /// After all runners: the number that a batch that adapts came to; 0 if it measured nothing.
  std::size_t adapted_to() const { return adaptation_->has_measured() ? adaptation_->best() : 0; }

  /// After all runners: throws what the call throws.
  void finish();

  /// From the tasks' side: see batch_control.
  void record_failure(std::size_t index) noexcept;
  std::stop_token token();
  std::size_t number_of(const chunk& its_chunk) const noexcept;

 private:
  /// Lines of its own for each runner: the neighbours write theirs all the time.
  struct alignas(128) runner {
    runner_work work;
    std::atomic<std::size_t> completed{0};  // by this runner alone; summed by whoever wants to know
    std::atomic<bool> taken{false};         // where runners come and go: hands all of this over from one to the next
  };

  struct failure {
    std::size_t index;
    std::exception_ptr cause;
  };

  enum class verdict { undecided, failed, cancelled, broken };

  enum class role { leader, helper };

  // team, of oneTBB's workers
  void lead(helper_calls& helpers) noexcept override;
  void assist(helper_calls& helpers) noexcept override;
  void give_up() noexcept override { stop(); }

  // helper_calls, of an executor with a limit that was named
  void call_helper() override { scope_.limiter->request(*this, 1); }

  // reserves::duty
  void serve() noexcept override;

  // executor_limiter::helped
  void call_helpers(std::size_t count) noexcept override { calls_.call(count); }
  std::size_t withdraw_helpers() noexcept override { return home_ != nullptr ? calls_.withdraw() : 0; }
  bool wants_help() const noexcept override;

  std::size_t first_helpers() const { return (adaptation_ ? adaptation_->wanted() : runners_.size()) - 1; }
  void leave_limiter() noexcept;

  // False if this runner was not wanted any more and others go on; true if no task is left to start.
  bool help(helper_calls& helpers) noexcept;
  bool run(role who, helper_calls* helpers) noexcept;

  std::size_t take_place() noexcept;
  void adapt(helper_calls& helpers) noexcept;
  void report_progress() noexcept;
  bool decide(verdict decision, verdict before = verdict::undecided) noexcept;
  void break_off(std::exception_ptr cause) noexcept;
  void stop() noexcept;
  std::size_t completed() const;
  std::vector<task_error> task_errors();

  const batch_request& request_;
  batch_scope scope_;
  bool in_limiter_ = false;  // of the leader

  progress progress_;
  work_distributor distributor_;
  std::atomic<std::size_t> next_runner_{0};
  std::array<runner, 4> few_runners_;       // a small batch allocates nothing
  std::unique_ptr<runner[]> many_runners_;  // where there are more
  const std::span<runner> runners_;
  std::optional<adaptation> adaptation_;

  arena* home_ = nullptr;  // which reserves enter
  reserves::calls calls_{*this};

  std::atomic<verdict> verdict_{verdict::undecided};
  std::exception_ptr cause_;  // of `failed` and `broken`; written by the thread that decided so
  std::size_t failed_index_ = 0;

  std::mutex mutex_;  // guards what follows: both are off the way of a batch in which all goes well
  std::vector<failure> failures_;
  std::optional<std::stop_source> stop_source_;
};

}  // namespace fanout::detail
