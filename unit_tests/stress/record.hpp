#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "fanout/batch_progress.hpp"
#include "fanout/run_options.hpp"

/// The record of one batch, as its tasks, its callback and its caller saw it: the only input of the model. It is
/// plain data, so a test can write one by hand.
namespace stress {

/// A number in the order of the noted events of a batch, from 1. 0: the event did not happen, or was not noted.
using moment = std::size_t;

/// One attempt at a task.
struct attempt_record {
  unsigned number = 0;  // as its context told it
  bool threw = false;
  bool saw_stop = false;
  unsigned thread = 0;
  moment started_at = 0;
  moment ended_at = 0;
  std::chrono::nanoseconds began{0};
  std::chrono::nanoseconds over{0};
};

/// If there are several attempts, `ended`, `threw`, `saw_stop` and `thread` are those of the last one.
struct task_record {
  unsigned starts = 0;
  bool ended = false;
  bool threw = false;
  bool saw_stop = false;  // in its context, at its end or before it threw
  moment started_at = 0;  // for the first time
  moment ended_at = 0;
  unsigned thread = 0;
  unsigned arounds = 0;  // calls of the function around it
  unsigned around_thread = 0;
  moment refused_at = 0;  // a rule of the user said that it must never start
  std::vector<attempt_record> attempts{};  // only if the batch notes them

  bool came() const { return starts != 0 || refused_at != 0; }
  bool failed() const { return threw || refused_at != 0; }
};

struct progress_call {
  std::size_t completed = 0;
  std::size_t total = 0;
  std::size_t ended = 0;  // tasks that had ended, as noted by the tasks; at least `completed`
  std::chrono::nanoseconds began{0};
  std::chrono::nanoseconds left{0};
};

/// A failure as an error reports it: the task that it names, and the task that threw its cause.
struct told_failure {
  std::size_t index = 0;
  std::size_t cause = 0;
  unsigned attempts = 1;
  unsigned cause_attempt = 1;  // which attempt threw the cause
  bool timed_out = false;      // it took too long, whatever it threw
  bool refused = false;
};

/// The only result that a call returned: the index that it told, and the task that the value is from.
struct handed_first {
  std::size_t index = 0;
  std::size_t of = 0;
};

/// What a call returned for one task.
struct handed_back {
  enum class kind { value, failure, cancelled };
  kind what = kind::value;
  std::size_t of = 0;  // the task whose value or failure it is
  unsigned attempts = 1;  // of a failure, as in told_failure
  unsigned cause_attempt = 1;
  bool timed_out = false;
  bool refused = false;
};

/// The most threads at work at once for something with a limit: an executor, or nested automatic batches.
struct limit_use {
  std::string of;
  std::size_t limit = 0;
  std::size_t most = 0;
};

/// Something of which tasks hold a share, or which counts their starts: a budget, or the window of a rate.
struct amount_use {
  std::string of;
  std::uint64_t limit = 0;
  std::uint64_t most = 0;         // at once, or in one window
  std::uint64_t wanted = 0;       // the highest cost of a task of the batch
  std::uint64_t held_around = 0;  // by the tasks in which the batch runs
  std::uint64_t left = 0;         // in use when nobody used it any more
};

/// Tasks that wait for each other.
struct meeting_record {
  std::size_t expected = 0;
  std::size_t came = 0;
  std::size_t at_meeting_in_vain = 0;  // when one had waited for too long; 0: none had
};

/// What a handle told at some moment, and how many tasks had noted their end just before and just after it was asked.
struct handle_look {
  bool was_ready = false;
  std::size_t ended_before = 0;
  std::size_t ended_after = 0;
  fanout::batch_progress counts;
};

struct handle_record {
  bool was_stopped = false;  // through the handle, or by its destructor
  std::vector<handle_look> looks;
};

/// The time of an event that did not happen.
inline constexpr std::chrono::nanoseconds no_time = std::chrono::nanoseconds::max();

inline constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();

/// A step of a stream's source: to its first item, to the next one, or to its end.
struct source_step {
  std::size_t given_back = 0;  // results from which the reader had begun to move on by then
  moment at = 0;
};

/// A result as the reader of a stream got it.
struct delivered_result {
  std::size_t index = 0;  // what the iterator said
  std::size_t of = 0;     // the task whose value it is
};

/// When a batch has seen enough.
struct rule {
  enum class kind { none, failures, share, successes };
  kind what = kind::none;
  std::size_t number = 1;  // of failures or successes, or the tasks that must have ended
  std::size_t percent = 100;  // of those, for a share
};

/// Whether and when a task is tried again.
struct retry_rule {
  unsigned again = 0;
  std::chrono::nanoseconds pause{0};
  std::chrono::nanoseconds longest_pause{0};
  bool is_choosy = false;  // some tasks only once

  static constexpr double factor = 2;
  static constexpr double jitter = 0.25;

  bool takes(std::size_t index) const { return !is_choosy || index % 3 != 1; }
  std::chrono::nanoseconds least_pause_after(unsigned attempt) const {
    const auto planned = static_cast<double>(std::min(pause * (1U << (attempt - 1)), longest_pause).count());
    return std::chrono::nanoseconds(static_cast<long>(planned * (1 - jitter)) - (planned != 0 ? 1 : 0));
  }
};

/// A batch whose tasks are the items of a stream. Its size is the number of items that were read.
struct stream_record {
  bool as_completed = false;
  std::size_t ahead = 1;
  std::size_t source_size = 0;       // the items of its source, or those before it throws
  std::size_t leaves_after = endless;  // so many results the reader leaves; endless: it reads to the end

  std::vector<source_step> steps;
  std::size_t most_in_source = 0;  // threads at once
  bool source_threw = false;
  std::vector<delivered_result> delivered;
  moment asked_at = 0;           // when the reader last asked for a result
  std::size_t most_results = 0;  // that existed at once; only if they are counted
  std::size_t in_flight_at_end = 0;  // when the reader had left the loop, or had the exception
};

/// A task of a scope, as it was added.
struct added_task {
  unsigned adder = 0;      // who added it, from 1; 0: it has not started, so nobody knows
  std::size_t number = 0;  // which one of this adder's
  moment add_began_at = 0;
};

/// A batch whose tasks were added to a scope. Its size is the number of tasks that were added.
struct scope_record {
  bool joined = true;  // false: it was destroyed instead
  std::size_t max_pending = endless;

  std::vector<added_task> added;       // in the order of the indices
  std::size_t added_by_tasks = 0;      // which need not wait for room
  std::size_t most_waiting = 0;        // tasks that had been added and had not noted their start, after an `add`
  std::size_t least_waiting_when_refused = endless;  // tasks that may have waited when `try_add` returned false
  std::size_t in_flight_at_end = 0;    // when `join` had returned or thrown
};

/// `out_of_time`: `deadline_exceeded`, which does not count as `cancelled`. `source_error`: the exception of the
/// source of a stream. `rule_error`: that of an admission, or of `retry_policy::when`. `hold_and_wait`: the wait for
/// a budget would have had no end. `left`: the reader of a stream has left it. `dropped`: nobody took the results, or
/// joined the scope.
enum class ending {
  returned,
  task_error,
  aggregate_error,
  cancelled,
  callback_error,
  source_error,
  refused,
  left,
  dropped,
  out_of_time,
  rule_error,
  hold_and_wait,
  unexpected
};
inline constexpr std::size_t endings = 13;

struct batch_record {
  // The input.
  std::size_t size = 0;
  std::size_t limit = 1;  // tasks in flight at once: the lowest of the options, the executor, the pool and the size
  fanout::error_policy on_error = fanout::error_policy::stop;
  bool settles = false;
  bool takes_first = false;  // only the first value
  bool returns_values = true;
  bool input_is_bad = false;
  bool has_token = false;
  bool is_submitted = false;  // runs beside its submitter
  bool was_stopped_before = false;
  std::chrono::nanoseconds timeout = fanout::no_limit;
  rule stop_when;
  bool has_around = false;
  bool fails_around = false;  // some tasks: without their body
  std::chrono::nanoseconds task_timeout = fanout::no_limit;
  bool is_unequal = false;            // its tasks are handed out one at a time
  bool on_executor = false;
  bool notes_attempts = false;
  retry_rule retry;
  bool one_at_a_time = false;         // memory is low
  std::vector<std::size_t> ranks;     // of each task in the order of starts; empty: its index
  bool reports_progress = false;
  std::chrono::nanoseconds interval{0};
  bool has_moments =
      true;  // false: only starts and ends of tasks were noted, no moments, threads or numbers in flight

  // What happened.
  std::vector<task_record> tasks;
  std::size_t most_in_flight = 0;
  std::vector<limit_use> shared_limits;
  std::vector<amount_use> amounts;
  bool rule_threw = false;
  unsigned caller = 0;           // the thread of the call
  moment stop_requested_at = 0;  // of its own source: when the request had returned
  std::chrono::nanoseconds began{0};  // before the call
  std::chrono::nanoseconds over{0};   // after it
  std::chrono::nanoseconds stop_requested_by = no_time;  // of its own source: when the first request had returned
  std::chrono::nanoseconds stop_seen_by = no_time;       // by the first task that noted it
  bool stop_requested = false;   // of its token or through its handle, after the call
  std::vector<progress_call> progress;
  handle_record handle;
  std::optional<stream_record> stream;
  std::optional<scope_record> scope;
  bool callbacks_overlapped = false;
  std::size_t callback_threw_in = 0;  // in which call, from 1; 0: never
  meeting_record meeting;
  bool held_up_by_others = false;    // the call returned only after the others that held its executor
  std::vector<std::string> noticed;  // other errors that tasks found

  // How the call ended.
  ending how = ending::returned;
  std::vector<handed_back> results;
  handed_first first;  // if it takes only one
  std::vector<told_failure> told;
  std::size_t told_completed = 0;
  std::size_t told_total = 0;
  std::string unexpected;

  /// Whether its tasks come while others run, so that its size is known only at the end.
  bool grows() const { return stream || scope; }

  // After the call, when its results and errors had been destroyed.
  std::size_t results_held = 0;  // while the caller had them; only for results that are counted
  bool counts_results = false;
  long results_alive = 0;
  long failures_alive = 0;
  std::size_t in_flight_after = 0;
  std::size_t late = 0;  // tasks and callbacks that ran after the call
};

}  // namespace stress
