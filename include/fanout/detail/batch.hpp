#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <stop_token>

#include "fanout/detail/chunk.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/run_options.hpp"

/// The one interface between the typed face and the engine: a number of tasks, a reference that runs a block of
/// them, and the options. Nothing above knows oneTBB, nothing below knows a result type.
namespace fanout::detail {

/// The side of a batch that its tasks see.
class batch_control {
 public:
  batch_control(const batch_control&) = delete;
  batch_control& operator=(const batch_control&) = delete;

  /// Whether no further task may start. Acquire: a runner whose task saw this sees its own flag, and starts no other.
  bool stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }

  /// Whether a runner has to fence each start of a task: see `basic_chunk::may_start`.
  bool fenced() const noexcept { return fenced_; }

  /// Records that task `index` threw the exception that is being handled, and acts on it by the error policy.
  FANOUT_EXPORT void fail(std::size_t index) noexcept;

  FANOUT_EXPORT std::stop_token stop_token();

  /// The number of the runner whose chunk this is: from 0, below the number of runners.
  FANOUT_EXPORT std::size_t runner_of(const chunk& its_chunk) const noexcept;

 protected:
  explicit batch_control(bool fenced) : fenced_(fenced) {}
  ~batch_control() = default;

  std::atomic<bool> stopped_{false};

 private:
  const bool fenced_;
};

/// A task that has been started, as its runner hands it on.
struct started_task {
  std::size_t index;
  batch_control& batch;
  const chunk& its_chunk;
};

/// A reference to the tasks of a batch. `run` starts the tasks of a chunk in order and returns the index after the last
/// one that it started: fewer than asked only when the batch was stopped, or when another runner took the rest.
struct task_block {
  void* object;
  std::size_t (*run)(void* object, task_range tasks, chunk& mine, batch_control& batch) noexcept;
};

struct batch_request {
  std::size_t size;
  task_block tasks;
  const run_options& options;
  bool cancellation_is_data = false;  // the call returns when it was cancelled, instead of throwing
  bool whole_chunks = false;          // a chunk is started as a whole: progress does not limit its size
};

class executor_core;

/// Runs a batch to its end on `executor`, or, for null, as a free call. Returns when every task has run, or throws
/// as the options say; no task runs once it has returned or thrown.
FANOUT_EXPORT void run_batch(executor_core* executor, const batch_request& request);

/// False for null.
FANOUT_EXPORT bool is_executor_of_one(const executor_core* executor) noexcept;

/// Throws the `std::invalid_argument` that names an empty function among the tasks.
[[noreturn]] FANOUT_EXPORT void throw_empty_task(std::size_t index);

/// Throws the `std::invalid_argument` for a mapper that is an empty function.
[[noreturn]] FANOUT_EXPORT void throw_empty_mapper();

/// Throws the `std::invalid_argument` for a number of indices below 0.
[[noreturn]] FANOUT_EXPORT void throw_negative_count(long long count);

/// Throws the `std::invalid_argument` for an output that has not one element for each item.
[[noreturn]] FANOUT_EXPORT void throw_wrong_output(std::size_t output, std::size_t items);

/// A limit in a short form, taken by value. Not a `concurrency_limit` alone: `{}` means options.
template <class T>
concept limit = limit_number<T> || std::same_as<T, concurrency_limit>;

inline run_options limited_to(concurrency_limit named) { return {.concurrency = named}; }

}  // namespace fanout::detail
