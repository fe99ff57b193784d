#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "admission/gate.hpp"
#include "engine/adaptation.hpp"
#include "engine/agenda.hpp"
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

/// A batch whose tasks are unequal: with a priority, with admission, or tried again. It takes its tasks from an agenda.
///
/// Its threads are those of a scope of its own. Instead of a task, it adds a **ticket** to the scope: whoever runs that
/// takes tasks from the agenda until there is none that may start. There are as many tickets as runners at most, and
/// fewer while fewer tasks may start, so a batch whose tasks all wait holds no thread but that of its caller, and no
/// slot. Whatever may let a task start (the end of a pause, an admission, the end of a task) adds a ticket, if one is
/// left.
///
/// All of it is guarded by one mutex. A gate is not asked under it, because that calls functions of the user: the
/// ticket that asks is the only one that does, and the others that come meanwhile leave it to that one.
class agenda_batch final : public batch_control, private applicant, private alarm {
 public:
  /// Asks for the priorities and costs of all tasks. `from`: the entry of the calling thread. `adapt_from`: see batch.
  agenda_batch(const batch_request& request, executor_core* on, std::size_t runners, const scope_entry* from,
               std::size_t adapt_from);
  agenda_batch(const agenda_batch&) = delete;
  agenda_batch& operator=(const agenda_batch&) = delete;
  ~agenda_batch() = default;  // after `run`

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

  // batch_control
  void record_failure(std::size_t index) noexcept override;
  void note_failure(const std::exception_ptr& cause) noexcept override;
  void have_enough() noexcept override;
  std::stop_token stop_token(const chunk& its_chunk) override;
  std::size_t runner_of(const chunk& its_chunk) const noexcept override { return threads_.runner_of(its_chunk); }

  // applicant, and alarm
  bool ask_again() noexcept override;
  void ring() noexcept override;

  void open_gates(const std::vector<admission>& admit);
  void add(ticket* one) noexcept;
  void use(ticket& mine, const started_task& started) noexcept;
  admission_reply ask(std::size_t running) noexcept;
  void leave_passed_gates() noexcept;
  std::exception_ptr run_attempt(const agenda::work& what, chunk& its_chunk, bool& began) noexcept;
  bool wants_again(const agenda::work& ended, const std::exception_ptr& cause) noexcept;
  void end(const agenda::work& ended, const std::exception_ptr& failure) noexcept;
  void fail(const agenda::work& ended, const std::exception_ptr& failure) noexcept;
  void leave_out(const agenda::work& each) noexcept;
  void break_off(std::exception_ptr cause) noexcept;
  void stop() noexcept;
  void give_up() noexcept;
  bool steps_aside(bool leaves_line) noexcept;

  // Under the mutex:
  using lock = std::unique_lock<std::mutex>;
  std::optional<agenda::work> take(lock& held) noexcept;
  std::optional<agenda::work> take_admitted(lock& held) noexcept;
  bool try_again(const agenda::work& ended, const std::exception_ptr& cause) noexcept;
  ticket* ticket_for_more() noexcept;
  ticket* take_ticket() noexcept;
  void give_back(ticket& mine) noexcept;
  void look_at(agenda::time_point when) noexcept;
  void wait_while_leaving(lock& held) noexcept;
  bool is_over() const;
  std::size_t most_tickets() const { return adaptation_ ? adaptation_->wanted() : tickets_.size(); }
  void tell_caller() noexcept {
    if (caller_sleeps_) changed_.notify_one();
  }

  const batch_request& request_;
  const run_options& options_;
  const float_settings float_settings_ = float_settings::of_this_thread();  // of the calling thread
  progress progress_;
  verdict verdict_;
  stop_for_tasks stop_for_tasks_;
  const clock_kept clock_;
  std::optional<adaptation> adaptation_;
  std::vector<attempt*> inside_;                // of each runner: what its task runs in; written by that runner
  std::vector<std::unique_ptr<gate>> gates_{};  // in the order in which they are asked
  std::atomic<std::size_t> started_{0};    // tasks, not attempts; only a number
  std::atomic<std::size_t> completed_{0};  // released by the runner of a task, acquired by who needs what tasks wrote

  mutable std::mutex mutex_;  // guards what follows, apart from the parts of the one who asks
  agenda agenda_;
  std::vector<ticket> tickets_;
  ticket* free_ticket_ = nullptr;
  std::size_t out_ = 0;       // tickets that are not free
  std::size_t in_flight_ = 0;  // attempts that have been admitted and have not ended
  std::size_t left_ = 0;       // tasks that have not ended
  bool no_more_ = false;       // the batch was stopped: nothing starts
  bool asks_ = false;          // a thread asks the gates, or gives up what was left, and owns the next two
  bool leaves_ = false;        // a thread leaves the gates that have admitted `head_`, and owns it
  std::size_t passed_ = 0;     // gates that have admitted `head_`
  std::optional<agenda::work> head_{};  // the next task, if some gates have admitted it
  bool has_to_ask_again_ = false;       // something has changed since it began to ask
  agenda::time_point looks_at_ = agenda::time_point::max();  // when the alarm rings
  bool caller_sleeps_ = false;
  std::condition_variable changed_{};

  task_scope_core threads_;  // last: its runners use the rest
};

}  // namespace fanout::detail
