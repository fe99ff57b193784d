#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "stress/example_records.hpp"
#include "stress/model.hpp"
#include "stress/planted.hpp"

/// The model of the stress test, of batches that end because they were told when: it has nothing to say of records as
/// they must be, and reports each promise that a record is made to break.
namespace {

using namespace std::chrono_literals;
using stress::all;
using stress::batch_record;
using stress::ending;
using stress::planted;
using stress::rule;
using namespace stress::examples;

/// A batch with 10 ns from 100 on, which was over at 120.
batch_record out_of_time() {
  batch_record record = cancelled();
  record.how = ending::out_of_time;
  record.has_token = record.stop_requested = false;
  record.stop_requested_at = 0;
  record.timeout = 10ns;
  record.began = 100ns;
  record.over = 120ns;
  record.tasks[3].saw_stop = true;
  record.stop_seen_by = 115ns;
  return record;
}

batch_record without_time() {
  batch_record record = stopped_before();
  record.how = ending::out_of_time;
  record.has_token = record.was_stopped_before = record.stop_requested = false;
  record.timeout = 0ns;
  return record;
}

batch_record settled_in_time() {
  batch_record record = settled();
  record.has_token = record.stop_requested = false;
  record.timeout = 10ns;
  record.over = 10ns;
  return record;
}

/// Two failures were enough; a third task failed meanwhile.
batch_record enough_failures() {
  batch_record record = stopped_after_four(ending::aggregate_error);
  record.stop_when = {rule::kind::failures, 2};
  record.tasks[0].threw = record.tasks[1].threw = record.tasks[3].threw = true;
  record.told = {{0, 0}, {1, 1}, {3, 3}};
  return record;
}

batch_record enough_successes() {
  batch_record record = stopped_after_four(ending::cancelled);
  record.stop_when = {rule::kind::successes, 3};
  record.told_completed = 4;
  record.told_total = tasks;
  return record;
}

/// One runner stops when half of at least four tasks have failed.
batch_record enough_of_one_runner() {
  batch_record record = enough_failures();
  record.limit = record.most_in_flight = 1;
  for (auto& each : record.tasks) each.thread = calling_thread;
  record.tasks[0].threw = false;
  record.told.erase(record.told.begin());
  record.stop_when = {rule::kind::share, 4, 50};
  return record;
}

batch_record with_around() {
  batch_record record = cancelled();
  record.has_around = true;
  for (auto& each : record.tasks) {
    each.arounds = each.starts;
    each.around_thread = each.thread;
  }
  return record;
}

/// Task 2 was the first to return; task 3 was in flight.
batch_record first_of_two_runners() {
  batch_record record = stopped_after_four(ending::returned);
  record.takes_first = true;
  record.returns_values = false;
  record.tasks[0].threw = record.tasks[1].threw = true;
  record.tasks[3].saw_stop = true;
  record.stop_seen_by = 1ns;
  record.first = {2, 2};
  return record;
}

batch_record all_fail() {
  batch_record record = batch_of_two_runners();
  record.how = ending::aggregate_error;
  record.takes_first = true;
  for (std::size_t index = 0; index != tasks; ++index) {
    record.tasks[index].threw = true;
    record.told.push_back({index, index});
  }
  return record;
}

class StressModelOfEnds : public testing::TestWithParam<planted> {};

TEST_P(StressModelOfEnds, ReportsAViolation) { expect_to_be_reported(GetParam()); }

const planted violations[] = {
    // a limit of time
    {"OutOfTimeWithoutALimit", out_of_time, [](auto& r) { r.timeout = fanout::no_limit; }, "had no limit"},
    {"OutOfTimeTooEarly", out_of_time, [](auto& r) { r.over = 109ns; }, "too early"},
    {"OutOfTimeAfterAStopBeforeTheCall", out_of_time, [](auto& r) { r.was_stopped_before = true; },
     "the stop was requested before"},
    {"OutOfTimeAfterARequest", out_of_time, [](auto& r) { r.stop_requested_by = 109ns; },
     "the stop was requested before"},
    {"OutOfTimeAfterAnotherStop", out_of_time, [](auto& r) { r.stop_seen_by = 109ns; }, "something else before"},
    {"OutOfTimeMiscounted", out_of_time, [](auto& r) { r.told_completed = 3; }, "3 completed tasks told, 4 started"},
    {"OutOfTimeWithoutAFailure", out_of_time, [](auto& r) { r.told.clear(); }, "0 failures told, 1 met"},
    {"AStartWhenTheTimeWasSeenToBeOver", out_of_time, [](auto& r) { r.tasks[0].saw_stop = true; },
     "task 2 started on a thread that had seen"},
    {"OutOfTimeCalledCancelled", out_of_time, [](auto& r) { r.how = ending::cancelled; }, "without a request"},
    {"AStartWithoutTime", without_time, [](auto& r) { r.tasks[0].starts = 1; }, "1 tasks of a batch without time"},
    {"ReturnedWithoutTime", returned, [](auto& r) { r.timeout = -1ns; }, "without time returned"},
    {"ReturnedInSpiteOfAStopThatWasSeen", returned, [](auto& r) { r.stop_seen_by = 1ns; }, "had seen a stop"},
    {"SettledBeforeTheTimeWasOver", settled_in_time, [](auto& r) { r.over = 9ns; }, "no stop requested"},
    // a rule
    {"AnAggregateOfARuleThatIsNotFulfilled", enough_failures, [](auto& r) { r.stop_when.number = 4; },
     "run_all left out 2"},
    {"ATaskErrorInSpiteOfARule", failed, [](auto& r) { r.stop_when = {rule::kind::failures, 1}; },
     "a task_error without stop"},
    {"MoreFailuresThanEnough", enough_failures, [](auto& r) { r.stop_when.number = 1; },
     "3 tasks failed with 2 runners, which was to end after 1"},
    {"AFailureThatARuleLost", enough_failures, [](auto& r) { r.told.pop_back(); }, "2 failures told, 3 met"},
    {"CancelledByARuleThatIsNotFulfilled", enough_successes, [](auto& r) { r.stop_when.number = 5; },
     "without a request"},
    {"CancelledInSpiteOfFailures", enough_successes,
     [](auto& r) {
       r.tasks[1].threw = true;
       r.told = {{1, 1}};
     },
     "without a request"},
    {"MoreSuccessesThanEnough", returned,
     [](auto& r) {
       r.stop_when = {rule::kind::successes, 2};
     },
     "6 tasks succeeded with 2 runners, which was to end after 2"},
    {"ReturnedWithTasksLeftOutByARule", enough_successes, [](auto& r) { r.how = ending::returned; },
     "returned with 4 of 6"},
    {"AStartAfterTheShare", enough_of_one_runner, [](auto& r) { r.stop_when.number = 2; },
     "task 2 started when the rule was fulfilled, after 2 tasks, of which 1"},
    {"AShareOfTooFew", enough_of_one_runner, [](auto& r) { r.stop_when.number = 5; }, "run_all left out 2"},
    {"SettledByARuleThatIsNotFulfilled", settled,
     [](auto& r) {
       r.has_token = r.stop_requested = false;
       r.stop_when = {rule::kind::failures, 2};
     },
     "no stop requested"},
    // a function around each task
    {"NothingAroundATask", with_around, [](auto& r) { r.tasks[2].arounds = 0; }, "task 2 had nothing around it"},
    {"ATaskCalledAroundTwice", with_around, [](auto& r) { r.tasks[2].arounds = 2; },
     "task 2 was called around 2 times"},
    {"AroundOnAnotherThread", with_around, [](auto& r) { r.tasks[2].around_thread = helper; },
     "task 2 ran on another thread than"},
    {"AroundThatNobodyWanted", with_around, [](auto& r) { r.has_around = false; }, "called around 1 times"},
    {"AroundMoreTasksThanRunners", with_around,
     [](auto& r) {
       r.tasks[4].arounds = r.tasks[5].arounds = 1;
       r.limit = 1;
     },
     "2 tasks were called around, and did not start"},
    // the first value
    {"TheValueOfAnotherTask", first_of_two_runners, [](auto& r) { r.first.of = 3; }, "is that of task 3"},
    {"TheValueOfATaskThatFailed", first_of_two_runners,
     [](auto& r) {
       r.first = {1, 1};
     },
     "task 1 has not returned"},
    {"TheValueOfATaskThatDidNotStart", first_of_two_runners,
     [](auto& r) {
       r.first = {4, 4};
     },
     "task 4 has not returned"},
    {"TheValueOfNoTask", first_of_two_runners,
     [](auto& r) {
       r.first = {tasks, tasks};
     },
     "there is no task 6"},
    {"AValueAfterTheStop", first_of_two_runners,
     [](auto& r) {
       r.first = {3, 3};
     },
     "task 3 had seen a stop"},
    {"AStartAfterTheFirstValue", first_of_two_runners, [](auto& r) { r.tasks[1].threw = false; },
     "3 tasks returned with 2 runners"},
    {"AFirstThatStillRuns", first_of_two_runners, [](auto& r) { r.tasks[3].ended = false; }, "task 3 had not ended"},
    {"AnAggregateThoughATaskReturned", all_fail,
     [](auto& r) {
       r.tasks[3].threw = false;
       r.told.erase(r.told.begin() + 3);
     },
     "though a task returned"},
    {"AFailureThatFirstLost", all_fail, [](auto& r) { r.told.pop_back(); }, "5 failures told, 6 met"},
};

INSTANTIATE_TEST_SUITE_P(OfEachPromise, StressModelOfEnds, testing::ValuesIn(violations),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(StressModelOfEnds, AllowsATimeThatIsOverTooLateForTheBatch) {
  batch_record record = returned();
  record.timeout = 1ns;
  record.over = 2ns;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModelOfEnds, AllowsARuleThatIsFulfilledWhenTheRestIsInFlight) {
  batch_record record = returned();
  record.stop_when = {rule::kind::successes, 4};
  record.stop_seen_by = 1ns;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModelOfEnds, AllowsAStopWhenTheTimeIsOver) {
  batch_record record = out_of_time();
  record.has_token = record.stop_requested = true;
  record.stop_requested_by = 110ns;
  EXPECT_EQ(all(stress::model::violations(record)), "");
  record.how = ending::cancelled;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

}  // namespace
