#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "fanout/batch_progress.hpp"
#include "fanout/run_options.hpp"

/// The record of one batch, as its tasks, its callback and its caller saw it: the only input of the model. It is
/// plain data, so a test can write one by hand.
namespace stress {

/// A number in the order of the noted events of a batch, from 1. 0: the event did not happen, or was not noted.
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
  std::size_t ended = 0;  // tasks that had ended, as noted by the tasks; at least `completed`
  std::chrono::nanoseconds began{0};
  std::chrono::nanoseconds left{0};
};

/// A failure as an error reports it: the task that it names, and the task that threw its cause.
struct told_failure {
  std::size_t index = 0;
  std::size_t cause = 0;
};

/// What a call returned for one task.
struct handed_back {
  enum class kind { value, failure, cancelled };
  kind what = kind::value;
  std::size_t of = 0;  // the task whose value or failure it is
};

/// The most threads at work at once for something with a limit: an executor, or nested automatic batches.
struct limit_use {
  std::string of;
  std::size_t limit = 0;
  std::size_t most = 0;
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

/// `dropped`: nobody took the results.
enum class ending { returned, task_error, aggregate_error, cancelled, callback_error, refused, dropped, unexpected };
inline constexpr std::size_t endings = 8;

struct batch_record {
  // The input.
  std::size_t size = 0;
  std::size_t limit = 1;  // tasks in flight at once: the lowest of the options, the executor, the pool and the size
  fanout::error_policy on_error = fanout::error_policy::stop;
  bool settles = false;
  bool returns_values = true;
  bool input_is_bad = false;
  bool has_token = false;
  bool is_submitted = false;  // runs beside its submitter
  bool was_stopped_before = false;
  bool reports_progress = false;
  std::chrono::nanoseconds interval{0};
  bool has_moments =
      true;  // false: only starts and ends of tasks were noted, no moments, threads or numbers in flight

  // What happened.
  std::vector<task_record> tasks;
  std::size_t most_in_flight = 0;
  std::vector<limit_use> shared_limits;
  unsigned caller = 0;           // the thread of the call
  moment stop_requested_at = 0;  // of its own source: when the request had returned
  bool stop_requested = false;   // of its token or through its handle, after the call
  std::vector<progress_call> progress;
  handle_record handle;
  bool callbacks_overlapped = false;
  std::size_t callback_threw_in = 0;  // in which call, from 1; 0: never
  meeting_record meeting;
  bool held_up_by_others = false;    // the call returned only after the others that held its executor
  std::vector<std::string> noticed;  // other errors that tasks found

  // How the call ended.
  ending how = ending::returned;
  std::vector<handed_back> results;
  std::vector<told_failure> told;
  std::size_t told_completed = 0;
  std::size_t told_total = 0;
  std::string unexpected;

  // After the call, when its results and errors had been destroyed.
  std::size_t results_held = 0;  // while the caller had them; only for results that are counted
  bool counts_results = false;
  long results_alive = 0;
  long failures_alive = 0;
  std::size_t in_flight_after = 0;
  std::size_t late = 0;  // tasks and callbacks that ran after the call
};

}  // namespace stress
