#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "engine/adaptation.hpp"
#include "engine/attempt.hpp"
#include "threads/arena.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_limiter.hpp"
#include "fanout/batch_progress.hpp"
#include "fanout/detail/batch.hpp"
#include "engine/progress.hpp"
#include "engine/verdict.hpp"
#include "threads/floating_point.hpp"
#include "threads/reserves.hpp"
#include "engine/work_distributor.hpp"

namespace fanout::detail {

/// One batch, from its first task to what its call returns or throws.
///
/// Each of its threads is a **runner**, a loop that takes tasks until none is left. The runners share the work
/// distributor, the progress, and the **verdict**: how the batch ends.
///
/// The helpers of a batch are reserves, or workers of oneTBB: `run_on_reserves` and `run_on_workers`.
class batch final : public batch_control,
                    private team,
                    private helper_calls,
                    private reserves::duty,
                    private executor_limiter::helped {
 public:
  /// Has at most `runners` runners. If `adapt_from` is not 0, the batch begins with that many and seeks the best
  /// number; otherwise it uses all of them all the time.
  batch(const batch_request& request, std::size_t runners, const batch_scope& scope, std::size_t adapt_from = 0);

  // These three run the batch, led by the calling thread, which first enters `home` if `enters` is true (`run_alone`:
  // if `home` is not null). At the end they give back the limiter's slot, if the batch has one of its own.

  /// Runs without helpers. May throw `std::bad_alloc` when it enters `home`.
  void run_alone(arena* home);

  /// Runs with reserves of `helpers`, which enter `home`. Throws `resource_error` or `std::bad_alloc`.
  void run_on_reserves(arena& home, reserves::group& helpers, bool enters);

  /// Runs with workers of oneTBB. Throws `std::bad_alloc`.
  void run_on_workers(arena& home, bool enters);

  /// Waits for a slot of this limiter, or a loan: see executor_limiter::enter. `has_slot`: the batch has one already.
  executor_limiter::enter_result enter(executor_limiter& limiter, const scope_entry* from, bool has_slot) {
    helped* const pauses = request_.size > runners_.size() ? this : nullptr;  // otherwise no runner holds several tasks
    if (!has_slot) return limiter.enter(from, request_.options.stop, request_.watch, request_.stops, pauses);
    if (pauses != nullptr) limiter.note_running(*this);
    return {executor_limiter::admission::slot};
  }

  /// Tells the batch, before it runs, that a limiter has admitted it.
  void admit(const batch_scope& scope);

  /// Stops the batch, because a stop was requested.
  void cancel() noexcept;

  /// What its tasks have counted, if it is watched. Any thread may call it.
  batch_progress counts() const;

  /// The number of runners that an adaptive batch has found best; 0 if it has measured nothing. Requires that all
  /// runners have joined.
  std::size_t adapted_to() const { return adaptation_->has_measured() ? adaptation_->best() : 0; }

  /// Throws what the call must throw. Requires that all runners have joined.
  void finish();

 private:
  /// Each on cache lines of its own, because every runner writes its own all the time.
  struct alignas(128) runner {
    runner_work work;
    std::atomic<std::size_t> completed{0};  // written by this runner; read by any that needs the sum
    attempt* inside = nullptr;  // what its task runs in, if in anything; written by this runner between its tasks
    std::atomic<bool> left{false};  // by a helper that went before the end; hands this over to the next one
  };
  static_assert(sizeof(runner) == 128, "twice as many cache lines make a small batch slower");

  enum class role { leader, helper };

  enum class fate {
    over,       // no task is left to start
    unwanted,   // this runner was not wanted any more, and others go on
    makes_way,  // its executor's limit has been lowered: it must give back its slot
  };

  // batch_control, called from tasks
  void record_failure(std::size_t index) noexcept override;
  void note_failure(const std::exception_ptr& cause) noexcept override;
  void have_enough() noexcept override;
  std::stop_token stop_token(const chunk& its_chunk) override;
  std::size_t runner_of(const chunk& its_chunk) const noexcept override;

  // team, when the helpers are oneTBB's workers
  void lead(helper_calls& helpers) noexcept override;
  void assist(helper_calls& helpers) noexcept override;
  void give_up() noexcept override { stop(); }

  // helper_calls, when the helpers are reserves of an executor
  void call_helper() override { scope_.limiter->request(*this, 1); }

  // reserves::duty
  void serve() noexcept override;

  // executor_limiter::helped
  void call_helpers(std::size_t count) noexcept override { calls_.call(count); }
  std::size_t withdraw_helpers() noexcept override { return home_ != nullptr ? calls_.withdraw() : 0; }
  bool wants_help() const noexcept override;
  void ask_to_pause() noexcept override;

  std::size_t first_helpers() const { return (adaptation_ ? adaptation_->wanted() : runners_.size()) - 1; }
  runner* make_few(std::size_t count) noexcept;
  bool leave_limiter(bool surely = false) noexcept;

  void lead_tasks(std::size_t number, helper_calls* helpers) noexcept;
  void go_on_leading(std::size_t number, helper_calls* helpers) noexcept;
  bool step_aside(batch_scope& scope) noexcept;
  fate help(helper_calls& helpers) noexcept;
  fate run(role who, std::size_t number, const batch_scope& scope, helper_calls* helpers) noexcept;

  bool must_make_way(role who) noexcept;
  static fate leave_early(runner& me, role who, fate how) noexcept;
  std::size_t take_index() noexcept {
    const std::size_t fresh = next_runner_.fetch_add(1, std::memory_order_relaxed);
    return fresh < runners_.size() ? fresh : take_index_of_other();
  }
  std::size_t take_index_of_other() noexcept;
  void adapt(helper_calls& helpers) noexcept;
  void report_progress() noexcept;
  void ask_rule() noexcept;
  attempt* attempt_of_this_thread() const noexcept;
  std::size_t run_tasks(runner& me, task_range tasks) noexcept {
    return request_.tasks.run(request_.tasks.object, tasks, me.work.mine, *this);
  }
  std::size_t run_attempt(runner& me, task_range task) noexcept;
  void break_off(std::exception_ptr cause) noexcept;
  void stop() noexcept;
  std::size_t completed() const;

  const batch_request& request_;
  batch_scope scope_;
  // Used by the leader only:
  bool in_limiter_ = false;
  bool has_no_slot_ = false;               // because it has given back its own
  const scope_entry* borrowed_ = nullptr;  // whose slot it has borrowed then

  progress progress_;
  work_distributor distributor_;
  std::atomic<std::size_t> next_runner_{0};
  struct room_for_runner {
    alignas(runner) std::array<std::byte, sizeof(runner)> bytes;
  };

  std::array<room_for_runner, 4> few_runners_;  // so that a small batch allocates nothing; only what is used is written
  std::unique_ptr<runner[]> many_runners_;      // used if four are too few
  const std::span<runner> runners_;
  std::optional<adaptation> adaptation_;

  const float_settings float_settings_ = float_settings::of_this_thread();  // of the calling thread
  arena* home_ = nullptr;  // the arena that reserves enter
  reserves::calls calls_{*this};

  const bool runs_attempts_;
  bool is_plain_;  // nothing is to be done after a chunk
  const clock_kept clock_;
  verdict verdict_;
  stop_for_tasks stop_for_tasks_;
};

}  // namespace fanout::detail
