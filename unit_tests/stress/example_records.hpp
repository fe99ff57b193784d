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

inline batch_record alone() {
  batch_record record = returned();
  record.limit = record.most_in_flight = 1;
  record.shared_limits.clear();
  for (task_record& each : record.tasks) each.thread = calling_thread;
  return record;
}

}  // namespace stress::examples
