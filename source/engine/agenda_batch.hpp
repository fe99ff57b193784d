#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "admission/gate.hpp"
#include "base/primitives.hpp"
#include "engine/adaptation.hpp"
#include "engine/agenda.hpp"
#include "engine/agenda_desk.hpp"
#include "engine/attempt.hpp"
#include "engine/progress.hpp"
#include "engine/task_scope.hpp"
#include "engine/verdict.hpp"
#include "executor/batch_scope.hpp"
#include "fanout/batch_progress.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/task_scope.hpp"
#include "threads/alarms.hpp"
#include "threads/floating_point.hpp"

namespace fanout::detail {

/// A batch whose tasks are unequal: with a priority, with admission, or tried again. It takes its tasks from an
/// agenda.
///
/// Its threads are those of a scope of its own. Instead of a task, it adds a **ticket** to the scope: whoever runs
/// that takes tasks from the agenda until there is none that may start: see basic_agenda_desk. There are as many
/// tickets as runners at most, and fewer while fewer tasks may start, so a batch whose tasks all wait holds no thread
/// but that of its caller, and no slot.
class agenda_batch final : public batch_control, private applicant, private alarm, private task_scope_core::slot_listener {
 public:
  /// Asks for the priorities and costs of all tasks. `from`: the entry of the calling thread. `adapt_from`: see
  /// batch.
  agenda_batch(const batch_request& request, executor_core* on, std::size_t runners, const scope_entry* from,
               std::size_t adapt_from);
  agenda_batch(const agenda_batch&) = delete;
  agenda_batch& operator=(const agenda_batch&) = delete;
  ~agenda_batch() override = default;  // after `run`

  /// Runs the batch; the calling thread helps.
  void run();

  // See batch.
  void cancel() noexcept;
  batch_progress counts() const;
  void finish();
  std::size_t adapted_to() const { return adaptation_ && adaptation_->has_measured() ? adaptation_->best() : 0; }

 private:
  using clock = std::chrono::steady_clock;

  struct ticket : closure {
    ticket() : closure(kind_of_this) {}
    static const closure_kind kind_of_this;
    agenda_batch* batch = nullptr;
    ticket* next_free = nullptr;
  };

  /// Written by the runner between its tasks.
  struct attempt_of_runner {
    attempt* inside = nullptr;  // what its task runs in
    unsigned number = 1;
    bool began = false;  // the task itself was called
  };

  // batch_control
  void record_failure(std::size_t index) noexcept override;
  void note_failure(const std::exception_ptr& cause) noexcept override;
  void have_enough() noexcept override;
  std::stop_token stop_token(const chunk& its_chunk) override;
  unsigned attempt_at(const chunk& its_chunk) const noexcept override { return now_[runner_of(its_chunk)].number; }
  std::size_t runner_of(const chunk& its_chunk) const noexcept override { return threads_.runner_of(its_chunk); }

  // applicant, alarm, and slot_listener
  bool ask_again() noexcept override;
  void ring() noexcept override;
  void comes_to_wait_for_slot() noexcept override;

  std::size_t completed() const { return completed_.load(std::memory_order_acquire); }
  void open_gates(const std::vector<admission>& admit);
  void fail(const agenda::work& ended, const std::exception_ptr& failure) noexcept;
  void stop() noexcept;

  // What the desk asks for: see there.
  using desk = basic_agenda_desk<std_primitives, agenda, agenda_batch, ticket>;
  friend desk;
  std::size_t most_tickets() const { return adaptation_ ? adaptation_->wanted() : tickets_.size(); }
  void note_at_work(std::size_t tickets) noexcept {
    if (adaptation_) adaptation_->set_at_work(tickets);
  }
  bool is_slot_wanted() const { return threads_.is_slot_wanted(); }
  void ring_at(agenda::time_point when) noexcept { alarm::set_again(when); }  // the clock is kept
  agenda::time_point time_of_next(const agenda::work& ended) const noexcept;
  void add(ticket* one) noexcept;
  std::exception_ptr run_attempt(const agenda::work& what, chunk& its_chunk) noexcept;
  bool wants_again(const agenda::work& ended, const std::exception_ptr& cause) noexcept;
  void end(const agenda::work& ended, const std::exception_ptr& failure) noexcept;
  void keep_failure(const agenda::work& unstarted) noexcept;
  void break_off(std::exception_ptr cause) noexcept;

  const batch_request& request_;
  const run_options& options_;
  const float_settings float_settings_ = float_settings::of_this_thread();  // of the calling thread
  progress progress_;
  verdict verdict_;
  stop_for_tasks stop_for_tasks_;
  const clock_kept clock_;
  std::optional<adaptation> adaptation_;
  std::vector<attempt_of_runner> now_;          // of each runner
  std::vector<std::unique_ptr<gate>> gates_{};  // in the order in which they are asked
  std::atomic<std::size_t> started_{0};    // tasks, not attempts; only a number
  std::atomic<std::size_t> completed_{0};  // released by the runner of a task, acquired by who needs what tasks wrote

  std::vector<ticket> tickets_;
  desk desk_;

  task_scope_core threads_;  // last: its runners use the rest
};

}  // namespace fanout::detail
