#include <algorithm>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "batch.hpp"
#include "checked_concurrency.hpp"
#include "executor_core.hpp"
#include "fanout/limits.hpp"
#include "frame.hpp"
#include "gate.hpp"
#include "idle_executors.hpp"

/// Where a batch runs: on whose arena, with how many threads, and whether it has to wait for its turn.
namespace fanout::detail {
namespace {

/// Runs the batch on the arena of `executor`, whose limit its threads count in.
void run_on(executor_core& executor, std::size_t runners, admission& callers, const batch_request& request) {
  const frame place{
      .executor = &executor, .home = &executor, .holds_place = true, .enclosing = current_frame()};
  batch running(request, runners, place, executor.named(), executor.entrance(), callers);
  {
    const std::stop_callback on_stop(request.options.stop, [&running] { running.cancel(); });
    executor.workplace().fan_out(running, runners - 1);
  }
  running.finish();
}

/// Runs the batch on the calling thread alone, in index order, entering no arena.
void run_alone(executor_core* executor, bool holds_place, admission& callers, const batch_request& request) {
  const frame* const enclosing = current_frame();
  const frame place{.executor = executor,
                    .home = enclosing ? enclosing->home : nullptr,
                    .alone = true,
                    .holds_place = holds_place,
                    .enclosing = enclosing};
  batch running(request, 1, place, /*promised=*/true, nullptr, callers);
  {
    const std::stop_callback on_stop(request.options.stop, [&running] { running.cancel(); });
    running.run_alone();
  }
  running.finish();
}

void run_on_executor(executor_core& executor, std::size_t limit, const batch_request& request) {
  const std::size_t runners = std::min({limit, executor.limit(), request.size});
  const auto run = [&](admission& callers) {
    if (runners == 1) {
      run_alone(&executor, /*holds_place=*/true, callers, request);
    } else {
      run_on(executor, runners, callers, request);
    }
  };

  const frame* const from = current_frame();
  admission none;
  if (from != nullptr && from->has_place_in(executor)) return run(none);
  // A cycle: the places of this executor may all be held by those who wait for this very batch.
  if (from != nullptr && from->within(executor)) return run_alone(&executor, /*holds_place=*/false, none, request);

  switch (executor.entrance()->enter(from, request.options.stop)) {
    case gate::entry::admitted: {
      admission callers(executor.entrance());
      return run(callers);
    }
    case gate::entry::would_deadlock:  // a cycle, too, but of several callers
    case gate::entry::stopped:         // nothing will start
      return run_alone(&executor, /*holds_place=*/false, none, request);
  }
}

void run_free(std::size_t limit, const batch_request& request) {
  admission none;
  const auto run_borrowed = [&](std::size_t size, bool named, std::size_t runners) {
    if (runners == 1) return run_alone(nullptr, /*holds_place=*/false, none, request);
    const idle_executors::loan executor = idle_executors::borrow(size, named);
    run_on(*executor, runners, none, request);
  };

  if (limit != automatic) {
    const std::size_t runners = std::min({limit, max_concurrency(), request.size});
    return run_borrowed(runners, /*named=*/true, runners);
  }
  // Automatic batches in each other stay in one arena, so that they never have more than the cores at work.
  const frame* const from = current_frame();
  if (from != nullptr && from->home != nullptr && !from->home->named()) {
    const std::size_t runners = std::min(from->home->limit(), request.size);
    if (runners == 1) return run_alone(nullptr, /*holds_place=*/false, none, request);
    return run_on(*from->home, runners, none, request);
  }
  const std::size_t cores = available_concurrency();
  run_borrowed(cores, /*named=*/false, std::min(cores, request.size));
}

}  // namespace

void refuse_empty_task(std::size_t index) {
  throw std::invalid_argument("tasks[" + std::to_string(index) + "] is an empty function");
}

void run_batch(executor_core* executor, const batch_request& request) {
  const std::size_t limit = checked_concurrency(request.options.concurrency);
  if (request.size > open_rest::max_tasks) throw std::length_error("a batch holds at most 2^40 tasks");
  if (request.size == 0) return;
  if (request.options.stop.stop_requested()) {  // nothing will start: no need to wait for a place, or for threads
    admission none;
    return run_alone(executor, /*holds_place=*/false, none, request);
  }
  if (executor != nullptr) {
    run_on_executor(*executor, limit, request);
  } else {
    run_free(limit, request);
  }
}

}  // namespace fanout::detail
