#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "handles.hpp"
#include "leftovers.hpp"
#include "options_model.hpp"
#include "record.hpp"
#include "scope_model.hpp"
#include "start_order.hpp"
#include "stream_model.hpp"

/// Checks the record of a batch against what a batch promises. Each function checks one promise.
///
/// Every rule is exact for any interleaving. A thread may be suspended between an action of the library and its note
/// in the record. So a rule uses only actions that happened *before* a note, or allows for all that one runner can do
/// in between, which is to start one task.
namespace stress {

class model {
 public:
  /// The promises that the record shows to be broken, in words.
  static std::vector<std::string> violations(const batch_record& record) {
    model judged(record);
    judged.starts_each_task_once();
    judged.keeps_the_limits();
    judged.reaches_the_limit();
    judged.refuses_bad_input();
    judged.ends_as_it_must();
    judged.hands_back_in_order();
    judged.starts_nothing_after_the_stop();
    const auto as = [&](const char* promise) {
      return [&judged, promise](const auto&... parts) { judged.broken(promise, parts...); };
    };
    judge_start_order(record, as("start order"));
    judged.reports_progress();
    judge_looks(record, judged.came_, judged.failed_.size(), as("handle"));
    if (record.stream) judge_stream(record, *record.stream, as("stream"));
    if (record.scope) judge_scope(record, *record.scope, as("scope"));
    judge_options(record, judged.came_, judged.failed_.size(), as);
    judge_leftovers(record, as("structured"));
    for (const std::string& each : record.noticed) judged.broken("noticed by a task", each);
    return judged.violations_;
  }

 private:
  explicit model(const batch_record& record) : record_(record) {
    for (std::size_t index = 0; index != record.tasks.size(); ++index) {
      const bool is_late = is_told_to_be_late(record, index);
      if (record.tasks[index].came() || is_late) ++came_;
      if (record.tasks[index].failed() || is_late) failed_.push_back(index);
    }
  }

  template <class... Parts>
  void broken(const char* promise, const Parts&... parts) {
    if (violations_.size() == 20) return;  // enough to see what is wrong
    std::ostringstream text;
    text << promise << ": ";
    (text << ... << parts);
    violations_.push_back(text.str());
  }

  fanout::error_policy policy() const {
    const bool is_ignored = record_.takes_first || record_.stop_when.what != rule::kind::none;
    return is_ignored ? fanout::error_policy::run_all : record_.on_error;
  }

  bool everything_ran() const { return came_ == record_.size; }
  bool has_enough() const { return may_be_fulfilled(record_, came_, failed_.size()); }

  void starts_each_task_once() {
    if (record_.tasks.size() != record_.size) broken("each task once", "the record is of another size");
    for (std::size_t index = 0; index != record_.tasks.size(); ++index) {
      const task_record& task = record_.tasks[index];
      if (task.starts != 0 && !task.ended) broken("structured", "task ", index, " had not ended when the call did");
    }
  }

  void keeps_the_limits() {
    if (record_.most_in_flight > record_.limit)
      broken("limit", record_.most_in_flight, " tasks in flight at a limit of ", record_.limit);
    for (const limit_use& each : record_.shared_limits) {
      if (each.most > each.limit)
        broken("limit", each.most, " threads at work at once for ", each.of, " of ", each.limit);
    }
  }

  void reaches_the_limit() {
    const auto& [expected, came, at_meeting_in_vain] = record_.meeting;
    if (at_meeting_in_vain != 0)
      broken("limit is reached", at_meeting_in_vain, " of ", expected,
             " tasks that meet were in flight at a limit of ", record_.limit);
    // If tasks come one by one, a failure or a stop may have kept the rest from coming.
    const bool all_came =
        !record_.grows() || record_.how == ending::returned ||
                          (record_.how == ending::aggregate_error && !has_enough());
    if (everything_ran() && all_came && came != expected)
      broken("limit is reached", came, " tasks came to a meeting of ", expected);
  }

  void refuses_bad_input() {
    if (record_.input_is_bad != (record_.how == ending::refused))
      broken("bad input", record_.input_is_bad ? "was not refused" : "refused, though it was good");
    if (record_.input_is_bad && came_ != 0) broken("bad input", came_, " tasks have run");
    if (record_.input_is_bad && !record_.progress.empty()) broken("bad input", "progress was reported");
  }

  void ends_as_it_must() {
    switch (record_.how) {
      case ending::returned:
        if (record_.takes_first) return;  // see first_model.hpp
        return record_.settles ? settled() : returned();
      case ending::task_error:
        return first_failure_is_told();
      case ending::aggregate_error:
        if (record_.settles || policy() != fanout::error_policy::run_all)
          broken("errors", "an aggregate without run_all");
        if (!everything_ran() && !has_enough())
          broken("errors", "run_all left out ", record_.size - came_, " tasks");
        if (record_.callback_threw_in != 0 && !has_enough()) broken("progress", "the callback's exception is lost");
        return every_failure_is_told();
      case ending::cancelled:
      case ending::out_of_time:
        return cancelled();
      case ending::callback_error:
        if (record_.callback_threw_in == 0) broken("progress", "an exception that the callback did not throw");
        return;
      case ending::refused:
      case ending::rule_error:  // see admission_model.hpp
      case ending::hold_and_wait:
        return;
      case ending::dropped:
        if ((!record_.is_submitted && !record_.scope) || !record_.handle.was_stopped)
          broken("complete or throw", "dropped without a handle");
        return;
      case ending::source_error:
      case ending::left:
        if (!record_.stream) broken("complete or throw", "ended as only a stream can");
        return;
      case ending::unexpected:
        return broken("complete or throw", "unexpected: ", record_.unexpected);
    }
  }

  void returned() {
    if (!everything_ran())
      broken("complete or throw", "returned with ", came_, " of ", record_.size, " tasks run");
    if (!failed_.empty()) broken("errors", "the failure of task ", failed_.front(), " is lost");
    if (has_enough()) return;  // which came first, and changes nothing if the rest was in flight
    if (record_.rule_threw) broken("admission", "the exception of a rule is lost");
    if (record_.callback_threw_in != 0) broken("progress", "the callback's exception is lost");
    const auto ended_later = [this](const task_record& each) { return each.ended_at > record_.stop_requested_at; };
    if (record_.stop_requested_at != 0 && std::any_of(record_.tasks.begin(), record_.tasks.end(), ended_later))
      broken("cancellation", "returned, though the stop was requested before the last task ended");
  }

  void settled() {
    if (record_.stop_requested || may_be_out_of_time(record_) || has_enough()) return;
    if (record_.rule_threw) broken("admission", "the exception of a rule is lost");
    if (record_.callback_threw_in != 0) broken("progress", "the callback's exception is lost");
    if (everything_ran()) return;
    broken("complete or throw", "settled with ", came_, " of ", record_.size, " tasks run, and no stop requested");
  }

  void first_failure_is_told() {
    if (record_.settles || policy() != fanout::error_policy::stop)
      broken("errors", "a task_error without stop");
    if (record_.told.size() != 1) return broken("errors", "one failure must be told");
    const told_failure told = record_.told.front();
    if (told.index >= record_.size || !(record_.tasks[told.index].failed() || told.timed_out))
      return broken("errors", "task ", told.index, " is told to have failed, and did not");
    if (told.cause != told.index && !told.timed_out)
      broken("errors", "task ", told.index, " is told with the cause of task ", told.cause);
    if (record_.tasks[told.index].saw_stop)
      broken("errors", "task ", told.index, " failed because of the stop, and masks the cause");
    if (record_.limit == 1 && failed_.size() != 1 && record_.retry.again == 0)  // others may have paused
      broken("errors", "a task ran after the first failure at limit 1");
  }

  void every_failure_is_told() {
    if (record_.told.size() != failed_.size())
      broken("errors", record_.told.size(), " failures told, ", failed_.size(), " met");
    for (std::size_t place = 0; place != std::min(record_.told.size(), failed_.size()); ++place) {
      const told_failure told = record_.told[place];
      if (told.index != failed_[place])
        return broken("errors", "failure ", place, " is told of task ", told.index, " after ", told.attempts,
                      " attempts, should be of task ", failed_[place]);
      if (told.cause != told.index && !told.timed_out)
        broken("errors", "task ", told.index, " is told with the cause of ", told.cause);
    }
  }

  void cancelled() {
    if (record_.settles) broken("cancellation", "thrown by settle");
    const bool can_be_stopped = record_.has_token || record_.handle.was_stopped;
    const bool has_seen_enough = has_enough() && failed_.empty();
    if (record_.how == ending::cancelled && !has_seen_enough && (!can_be_stopped || !record_.stop_requested))
      broken("cancellation", "without a request");
    if (record_.told_completed != came_)
      broken("cancellation", record_.told_completed, " completed tasks told, ", came_, " started");
    if (record_.told_total != record_.size) broken("cancellation", "total told as ", record_.told_total);
    if (record_.stream) return;  // what failed before its turn is not told
    if (record_.size == 0) broken("cancellation", "an empty batch cannot be cancelled");
    every_failure_is_told();
  }

  void hands_back_in_order() {
    if (record_.how != ending::returned) return;
    if (record_.counts_results && record_.results_held != record_.size)
      broken("results", record_.results_held, " results are alive in ", record_.size, " places");
    if (!record_.returns_values && !record_.settles) return;
    if (record_.results.size() != record_.size)
      return broken("results", record_.results.size(), " results of ", record_.size, " tasks");
    for (std::size_t index = 0; index != std::min(record_.size, record_.tasks.size()); ++index) {
      const handed_back& each = record_.results[index];
      const task_record& task = record_.tasks[index];
      using kind = handed_back::kind;
      const bool has_failed = task.failed() || each.timed_out;
      const kind expected = has_failed ? kind::failure : task.came() ? kind::value : kind::cancelled;
      if (each.what != expected) broken("results", "what task ", index, " came to is not what became of it");
      if (each.what != kind::cancelled && each.of != index && !each.timed_out)
        broken("order", "place ", index, " holds what belongs to task ", each.of);
    }
  }

  /// A runner that has seen the stop starts no other task. Any other runner starts at most the one that it was about
  /// to.
  void starts_nothing_after_the_stop() {
    const bool was_stopped = record_.was_stopped_before;
    if (was_stopped && came_ != 0) broken("cancellation", came_, " tasks of a stopped batch ran");
    if (was_stopped && record_.size != 0 && !record_.settles && record_.how == ending::returned)
      broken("cancellation", "a stopped batch returned");
    if (was_stopped && record_.held_up_by_others)
      broken("cancellation", "the call of a stopped batch waited for its executor");
    if (!record_.has_moments) return;
    std::map<unsigned, moment> seen_by;
    const auto saw = [&seen_by](const task_record& task) {
      moment& seen = seen_by.try_emplace(task.thread, task.ended_at).first->second;
      seen = std::min(seen, task.ended_at);
    };
    for (const task_record& task : record_.tasks) {
      if (task.saw_stop) saw(task);
    }
    // The items before one that failed are mapped if the stream is in order.
    const bool goes_on_after_a_failure = record_.stream && !record_.stream->as_completed;
    if (record_.how == ending::task_error && record_.told.size() == 1 && record_.told.front().index < record_.size &&
        !goes_on_after_a_failure && !record_.told.front().refused)
      saw(record_.tasks[record_.told.front().index]);
    std::size_t after_the_request = 0;
    for (std::size_t index = 0; index != record_.tasks.size(); ++index) {
      const task_record& task = record_.tasks[index];
      if (task.starts == 0) continue;
      const auto seen = seen_by.find(task.thread);
      const bool tries_again = task.attempts.size() > 1;
      const moment last_start = tries_again ? task.attempts.back().started_at : task.started_at;
      if (seen != seen_by.end() && last_start > seen->second)
        broken("cancellation", "task ", index, " started on a thread that had seen the stop");
      if (record_.stop_requested_at != 0 && last_start > record_.stop_requested_at) ++after_the_request;
    }
    if (record_.how == ending::cancelled && after_the_request > record_.limit)
      broken("cancellation", after_the_request, " tasks started after the request");
  }

  void reports_progress() {
    const auto& calls = record_.progress;
    if (!record_.reports_progress && !calls.empty()) broken("progress", "was not asked for");
    if (record_.callbacks_overlapped) broken("progress", "calls overlap");
    if (record_.callback_threw_in != 0 && record_.callback_threw_in != calls.size())
      broken("progress", "a call after the one that threw");
    std::size_t before = 0;
    for (std::size_t number = 0; number != calls.size(); ++number) {
      const progress_call& each = calls[number];
      if (each.completed <= before) broken("progress", "went from ", before, " to ", each.completed);
      const bool total_is_wrong = record_.grows() ? each.total > record_.size : each.total != record_.size;
      if (total_is_wrong || each.completed > each.total)
        broken("progress", each.completed, " of ", each.total, " told of ", record_.size);
      if (each.completed > each.ended + late_in_vain(record_)) broken("progress", each.completed, " told when ", each.ended, " had ended");
      if (number != 0 && each.completed != each.total && each.began - calls[number - 1].left < record_.interval)
        broken("progress", "two calls in one interval");
      before = each.completed;
    }
    const bool may_be_stopped =
        record_.settles && (record_.stop_requested || may_be_out_of_time(record_) || has_enough());
    const bool threw = record_.callback_threw_in != 0;  // too late, as it had enough
    const bool succeeded = record_.how == ending::returned && !may_be_stopped && !threw && !record_.takes_first;
    if (!record_.reports_progress || !succeeded || record_.size == 0) return;
    if (calls.empty() || calls.back().completed != record_.size || calls.back().total != record_.size)
      broken("progress", "the last call is missing");
    if (record_.limit == 1 && record_.interval.count() == 0 && calls.size() != record_.size)
      broken("progress", "one runner made ", calls.size(), " calls for ", record_.size, " tasks");
  }

  const batch_record& record_;
  std::size_t came_ = 0;
  std::vector<std::size_t> failed_;
  std::vector<std::string> violations_;
};

}  // namespace stress
