#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stop_token>

#include "fanout/detail/chunk.hpp"
#include "fanout/detail/export.hpp"
#include "fanout/detail/tsan.hpp"
#include "fanout/run_options.hpp"

/// The only interface between the templates in the headers and the engine that runs batches: a number of tasks, a
/// function that runs a range of them, and the options. Nothing above it uses oneTBB, except `native_tbb.hpp`;
/// nothing below it knows the type of a result.
namespace fanout::detail {

/// Call it in a handler that catches everything and does not rethrow. If what was caught is no C++ exception but the
/// end of the thread (`pthread_exit`, or a cancellation), nothing can stop it, and the handler may not swallow it:
/// this ends the process with a sentence that says so.
FANOUT_EXPORT void require_exception() noexcept;

/// See `task_context::seed`. A bijection of 64-bit numbers, so different indices give different seeds.
constexpr std::uint64_t seed_of_task(std::uint64_t seed, std::uint64_t index) noexcept {
  std::uint64_t mixed = seed + (index + 1) * 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31U);
}

/// The part of a batch, or of a stream, that its tasks use.
class batch_control {
 public:
  batch_control(const batch_control&) = delete;
  batch_control& operator=(const batch_control&) = delete;

  /// True if no further task may start. Acquire: a runner whose task saw this also sees the flag in its own chunk,
  /// and starts no other task.
  bool stopped() const noexcept { return stopped_.load(std::memory_order_acquire); }

  /// True if a runner must fence each start of a task: see `basic_chunk::may_start`.
  bool fenced() const noexcept { return fenced_; }

  /// `run_options::seed`.
  std::uint64_t seed() const noexcept { return seed_; }

  /// Records that task `index` threw the exception that is being handled, and acts on it according to the error
  /// policy. Not for streams.
  FANOUT_EXPORT void fail(std::size_t index) noexcept;

  /// A task whose failure is data has failed, and has kept the cause. Not for streams.
  virtual void note_failure(const std::exception_ptr& /*cause*/) noexcept {}

  /// No further task needs to run: see batch_request::one_is_enough.
  virtual void have_enough() noexcept {}

  /// The stop that the task of this chunk sees.
  virtual std::stop_token stop_token(const chunk& its_chunk) = 0;

  /// Which attempt at its task the runner of this chunk makes, from 1.
  virtual unsigned attempt_at(const chunk& /*its_chunk*/) const noexcept { return 1; }

  /// The number of the runner that owns the chunk: from 0, less than the number of runners.
  virtual std::size_t runner_of(const chunk& its_chunk) const noexcept = 0;

 protected:
  batch_control(bool fenced, std::uint64_t seed) : fenced_(fenced), seed_(seed) {}
  ~batch_control() = default;

  std::atomic<bool> stopped_{false};

 private:
  /// What `fail` does. A stream keeps the failures of its items itself.
  virtual void record_failure(std::size_t /*index*/) noexcept {}

  const bool fenced_;
  const std::uint64_t seed_;
};

/// A task that has been started: what its runner passes to the code that calls it.
struct started_task {
  std::size_t index;
  batch_control& batch;
  const chunk& its_chunk;
};

/// A reference to the tasks of a batch. `run` starts the tasks of a chunk in order and returns the index after the
/// last one that it started. It starts fewer than all only if the batch was stopped, if another runner recalled the
/// rest, or if the runner was asked to pause.
struct task_block {
  void* object;
  std::size_t (*run)(void* object, task_range tasks, chunk& mine, batch_control& batch) noexcept;
};

class batch_watch;
class batch_deadline;

struct batch_request {
  std::size_t size;
  task_block tasks;
  const run_options& options;
  bool cancellation_is_data = false;  // a cancelled call returns instead of throwing
  bool whole_chunks = false;          // each chunk is started as a whole, so progress does not limit its size

  /// Called by the calling thread when all runners have joined, before anything that tasks made is used or destroyed,
  /// with the object of `tasks`. May be null.
  void (*joined)(const void* object) noexcept = nullptr;

  /// How stops are requested and forwarded; null if the engine does it itself.
  const stop_functions* stops = nullptr;

  /// Who looks at the batch while it runs. Then `tasks` counts each task in its chunk. May be null.
  batch_watch* watch = nullptr;

  /// What requests the stop of the options when the time of the batch is over, if someone has set it already. May be
  /// null.
  const batch_deadline* deadline = nullptr;

  /// Failures do not stop the batch, whatever the options say: only `batch_control::have_enough` does.
  bool one_is_enough = false;

  /// Where failures are data: keeps one that the task itself has not seen. Null where they are not.
  void (*keep_failure)(const void* object, std::size_t index, const std::exception_ptr& cause,
                       unsigned attempts) noexcept = nullptr;

  /// The same with other options.
  batch_request with(const run_options& others) const {
    return {size,  tasks, others,   cancellation_is_data, whole_chunks, joined,
            stops, watch, deadline, one_is_enough,        keep_failure};
  }
};

class executor_core;

/// The engine's part of `run_batch`. Requires that `check_options` and `check_size` have accepted the request.
FANOUT_EXPORT void run_batch_in_engine(executor_core* executor, const batch_request& request);

/// Runs a batch to its end on `executor` or, if it is null, as a free call. Returns when every task has run, or
/// throws as the options determine. With `cancellation_is_data` it also returns after a stop. No task runs after it
/// has returned or thrown.
inline void run_batch(executor_core* executor, const batch_request& request) {
  if constexpr (tsan::enabled) {
    const tsan::order_of_batch order(request.tasks.object);
    run_options options = request.options;
    if (options.on_progress) {
      options.on_progress = [&](std::size_t completed, std::size_t total) {
        const tsan::progress_of_batch here(order);
        request.options.on_progress(completed, total);
      };
    }
    if (options.around) {
      options.around = [&](const task_context& context, const std::function<void()>& body) {
        const tsan::tasks_of_batch here(request.tasks.object);
        request.options.around(context, body);
      };
    }
    if (options.retry.when) {
      options.retry.when = [&](const std::exception_ptr& cause) {
        const tsan::tasks_of_batch here(request.tasks.object);
        return request.options.retry.when(cause);
      };
    }
    order.caller_begins();
    batch_request told = request.with(options);
    told.joined = &tsan::joined;
    told.stops = tsan::stops;
    run_batch_in_engine(executor, told);
  } else {
    run_batch_in_engine(executor, request);
  }
}

/// True if the executor's limit is 1. False for null.
FANOUT_EXPORT bool is_executor_of_one(const executor_core* executor) noexcept;

/// Throws `std::invalid_argument`, which names the empty function among the tasks.
[[noreturn]] FANOUT_EXPORT void throw_empty_task(std::size_t index);

/// Throws `std::invalid_argument` for a mapper that is an empty function.
[[noreturn]] FANOUT_EXPORT void throw_empty_mapper();

/// Throws `std::invalid_argument` for options that no batch can have.
FANOUT_EXPORT void check_options(const run_options& options);

/// Throws `std::invalid_argument` for a retry of tasks whose items are given away.
[[noreturn]] FANOUT_EXPORT void throw_callable_once();

/// Throws `std::length_error` for more than 2^40 tasks. Called before memory is allocated for their results.
FANOUT_EXPORT void check_size(std::size_t size);

/// Throws `std::invalid_argument` for an item that ends with its iterator and cannot be copied.
[[noreturn]] FANOUT_EXPORT void throw_item_in_iterator();

/// Throws `std::invalid_argument` for a negative number of indices.
[[noreturn]] FANOUT_EXPORT void throw_negative_count(long long count);

/// Throws `std::invalid_argument` for an output whose size differs from the number of items.
[[noreturn]] FANOUT_EXPORT void throw_wrong_output(std::size_t output, std::size_t items);

/// The type of a limit that a call takes in place of options. Not simply a `concurrency_limit`, because `{}` must
/// mean options.
template <class T>
concept limit = limit_number<T> || std::same_as<T, concurrency_limit>;

inline run_options limited_to(concurrency_limit named) { return {.concurrency = named}; }

}  // namespace fanout::detail
