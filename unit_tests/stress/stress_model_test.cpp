#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <thread>

#include "stress/example_records.hpp"
#include "stress/hang_watch.hpp"
#include "stress/model.hpp"
#include "stress/planted.hpp"

/// The model of the stress test itself: it has nothing to say of records of batches as they must be, and reports each
/// promise that a record is made to break.
namespace {

using namespace std::chrono_literals;
using fanout::error_policy;
using stress::batch_record;
using stress::ending;
using stress::handed_back;
using stress::task_record;
using stress::all;
using stress::planted;
using namespace stress::examples;

class StressModel : public testing::TestWithParam<planted> {};

TEST_P(StressModel, ReportsAViolation) { expect_to_be_reported(GetParam()); }

const planted violations[] = {
    // order, completeness
    {"ResultsOutOfOrder", returned, [](auto& r) { std::swap(r.results[1], r.results[2]); }, "place 1 holds"},
    {"AResultTooFew", returned, [](auto& r) { r.results.pop_back(); }, "5 results of 6 tasks"},
    {"ATaskStartedTwice", returned, [](auto& r) { r.tasks[3].starts = 2; }, "task 3 started 2 times"},
    {"ATaskLeftOutInSilence", returned, [](auto& r) { r.tasks[5] = {}; }, "returned with 5 of 6"},
    {"AValueOfATaskThatFailed", settled, [](auto& r) { r.results[1].what = handed_back::kind::value; },
     "what task 1 came to"},
    {"ACancelledTaskThatRan", settled, [](auto& r) { r.results[3].what = handed_back::kind::cancelled; },
     "what task 3 came to"},
    {"AnOutcomeOfAnotherTask", settled, [](auto& r) { r.results[1].of = 2; }, "place 1 holds"},
    {"SettledWithTasksLeftOut", settled, [](auto& r) { r.stop_requested = r.has_token = false; },
     "no stop requested"},
    // limits
    {"ALimitExceeded", returned, [](auto& r) { r.most_in_flight = 3; }, "3 tasks in flight at a limit of 2"},
    {"AnExecutorsLimitExceeded", returned, [](auto& r) { r.shared_limits[0].most = 3; }, "3 threads at work"},
    {"ALoopThatExceedsTheLimitOfWhatItCalls", returned,
     [](auto& r) {
       r.shared_limits.push_back({"the executor that loops call", 4, 5});
     },
     "5 threads at work at once for the executor that loops call of 4"},
    {"ALimitNotReached", returned, [](auto& r) { r.meeting = {.expected = 2, .came = 2, .at_meeting_in_vain = 1}; },
     "1 of 2 tasks that meet were in flight at a limit of 2"},
    {"AMeetingThatATaskMissed", returned, [](auto& r) { r.meeting.came = 1; }, "1 tasks came to a meeting of 2"},
    // errors
    {"AFailureLost", returned, [](auto& r) { r.tasks[2].threw = true; }, "the failure of task 2 is lost"},
    {"AConsequenceToldAsTheCause", failed,
     [](auto& r) {
       r.told = {{3, 3}};
     },
     "masks the cause"},
    {"AFailureThatWasNone", failed,
     [](auto& r) {
       r.told = {{0, 0}};
     },
     "did not"},
    {"TheCauseOfAnotherTask", failed,
     [](auto& r) {
       r.told = {{2, 3}};
     },
     "with the cause of task 3"},
    {"AFailureUnderRunAll", failed, [](auto& r) { r.on_error = error_policy::run_all; }, "without stop"},
    {"AnErrorLostFromAnAggregate", all_run_some_failed, [](auto& r) { r.told.pop_back(); }, "1 failures told, 2 met"},
    {"AnAggregateInTheOrderOfTime", all_run_some_failed, [](auto& r) { std::swap(r.told[0], r.told[1]); },
     "failure 0 is told of task 4"},
    {"AnAggregateWithAWrongCause", all_run_some_failed, [](auto& r) { r.told[1].cause = 1; }, "cause of 1"},
    {"RunAllThatLeavesATaskOut", all_run_some_failed, [](auto& r) { r.tasks[5] = {}; }, "run_all left out 1"},
    {"AnUnexpectedException", returned,
     [](auto& r) {
       r.how = ending::unexpected;
       r.unexpected = "odd";
     },
     "unexpected: odd"},
    // structure
    {"ATaskThatStillRuns", returned, [](auto& r) { r.tasks[0].ended = false; }, "task 0 had not ended"},
    {"ATaskInFlightAfterTheCall", returned, [](auto& r) { r.in_flight_after = 1; }, "1 tasks run after the call"},
    {"ATaskThatStartsLate", returned, [](auto& r) { r.late = 1; }, "started after the call"},
    {"AResultLeaked", returned, [](auto& r) { r.results_alive = 1; }, "1 results are left"},
    {"AResultDestroyedTwice", returned, [](auto& r) { r.results_alive = -1; }, "-1 results are left"},
    {"AnExceptionLeaked", failed, [](auto& r) { r.failures_alive = 1; }, "1 exceptions are left"},
    {"AResultThatIsNotAlive", returned,
     [](auto& r) {
       r.counts_results = true;
       r.results_held = 5;
     },
     "5 results are alive in 6 places"},
    // progress
    {"ProgressThatGoesBack", with_progress,
     [](auto& r) { std::swap(r.progress[0].completed, r.progress[1].completed); }, "went from 4 to 1"},
    {"ProgressThatRepeats", with_progress, [](auto& r) { r.progress[0].completed = 4; }, "went from 4 to 4"},
    {"ProgressAheadOfTheTasks", with_progress, [](auto& r) { r.progress[1].ended = 3; }, "4 told when 3 had ended"},
    {"ProgressThatOverlaps", with_progress, [](auto& r) { r.callbacks_overlapped = true; }, "calls overlap"},
    {"ProgressTwiceInAnInterval", with_progress, [](auto& r) { r.progress[1].began = 21ns; }, "two calls in one"},
    {"ProgressWithoutItsLastCall", with_progress, [](auto& r) { r.progress.pop_back(); }, "the last call is missing"},
    {"ProgressOfAnotherTotal", with_progress, [](auto& r) { r.progress[0].total = 7; }, "1 of 7 told of 6"},
    {"ProgressThatNobodyWanted", with_progress, [](auto& r) { r.reports_progress = false; }, "not asked for"},
    {"ACallbacksExceptionLost", with_progress, [](auto& r) { r.callback_threw_in = 3; }, "exception is lost"},
    {"ACallbacksExceptionLostBySettle", settled,
     [](auto& r) {
       r.stop_requested = false;
       r.callback_threw_in = 1;
     },
     "exception is lost"},
    {"ACallAfterTheOneThatThrew", broken_off,
     [](auto& r) {
       r.progress.push_back({3, tasks, 3, 13ns, 14ns});
     },
     "after the one that threw"},
    {"AnExceptionNobodyThrew", broken_off, [](auto& r) { r.callback_threw_in = 0; },
     "that the callback did not throw"},
    {"ACallTooFewOfOneRunner", alone,
     [](auto& r) {
       r.reports_progress = true;
       r.progress = {{tasks, tasks, tasks, 1ns, 2ns}};
     },
     "made 1 calls for 6 tasks"},
    // cancellation
    {"CancelledWithoutARequest", cancelled, [](auto& r) { r.stop_requested = false; }, "without a request"},
    {"CompletedMiscounted", cancelled, [](auto& r) { r.told_completed = 3; }, "3 completed tasks told, 4 started"},
    {"TotalMistold", cancelled, [](auto& r) { r.told_total = 4; }, "total told as 4"},
    {"AFailureLostByTheStop", cancelled, [](auto& r) { r.told.clear(); }, "0 failures told, 1 met"},
    {"ReturnedInSpiteOfAStop", returned, [](auto& r) { r.stop_requested_at = 5; }, "before the last task ended"},
    {"AStartOnAThreadThatSawTheStop", cancelled, [](auto& r) { r.tasks[0].saw_stop = true; },
     "task 2 started on a thread that had seen"},
    {"AStartOnTheThreadThatFailed", failed,
     [](auto& r) {
       r.told = {{1, 1}}, r.tasks[1].threw = true;
     },
     "task 3 started on a thread that had seen"},
    {"StartsAfterTheRequest", cancelled, [](auto& r) { r.stop_requested_at = 1; },
     "3 tasks started after the request"},
    {"AStartOfAStoppedBatch", cancelled, [](auto& r) { r.was_stopped_before = true; }, "4 tasks of a stopped batch"},
    {"AStoppedBatchThatRan", stopped_before, [](auto& r) { r.tasks[0].starts = 1; }, "1 tasks of a stopped batch"},
    {"AStoppedCallThatWaited", stopped_before, [](auto& r) { r.held_up_by_others = true; },
     "the call of a stopped batch waited"},
    // bad input
    {"BadInputThatRan", returned, [](auto& r) { r.input_is_bad = true; }, "was not refused"},
    {"GoodInputRefused", refused, [](auto& r) { r.input_is_bad = false; }, "refused, though it was good"},
    {"BadInputRefusedTooLate", refused, [](auto& r) { r.tasks[0].starts = 1; }, "1 tasks have run"},
    // start order
    {"MoreGapsThanRunners", returned,
     [](auto& r) {
       r.tasks[0].started_at = 20;
       r.tasks[2].started_at = 21;
       r.tasks[4].started_at = 22;
     },
     "3 gaps below task 5"},
    {"ALimitOfOneOutOfOrder", alone, [](auto& r) { std::swap(r.tasks[0].started_at, r.tasks[1].started_at); },
     "1 gaps below task 1"},
    {"ALimitOfOneOnAnotherThread", alone, [](auto& r) { r.tasks[4].thread = helper; },
     "task 4 ran on another thread"},
    // handles
    {"MoreCompletedThanStarted", submitted, [](auto& r) { r.handle.looks[1].counts.started = 2; },
     "2 started, 3 completed"},
    {"MoreFailedThanCompleted", submitted, [](auto& r) { r.handle.looks[0].counts.failed = 1; }, "1 failed of 6"},
    {"MoreStartedThanThereAre", submitted, [](auto& r) { r.handle.looks[2].counts.started = 7; }, "7 started"},
    {"AHandleOfAnotherTotal", submitted, [](auto& r) { r.handle.looks[0].counts.total = 5; }, "total of 5 for 6"},
    {"ACountThatShrinks", submitted, [](auto& r) { r.handle.looks[0].counts.started = 5; }, "became smaller"},
    {"AStartThatIsNotCounted", submitted, [](auto& r) { r.handle.looks[1].ended_before = 5; },
     "4 tasks counted as started when 5 had ended"},
    {"ATaskCountedBeforeItsEnd", submitted, [](auto& r) { r.handle.looks[1].ended_after = 2; },
     "3 tasks counted as completed when 2 had ended"},
    {"AHandleThatIsNotReadyAnyMore", submitted, [](auto& r) { r.handle.looks[2].was_ready = false;
       r.handle.looks[0].was_ready = true; }, "not ready any more"},
    {"ReadyTooEarly", submitted, [](auto& r) { r.handle.looks[1].was_ready = true; }, "at the end 4 started"},
    {"AFailureThatIsNotCounted", dropped, [](auto& r) {
       r.tasks[1].threw = true;
       r.handle.looks.push_back({true, 4, 4, {.started = 4, .completed = 4, .total = tasks}});
     }, "0 failed of 4 tasks that ran, of which 1 threw"},
    {"DroppedWithoutAHandle", dropped, [](auto& r) { r.is_submitted = false; }, "dropped without a handle"},
    {"ATaskThatRunsWhenTheHandleIsGone", dropped, [](auto& r) { r.tasks[3].ended = false; }, "task 3 had not ended"},
    // streams
    {"TwoThreadsInTheSource", streamed, [](auto& r) { r.stream->most_in_source = 2; }, "2 threads in its source"},
    {"ASourceReadTooFar", streamed, [](auto& r) { r.stream->steps[4].given_back = 1; },
     "item 4 read when 1 results had been given back, with 3 places"},
    {"ASourceReadBeyondItsEnd", streamed, [](auto& r) { r.stream->steps.push_back({.given_back = tasks}); },
     "beyond the end"},
    {"AStoppedStreamThatReads", stream_stopped, [](auto& r) { r.was_stopped_before = true; }, "never was to begin"},
    {"ASourceReadAfterTheRequest", stream_stopped, [](auto& r) { r.stream->steps[2].at = 8; },
     "2 steps of its source after"},
    {"ResultsOfAStreamOutOfOrder", streamed,
     [](auto& r) { std::swap(r.stream->delivered[1], r.stream->delivered[2]); }, "result 1 is that of item 2"},
    {"AResultOfAnotherItem", streamed, [](auto& r) { r.stream->delivered[1].of = 2; }, "has the result of item 2"},
    {"AResultDeliveredTwice", item_failed_as_completed,
     [](auto& r) {
       r.stream->delivered.push_back({1, 1});
     },
     "item 1 was delivered twice"},
    {"AResultOfAnItemThatFailed", item_failed_as_completed,
     [](auto& r) {
       r.stream->delivered.push_back({2, 2});
     },
     "item 2 has a result, and has not made one"},
    {"MoreResultsThanPlaces", streamed, [](auto& r) { r.stream->most_results = 4; }, "4 results at once in 3 places"},
    {"AFailureBeforeItsTurn", item_failed, [](auto& r) { r.stream->delivered.pop_back(); },
     "the failure of item 2 came after 1 results"},
    {"AnItemStartedBehindAFailure", item_failed, [](auto& r) { r.tasks[3].thread = calling_thread; },
     "item 3 started on the thread of the failure"},
    {"AResultLostBeforeAFailure", item_failed_as_completed, [](auto& r) { r.stream->delivered.pop_back(); },
     "the result of item 0 is lost"},
    {"AConsequenceToldByAStream", item_failed_as_completed, [](auto& r) { r.tasks[2].saw_stop = true; },
     "masks the cause"},
    {"AStreamThatWasNotLeft", left, [](auto& r) { r.how = ending::returned; }, "was not left"},
    {"AStreamThatEndedBeforeItWasLeft", left, [](auto& r) { r.stream->delivered.pop_back(); },
     "left after 1 results"},
    {"AResultTooFewOfAStream", streamed, [](auto& r) { r.stream->delivered.pop_back(); }, "ended after 5 of 6"},
    {"AnExceptionOfTheSourceTooEarly", source_failed, [](auto& r) { r.stream->delivered.pop_back(); },
     "ended after 5 of 6"},
    {"AnExceptionOfTheSourceLost", source_failed, [](auto& r) { r.how = ending::returned; },
     "exception of its source is lost"},
    {"AnExceptionThatTheSourceDidNotThrow", source_failed, [](auto& r) { r.stream->source_threw = false; },
     "did not throw this"},
    {"AStopThatTheReaderIsNotToldOf", streamed, [](auto& r) { r.stop_requested_at = 2 * tasks + 1; },
     "was not told of it"},
    {"AStreamMiscounted", stream_stopped, [](auto& r) { r.told_total = 5; }, "total told as 5"},
    {"AnItemMappedAfterTheLoop", streamed, [](auto& r) { r.stream->in_flight_at_end = 1; },
     "1 items were mapped after its end"},
    {"AnEndThatNoStreamComesTo", streamed, [](auto& r) { r.how = ending::callback_error; }, "as no stream can"},
    {"AnEndThatOnlyAStreamComesTo", returned, [](auto& r) { r.how = ending::left; }, "as only a stream can"},
    {"ATotalThatShrinks", streamed, [](auto& r) {
       r.handle.looks.insert(r.handle.looks.begin() + 1, {false, 1, 4, {.started = 3, .completed = 2, .total = 3}});
     }, "became smaller"},
    {"ATotalOfItemsThatWereNotRead", streamed, [](auto& r) { r.handle.looks[0].counts.total = 7; }, "total of 7"},
    // scopes
    {"ATaskThatOvertakesOneOfItsAdder", joined, [](auto& r) { std::swap(r.scope->added[0], r.scope->added[2]); },
     "task 2 is number 0 of adder 1"},
    {"AStartAheadOfTheLine", joined,
     [](auto& r) {
       r.tasks[0].started_at = 20;
       r.tasks[1].started_at = 21;
     },
     "2 tasks that come before had not started with task 2, with 2 runners"},
    {"ATaskAddedAfterTheStopThatStarts", scope_dropped, [](auto& r) { r.stop_requested_at = 5; },
     "task 3 was added after the request to stop, and started"},
    {"MoreTasksWaitThanMay", joined, [](auto& r) { r.scope->most_waiting = 4; }, "4 tasks waited for a place"},
    {"ATaskRefusedThoughThereWasRoom", joined, [](auto& r) { r.scope->least_waiting_when_refused = 0; },
     "refused when 0 waited"},
    {"ATaskRefusedWithoutABound", joined, [](auto& r) { r.scope->max_pending = stress::endless; },
     "refused without a bound"},
    {"AScopeThatWasNotJoined", joined, [](auto& r) { r.scope->joined = false; }, "was not dropped"},
    {"ATaskThatRunsWhenJoinHasReturned", joined, [](auto& r) { r.scope->in_flight_at_end = 1; },
     "1 tasks ran when join had ended"},
    {"AnIndexThatIsNotThePlaceOfAdding", scope_failed, [](auto& r) { r.told[0].cause = 1; }, "cause of task 1"},
    {"AScopeThatReturnsThoughATaskWaits", joined, [](auto& r) { r.tasks[5] = {}; }, "returned with 5 of 6"},
    // what tasks find out by themselves
    {"WhatATaskNoticed", returned, [](auto& r) { r.noticed = {"two tasks have one resource"}; },
     "two tasks have one"},
};

INSTANTIATE_TEST_SUITE_P(OfEachPromise, StressModel, testing::ValuesIn(violations),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(StressModel, HasNothingToSayOfBatchesAsTheyMustBe) {
  for (const auto make : {returned, failed, all_run_some_failed, cancelled, stopped_before, settled, with_progress,
                          refused, broken_off, alone, submitted, dropped, streamed, source_failed, left, item_failed,
                          item_failed_as_completed, stream_stopped, joined, scope_failed, scope_dropped})
    EXPECT_EQ(all(stress::model::violations(make())), "");
}

TEST(StressModel, AllowsEachRunnerTheTaskThatWasOnItsWayWhenTheStopCame) {
  batch_record record = cancelled();
  record.stop_requested_at = 4;  // tasks 2 and 3 start after it
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModel, WantsOneThreadForASubmittedBatchAtALimitOfOne) {
  batch_record record = alone();
  record.is_submitted = true;
  for (task_record& each : record.tasks) each.thread = helper;
  EXPECT_EQ(all(stress::model::violations(record)), "");
  record.tasks[4].thread = calling_thread;
  EXPECT_NE(all(stress::model::violations(record)).find("task 4 ran on another thread"), std::string::npos);
}

TEST(StressModel, AllowsAStreamAStepOfItsSourceThatWasOnItsWayWhenTheStopCame) {
  batch_record record = stream_stopped();
  record.stream->steps[3].at = 8;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModel, AllowsTheTasksOfAScopeToAddBeyondTheBound) {
  batch_record record = joined();
  record.scope->most_waiting = 5;
  record.scope->added_by_tasks = 2;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModel, AllowsAnotherRunnerOfAScopeToBeAboutToStartItsTask) {
  batch_record record = joined();
  std::swap(record.tasks[0].started_at, record.tasks[1].started_at);
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModel, AllowsAGapForEachRunner) {
  batch_record record = returned();
  record.tasks[0].started_at = 20;
  record.tasks[2].started_at = 21;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressHangWatchDeathTest, EndsTheProcessAndSaysWhatEachDriverDoes) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto hang = [] {
    std::array<stress::driver_state, 2> drivers;
    drivers[0].begin(3, "map<long>: 5 tasks");
    const stress::hang_watch watch(7, drivers, 20ms);
    std::this_thread::sleep_for(30s);  // ended long before
  };
  EXPECT_DEATH(hang(),
               "FANOUT_STRESS_SEED=7\ndriver 0 is in batch 3: map<long>: 5 tasks\ndriver 1 is between batches");
}

TEST(StressHangWatch, LetsBatchesRunOneAfterTheOther) {
  std::array<stress::driver_state, 1> drivers;
  const stress::hang_watch watch(7, drivers, 2s);
  for (std::size_t number = 0; number != 1'000; ++number) {
    drivers[0].begin(number, "a batch");
    drivers[0].end();
  }
}

}  // namespace
