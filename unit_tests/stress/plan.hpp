#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <vector>

#include "fanout/limits.hpp"
#include "fanout/run_options.hpp"
#include "inequality.hpp"
#include "record.hpp"

/// The plan of a batch of the stress test: plain data, made by the generator and carried out by `batch_run`.
namespace stress {

enum class call { execute, map, settle, with_pool, invoke, stream, scope, first };
enum class place { free, own_executor, adaptive_executor, passed_on_executor, shared_executor };
enum class result { nothing, number, flag, tracked, tracked_default };

/// The stop token in the options of a batch.
enum class token {
  none,
  own,            // of the batch's own source, whose stop its tasks, its callback and inner tasks may request
  requested,      // the same, requested before the call
  outer_context,  // of the task that starts the batch
};

/// What is done with the handle, if the batch is submitted instead of called.
enum class handle_use {
  none,  // it is called
  got,
  got_later,
  looked_at,      // while it runs
  waited_for,     // with limits
  waited_twice,
  moved,
  waited_by_two,  // by another thread as well, and got by that one
  stopped,        // through the handle
  dropped,
};

/// What a submitted batch keeps of its range.
enum class kept { copied, moved, referred_to };

/// What `run_options::around` does. The last two for some of the tasks that do nothing else.
enum class around_use { none, passes_on, swallows, throws_instead, throws_afterwards };

/// The reason why the input must be refused.
enum class flaw { none, limit_of_zero, limit_too_large, empty_task, cost_too_high, budget_twice, bad_pause };

enum class action {
  nothing,
  compute,
  sleep,
  allocate,
  throw_failure,  // each time, or the first few times if it is tried again
  wait_for_stop,       // for a moment, or until its time is over, and throw if it was requested
  request_stop,        // of its own batch
  request_outer_stop,  // of the batch in whose task its own was started
  use_token,           // of its context
  use_lease,           // of the shared pool, and give it back or discard it
  make_executor,       // use it and destroy it
  nest,                // run the inner batch of the plan
  meet,                // wait until all tasks of the batch that meet are in flight
  last_1_ms,
  last_10_ms,
  loop,  // run a loop of oneTBB whose body calls an executor
};

/// Something that the tasks `first`, `first + every`, … before `end` do.
struct habit {
  action what = action::nothing;
  std::size_t first = 0;
  std::size_t every = 1;
  std::size_t end = 0;

  bool applies(std::size_t index) const { return index >= first && index < end && (index - first) % every == 0; }
  std::size_t count(std::size_t size) const {
    const std::size_t last = std::min(end, size);
    return last > first ? (last - first - 1) / every + 1 : 0;
  }
};

/// A loop of oneTBB in a task. Each turn of it runs a batch.
struct loop_plan {
  bool by_task_group = false;  // instead of a `parallel_for`
  std::size_t executor = 0;    // the limit of the executor that the turns call; 0: the task's executor
  std::size_t turns = 0;
  std::size_t tasks = 0;  // of each turn
};

/// The source, the reader and the options of a stream. The tasks of the batch are its items.
struct stream_plan {
  bool as_completed = false;
  std::size_t ahead = 0;  // 0: the default
  bool source_pauses = false;
  bool source_throws = false;  // in the middle
  std::size_t leaves_after = endless;  // so many results the reader leaves; 0: it reads nothing
  std::chrono::microseconds reader_pause{0};  // now and then
  bool is_moved = false;                      // while it is read
};

/// How tasks are added to a scope, and how it ends. It gets as many tasks as the batch has, unless some that would
/// add others do not run.
struct scope_plan {
  std::size_t by_adders = 0;  // tasks that are added by threads, the first of which owns the scope; the rest by tasks
  std::size_t adders = 1;
  std::size_t children = 0;     // that each task adds, while there are tasks left
  std::size_t max_pending = 0;  // 0: no bound
  bool tries = false;           // whether the threads try to add first
  bool is_stopped = false;      // through the scope, when the threads have added
  bool joins = true;            // otherwise it is destroyed
};

/// The progress callback.
struct callback_plan {
  bool wanted = false;
  std::chrono::nanoseconds interval{0};
  std::size_t throws_at = 0;  // in which call, from 1; 0: never
  std::size_t stops_at = 0;
  std::size_t sleeps_at = 0;
};

inline constexpr std::size_t invoked_tasks = 4;
inline constexpr std::size_t largest_made_executor = 4;

// Shared by all drivers: executors, of which the last one is adaptive, and a pool for tasks that hold nothing else.
inline constexpr std::size_t shared_limits[] = {1, 2, 5, fanout::automatic, 2, 6};
inline constexpr std::size_t one_of_two = 1;  // the shared executors with a limit of 2
inline constexpr std::size_t other_of_two = 4;
inline constexpr std::size_t largest_passed_on = 3;
inline constexpr std::size_t shared_executors = std::size(shared_limits);
inline constexpr std::size_t shared_pool_size = 4;

struct batch_plan {
  stress::call call = stress::call::execute;
  stress::place place = stress::place::free;
  std::size_t executor = 0;  // which of the shared ones, or the limit of its own
  stress::result result = stress::result::number;
  std::size_t size = 0;
  std::size_t limit = fanout::automatic;
  std::size_t pool = 0;  // the size of the batch's own pool; 0: it uses the shared one
  fanout::error_policy on_error = fanout::error_policy::stop;
  stress::token token = stress::token::none;
  std::chrono::microseconds stop_from_outside{0};  // after the call began; 0: never
  std::chrono::nanoseconds timeout = fanout::no_limit;
  rule stop_when;
  around_use around = around_use::none;
  std::chrono::nanoseconds task_timeout = fanout::no_limit;
  inequality unequal;
  callback_plan callback;
  stress::flaw flaw = stress::flaw::none;
  handle_use handle = handle_use::none;
  kept keeps = kept::copied;
  std::chrono::microseconds handle_pause{0};  // before the handle is used
  bool bare = false;      // its tasks are as cheap as possible: they note only that they ran
  bool occupied = false;  // another thread holds all of its executor when the call begins
  loop_plan loop;
  stream_plan stream;
  scope_plan scope;
  std::vector<habit> habits;
  std::vector<batch_plan> inner;  // none, or the one that nesting tasks run

  action of(std::size_t index) const {
    for (const habit& each : habits) {
      if (each.applies(index)) return each.what;
    }
    return action::nothing;
  }

  bool has(action what) const {
    return std::any_of(habits.begin(), habits.end(), [what](const habit& each) { return each.what == what; });
  }

  /// The number of tasks that meet. Their habits come first and do not overlap.
  std::size_t meeting() const {
    std::size_t sum = 0;
    for (const habit& each : habits) sum += each.what == action::meet ? each.count(size) : 0;
    return sum;
  }

  /// Whether its tasks come while others run.
  bool grows() const { return call == stress::call::stream || call == stress::call::scope; }

  /// The places of a stream.
  std::size_t look_ahead() const { return stream.ahead != 0 ? stream.ahead : 2 * limit_of_threads(); }

  bool is_submitted() const { return handle != handle_use::none; }

  /// Whether the time of a task is so short that tasks wait until it is over.
  bool tasks_wait_for_their_end() const { return task_timeout <= std::chrono::milliseconds(20); }

  bool fails(std::size_t index, unsigned attempt) const {
    return of(index) == action::throw_failure && (unequal.retry.again == 0 || attempt <= 1 + index % 5);
  }

  bool names_its_limit() const { return limit != fanout::automatic && limit != fanout::unlimited; }

  /// The most tasks that may be in flight at once, whatever limits them.
  std::size_t runners() const {
    std::size_t most = std::min(size, limit_of_threads());
    if (call == stress::call::with_pool) most = std::min(most, pool_size());
    if (call == stress::call::stream) most = std::min(most, look_ahead());
    return std::max<std::size_t>(most, 1);
  }

  /// The same without regard to the size and the pool.
  std::size_t limit_of_threads() const {
    std::size_t most = std::min(limit, fanout::max_concurrency());
    if (place == stress::place::free) {
      const bool is_automatic = limit == fanout::automatic && call != stress::call::with_pool;
      if (is_automatic) most = std::min(most, fanout::available_concurrency());
    } else {
      most = std::min(most, executor_limit());
    }
    return most;
  }

  std::size_t pool_size() const { return pool != 0 ? pool : shared_pool_size; }
  std::size_t executor_limit() const {
    if (place != stress::place::shared_executor) return executor;
    const std::size_t named = shared_limits[executor];
    return named == fanout::automatic ? fanout::available_concurrency() : named;
  }
  bool has_own_executor() const {
    return place == stress::place::own_executor || place == stress::place::adaptive_executor ||
           place == stress::place::passed_on_executor;
  }

  /// The most threads that are promised to the batch and its inner batches at one time, without shared executors.
  std::size_t promised_workers() const {
    std::size_t promised = is_submitted() || grows() ? 1 : 0;  // its leader
    if (has_own_executor()) promised += executor - 1;
    // Beside the thread that reads or adds.
    if (grows() && place == stress::place::free) promised += limit_of_threads();
    if (has(action::loop) && loop.executor != 0) promised += loop.executor - 1;
    // A batch of unequal tasks has helpers of its own.
    const bool names_helpers =
        limit != fanout::automatic || call == stress::call::with_pool || unequal.is_any();
    if (place == stress::place::free && names_helpers && !grows())
      promised += unequal.is_any() ? runners() : runners() - 1;
    for (const habit& each : habits) {
      const std::size_t at_once = std::min(runners(), each.count(size));
      if (each.what == action::make_executor) promised += (largest_made_executor - 1) * at_once;
      if (each.what == action::nest) promised += inner.front().promised_workers() * at_once;
    }
    return promised;
  }
};

}  // namespace stress
