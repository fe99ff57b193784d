#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>

#include "fanout/detail/batch.hpp"
#include "fanout/run_options.hpp"
#include "fanout/task_context.hpp"

namespace fanout::detail {

/// One run of a task inside `run_options::around`. It lives on the stack of the runner, which alone uses it.
class attempt {
 public:
  attempt() = default;
  attempt(const attempt&) = delete;
  attempt& operator=(const attempt&) = delete;

  /// The task threw this: called while it runs.
  void fail(std::exception_ptr cause) noexcept { failure_ = std::move(cause); }

  /// Runs the task by `run_task()`, inside of `around`, and returns why it has failed, or null.
  template <class RunTask>
  std::exception_ptr run(const run_options& options, const started_task& task, const RunTask& run_task) noexcept {
    try {
      const auto body = [&] {
        if (++calls_ != 1) throw std::logic_error("run_options::around called the body of a task twice");
        run_task();
        if (failure_) std::rethrow_exception(failure_);
      };
      options.around(task_context(task), std::cref(body));
    } catch (...) {
      require_exception();
      return std::current_exception();
    }
    if (failure_) return failure_;  // `around` did not pass it on, but there is no result
    if (calls_ == 1) return nullptr;
    return std::make_exception_ptr(std::logic_error(
        calls_ == 0 ? "run_options::around did not call the body of a task"
                    : "run_options::around called the body of a task twice"));
  }

 private:
  std::exception_ptr failure_;
  std::size_t calls_ = 0;
};

}  // namespace fanout::detail
