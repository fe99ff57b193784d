#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <utility>

#include "base/stop_forwarder.hpp"
#include "engine/verdict.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/time_limit.hpp"
#include "fanout/run_options.hpp"
#include "fanout/task_context.hpp"
#include "threads/alarms.hpp"

namespace fanout::detail {

/// One run of a task inside `run_options::around`, or with a limit of time. It lives on the stack of the runner.
class attempt : private alarm {
 public:
  /// Whether tasks with these options are run so.
  static bool is_wanted(const run_options& options) {
    return static_cast<bool>(options.around) || options.task_timeout != no_limit;
  }

  /// `mine`: the chunk of the task. `stops`: see batch_request. If there is a limit of time, requires that the clock
  /// of alarms is kept.
  attempt(const run_options& options, const started_task& task, chunk& mine, const stop_functions* stops)
      : options_(options), task_(task), mine_(mine), stop_(stops), forwarded_(stops) {}
  ~attempt() override = default;

  /// The task threw this: called while it runs, on its thread.
  void fail(std::exception_ptr cause) noexcept { failure_ = std::move(cause); }

  /// Runs the task by `run_task()`, and returns why it has failed, or null.
  template <class RunTask>
  std::exception_ptr run(const RunTask& run_task) noexcept {
    const std::chrono::nanoseconds limit = options_.task_timeout;
    if (limit == no_limit) return run_inside(run_task);
    set(after(std::chrono::steady_clock::now(), limit));
    std::exception_ptr failure = run_inside(run_task);
    cancel();
    forwarded_.end();
    if (!mine_.is_late()) return failure;
    mine_.set_late(false);
    try {
      return timed_out(limit, failure);
    } catch (...) {  // no memory to say it
      return std::current_exception();
    }
  }

  /// The stop that the task sees, if that of its batch is `of_batch`. Any thread may call it while the task runs.
  std::stop_token token(const std::stop_token& of_batch) {
    if (options_.task_timeout == no_limit) return of_batch;
    const std::lock_guard lock(forwarding_);
    if (!std::exchange(is_forwarded_, true))
      forwarded_.begin(of_batch, {this, [](void* it) noexcept { static_cast<attempt*>(it)->stop_.request(); }});
    return stop_.token([&] { return mine_.is_late() || of_batch.stop_requested(); });
  }

 private:
  // On the thread that keeps the time.
  void ring() noexcept override {
    mine_.set_late(true);
    stop_.request();
  }

  template <class RunTask>
  std::exception_ptr run_inside(const RunTask& run_task) noexcept {
    if (!options_.around) {
      run_task();
      return failure_;
    }
    std::size_t calls = 0;
    const auto twice = [] { return std::logic_error("run_options::around called the body of a task twice"); };
    try {
      const auto body = [&] {
        if (++calls != 1) throw twice();
        run_task();
        if (failure_) std::rethrow_exception(failure_);
      };
      options_.around(task_context(task_), std::cref(body));
    } catch (...) {
      require_exception();
      return std::current_exception();
    }
    if (failure_) return failure_;  // `around` did not pass it on, but there is no result
    if (calls == 1) return nullptr;
    return std::make_exception_ptr(
        calls == 0 ? std::logic_error("run_options::around did not call the body of a task") : twice());
  }

  const run_options& options_;
  const started_task task_;
  chunk& mine_;
  std::exception_ptr failure_;
  stop_for_tasks stop_;
  std::mutex forwarding_;  // guards the next two while the task runs
  bool is_forwarded_ = false;
  stop_forwarder forwarded_;  // of the stop of the batch
};

}  // namespace fanout::detail
