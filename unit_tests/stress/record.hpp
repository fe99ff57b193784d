#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "fanout/run_options.hpp"

/// What happened in one batch, as its tasks, its callback and its caller saw it: all that the model judges by. Plain
/// data, so that a test can write one by hand.
namespace stress {

/// A place in the order of what happened in a batch, from 1; 0: it did not happen, or nobody noted when.
using moment = std::size_t;

struct task_record {
  unsigned starts = 0;
  bool ended = false;
  bool threw = false;
  bool saw_stop = false;  // in its context, at its end or before it threw
  moment started_at = 0;
  moment ended_at = 0;
  unsigned thread = 0;
};

struct progress_call {
  std::size_t completed = 0;
  std::size_t total = 0;
  std::size_t ended = 0;  // how many tasks had ended, as they say themselves; at least `completed`
  std::chrono::nanoseconds began{0};
  std::chrono::nanoseconds left{0};
};

/// A failure as an error told it: of which task, and of which task its cause is.
struct told_failure {
  std::size_t index = 0;
  std::size_t cause = 0;
};

/// What a call handed back for one task.
struct handed_back {
  enum class kind { value, failure, cancelled };
  kind what = kind::value;
  std::size_t of = 0;  // the task whose value or failure it is
};

/// How many threads were at work at once for something that has a limit: an executor, or nested automatic batches.
struct limit_use {
  std::string of;
  std::size_t limit = 0;
  std::size_t most = 0;
};

/// Tasks that wait for each other.
struct meeting_record {
  std::size_t expected = 0;
  std::size_t came = 0;
  std::size_t at_meeting_in_vain = 0;  // when one had waited for longer than it can take; 0: none has
};

enum class ending { returned, task_error, aggregate_error, cancelled, callback_error, refused, unexpected };

struct batch_record {
  // What was asked for.
  std::size_t size = 0;
  std::size_t limit = 1;  // tasks in flight at once, whatever sets it: the options, the executor, the pool, the size
  fanout::error_policy on_error = fanout::error_policy::stop;
  bool settles = false;
  bool returns_values = true;
  bool input_is_bad = false;
  bool has_token = false;
  bool was_stopped_before = false;
  bool reports_progress = false;
  std::chrono::nanoseconds interval{0};
  bool has_moments =
      true;  // false: only that tasks started and ended was noted, no moment, thread or number in flight

  // What happened.
  std::vector<task_record> tasks;
  std::size_t most_in_flight = 0;
  std::vector<limit_use> shared_limits;
  unsigned caller = 0;           // the thread of the call
  moment stop_requested_at = 0;  // of its own source: by then the request had returned
  bool stop_requested = false;   // of its token, after the call
  std::vector<progress_call> progress;
  bool callbacks_overlapped = false;
  std::size_t callback_threw_in = 0;  // in which call, from 1; 0: never
  meeting_record meeting;
  bool held_up_by_others = false;    // the call returned no sooner than all who held its executor
  std::vector<std::string> noticed;  // what else tasks found to be wrong

  // How the call ended.
  ending how = ending::returned;
  std::vector<handed_back> results;
  std::vector<told_failure> told;
  std::size_t told_completed = 0;
  std::size_t told_total = 0;
  std::string unexpected;

  // What was left when it had ended, and its results and errors were gone.
  std::size_t results_held = 0;  // while the caller had them; of results that are counted
  bool counts_results = false;
  long results_alive = 0;
  long failures_alive = 0;
  std::size_t in_flight_after = 0;
  std::size_t late = 0;  // tasks and callbacks that ran after the call
};

}  // namespace stress
