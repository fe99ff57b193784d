#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "base/deferred_cancellation.hpp"
#include "base/stop_forwarder.hpp"
#include "engine/agenda_batch.hpp"
#include "engine/batch.hpp"
#include "engine/batch_deadline.hpp"
#include "engine/batch_watch.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_cache.hpp"
#include "executor/executor_core.hpp"
#include "executor/executor_limiter.hpp"
#include "executor/position.hpp"
#include "fanout/detail/first.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/limits.hpp"
#include "fanout/task_context.hpp"

/// Decides where a batch runs: in which arena, with how many runners, and whether it has to wait for a slot.
namespace fanout::detail {
namespace {

/// Tells the request that all runners have joined, also if the batch could not be run.
struct tell_joined {
  const batch_request& request;
  ~tell_joined() {
    if (request.joined != nullptr) request.joined(request.tasks.object);
  }
};

/// Lets the watch of the request, if there is one, look at the batch.
class watched_batch {
 public:
  template <class Batch>
  watched_batch(const Batch& running, batch_watch* watch) : watch_(watch) {
    if (watch_ != nullptr) watch_->begin(running);
  }
  watched_batch(const watched_batch&) = delete;
  watched_batch& operator=(const watched_batch&) = delete;
  ~watched_batch() {
    if (watch_ != nullptr) watch_->end();
  }

 private:
  batch_watch* const watch_;
};

/// Runs the batch by calling `run`. A stop that is requested meanwhile cancels the batch.
template <class Batch, class Run>
void run_to_the_end(Batch& running, const batch_request& request, const Run& run) {
  const tell_joined at_end{request};
  const watched_batch here(running, request.watch);
  stop_forwarder on_stop(request.stops);
  if (request.options.stop.stop_possible())
    on_stop.begin(request.options.stop, {&running, [](void* it) noexcept { static_cast<Batch*>(it)->cancel(); }});
  run();
}

/// Runs the batch on the calling thread alone, in index order.
void run_alone(const batch_scope& scope, const batch_request& request) {
  batch running(request, 1, scope);
  run_to_the_end(running, request, [&] { running.run_alone(nullptr); });
  running.finish();  // may call the progress callback
}

// ── Batches of an executor ──────────────────────────────────────────────────────────────────────────────────────────

/// Gives back a slot that was lent; does nothing if `lender` is null.
struct loan_of_slot {
  executor_limiter& limiter;
  const scope_entry* const lender;
  ~loan_of_slot() {
    if (lender != nullptr) limiter.give_back(*lender);
  }
};

void run_on_executor(executor_core& executor, const concurrency_limit& limit, const batch_request& request) {
  executor_limiter& limiter = *executor.limiter();
  arena& home = executor.workplace();
  const scope_entry* const from = current_entry();
  const std::size_t most = limit.is_number() ? std::min(limit.number(), executor.limit()) : executor.limit();
  const std::size_t runners = std::min({most, request.size, application_limit()});
  const std::size_t adapt_from = std::min(executor.adapt_from(), runners);
  batch running(request, runners, {.starter = from}, adapt_from);  // before `enter`, because this may throw
  run_to_the_end(running, request, [&] {
    const bool has_slot = request.watch != nullptr && request.watch->take_slot();
    const auto [how, lender] = running.enter(limiter, from, has_slot);
    if (how == executor_limiter::admission::stopped) return running.cancel();
    const loan_of_slot back{limiter, lender};
    const executor_core::visit here(executor, from);
    running.admit({.limiter = &limiter, .home = &executor, .starter = from, .lender = lender});
    const bool enters = lender == nullptr;
    if (runners == 1 || how == executor_limiter::admission::borrowed) {
      running.run_alone(enters ? &home : nullptr);
    } else if (executor.named()) {
      running.run_on_reserves(home, executor.helpers(), enters);
    } else {
      running.run_on_workers(home, enters);
    }
  });
  if (adapt_from != 0 && runners >= executor.adapt_from() && running.adapted_to() != 0)
    executor.adapt_from(running.adapted_to());
  running.finish();  // may call the progress callback
}

// ── Free calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Runs the batch on an idle or new executor of this size, which no other call uses meanwhile.
void run_on_borrowed(std::size_t size, bool named, std::size_t runners, const batch_request& request) {
  const executor_cache::loan executor = executor_cache::borrow(size, named);
  const executor_core::visit here(*executor, current_entry());
  const batch_scope scope{.home = executor.get(), .starter = current_entry()};
  batch running(request, runners, scope);
  run_to_the_end(running, request, [&] {
    arena& home = executor->workplace();
    named ? running.run_on_reserves(home, executor->helpers(), /*enters=*/true)
          : running.run_on_workers(home, /*enters=*/true);
  });
  running.finish();  // may call the progress callback
}

/// The executor's size for a free call with a named limit. Above 1024 it follows the number of runners instead, so a
/// batch of two tasks with a huge limit does not get a huge arena. It is a power of two then, so there are few sizes.
std::size_t named_size(std::size_t limit, std::size_t runners) {
  constexpr std::size_t of_any_size = 1'024;
  return limit <= of_any_size ? limit : std::min(limit, std::bit_ceil(std::max(runners, of_any_size)));
}

void run_free(const concurrency_limit& limit, const batch_request& request) {
  const scope_entry* const here = current_entry();
  executor_core* const around = here != nullptr ? here->entered().home : nullptr;
  const auto alone = [&] { run_alone({.home = around, .starter = here}, request); };

  if (limit != automatic) {
    const std::size_t most = limit.is_number() ? limit.number() : most_unlimited;
    const std::size_t runners = std::min({most, request.size, application_limit()});
    if (runners == 1) return alone();
    const std::size_t size = named_size(limit.is_number() ? most : std::bit_ceil(runners), runners);
    return run_on_borrowed(size, /*named=*/true, runners, request);
  }
  // Nested automatic batches share one arena, so that together they never use more threads than there are cores.
  if (around != nullptr && !around->named()) {
    const std::size_t runners = std::min(around->limit(), request.size);
    if (runners == 1) return alone();
    batch running(request, runners, {.home = around, .starter = here});
    run_to_the_end(running, request, [&] { running.run_on_workers(around->workplace(), /*enters=*/false); });
    return running.finish();  // may call the progress callback
  }
  const std::size_t cores = available_concurrency();
  const std::size_t runners = std::min(cores, request.size);
  return runners == 1 ? alone() : run_on_borrowed(cores, /*named=*/false, runners, request);
}

// ── Unequal tasks ───────────────────────────────────────────────────────────────────────────────────────────────────

void run_by_agenda(executor_core* executor, const concurrency_limit& limit, const batch_request& request) {
  std::size_t most = limit == unlimited ? most_unlimited : limit == automatic ? available_concurrency() : limit.number();
  if (executor != nullptr) most = limit.is_number() ? std::min(most, executor->limit()) : executor->limit();
  const std::size_t runners = std::min({most, request.size, application_limit()});
  const std::size_t adapt_from = executor != nullptr ? std::min(executor->adapt_from(), runners) : 0;
  agenda_batch running(request, executor, runners, current_entry(), adapt_from);
  run_to_the_end(running, request, [&] { running.run(); });
  if (adapt_from != 0 && runners >= executor->adapt_from() && running.adapted_to() != 0)
    executor->adapt_from(running.adapted_to());
  running.finish();  // may call the progress callback
}

// ── A limit of time ─────────────────────────────────────────────────────────────────────────────────────────────────

/// Requests a stop when the time of a call is over, or when its caller requests one.
class deadline_of_call final : public batch_deadline {
 public:
  explicit deadline_of_call(const batch_request& request) : functions_(request.stops) {
    forwarded_.begin(request.options.stop,
                     {this, [](void* it) noexcept { static_cast<deadline_of_call*>(it)->stop(); }});
    set_deadline(request.options.timeout);
  }
  deadline_of_call(const deadline_of_call&) = delete;
  deadline_of_call& operator=(const deadline_of_call&) = delete;
  ~deadline_of_call() override { drop_deadline(); }

  std::stop_token token() const { return ends_.get_token(); }

 private:
  bool is_stopped() const noexcept override { return ends_.stop_requested(); }
  void stop() noexcept override { request_stop(ends_, functions_); }

  const stop_functions* const functions_;
  std::stop_source ends_;
  stop_forwarder forwarded_{functions_};
};

/// The same options, with functions that refer to these.
run_options referring_to(const run_options& options) {
  run_options copy{.concurrency = options.concurrency,
                   .on_error = options.on_error,
                   .progress_interval = options.progress_interval,
                   .admit = options.admit,
                   .task_timeout = options.task_timeout,
                   .retry = {.again = options.retry.again,
                             .pause = options.retry.pause,
                             .longest_pause = options.retry.longest_pause,
                             .factor = options.retry.factor,
                             .jitter = options.retry.jitter},
                   .stop_when = options.stop_when,
                   .seed = options.seed};
  if (options.on_progress) copy.on_progress = std::cref(options.on_progress);
  if (options.priority) copy.priority = std::cref(options.priority);
  if (options.retry.when) copy.retry.when = std::cref(options.retry.when);
  if (options.around) copy.around = std::cref(options.around);
  return copy;
}

void run_in_time(executor_core* executor, const batch_request& request) {
  const deferred_cancellation until_it_has_ended;
  const deadline_of_call deadline(request);
  run_options options = referring_to(request.options);
  options.stop = deadline.token();
  batch_request timed = request.with(options);
  timed.deadline = &deadline;
  run_batch_in_engine(executor, timed);
}

}  // namespace

bool is_executor_of_one(const executor_core* executor) noexcept { return executor != nullptr && executor->limit() == 1; }

void throw_empty_task(std::size_t index) {
  throw std::invalid_argument("tasks[" + std::to_string(index) + "] is an empty function");
}

void throw_empty_mapper() { throw std::invalid_argument("the mapper is an empty function"); }

namespace {

void check_policy(const retry_policy& policy) {
  if (policy.pause.count() < 0) throw std::invalid_argument("the pause before a task is tried again must be at least 0");
  if (policy.longest_pause.count() < 0) throw std::invalid_argument("retry_policy::longest_pause must be at least 0");
  if (!(policy.factor >= 1 && policy.factor <= std::numeric_limits<double>::max()))
    throw std::invalid_argument("retry_policy::factor must be a number of at least 1; got " +
                                std::to_string(policy.factor));
  if (!(policy.jitter >= 0 && policy.jitter <= 1))
    throw std::invalid_argument("retry_policy::jitter must be from 0 to 1; got " + std::to_string(policy.jitter));
}

}  // namespace

void check_options(const run_options& options) {
  check_limit(options.concurrency);
  if (options.task_timeout.count() <= 0) throw std::invalid_argument("task_timeout must be more than 0");
  if (options.retry.again != 0) check_policy(options.retry);
}

void check_size(std::size_t size) {
  if (size > work_distributor::max_tasks)
    throw std::length_error("a batch holds at most 2^40 tasks; got " + std::to_string(size));
}

void throw_callable_once() {
  throw std::invalid_argument(
      "the items are given away as rvalues, so a task cannot be tried again: pass the range as an lvalue, or in "
      "submit, which keeps a copy of it, by std::ref");
}

void throw_item_in_iterator() {
  throw std::invalid_argument("an item is part of the iterator that refers to it, and cannot be copied");
}

void throw_no_tasks() { throw std::invalid_argument("first_in_parallel needs at least one task"); }

void throw_negative_count(long long count) {
  throw std::invalid_argument("the number of indices must be at least 0; got " + std::to_string(count));
}

void throw_wrong_output(std::size_t output, std::size_t items) {
  throw std::invalid_argument("the output must have one element for each item; it has " + std::to_string(output) +
                              ", and there are " + std::to_string(items) + " items");
}

void run_batch_in_engine(executor_core* executor, const batch_request& request) {
  const concurrency_limit& limit = request.options.concurrency;
  if (request.whole_chunks && agenda::is_wanted(request.options))
    throw std::invalid_argument("for_each_range takes no priority, admission or retry: use map_in_parallel");
  if (request.size == 0) return;
  if (request.options.timeout != no_limit && request.deadline == nullptr) return run_in_time(executor, request);
  if (request.options.stop.stop_requested()) {  // no task will start, so it needs no slot and no helpers
    return run_alone({}, request);
  }
  const deferred_cancellation until_all_have_joined;
  const position here;
  if (agenda::is_wanted(request.options)) return run_by_agenda(executor, limit, request);
  if (executor != nullptr) {
    run_on_executor(*executor, limit, request);
  } else {
    run_free(limit, request);
  }
}

}  // namespace fanout::detail

namespace fanout {

std::optional<std::size_t> current_runner() noexcept {
  const detail::scope_entry* const here = detail::current_entry();
  if (here == nullptr || here->runner() == detail::scope_entry::no_runner) return std::nullopt;
  return here->runner();
}

}  // namespace fanout
