#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fanout/detail/export.hpp"

/// @file
/// What the calls throw. Bad input is a `std::invalid_argument`, the use of an executor or a lease that was moved from or
/// released a `std::logic_error`; an exception of a progress callback or of an input iterator reaches the caller as it is,
/// and so does a `std::bad_alloc`. Everything else derives from `fanout::error`. All of these are cheap to copy, copying
/// never throws, and a copy may be used by another thread.

// Each class defines `what` in the library, which so has the only vtable of it. Were all its functions inline, every
// program would bring a vtable of its own, and one of a part that is compiled with -fno-rtti, where an object does not
// know its type, could take the place of the others: `std::rethrow_if_nested` then crashed.
namespace fanout {

/// The base of those below: catch it for whatever fanout has to tell of tasks, stops, pools and threads.
class FANOUT_EXPORT error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;

  /// What happened, in words.
  const char* what() const noexcept override;
};

/// A task threw. The cause is nested, whatever its type: `std::rethrow_if_nested(e)` or `e.rethrow_nested()`
/// throws it again. `what()` reads `task 7 failed: <what() of the cause>`.
class FANOUT_EXPORT task_error : public error, public std::nested_exception {
 public:
  /// Throws `std::invalid_argument` if the cause is null.
  task_error(std::size_t index, const std::exception_ptr& cause);
  /// The index, and `what()` of the cause.
  const char* what() const noexcept override;

  /// The place of the task in the input, from 0.
  std::size_t index() const noexcept { return index_; }

 private:
  std::size_t index_;
};

/// Tasks of a batch under `error_policy::run_all` threw.
class FANOUT_EXPORT aggregate_error : public error {
 public:
  /// Throws `std::invalid_argument` if there is no error.
  aggregate_error(std::vector<task_error> errors, std::size_t total);

  /// Copied also where it could be moved: what was moved from still has its errors.
  aggregate_error(const aggregate_error&) noexcept = default;
  /// As the constructor.
  aggregate_error& operator=(const aggregate_error&) noexcept = default;

  /// How many tasks of how many failed, and what the first of them says.
  const char* what() const noexcept override;

  /// Every failure, ordered by index.
  const std::vector<task_error>& errors() const noexcept { return *errors_; }

 private:
  std::shared_ptr<const std::vector<task_error>> errors_;  // shared, so that a copy cannot throw
};

/// The stop token was requested before the batch was over.
class FANOUT_EXPORT operation_cancelled : public error {
 public:
  /// Of a batch: how far it came, and what failed until then.
  operation_cancelled(std::size_t completed, std::size_t total, std::vector<task_error> errors = {});

  /// Of a wait that is no batch.
  explicit operation_cancelled(const std::string& what);

  /// Copied also where it could be moved, as an `aggregate_error`.
  operation_cancelled(const operation_cancelled&) noexcept = default;
  /// As the constructor.
  operation_cancelled& operator=(const operation_cancelled&) noexcept = default;

  /// How many tasks had started, and how many of them failed.
  const char* what() const noexcept override;

  /// The tasks that had started, and so have ended, however they ended.
  std::size_t completed() const noexcept { return completed_; }

  /// The size of the batch.
  std::size_t total() const noexcept { return total_; }

  /// Every failure among the completed tasks, ordered by index.
  const std::vector<task_error>& errors() const noexcept { return *errors_; }

 private:
  std::size_t completed_ = 0;
  std::size_t total_ = 0;
  std::shared_ptr<const std::vector<task_error>> errors_;
};

/// A timed wait for a resource of a pool ended without one. The text says why nothing was to be had.
class FANOUT_EXPORT pool_timeout : public error {
 public:
  using error::error;
  /// The limit, how many resources are idle or in use, how many callers wait, and the last failure of a factory.
  const char* what() const noexcept override;
};

/// The pool has been closed.
class FANOUT_EXPORT pool_closed : public error {
 public:
  /// Whichever pool it was.
  pool_closed();
  /// That the pool has been closed.
  const char* what() const noexcept override;
};

/// The machine cannot give the threads that were asked for. Nothing has started, and fanout stays usable.
class FANOUT_EXPORT resource_error : public error {
 public:
  /// Both count the calling thread, too.
  resource_error(std::size_t requested, std::size_t available);
  /// Both numbers.
  const char* what() const noexcept override;

  /// The threads, the calling one included, that all live executors and batches would need together.
  std::size_t requested() const noexcept { return requested_; }

  /// How many of them the process could have, the calling one included.
  std::size_t available() const noexcept { return available_; }

 private:
  std::size_t requested_;
  std::size_t available_;
};

namespace detail {

/// What an exception says of itself: `what()`, or `an exception of type int`. Requires one that is not null.
std::string describe(const std::exception_ptr& cause);

}  // namespace detail
}  // namespace fanout
