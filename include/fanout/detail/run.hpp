#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "fanout/detail/accept.hpp"
#include "fanout/detail/batch.hpp"
#include "fanout/detail/call.hpp"
#include "fanout/detail/input.hpp"
#include "fanout/detail/results.hpp"
#include "fanout/outcome.hpp"

/// The kinds of batches, each on an executor or, if that is null, as a free call.
namespace fanout::detail {

/// Runs tasks that have been accepted.
template <class Input, class Watch = unwatched>
auto run_tasks(executor_core* executor, const Input& tasks, const run_options& options, Watch watch = {}) {
  using T = std::remove_cv_t<task_result<item_of<Input>>>;
  results<T> output(tasks.size());
  auto run_one = [tasks = input_view(tasks), output = output.where()](const started_task& started) {
    output.make(started.index, [&]() -> T { return detail::call_task(started, tasks[started.index]); });
  };
  run_batch(executor,
            {.size = tasks.size(),
             .tasks = block_of(run_one, watch),
             .options = options,
             .watch = watch.who,
             .deadline = watch.deadline});
  return std::move(output).take();
}

/// Maps items that have been accepted.
template <class Input, class F, class Watch = unwatched>
auto map_items(executor_core* executor, const Input& items, F& mapper, const run_options& options, Watch watch = {}) {
  using R = std::remove_cv_t<mapper_result<F, item_of<Input>>>;
  results<R> output(items.size());
  auto run_one = [items = input_view(items), output = output.where(), &mapper](const started_task& started) {
    output.make(started.index, [&]() -> R { return detail::call_mapper(started, mapper, items[started.index]); });
  };
  run_mapped(executor, items,
             {.size = items.size(),
              .tasks = block_of(run_one, watch),
              .options = options,
              .watch = watch.who,
              .deadline = watch.deadline});
  return std::move(output).take();
}

/// Reads the tasks. Throws if there is anything that a batch cannot accept.
template <class Range>
auto accepted_tasks(executor_core* executor, std::remove_reference_t<Range>& range, const run_options& options) {
  check_options(options);  // before memory is allocated
  refuse_to_try_again<task_runs_once<item_t<Range>>>(options);
  auto tasks = input_from<Range>(range);
  detail::refuse_empty_tasks(executor, tasks, options);
  check_size(tasks.size());
  return tasks;
}

/// The same for items and their mapper.
template <class Items, class F>
auto accepted_items(std::remove_reference_t<Items>& range, F& mapper, const run_options& options) {
  check_options(options);  // before memory is allocated
  detail::refuse_empty_mapper(mapper);
  refuse_to_try_again<mapper_takes_item<F, item_t<Items>>>(options);
  auto items = input_from<Items>(range);
  check_size(items.size());
  return items;
}

template <class Range>
auto execute_on(executor_core* executor, Range&& range, const run_options& options) {
  return detail::run_tasks(executor, detail::accepted_tasks<Range>(executor, range, options), options);
}

template <class Items, class F>
auto map_on(executor_core* executor, Items&& range, F& mapper, const run_options& options) {
  return detail::map_items(executor, detail::accepted_items<Items>(range, mapper, options), mapper, options);
}

/// Runs tasks whose failures are data. `run(started)` is one of them; its outcome is in its place.
template <class T, class Run>
struct settling {
  outcome<T>* first;
  Run run;

  void operator()(const started_task& started) const {
    outcome<T>& place = first[started.index];
    if (!place.settle(started.index, [&]() -> T { return run(started); })) started.batch.note_failure(place.error());
  }

  /// Keeps a failure that is not of the task itself.
  static void keep(const void* object, std::size_t index, const std::exception_ptr& cause, unsigned attempts) noexcept {
    outcome<T>& place = static_cast<const settling*>(object)->first[index];
    place.settle(index, [&]() -> T { std::rethrow_exception(cause); }, attempts);
  }
};

/// The outcomes of a batch of such tasks. Each is cancelled until its task has run.
template <class T, class Input, class Run>
auto settle_all(executor_core* executor, const Input& input, const Run& run, const run_options& options) {
  std::vector<outcome<T>> outcomes(input.size());
  settling<T, Run> run_one{outcomes.data(), run};
  run_mapped(executor, input,
             {.size = input.size(),
              .tasks = block_of(run_one),
              .options = options,
              .cancellation_is_data = true,
              .keep_failure = &settling<T, Run>::keep});
  return outcomes;
}

template <class Range>
auto settle_on(executor_core* executor, Range&& range, const run_options& options) {
  using T = std::remove_cv_t<task_result<item_t<Range>>>;
  const auto tasks = detail::accepted_tasks<Range>(executor, range, options);
  const auto run = [tasks = input_view(tasks)](const started_task& started) -> T {
    return detail::call_task(started, tasks[started.index]);
  };
  return detail::settle_all<T>(executor, tasks, run, options);
}

template <class Items, class F>
auto settle_map_on(executor_core* executor, Items&& range, F& mapper, const run_options& options) {
  using R = std::remove_cv_t<mapper_result<F, item_t<Items>>>;
  const auto items = detail::accepted_items<Items>(range, mapper, options);
  const auto run = [items = input_view(items), &mapper](const started_task& started) -> R {
    return detail::call_mapper(started, mapper, items[started.index]);
  };
  return detail::settle_all<R>(executor, items, run, options);
}

/// The elements of an output by index, as an object of one word that may be copied.
template <class Output>
class output_view {
  using iterator = std::ranges::iterator_t<Output>;
  static constexpr bool in_memory = std::ranges::contiguous_range<Output>;

 public:
  /// Requires that the iterator outlives the view.
  explicit output_view(const iterator& first) {
    if constexpr (in_memory) {
      first_ = std::to_address(first);
    } else {
      first_ = std::addressof(first);
    }
  }

  std::ranges::range_reference_t<Output> operator[](std::size_t index) const {
    if constexpr (in_memory) {
      return first_[index];
    } else {
      return (*first_)[static_cast<std::iter_difference_t<iterator>>(index)];
    }
  }

 private:
  std::conditional_t<in_memory, std::add_pointer_t<std::ranges::range_reference_t<Output>>, const iterator*> first_{};
};

template <class Output, class Items, class F>
void map_into_on(executor_core* executor, std::remove_reference_t<Output>& output, Items&& range, F& mapper,
                 const run_options& options) {
  const auto items = detail::accepted_items<Items>(range, mapper, options);
  const auto size = static_cast<std::size_t>(std::ranges::size(output));
  if (size != items.size()) throw_wrong_output(size, items.size());
  const auto first = std::ranges::begin(output);
  const output_view<Output> elements(first);
  auto run_one = [items = input_view(items), elements, &mapper](const started_task& started) {
    elements[started.index] = detail::call_mapper(started, mapper, items[started.index]);
  };
  run_mapped(executor, items, {items.size(), block_of(run_one), options});
}

template <number Number, class F>
void for_each_range_on(executor_core* executor, Number count, F& function, const run_options& options) {
  check_options(options);
  detail::refuse_empty_mapper(function);
  const index_input<Number> indices(count);
  check_size(indices.size());
  auto run_share = [&function](const started_task& started, std::size_t last) {
    detail::call(started, function, static_cast<Number>(started.index), static_cast<Number>(last));
  };
  run_batch(executor, {indices.size(), share_of(run_share), options, /*cancellation_is_data=*/false,
                       /*whole_chunks=*/true});
}

}  // namespace fanout::detail
