#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>

#include "fanout/detail/batch.hpp"

namespace fanout {

/// The batch as seen by one of its running tasks. A task that takes a `const task_context&` gets one, at no cost. It
/// is valid while the task runs.
class task_context {
 public:
  /// For the library.
  explicit task_context(const detail::started_task& task) noexcept : task_(task) {}
  task_context(const task_context&) = delete;
  task_context& operator=(const task_context&) = delete;

  /// The task's place in the input, from 0.
  std::size_t index() const noexcept { return task_.index; }

  /// The number of the runner that runs the task: from 0, and less than both the limit of the batch and the number of
  /// its tasks. Two tasks of a batch that run at the same time never have the same number, so a task can use it to
  /// choose its scratch memory:
  ///
  ///     std::vector<buffer> scratch(limit);
  ///     fanout::map_in_parallel(images, [&](const image& each, const fanout::task_context& context) {
  ///       return smooth(each, scratch[context.runner()]);
  ///     }, limit);
  ///
  /// Every batch numbers its runners from 0, even if several batches of one executor run at the same time. Costs
  /// about a nanosecond.
  std::size_t runner() const noexcept { return task_.batch.runner_of(task_.its_chunk); }

  /// True once the batch is stopped: a stop was requested, another task failed under `error_policy::stop`, or the
  /// progress callback threw. A long task may then end early. (`settle_in_parallel` and `settle_map` still return its
  /// outcome.) Costs one load of a cache line that all threads share for reading.
  bool stop_requested() const noexcept { return task_.batch.stopped() || task_.its_chunk.is_late(); }

  /// The same as a token, to pass to an inner batch, a wait or a `std::stop_callback`. The first call in a batch
  /// allocates, and may throw `std::bad_alloc`. Do not call it in a tight loop: each copy of a token costs two atomic
  /// operations on a counter that all copies share.
  std::stop_token stop_token() const { return task_.batch.stop_token(task_.its_chunk); }

  /// A number for a generator of random numbers. It depends on `run_options::seed` and on `index()` alone: so it is
  /// the same whatever the limit of the batch is, and whichever thread runs the task. Tasks with different indices
  /// have different numbers: they are what the generator SplitMix64 gives, started with the seed. Costs about a
  /// nanosecond.
  ///
  ///     std::mt19937_64 random(context.seed());
  std::uint64_t seed() const noexcept { return detail::seed_of_task(task_.batch.seed(), task_.index); }

  /// Which attempt at the task this is: 1, or more if it has failed before, and `run_options::retry` is set.
  unsigned attempt() const noexcept { return task_.batch.attempt_at(task_.its_chunk); }

 private:
  detail::started_task task_;
};

/// The `task_context::runner()` of the innermost task that the calling thread runs. In a progress callback, the
/// runner that calls it, except in a call that comes after all tasks have ended. Empty on a thread that runs no task,
/// which includes a worker of oneTBB in a loop that a task has started. For libraries that ask for the number of the
/// current thread through a function without arguments. Costs one access to a thread-local variable.
FANOUT_EXPORT std::optional<std::size_t> current_runner() noexcept;

}  // namespace fanout
