#include <algorithm>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "batch.hpp"
#include "executor_core.hpp"
#include "fanout/limits.hpp"
#include "frame.hpp"
#include "gate.hpp"
#include "idle_executors.hpp"
#include "presence.hpp"

/// Where a batch runs: on whose arena, with how many threads, and whether it has to wait for its turn.
namespace fanout::detail {
namespace {

/// Runs the batch on the arena of `home`. Its threads count in the limit of `executor`, if it is one's.
void run_on(executor_core& home, executor_core* executor, std::size_t runners, presence& caller,
            const batch_request& request) {
  const frame* const enclosing = current_frame();
  const frame place{.executor = executor, .home = &home, .starter = current_entry()};
  const std::size_t adapt_from = executor ? std::min(executor->adapt_from(), runners) : 0;
  batch running(request, runners, place, home.named(), executor ? executor->entrance() : nullptr, caller, adapt_from);
  {
    const std::stop_callback on_stop(request.options.stop, [&running] { running.cancel(); });
    if (enclosing != nullptr && enclosing->home == &home) {
      home.workplace().fan_out_from_inside(running, running.first_helpers());
    } else {
      home.workplace().fan_out(running, running.first_helpers());
    }
  }
  if (adapt_from != 0) executor->adapt_from(running.adapted_to());
  caller.end();
  running.finish();  // may call the progress callback
}

/// Runs the batch on the calling thread alone, in index order, entering no arena.
void run_alone(executor_core* executor, presence& caller, const batch_request& request) {
  const frame* const enclosing = current_frame();
  const frame place{.executor = executor, .home = enclosing ? enclosing->home : nullptr, .starter = current_entry()};
  batch running(request, 1, place, /*promised=*/true, nullptr, caller);
  {
    const std::stop_callback on_stop(request.options.stop, [&running] { running.cancel(); });
    running.run_alone();
  }
  caller.end();
  running.finish();  // may call the progress callback
}

void run_on_executor(executor_core& executor, std::size_t limit, const batch_request& request) {
  gate& entrance = *executor.entrance();
  const frame* const from = current_frame();
  const std::size_t runners = std::min({limit, executor.limit(), request.size});
  const auto run = [&](presence::kind how) {
    presence caller(entrance, how);
    const bool in_arena = from != nullptr && from->home == &executor;
    if (runners == 1 || !(in_arena || caller.has_seat())) {
      run_alone(&executor, caller, request);
    } else {
      run_on(executor, &executor, runners, caller, request);
    }
  };

  if (presence::of_this_thread_in(entrance) != nullptr) return run(presence::kind::shared);
  const absence from_outer_executors;
  switch (entrance.enter(from, request.options.stop)) {
    case gate::entry::admitted:
      return run(presence::kind::caller);
    case gate::entry::borrowed_turn:
      return run(presence::kind::turn);
    case gate::entry::stopped: {  // nothing will start
      presence nowhere;
      return run_alone(&executor, nowhere, request);
    }
  }
}

void run_free(std::size_t limit, const batch_request& request) {
  presence nowhere;
  const auto alone = [&] { run_alone(nullptr, nowhere, request); };
  const auto borrow_and_run = [&](std::size_t size, bool named, std::size_t runners) {
    const absence from_outer_executors;
    const idle_executors::loan executor = idle_executors::borrow(size, named);
    run_on(*executor, nullptr, runners, nowhere, request);
  };

  if (limit != automatic) {
    const std::size_t runners = std::min({limit, max_concurrency(), request.size});
    return runners == 1 ? alone() : borrow_and_run(runners, /*named=*/true, runners);
  }
  // Automatic batches in each other stay in one arena, so that they never have more than the cores at work.
  const frame* const from = current_frame();
  if (from != nullptr && from->home != nullptr && !from->home->named()) {
    const std::size_t runners = std::min(from->home->limit(), request.size);
    if (runners == 1) return alone();
    const absence from_outer_executors;
    return run_on(*from->home, nullptr, runners, nowhere, request);
  }
  const std::size_t cores = available_concurrency();
  const std::size_t runners = std::min(cores, request.size);
  return runners == 1 ? alone() : borrow_and_run(cores, /*named=*/false, runners);
}

}  // namespace

void throw_empty_task(std::size_t index) {
  throw std::invalid_argument("tasks[" + std::to_string(index) + "] is an empty function");
}

void throw_empty_mapper() { throw std::invalid_argument("the mapper is an empty function"); }

void run_batch(executor_core* executor, const batch_request& request) {
  const std::size_t limit = checked_concurrency(request.options.concurrency);
  if (request.size > open_rest::max_tasks) throw std::length_error("a batch holds at most 2^40 tasks");
  if (request.size == 0) return;
  if (request.options.stop.stop_requested()) {  // nothing will start: no need to wait for a place, or for threads
    presence nowhere;
    return run_alone(executor, nowhere, request);
  }
  if (executor != nullptr) {
    run_on_executor(*executor, limit, request);
  } else {
    run_free(limit, request);
  }
}

}  // namespace fanout::detail
