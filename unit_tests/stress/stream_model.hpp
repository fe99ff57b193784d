#pragma once

#include <cstddef>
#include <vector>

#include "record.hpp"

/// Checks the record of a stream against what only a stream promises.
namespace stress {

/// Who reads the source, when, and how far.
template <class Broken>
void judge_source(const batch_record& record, const stream_record& stream, const Broken& broken) {
  if (stream.most_in_source > 1) broken(stream.most_in_source, " threads in its source at once");
  if (stream.steps.size() > stream.source_size + 1) broken("read beyond the end of its source");
  if ((record.was_stopped_before || record.input_is_bad) && !stream.steps.empty())
    broken("read, though it never was to begin");
  std::size_t after_the_request = 0;  // a worker may be about to make one step
  for (std::size_t item = 0; item != stream.steps.size(); ++item) {
    const source_step& step = stream.steps[item];
    if (item >= step.given_back + stream.ahead)
      broken("item ", item, " read when ", step.given_back, " results had been given back, with ", stream.ahead,
             " places");
    if (record.stop_requested_at != 0 && step.at > record.stop_requested_at) ++after_the_request;
  }
  if (after_the_request > 1) broken(after_the_request, " steps of its source after the request to stop");
}

/// In order a prefix; as completed each at most once. Returns how often each item was delivered.
template <class Broken>
std::vector<unsigned> judge_delivered(const batch_record& record, const stream_record& stream, const Broken& broken) {
  std::vector<unsigned> times(record.tasks.size());
  for (std::size_t place = 0; place != stream.delivered.size(); ++place) {
    const auto [index, of] = stream.delivered[place];
    if (!stream.as_completed && index != place) broken("result ", place, " is that of item ", index);
    if (of != index) broken("item ", index, " has the result of item ", of);
    if (index >= times.size() || record.tasks[index].starts == 0 || record.tasks[index].threw) {
      broken("item ", index, " has a result, and has not made one");
    } else if (++times[index] == 2) {
      broken("item ", index, " was delivered twice");
    }
  }
  if (stream.most_results > stream.ahead)
    broken(stream.most_results, " results at once in ", stream.ahead, " places");
  return times;
}

/// The turn of the failure has come: what is before it was delivered, and nothing behind it is started.
template <class Broken>
void judge_failure(const batch_record& record, const stream_record& stream, const std::vector<unsigned>& times,
                   const Broken& broken) {
  if (record.told.size() != 1 || record.told.front().index >= record.tasks.size()) return;  // reported by the model
  const std::size_t failed = record.told.front().index;
  const task_record& failure = record.tasks[failed];
  if (!stream.as_completed && stream.delivered.size() != failed)
    broken("the failure of item ", failed, " came after ", stream.delivered.size(), " results");
  if (!record.has_moments) return;
  for (std::size_t index = 0; index != record.tasks.size(); ++index) {
    const task_record& each = record.tasks[index];
    if (each.starts == 0 || each.thread != failure.thread) continue;
    if (index > failed && each.started_at > failure.ended_at)
      broken("item ", index, " started on the thread of the failure, which was before it");
    if (stream.as_completed && each.ended_at < failure.started_at && !each.threw && times[index] == 0)
      broken("the result of item ", index, " is lost, which came before the failure of item ", failed);
  }
}

template <class Broken>
void judge_end_of_stream(const batch_record& record, const stream_record& stream, const Broken& broken) {
  const std::size_t delivered = stream.delivered.size();
  const bool was_left = record.how == ending::left;
  if (was_left && delivered != stream.leaves_after) broken("left after ", delivered, " results");
  if (!was_left && delivered >= stream.leaves_after && delivered != 0) broken("was not left");
  if (record.how == ending::returned && stream.source_threw) broken("the exception of its source is lost");
  if (record.how == ending::source_error && !stream.source_threw) broken("its source did not throw this");
  const bool is_complete = record.how == ending::returned || record.how == ending::source_error;
  if (is_complete && delivered != stream.source_size)
    broken("ended after ", delivered, " of ", stream.source_size, " results");
  const bool in_spite_of_a_stop = is_complete || record.how == ending::task_error;
  if (in_spite_of_a_stop && record.stop_requested_at != 0 && stream.asked_at > record.stop_requested_at)
    broken("the reader asked after the request to stop, and was not told of it");
  if (record.how == ending::aggregate_error || record.how == ending::callback_error ||
      record.how == ending::dropped)
    broken("ended as no stream can");
  if (stream.in_flight_at_end != 0) broken(stream.in_flight_at_end, " items were mapped after its end");
}

/// Calls `broken(text…)` for each promise that the stream breaks.
template <class Broken>
void judge_stream(const batch_record& record, const stream_record& stream, const Broken& broken) {
  judge_source(record, stream, broken);
  const std::vector<unsigned> times = judge_delivered(record, stream, broken);
  if (record.how == ending::task_error) judge_failure(record, stream, times, broken);
  judge_end_of_stream(record, stream, broken);
}

}  // namespace stress
