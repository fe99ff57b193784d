#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "fanout/detail/accept.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/input.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/detail/results.hpp"
#include "fanout/resource_pool.hpp"

/// Batches whose tasks each hold a lease of a pool while they run.
namespace fanout::detail {

/// A slot of a pool for one task, given back when this is destroyed.
template <class T>
class task_lease {
 public:
  /// Waits for a resource if none is free; throws `operation_cancelled` if the batch is stopped meanwhile.
  task_lease(typed_pool<T>& pool, const started_task& task) : pool_(pool), slot_(pool.try_acquire(task.index)) {
    if (slot_ == slot_pool::none) slot_ = pool.acquire(task.batch.stop_token(task.its_chunk), task.index);
  }
  task_lease(const task_lease&) = delete;
  task_lease& operator=(const task_lease&) = delete;
  ~task_lease() { pool_.give_back(slot_); }

  T& resource() const { return pool_.at(slot_); }

 private:
  typed_pool<T>& pool_;
  std::size_t slot_;
};

/// As `run_block`, with a lease around each task. A task that had no resource yet when the batch was stopped has not
/// started.
template <class T, class RunOne>
struct pooled_block {
  typed_pool<T>& pool;
  RunOne& run_one;  // (started, resource)

  static std::size_t run(void* object, task_range tasks, chunk& mine, batch_control& batch) noexcept {
    const tsan::tasks_of_batch here(object);
    pooled_block& self = *static_cast<pooled_block*>(object);
    std::size_t not_started = 0;  // the batch was stopped while they waited for a resource
    const std::size_t end = run_chunk(tasks, mine, batch.fenced(), [&](std::size_t index) {
      if (!self.try_run({index, batch, mine})) ++not_started;
    });
    return end - not_started;
  }

  /// False if the batch was stopped before the task had a resource.
  bool try_run(const started_task& started) noexcept {
    batch_control& batch = started.batch;
    try {
      const task_lease<T> lease(pool, started);
      if (batch.stopped()) return false;  // while it waited, or while its resource was made
      run_with(lease.resource(), started);
    } catch (...) {
      require_exception();
      if (batch.stopped()) return false;
      batch.fail(started.index);
    }
    return true;
  }

  /// A failure is reported before the lease is given back, so that a task waiting for that resource does not start.
  void run_with(T& resource, const started_task& started) noexcept {
    try {
      run_one(started, resource);
    } catch (...) {
      fail_task(started.batch, started.index);
    }
  }

  task_block block() { return {this, &run}; }
};

/// At most as many tasks in flight as there are resources, so that none waits for another of its batch. Here
/// `automatic`, like `unlimited`, means that many, at most `most_unlimited`.
inline run_options limited_by_pool(const run_options& options, std::size_t pool_size) {
  check_options(options);
  const concurrency_limit named = options.concurrency;
  run_options limited = options;
  limited.concurrency = std::min(named.is_number() ? named.number() : most_unlimited, pool_size);
  return limited;
}

template <class Range, class T>
auto execute_with_pool_on(executor_core* executor, Range&& range, resource_pool<T>& pool, const run_options& options) {
  using R = std::remove_cv_t<task_result<item_t<Range>, T&>>;
  const std::shared_ptr<typed_pool<T>> kept = pool.shared();  // a task or another thread may destroy the pool
  const run_options limited = limited_by_pool(options, kept->size());
  refuse_to_try_again<task_runs_once<item_t<Range>, T>>(options);
  const auto tasks = input_from<Range>(range);
  detail::refuse_empty_tasks(executor, tasks, limited);
  check_size(tasks.size());
  results<R> output(tasks.size());
  auto run_one = [&](const started_task& started, T& resource) {
    output.where().make(started.index,
                        [&]() -> R { return detail::call_task(started, tasks[started.index], resource); });
  };
  pooled_block<T, decltype(run_one)> pooled{*kept, run_one};
  run_batch(executor, {tasks.size(), pooled.block(), limited});
  return std::move(output).take();
}

template <class Range, class T, class F>
auto map_with_pool_on(executor_core* executor, Range&& range, resource_pool<T>& pool, F& mapper,
                      const run_options& options) {
  using R = std::remove_cv_t<mapper_result<F, item_t<Range>, T&>>;
  const std::shared_ptr<typed_pool<T>> kept = pool.shared();  // a task or another thread may destroy the pool
  const run_options limited = limited_by_pool(options, kept->size());
  detail::refuse_empty_mapper(mapper);
  refuse_to_try_again<mapper_takes_item<F, item_t<Range>, T>>(options);
  const auto items = input_from<Range>(range);
  check_size(items.size());
  results<R> output(items.size());
  auto run_one = [&](const started_task& started, T& resource) {
    output.where().make(started.index,
                        [&]() -> R { return detail::call_mapper(started, mapper, items[started.index], resource); });
  };
  pooled_block<T, decltype(run_one)> pooled{*kept, run_one};
  run_mapped(executor, items, {items.size(), pooled.block(), limited});
  return std::move(output).take();
}

}  // namespace fanout::detail
