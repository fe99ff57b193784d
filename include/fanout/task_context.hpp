#pragma once

#include <cstddef>
#include <stop_token>

#include "fanout/detail/batch.hpp"

namespace fanout {

/// What a running task may ask. A task that takes a `const task_context&` gets one; making and passing it is
/// free. It is valid while the task runs.
class task_context {
 public:
  /// For the library.
  task_context(std::size_t index, detail::batch_control& batch) noexcept : index_(index), batch_(batch) {}
  task_context(const task_context&) = delete;
  task_context& operator=(const task_context&) = delete;

  /// The task's place in the input, from 0.
  std::size_t index() const noexcept { return index_; }

  /// True once the task's result no longer matters: the batch's stop token was requested, another task failed
  /// under `error_policy::stop`, or the progress callback threw. One load of a line that is shared for reading.
  bool stop_requested() const noexcept { return batch_.stopped(); }

  /// The same as a token, to hand to an inner batch, a wait or a `std::stop_callback`. The first request in a
  /// batch allocates and may throw `std::bad_alloc`. Not for a tight loop: each copy of a token is two atomic
  /// operations on a counter that all copies share.
  std::stop_token stop_token() const { return batch_.stop_token(); }

 private:
  std::size_t index_;
  detail::batch_control& batch_;
};

}  // namespace fanout
