#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "batch_calls.hpp"
#include "fanout/fanout.hpp"
#include "model.hpp"
#include "observer.hpp"
#include "occupation.hpp"
#include "payload.hpp"
#include "plan.hpp"
#include "world.hpp"

/// Runs the batch of a plan, and lets the model check what happened.
namespace stress {

class batch_run final : public batch_calls {
 public:
  /// `outer`: the batch in whose task this runs, with the context of that task; null outside of all batches.
  static void run(std::shared_ptr<const batch_plan> plan, world& shared, running_batch* outer,
                  const fanout::task_context* context) {
    const auto batch = std::make_shared<batch_run>(std::move(plan), shared, outer, context);
    batch->run();
    shared.bury(std::shared_ptr<const observer>(batch, &batch->seen));
  }

  using batch_calls::batch_calls;

 private:
  void run() {
    find_executors();
    {
      const std::unique_ptr<occupation> others = occupied_by_others();
      const std::jthread stopper = stop_from_outside();
      call_and_note_the_ending();
      seen.close();
      if (others != nullptr) record_.held_up_by_others = others->lasted_for_its_time();
    }
    if (executor != nullptr) use_again();
    fill_record();
    if (what.place == place::passed_on_executor) shared.passed_on.leave(std::move(own_executor_));
    shared.count(record_);
    shared.report(what, model::violations(record_));
  }

  void find_executors() {
    own_executor_ = shared.executor_of_its_own(what);
    executor = own_executor_.get();
    if (what.place == place::shared_executor) executor = shared.executors[what.executor].get();
    if (what.has(action::loop) && what.loop.executor != 0)
      executor_of_loops_ = std::make_unique<measured_executor>(what.loop.executor, false);
    called_in_loops = executor_of_loops_ != nullptr ? executor_of_loops_.get() : executor;
  }

  /// Occupies the batch's executor: until the call has returned, if its stop is requested before, otherwise briefly.
  std::unique_ptr<occupation> occupied_by_others() {
    if (!what.occupied) return nullptr;
    std::chrono::nanoseconds time = std::chrono::milliseconds(3);
    if (record_.was_stopped_before) time = support::patience;
    return std::make_unique<occupation>(*executor, time);
  }

  /// A thread that requests the stop after a while, unless the batch has ended by then.
  std::jthread stop_from_outside() {
    if (what.stop_from_outside.count() == 0) return {};
    return std::jthread([this](const std::stop_token& over) {
      std::mutex mutex;
      std::condition_variable_any never;
      std::unique_lock lock(mutex);
      never.wait_for(lock, over, what.stop_from_outside, [] { return false; });
      if (!over.stop_requested()) request_stop();
    });
  }

  /// Batches in each other, and those of other threads, round in other directions.
  void call_and_note_the_ending() {
    const support::rounding here(support::directions_of_rounding[what.size % 4]);
    seen.note_rounding();
    record_.began = observer::time();
    note_the_ending();
    record_.over = observer::time();
  }

  void note_the_ending() {
    try {
      call_with_result();
      record_.how = ending::returned;
    } catch (const fanout::task_error& error) {
      record_.how = ending::task_error;
      tell({error});
    } catch (const fanout::aggregate_error& error) {
      record_.how = ending::aggregate_error;
      tell(error.errors());
    } catch (const fanout::deadline_exceeded& error) {
      record_.how = ending::out_of_time;
      tell_counts(error);
    } catch (const fanout::operation_cancelled& error) {
      record_.how = ending::cancelled;
      tell_counts(error);
    } catch (const callback_failure&) {
      record_.how = ending::callback_error;
    } catch (const source_failure&) {
      record_.how = ending::source_error;
    } catch (const stream_left&) {
      record_.how = ending::left;
    } catch (const handle_dropped&) {
      record_.how = ending::dropped;
    } catch (const std::invalid_argument&) {
      record_.how = ending::refused;
    } catch (const rule_failure&) {
      record_.how = ending::rule_error;
    } catch (const std::logic_error& error) {
      const std::string text = error.what();
      record_.how = text.find("wait forever") != std::string::npos ? ending::hold_and_wait : ending::unexpected;
      record_.unexpected = text;
    } catch (const std::exception& error) {
      record_.how = ending::unexpected;
      record_.unexpected = error.what();
    }
  }

  void tell_counts(const fanout::operation_cancelled& error) {
    record_.told_completed = error.completed();
    record_.told_total = error.total();
    tell(error.errors());
  }

  void tell(const std::vector<fanout::task_error>& errors) {
    for (const fanout::task_error& each : errors) {
      told_failure told = told_by(each.nested_ptr());
      told.index = each.index();
      told.attempts = each.attempts();
      record_.told.push_back(told);
    }
  }

  /// Checks that the executor runs another batch, however this one ended.
  void use_again() {
    const auto doubled = executor->executor.map(std::views::iota(0, 3), [](int item) { return 2 * item; });
    if (doubled != std::vector{0, 2, 4}) seen.notice("the executor lost results of its next batch");
  }

  void fill_record() {
    record_.limit = what.runners();
    record_.meeting.expected = what.meeting();
    record_.on_error = what.on_error;
    record_.takes_first = what.call == call::first;
    record_.settles = what.call == call::settle;
    record_.returns_values = what.result != result::nothing && !what.grows() && what.call != call::first;
    record_.input_is_bad = what.flaw != flaw::none || (what.call == call::first && what.size == 0);
    record_.timeout = what.timeout;
    record_.stop_when = what.stop_when;
    record_.task_timeout = what.task_timeout;
    record_.on_executor = executor != nullptr;
    record_.is_unequal = what.unequal.is_any();
    if (what.unequal.priority != priority_use::none) record_.ranks = ranks_of(what.unequal.priority, what.size);
    record_.one_at_a_time = what.unequal.guard == guard_use::low;
    record_.retry = what.unequal.retry;
    record_.amounts = admission.amounts([this](std::size_t budget) { return held_around(budget); });
    record_.has_around = what.around != around_use::none;
    record_.fails_around = what.around == around_use::throws_instead;
    record_.has_token = what.token != token::none;
    record_.is_submitted = what.is_submitted();
    record_.stop_requested = options_.stop.stop_requested() || record_.handle.was_stopped;
    record_.reports_progress = what.callback.wanted;
    record_.interval = what.callback.interval;
    record_.caller = this_thread_number();
    if (executor != nullptr) record_.shared_limits.push_back(executor->use());
    if (what.has(action::loop)) record_.shared_limits.push_back(called_in_loops->use_in_loops());
    if (automatic_at_work != nullptr) {
      const auto most = static_cast<std::size_t>(automatic_at_work->most());
      record_.shared_limits.push_back({"automatic batches in each other", fanout::available_concurrency(), most});
    }
    seen.fill(record_);
    if (reader_) set_size(reader_->items_read());
    if (adder_) set_size(adder_->tasks_added());
  }

  /// If the tasks came one by one. Those that started without coming remain, for the model to see.
  void set_size(std::size_t size) {
    record_.size = size;
    while (record_.tasks.size() > size && record_.tasks.back().starts == 0) record_.tasks.pop_back();
  }

  std::unique_ptr<measured_executor> own_executor_;
  std::unique_ptr<measured_executor> executor_of_loops_;
};

inline void running_batch::run_inner(const fanout::task_context& context) {
  batch_run::run(std::shared_ptr<const batch_plan>(plan_, &what.inner.front()), shared, this, &context);
}

}  // namespace stress
