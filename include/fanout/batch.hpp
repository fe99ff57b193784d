#pragma once

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>

#include "fanout/batch_progress.hpp"
#include "fanout/detail/submit.hpp"
#include "fanout/detail/time_limit.hpp"

namespace fanout {

/// A batch that runs beside the thread that submitted it: the handle that `submit` and `submit_map` return. `T` is what
/// one task returns.
///
///     fanout::batch<int> squares = fanout::submit_map(1000, [](int i) { return i * i; });
///     …                                              // the batch runs meanwhile
///     std::vector<int> values = squares.get();       // waits, and returns or throws what the blocking call would
///
/// *Guarantees*: the batch begins at once, on a thread of fanout. Whoever waits for it before that thread has come runs
/// it instead, so `get` right after `submit` costs little more than the blocking call. The handle owns tasks, mapper
/// and options; tasks, mapper and progress callback are destroyed when the batch has ended. Their destructors may
/// destroy the handle, as that of a mapper does that keeps the owner of the handle alive.
///
/// The destructor requests the stop and waits until no task runs, as that of `std::jthread` does. What the batch threw
/// is then dropped. A handle may be moved while its batch runs, and destroyed on any thread, also inside tasks of other
/// batches. If one of the batch's own tasks or its progress callback destroys it, the process ends with a message,
/// because the task would wait for itself.
///
/// *Threads*: different handles are independent. The const members and `request_stop` of one handle may be called by
/// several threads at once; `get`, moves and the destructor may not be called beside others.
///
/// A handle that was moved from behaves as one whose results have been taken, with a progress of zeros.
template <class T>
class [[nodiscard]] batch {
 public:
  /// Whether the batch has ended, however: with results, an exception, or a stop.
  bool ready() const noexcept {
    const bool over = !state_ || state_->running().is_over();
    if (over) detail::tsan::acquire(state_.get());
    return over;
  }

  /// Waits until the batch has ended. If no thread has begun it, this thread runs it as a blocking call would. In a
  /// task of an executor, batches of that executor which the awaited tasks start may work under the slot of the waiting
  /// task, as those of a blocking call do. Throws `std::logic_error` in a task of the batch itself, and in its progress
  /// callback.
  void wait() const {
    if (!state_) return;
    state_->running().wait();
    detail::tsan::acquire(state_.get());
  }

  /// Waits, but no longer than that, and runs nothing. True if the batch has ended.
  template <class Rep, class Period>
  bool wait_for(const std::chrono::duration<Rep, Period>& limit) const {
    return wait_until(detail::after(std::chrono::steady_clock::now(), limit));
  }

  /// The same until a moment of any clock.
  template <class Clock, class Duration>
  bool wait_until(const std::chrono::time_point<Clock, Duration>& limit) const {
    if (state_) state_->running().wait_until(detail::steady(limit));
    return ready();
  }

  /// Waits as `wait` does, then returns the results in input order as a `std::vector<T>`, or nothing if `T` is void; or
  /// throws what the blocking call would have thrown. A second call throws `std::logic_error`.
  auto get() {
    if (!state_ || state_->taken) throw std::logic_error("the results of this batch have been taken");
    wait();
    state_->taken = true;
    return state_->take();
  }

  /// Requests the stop, and does not wait. No task starts after this, and running tasks see the request in their
  /// `task_context`. A batch that waits for its place on an executor ends at once.
  void request_stop() noexcept {
    if (state_) state_->running().request_stop();
  }

  /// How far the batch is, without waiting. Costs a short loop over the threads that the batch may have.
  batch_progress progress() const noexcept { return state_ ? state_->running().progress() : batch_progress{}; }

 private:
  friend struct detail::batch_maker;
  explicit batch(std::unique_ptr<detail::submitted<T>> state) : state_(state.release()) {}

  std::unique_ptr<detail::submitted<T>, detail::end_of_handle> state_;
};

namespace detail {

struct batch_maker {
  template <class Source, class... Args>
  static auto make(executor_core* executor, const run_options& options, Args&&... args) {
    return fanout::batch<typename Source::result>(
        std::make_unique<submitted_batch<Source>>(executor, options, std::forward<Args>(args)...));
  }
};

template <class Range>
auto submit_on(executor_core* executor, Range&& tasks, const run_options& options) {
  return batch_maker::make<owned_tasks<kept_range_t<Range>>>(executor, options, std::forward<Range>(tasks));
}

template <class Items, class F>
auto submit_map_on(executor_core* executor, Items&& items, F&& mapper, const run_options& options) {
  return batch_maker::make<owned_items<kept_range_t<Items>, std::decay_t<F>>>(
      executor, options, std::forward<Items>(items), std::forward<F>(mapper));
}

}  // namespace detail
}  // namespace fanout
