#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>

#include "stress/example_records.hpp"
#include "stress/model.hpp"
#include "stress/planted.hpp"
#include "stress/start_window.hpp"

/// The model of the stress test, of batches of unequal tasks: it has nothing to say of records as they must be, and
/// reports each promise that a record is made to break.
namespace {

using namespace std::chrono_literals;
using stress::all;
using stress::attempt_record;
using stress::batch_record;
using stress::ending;
using stress::planted;
using stress::task_record;
using namespace stress::examples;

/// As long as nothing was tried again.
batch_record with_attempts(batch_record record) {
  record.is_unequal = record.notes_attempts = true;
  record.retry = {.again = 2, .pause = 8ns, .longest_pause = 100ns};
  for (task_record& each : record.tasks) {
    if (each.starts == 0) continue;
    const auto time = [](stress::moment at) { return std::chrono::nanoseconds(10 * at); };
    each.attempts.push_back({.number = 1,
                             .threw = each.threw,
                             .saw_stop = each.saw_stop,
                             .thread = each.thread,
                             .started_at = each.started_at,
                             .ended_at = each.ended_at,
                             .began = time(each.started_at),
                             .over = time(each.ended_at)});
  }
  return record;
}

/// Another attempt, when all before has ended.
void try_again(batch_record& record, std::size_t index, stress::moment at, bool threw) {
  task_record& task = record.tasks[index];
  ++task.starts;
  task.attempts.back().threw = true;
  task.threw = threw;
  task.ended_at = at + 1;
  attempt_record more = task.attempts.back();
  ++more.number;
  more.threw = threw;
  more.started_at = at;
  more.ended_at = at + 1;
  more.began = more.over + 10ns * static_cast<long>(at);
  more.over = more.began + 5ns;
  task.attempts.push_back(more);
}

/// Task 2 succeeds at last, at its third attempt, and task 5 at its second.
batch_record tried_again() {
  batch_record record = with_attempts(returned());
  record.retry.is_choosy = true;  // tasks 1 and 4 would not be tried again
  try_again(record, 2, 20, true);
  try_again(record, 5, 22, false);
  try_again(record, 2, 24, false);
  return record;
}

/// Task 2 has failed three times, and task 4 once, as it is not tried again.
batch_record failed_at_last() {
  batch_record record = with_attempts(batch_of_two_runners());
  record.how = ending::aggregate_error;
  record.on_error = error_policy::run_all;
  record.retry.is_choosy = true;
  try_again(record, 2, 20, true);
  try_again(record, 2, 22, true);
  record.tasks[4].threw = record.tasks[4].attempts[0].threw = true;
  record.told = {{.index = 2, .cause = 2, .attempts = 3, .cause_attempt = 3}, {4, 4}};
  return record;
}

/// Task 3 was refused, and task 5 when it was to be tried again.
batch_record refused_by_a_rule() {
  batch_record record = with_attempts(batch_of_two_runners());
  record.how = ending::aggregate_error;
  record.on_error = error_policy::run_all;
  record.tasks[3] = {};
  record.tasks[3].refused_at = 9;
  record.tasks[5].threw = record.tasks[5].attempts[0].threw = true;
  record.tasks[5].refused_at = 30;
  record.told = {{.index = 3, .cause = 3, .refused = true}, {.index = 5, .cause = 5, .attempts = 1, .refused = true}};
  return record;
}

/// A batch of 50 ns whose tasks had 40. Task 1 returned, and was late.
batch_record late() {
  batch_record record = all_run_some_failed();
  record.task_timeout = 40ns;
  record.over = 50ns;
  record.tasks[1].threw = false;
  record.told[0] = {.index = 1, .cause = static_cast<std::size_t>(-1), .timed_out = true};
  return record;
}

batch_record settled_late() {
  batch_record record = settled();
  record.task_timeout = 40ns;
  record.over = 50ns;
  record.results[3] = {stress::handed_back::kind::failure, static_cast<std::size_t>(-1)};
  record.results[3].timed_out = true;
  return record;
}

/// One runner, and the last task first.
batch_record last_first() {
  batch_record record = alone();
  record.is_unequal = true;
  record.ranks = {5, 4, 3, 2, 1, 0};
  for (std::size_t index = 0; index != tasks; ++index) {
    record.tasks[index].started_at = 2 * (tasks - index) - 1;
    record.tasks[index].ended_at = 2 * (tasks - index);
  }
  return record;
}

batch_record admitted() {
  batch_record record = returned();
  record.is_unequal = true;
  record.amounts = {{.of = "a budget", .limit = 10, .most = 10, .wanted = 6, .held_around = 4},
                    {.of = "the starts in a window", .limit = 4, .most = 4}};
  return record;
}

batch_record refused_to_wait() {
  batch_record record = stopped_after_four(ending::hold_and_wait);
  record.amounts = admitted().amounts;
  return record;
}

batch_record broken_off_by_a_rule() {
  batch_record record = stopped_after_four(ending::rule_error);
  record.rule_threw = true;
  return record;
}

batch_record low_memory() {
  batch_record record = admitted();
  record.one_at_a_time = true;
  record.most_in_flight = 1;
  return record;
}

class StressModelOfUnequalTasks : public testing::TestWithParam<planted> {};

TEST_P(StressModelOfUnequalTasks, ReportsAViolation) { expect_to_be_reported(GetParam()); }

const planted violations[] = {
    // attempts
    {"AnAttemptWithTheNumberOfAnother", tried_again, [](auto& r) { r.tasks[2].attempts[2].number = 2; },
     "attempt 3 at task 2 is told to be number 2"},
    {"AnAttemptTooMany", tried_again, [](auto& r) { r.retry.again = 1; }, "task 2 started 3 times"},
    {"ASecondAttemptThatNobodyWanted", tried_again, [](auto& r) { r.retry.again = 0; }, "task 5 started 2 times"},
    {"AnAttemptAfterASuccess", tried_again, [](auto& r) { r.tasks[5].attempts[0].threw = false; },
     "task 5 was tried again though it had succeeded"},
    {"AnAttemptAfterAFinalFailure", tried_again, [](auto& r) { try_again(r, 4, 40, false); },
     "task 4 was tried again after a failure that is not to be"},
    {"AnAttemptBesideTheOneBefore", tried_again, [](auto& r) { r.tasks[5].attempts[1].started_at = 11; },
     "attempt 2 at task 5 began before"},
    {"AnAttemptTooSoon", tried_again,
     [](auto& r) { r.tasks[2].attempts[2].began = r.tasks[2].attempts[1].over + 10ns; },
     "attempt 3 at task 2 came 10 ns after"},
    {"AnAttemptThatIsNotMade", failed_at_last,
     [](auto& r) {
       r.retry.again = 3;
     },
     "task 2 failed, and was not tried again after 3 attempts"},
    {"AnAttemptOnAThreadThatHadSeenTheStop", tried_again,
     [](auto& r) {
       r.has_token = r.stop_requested = r.settles = true;
       r.tasks[4].saw_stop = true;
     },
     "task 2 started on a thread that had seen the stop"},
    {"AnAttemptThatWasNotNoted", tried_again, [](auto& r) { r.tasks[2].attempts.pop_back(); },
     "task 2 started 3 times, and noted 2"},
    {"AnAttemptWithoutWhatIsAroundIt", tried_again,
     [](auto& r) {
       r.has_around = true;
       for (auto& each : r.tasks) each.arounds = 1, each.around_thread = each.thread;
     },
     "task 2 had nothing around it"},
    {"ANumberOfAttemptsThatIsWrong", failed_at_last, [](auto& r) { r.told[0].attempts = 2; },
     "task 2 is told to have had 2 attempts, and had 3"},
    {"TheCauseOfAnEarlierAttempt", failed_at_last, [](auto& r) { r.told[0].cause_attempt = 1; },
     "task 2 is told with the cause of attempt 1 of 3"},
    {"AFailureToldTwice", failed_at_last, [](auto& r) { r.told.push_back(r.told[1]); }, "3 failures told, 2 met"},
    {"ASuccessToldAsTheFailureBefore", failed_at_last,
     [](auto& r) { r.tasks[2].threw = r.tasks[2].attempts[2].threw = false; }, "2 failures told, 1 met"},
    // tasks that are refused
    {"AStartAfterARefusal", refused_by_a_rule, [](auto& r) { r.tasks[5].refused_at = 1; },
     "task 5 started after it was refused"},
    {"ARefusalThatIsLost", refused_by_a_rule, [](auto& r) { r.told.erase(r.told.begin()); }, "1 failures told, 2 met"},
    {"ARefusalThatNobodyMade", refused_by_a_rule, [](auto& r) { r.tasks[5].refused_at = 0; },
     "task 5 is told to have been refused, and was not"},
    {"ATaskLeftOutBesideTheRefused", refused_by_a_rule, [](auto& r) { r.tasks[3].refused_at = 0; }, "run_all left out 1"},
    {"ARefusalThatIsNoFailure", settled, [](auto& r) { r.tasks[3].refused_at = 9; }, "what task 3 came to"},
    // a limit of time for each task
    {"LateTooEarly", late, [](auto& r) { r.over = 39ns; }, "task 1 is told to be late too early"},
    {"LateWithoutALimit", late, [](auto& r) { r.task_timeout = fanout::no_limit; }, "told to be late too early"},
    {"SettledLateTooEarly", settled_late, [](auto& r) { r.over = 39ns; }, "task 3 is told to be late too early"},
    // the order of starts
    {"AStartOutOfThePriorities", last_first, [](auto& r) { std::swap(r.tasks[0].started_at, r.tasks[1].started_at); },
     "1 tasks that come before had not started with task 0, with 1 runners"},
    {"AStartInTheOrderOfTheIndices", last_first, [](auto& r) { r.ranks.clear(); },
     "5 tasks that come before had not started with task 5"},
    {"TasksThatWereOvertaken", admitted, [](auto& r) { r.tasks[0].started_at = r.tasks[1].started_at = 20; },
     "2 tasks that come before had not started with task 2, with 2 runners"},
    // admission
    {"ABudgetExceeded", admitted, [](auto& r) { r.amounts[0].most = 11; }, "11 at once of a budget of 10"},
    {"AShareThatIsNotGivenBack", admitted, [](auto& r) { r.amounts[0].left = 1; }, "1 of a budget was not given back"},
    {"TooManyStartsInAWindow", admitted, [](auto& r) { r.amounts[1].most = 5; }, "5 at once of the starts in a window of 4"},
    {"AWaitRefusedThatWouldHaveEnded", refused_to_wait, [](auto& r) { r.amounts[0].held_around = 0; },
     "a wait was refused"},
    {"AWaitRefusedForNothing", refused_to_wait, [](auto& r) { r.amounts[0].wanted = 0; }, "a wait was refused"},
    {"TwoTasksWhenMemoryIsLow", low_memory, [](auto& r) { r.most_in_flight = 2; }, "2 tasks in flight when memory was low"},
    {"AnExceptionThatNoRuleThrew", broken_off_by_a_rule, [](auto& r) { r.rule_threw = false; },
     "an exception that no rule threw"},
    {"TheExceptionOfARuleLost", admitted, [](auto& r) { r.rule_threw = true; }, "the exception of a rule is lost"},
};

INSTANTIATE_TEST_SUITE_P(OfEachPromise, StressModelOfUnequalTasks, testing::ValuesIn(violations),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(StressModelOfUnequalTasks, AllowsARunnerToHaveTakenATaskThatOthersOvertake) {
  batch_record record = admitted();
  record.tasks[0].started_at = 20;
  record.tasks[0].ended_at = 21;
  EXPECT_EQ(all(stress::model::violations(record)), "");
}

TEST(StressModelOfUnequalTasks, AllowsATaskThatFailedToBeLeftWhenTheBatchIsStopped) {
  batch_record record = with_attempts(cancelled());
  EXPECT_EQ(all(stress::model::violations(record)), "") << "task 1 has failed once of three times";
}

// A start is in a window for certain if the times before and after it are.
TEST(StressModelOfUnequalTasks, CountsTheStartsThatAreInAWindowForCertain) {
  stress::start_window window(10ns);
  const auto note = [&](std::chrono::nanoseconds since, std::chrono::nanoseconds until) {
    window.note(since, [=] { return until; });
  };
  note(1ns, 1ns);
  note(1ns, 10ns);  // may have been at 1
  note(9ns, 10ns);
  EXPECT_EQ(window.most(), 3U);
  note(10ns, 11ns);
  EXPECT_EQ(window.most(), 3U) << "from 1 to 11, it is 10 ns";
  note(11ns, 12ns);
  note(11ns, 12ns);
  EXPECT_EQ(window.most(), 4U) << "with those from 9 and 10 on";
}

}  // namespace
