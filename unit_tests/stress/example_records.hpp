#pragma once

#include <chrono>
#include <cstddef>

#include "record.hpp"

/// Records of correct batches, one for each way in which a batch can end. The model finds no violation in them.
namespace stress::examples {

using namespace std::chrono_literals;
using fanout::error_policy;

inline constexpr std::size_t tasks = 6;
inline constexpr unsigned calling_thread = 1;
inline constexpr unsigned helper = 2;

/// Six tasks on two threads, one after the other: task i starts at moment 2i + 1 and ends at 2i + 2.
inline batch_record batch_of_two_runners() {
  batch_record record;
  record.size = tasks;
  record.limit = 2;
  record.most_in_flight = 2;
  record.caller = calling_thread;
  for (std::size_t index = 0; index != tasks; ++index) {
    const unsigned thread = index % 2 == 0 ? calling_thread : helper;
    record.tasks.push_back(
        {.starts = 1, .ended = true, .started_at = 2 * index + 1, .ended_at = 2 * index + 2, .thread = thread});
  }
  return record;
}

inline batch_record returned() {
  batch_record record = batch_of_two_runners();
  for (std::size_t index = 0; index != tasks; ++index) record.results.push_back({handed_back::kind::value, index});
  record.shared_limits = {{"its executor", 2, 2}};
  record.meeting = {.expected = 2, .came = 2};
  return record;
}

/// Tasks 4 and 5 have not started.
inline batch_record stopped_after_four(ending how) {
  batch_record record = batch_of_two_runners();
  record.how = how;
  record.tasks[4] = record.tasks[5] = task_record{};
  return record;
}

inline batch_record failed() {
  batch_record record = stopped_after_four(ending::task_error);
  record.tasks[2].threw = true;
  record.tasks[3].threw = record.tasks[3].saw_stop = true;
  record.told = {{2, 2}};
  return record;
}

/// A submitted batch whose handle was asked before it began, while it ran, and at its end.
inline batch_record submitted() {
  batch_record record = returned();
  record.is_submitted = true;
  record.tasks[1].thread = record.tasks[3].thread = record.tasks[5].thread = helper + 1;  // none on the caller's
  for (std::size_t index = 0; index != tasks; index += 2) record.tasks[index].thread = helper;
  record.handle.looks = {{false, 0, 0, {.total = tasks}},
                         {false, 2, 4, {.started = 4, .completed = 3, .total = tasks}},
                         {true, tasks, tasks, {.started = tasks, .completed = tasks, .total = tasks}}};
  return record;
}

/// A handle that was destroyed while task 3 ran.
inline batch_record dropped() {
  batch_record record = stopped_after_four(ending::dropped);
  record.is_submitted = record.stop_requested = record.handle.was_stopped = true;
  record.handle.looks = {{false, 3, 3, {.started = 4, .completed = 3, .total = tasks}}};
  return record;
}

inline batch_record all_run_some_failed() {
  batch_record record = batch_of_two_runners();
  record.how = ending::aggregate_error;
  record.on_error = error_policy::run_all;
  record.tasks[1].threw = record.tasks[4].threw = true;
  record.told = {{1, 1}, {4, 4}};
  return record;
}

inline batch_record cancelled() {
  batch_record record = stopped_after_four(ending::cancelled);
  record.has_token = record.stop_requested = true;
  record.stop_requested_at = 6;
  record.tasks[1].threw = true;
  record.told = {{1, 1}};
  record.told_completed = 4;
  record.told_total = tasks;
  return record;
}

inline batch_record stopped_before() {
  batch_record record;
  record.how = ending::cancelled;
  record.size = record.told_total = tasks;
  record.tasks.resize(tasks);
  record.has_token = record.was_stopped_before = record.stop_requested = true;
  return record;
}

inline batch_record settled() {
  batch_record record = stopped_after_four(ending::returned);
  record.settles = true;
  record.has_token = record.stop_requested = true;
  record.tasks[1].threw = true;
  using kind = handed_back::kind;
  record.results = {{kind::value, 0}, {kind::failure, 1}, {kind::value, 2},
                    {kind::value, 3}, {kind::cancelled},  {kind::cancelled}};
  return record;
}

inline batch_record with_progress() {
  batch_record record = returned();
  record.reports_progress = true;
  record.interval = 10ns;
  record.progress = {{1, tasks, 1, 10ns, 12ns}, {4, tasks, 5, 22ns, 23ns}, {tasks, tasks, tasks, 24ns, 25ns}};
  return record;
}

inline batch_record refused() {
  batch_record record;
  record.size = tasks;
  record.tasks.resize(tasks);
  record.input_is_bad = true;
  record.how = ending::refused;
  return record;
}

inline batch_record broken_off() {
  batch_record record = stopped_after_four(ending::callback_error);
  record.reports_progress = true;
  record.progress = {{2, tasks, 3, 10ns, 12ns}};
  record.callback_threw_in = 1;
  return record;
}

/// All six items of a stream with three places, read in order. The source makes step n when n - 2 results had been
/// given back, or none.
inline batch_record streamed() {
  batch_record record = batch_of_two_runners();
  stream_record stream;
  stream.ahead = 3;
  stream.source_size = tasks;
  stream.most_in_source = 1;
  for (std::size_t item = 0; item != tasks; ++item) {
    stream.steps.push_back({.given_back = item < 2 ? 0 : item - 2, .at = 2 * item + 1});
    stream.delivered.push_back({item, item});
  }
  stream.steps.push_back({.given_back = tasks, .at = 2 * tasks + 1});
  stream.asked_at = 2 * tasks + 2;
  record.returns_values = false;  // from the call; `delivered` has them
  record.stream = stream;
  record.handle.looks = {{false, 1, 4, {.started = 3, .completed = 2, .total = 4}},
                         {true, tasks, tasks, {.started = tasks, .completed = tasks, .total = tasks}}};
  return record;
}

/// The same, and the source throws instead of ending.
inline batch_record source_failed() {
  batch_record record = streamed();
  record.how = ending::source_error;
  record.stream->source_threw = true;
  return record;
}

/// The reader has left after two of four items.
inline batch_record left() {
  batch_record record = streamed();
  record.how = ending::left;
  record.size = 4;
  record.tasks.resize(4);
  record.stream->leaves_after = 2;
  record.stream->steps.resize(4);
  record.stream->delivered.resize(2);
  record.handle.looks = {{true, 4, 4, {.started = 4, .completed = 4, .total = 4}}};
  return record;
}

/// Item 2 fails in its turn.
inline batch_record item_failed() {
  batch_record record = left();
  record.how = ending::task_error;
  record.stream->leaves_after = endless;
  record.tasks[2].threw = true;
  record.told = {{2, 2}};
  record.handle.looks.clear();
  return record;
}

inline batch_record item_failed_as_completed() {
  batch_record record = item_failed();
  record.stream->as_completed = true;
  record.stream->delivered = {{1, 1}, {0, 0}};
  return record;
}

inline batch_record stream_stopped() {
  batch_record record = left();
  record.how = ending::cancelled;
  record.stream->leaves_after = endless;
  record.has_token = record.stop_requested = true;
  record.stop_requested_at = 6;
  record.stream->asked_at = 20;
  record.told_completed = record.told_total = 4;
  return record;
}

/// A scope of two runners with room for one task. Three tasks are from each of two adders, in turn.
inline batch_record joined() {
  batch_record record = batch_of_two_runners();
  record.returns_values = false;
  record.scope.emplace();
  record.scope->max_pending = record.scope->least_waiting_when_refused = 1;
  record.scope->most_waiting = 3;
  for (std::size_t index = 0; index != tasks; ++index)
    record.scope->added.push_back({1 + static_cast<unsigned>(index % 2), index / 2, 2 * index});
  return record;
}

inline batch_record scope_failed() {
  batch_record record = joined();
  record.how = ending::task_error;
  record.tasks[3].threw = true;
  record.told = {{3, 3}};
  record.tasks[5] = {};
  return record;
}

/// A scope that was destroyed while its last tasks waited.
inline batch_record scope_dropped() {
  batch_record record = joined();
  record.how = ending::dropped;
  record.scope->joined = false;
  record.stop_requested = record.handle.was_stopped = true;
  record.tasks[4] = record.tasks[5] = task_record{};
  return record;
}

inline batch_record alone() {
  batch_record record = returned();
  record.limit = record.most_in_flight = 1;
  record.shared_limits.clear();
  for (task_record& each : record.tasks) each.thread = calling_thread;
  return record;
}

}  // namespace stress::examples
