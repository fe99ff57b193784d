#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanout/detail/export.hpp"

/// @file
/// The exceptions that the calls throw. Bad input is reported by `std::invalid_argument`, or `std::length_error` for
/// a batch of more than 2^40 tasks. Misuse is reported by `std::logic_error`: the use of an executor that was moved
/// from or of a lease that was released, or a wait that could never end. An exception that your code throws outside
/// of tasks reaches the caller unchanged: from a progress callback, an input iterator, the move of a result, or a
/// pool's factory or its validation of a new resource (in `execute_with_pool` and `map_with_pool`, the last two are
/// causes of a `task_error`). So does `std::bad_alloc`. All other exceptions that fanout throws derive from
/// `fanout::error`. The exceptions of this file are cheap to copy; copying never throws, and another thread may use a
/// copy.

// Each class defines `what` in the library, so its only vtable is there. If all functions were inline, every
// translation unit that uses the class would emit its vtable. The linker keeps one, possibly from a unit compiled
// with -fno-rtti, without type information; then `std::rethrow_if_nested` crashes.
namespace fanout {

/// The base class of the exceptions below. Catch it to handle all failed tasks, stops, pool errors and refused
/// threads.
class FANOUT_EXPORT error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// A description of what happened.
  const char* what() const noexcept override;
};

/// A task threw. The cause is nested, whatever its type; `std::rethrow_if_nested(e)` or `e.rethrow_nested()` throws
/// it again. `what()` reads `task 7 failed: <what() of the cause>`, or `task 7 failed after 3 attempts: …`. Of a
/// `what()` of more than 2,000 bytes, it has the beginning and an ellipsis; the cause has all of it. If the cause is
/// no `std::exception`, or its `what()` is null or empty, the message names its type. The cause is never copied.
class FANOUT_EXPORT task_error : public error, public std::nested_exception {
 public:
  /// Throws `std::invalid_argument` if the cause is null.
  task_error(std::size_t index, const std::exception_ptr& cause, unsigned attempts = 1);
  /// The index, the number of attempts if there were several, and `what()` of the cause.
  const char* what() const noexcept override;

  /// The position of the task in the input, from 0.
  std::size_t index() const noexcept { return index_; }

  /// How many attempts at the task were made: see `run_options::retry`. All failed, and the cause is that of the
  /// last.
  unsigned attempts() const noexcept { return attempts_; }

 private:
  std::size_t index_;
  unsigned attempts_;
};

/// One or more tasks of a batch threw under `error_policy::run_all`.
class FANOUT_EXPORT aggregate_error : public error {
 public:
  /// Throws `std::invalid_argument` if `errors` is empty.
  aggregate_error(std::vector<task_error> errors, std::size_t total);

  /// A move is a copy, so an object that was moved from keeps its errors.
  aggregate_error(const aggregate_error&) noexcept = default;
  /// Like the copy constructor.
  aggregate_error& operator=(const aggregate_error&) noexcept = default;

  /// How many of how many tasks failed, and the message of the first failure.
  const char* what() const noexcept override;

  /// Every failure, ordered by index.
  const std::vector<task_error>& errors() const noexcept { return *errors_; }

 private:
  std::shared_ptr<const std::vector<task_error>> errors_;  // shared, so that a copy cannot throw
};

/// A stop was requested before the batch or wait was over, or `outcome::value()` was called for a task that never
/// started.
class FANOUT_EXPORT operation_cancelled : public error {
 public:
  /// For a batch: the number of its tasks that had started, its size, and its failures.
  operation_cancelled(std::size_t completed, std::size_t total, std::vector<task_error> errors = {});

  /// For a wait or another operation that is not a batch.
  explicit operation_cancelled(const std::string& what);

  /// A move is a copy, as for `aggregate_error`.
  operation_cancelled(const operation_cancelled&) noexcept = default;
  /// Like the copy constructor.
  operation_cancelled& operator=(const operation_cancelled&) noexcept = default;

  /// How many of how many tasks had started, and how many of those failed.
  const char* what() const noexcept override;

  /// The number of tasks that had started. All of them have ended, with a result or a failure.
  std::size_t completed() const noexcept { return completed_; }

  /// The size of the batch; 1 if `outcome::value()` threw this, and 0 if it does not come from a batch.
  std::size_t total() const noexcept { return total_; }

  /// Every failure among the completed tasks, ordered by index.
  const std::vector<task_error>& errors() const noexcept { return *errors_; }

 private:
  /// With a text of its own.
  operation_cancelled(const std::string& what, std::size_t completed, std::size_t total,
                      std::vector<task_error>&& errors);

  std::size_t completed_ = 0;
  std::size_t total_ = 0;
  std::shared_ptr<const std::vector<task_error>> errors_;

  friend class deadline_exceeded;
};

/// The time of a batch was over before the batch was: see `run_options::timeout`. A kind of cancellation, with the
/// same numbers and failures.
class FANOUT_EXPORT deadline_exceeded : public operation_cancelled {
 public:
  /// The number of tasks that had started, the size of the batch, and its failures.
  deadline_exceeded(std::size_t completed, std::size_t total, std::vector<task_error> errors = {});

  /// A move is a copy, as for `aggregate_error`.
  deadline_exceeded(const deadline_exceeded&) noexcept = default;
  /// Like the copy constructor.
  deadline_exceeded& operator=(const deadline_exceeded&) noexcept = default;

  /// That the time was over, after how many of how many tasks had started, and how many of those failed.
  const char* what() const noexcept override;
};

/// A task took longer than `run_options::task_timeout`: the cause in a `task_error`. If the task threw after that,
/// its exception is nested: `std::rethrow_if_nested` throws it.
class FANOUT_EXPORT task_timed_out : public error {
 public:
  using error::error;
  /// The limit, and the message of what the task threw.
  const char* what() const noexcept override;
};

/// An admission of the batch said that a task must never start: the cause in a `task_error`. See `admission_answer`.
class FANOUT_EXPORT task_refused : public error {
 public:
  /// `why`: the reason that the admission gave.
  explicit task_refused(const std::string& why);
  /// `the task was refused: `, and the reason.
  const char* what() const noexcept override;
};

/// A timed wait for a resource of a pool ended without one. `what()` says why none was available.
class FANOUT_EXPORT pool_timeout : public error {
 public:
  using error::error;
  /// The time limit, the numbers of idle and lent resources and of waiting callers, and the last failure of the
  /// pool's factory, validation or reset.
  const char* what() const noexcept override;
};

/// The pool has been closed.
class FANOUT_EXPORT pool_closed : public error {
 public:
  /// The text is the same for every pool.
  pool_closed();
  /// Says that the pool has been closed.
  const char* what() const noexcept override;
};

/// The process may not create the threads that were asked for. Nothing has started, and fanout stays usable.
class FANOUT_EXPORT resource_error : public error {
 public:
  /// Both numbers include the calling thread.
  resource_error(std::size_t requested, std::size_t available);
  /// Both numbers, with an explanation.
  const char* what() const noexcept override;

  /// The threads that all live executors and batches would need together, including the calling thread.
  std::size_t requested() const noexcept { return requested_; }

  /// How many threads can exist instead, including the calling thread.
  std::size_t available() const noexcept { return available_; }

 private:
  std::size_t requested_;
  std::size_t available_;
};

namespace detail {

/// The message of an exception: the first 2,000 bytes of its `what()`, or `an exception of type int`. Requires a
/// `cause` that is not null.
std::string describe(const std::exception_ptr& cause);

/// A `task_timed_out`. `cause`: what the task threw; null if it returned.
FANOUT_EXPORT std::exception_ptr timed_out(std::chrono::nanoseconds limit, const std::exception_ptr& cause);

}  // namespace detail
}  // namespace fanout
