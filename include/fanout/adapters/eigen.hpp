#pragma once

#include <unsupported/Eigen/CXX11/ThreadPool>

#include <functional>
#include <new>
#include <utility>

#include "fanout/error.hpp"
#include "fanout/executor.hpp"
#include "fanout/task_context.hpp"
#include "fanout/task_scope.hpp"

namespace fanout::adapters {

/// A pool for `Eigen::ThreadPoolDevice` (Eigen 3.4) whose threads are those of an executor, which must outlive it:
///
///     fanout::adapters::eigen_pool pool(executor);
///     Eigen::ThreadPoolDevice device(&pool, pool.NumThreads());
///
/// Eigen posts closures, from the thread that evaluates an expression and from the closures themselves, and then
/// blocks the former until all have run; a device with fewer threads than the pool limits nothing. They throw nothing;
/// an exception ends the process. A task of fanout may hold the slot that its closures need while it blocks, even all
/// tasks all slots: there a closure runs at once, inside `Schedule`, as in Eigen's own pool when its queues are full.
/// So it does if there is no memory to post it. A closure must not wait for those that it posts.
class eigen_pool final : public Eigen::ThreadPoolInterface {
 public:
  /// Throws `resource_error` if the process may not create the threads, or `std::bad_alloc`.
  explicit eigen_pool(const executor& on) : executor_(on), scope_(on, {.concurrency = on.greatest_concurrency()}) {}
  explicit eigen_pool(const executor&&) = delete;
  /// Waits until all closures have run, unless `Cancel` was called.
  ~eigen_pool() override {
    try {
      scope_.join();
    } catch (const operation_cancelled&) {}
  }
  /// Does not wait, except for the closure itself where it runs at once.
  void Schedule(std::function<void()> closure) override {
    auto run = [closure = std::move(closure)]() noexcept { closure(); };
    if (at_once()) return run();
    try {
      scope_.add(std::move(run));
    } catch (const std::bad_alloc&) {
      run();
    }
  }
  /// No closure that was posted starts any more: those who wait for one wait for ever.
  void Cancel() override { scope_.request_stop(); }
  /// The limit of the executor; 1 where a closure runs at once, so that a device made there posts none.
  int NumThreads() const override { return at_once() ? 1 : static_cast<int>(executor_.greatest_concurrency()); }
  /// Numbers the threads that run posted closures from 0; -1 elsewhere, also where a closure runs at once.
  int CurrentThreadId() const override { return scope_.runs_caller() ? static_cast<int>(*current_runner()) : -1; }

 private:
  bool at_once() const noexcept { return current_runner().has_value() && !scope_.runs_caller(); }
  const executor& executor_;
  task_scope scope_;
};

}  // namespace fanout::adapters
