#pragma once

#include <exception>
#include <utility>
#include <vector>

#include "fanout/detail/batch.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/input.hpp"
#include "fanout/detail/results.hpp"
#include "fanout/outcome.hpp"

/// The three shapes of a batch, each over an executor or, for null, as a free call.
namespace fanout::detail {

template <class Range>
auto execute_on(executor_core* executor, Range&& range, const run_options& options) {
  check_tasks<Range>();
  using T = std::remove_cv_t<task_result<item_t<Range>>>;
  const auto tasks = input_from<Range>(range);
  refuse_empty_tasks(executor, tasks, options);
  results<T> output(tasks.size());
  auto run_one = [tasks = input_view(tasks), output = output.where()](std::size_t index, batch_control& batch) {
    output.make(index, [&]() -> T { return call_task(index, batch, tasks[index]); });
  };
  run_batch(executor, {tasks.size(), block_of(run_one), options});
  return std::move(output).take();
}

template <class Range, class F>
auto map_on(executor_core* executor, Range&& range, F& mapper, const run_options& options) {
  check_mapper<Range, F>();
  using R = std::remove_cv_t<mapper_result<F, item_t<Range>>>;
  refuse_empty_mapper(mapper);
  const auto items = input_from<Range>(range);
  results<R> output(items.size());
  auto run_one = [items = input_view(items), output = output.where(), &mapper](std::size_t index,
                                                                               batch_control& batch) {
    output.make(index, [&]() -> R { return call_mapper(index, batch, mapper, items[index]); });
  };
  run_batch(executor, {items.size(), block_of(run_one), options});
  return std::move(output).take();
}

template <class Range>
auto settle_on(executor_core* executor, Range&& range, const run_options& options) {
  check_tasks<Range>();
  using T = std::remove_cv_t<task_result<item_t<Range>>>;
  const auto tasks = input_from<Range>(range);
  refuse_empty_tasks(executor, tasks, options);
  std::vector<outcome<T>> outcomes(tasks.size());  // all cancelled, until their task has run
  auto run_one = [tasks = input_view(tasks), first = outcomes.data()](std::size_t index, batch_control& batch) {
    first[index].settle(index, [&]() -> T { return call_task(index, batch, tasks[index]); });
  };
  run_batch(executor, {tasks.size(), block_of(run_one), options, /*cancellation_is_data=*/true});
  return outcomes;
}

}  // namespace fanout::detail
