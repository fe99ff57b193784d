#include <algorithm>
#include <bit>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "application_limit.hpp"
#include "batch.hpp"
#include "batch_scope.hpp"
#include "executor_cache.hpp"
#include "executor_core.hpp"
#include "executor_limiter.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/limits.hpp"

/// Where a batch runs: on whose arena, with how many threads, and whether it has to wait for a slot.
namespace fanout::detail {
namespace {

/// Where the calling thread stands, also where a worker of oneTBB runs a piece of a loop that a task has started.
const scope_entry* origin() {
  const scope_entry* const here = current_entry();
  return here != nullptr ? here : executor_cache::caller_around_worker();
}

/// Runs the batch, with `run` to say how. A stop that is requested meanwhile cancels it.
template <class Run>
void run_to_the_end(batch& running, const batch_request& request, const Run& run) {
  const std::stop_callback on_stop(request.options.stop, [&running] { running.cancel(); });
  run();
}

/// Runs the batch on the calling thread alone, in index order.
void run_alone(const batch_scope& scope, const batch_request& request) {
  batch running(request, 1, scope);
  run_to_the_end(running, request, [&] { running.run_alone(/*has_slot=*/false); });
  running.finish();  // may call the progress callback
}

// ── Batches of an executor ──────────────────────────────────────────────────────────────────────────────────────────

/// A slot of an executor's limiter, or one that was lent.
class slot_guard {
 public:
  slot_guard(executor_limiter& limiter, const executor_limiter::pass& pass) : limiter_(limiter), pass_(pass) {}
  slot_guard(const slot_guard&) = delete;
  slot_guard& operator=(const slot_guard&) = delete;
  ~slot_guard() { release(); }

  std::size_t own_slots() const { return pass_.how == executor_limiter::admission::slot ? 1 : 0; }

  /// The batch has given back the slot.
  void given_back() { pass_.how = executor_limiter::admission::stopped; }

  /// Call it before user code that is not a task, such as the progress callback.
  void release() {
    if (own_slots() != 0) limiter_.leave();
    if (pass_.lender != nullptr) limiter_.give_back(*pass_.lender);
    pass_ = {executor_limiter::admission::stopped};
  }

 private:
  executor_limiter& limiter_;
  executor_limiter::pass pass_;
};

/// Runs the batch under the slot.
void run_admitted(executor_core& executor, std::size_t runners, const batch_scope& scope, slot_guard& slot,
                  const batch_request& request) {
  const std::size_t adapt_from = std::min(executor.adapt_from(), runners);
  batch running(request, runners, scope, adapt_from);
  const bool enters = slot.own_slots() != 0;
  const std::size_t own_slots = slot.own_slots();
  arena& home = executor.workplace();
  run_to_the_end(running, request, [&] {
    if (runners == 1) {
      enters ? home.enter([&] { running.run_alone(/*has_slot=*/true); }) : running.run_alone(/*has_slot=*/false);
      return;
    }
    if (own_slots != 0) slot.given_back();
    executor.named() ? running.run_on_reserves(home, enters, own_slots)
                     : running.run_on_workers(home, enters, own_slots);
  });
  if (adapt_from != 0 && runners >= executor.adapt_from() && running.adapted_to() != 0)
    executor.adapt_from(running.adapted_to());
  slot.release();
  running.finish();  // may call the progress callback
}

void run_on_executor(executor_core& executor, std::size_t limit, const batch_request& request) {
  executor_limiter& limiter = *executor.limiter();
  const scope_entry* const from = origin();

  // A worker in this very arena runs a piece of a loop that one of the executor's tasks waits for. It must not wait for
  // that task's slot; and it is no thread more, because it has a place in the arena already.
  if (from == nullptr && arena::may_be_worker() && executor.workplace().is_current()) return run_alone({.home = &executor}, request);

  const executor_limiter::pass pass = limiter.enter(from, request.options.stop);
  if (pass.how == executor_limiter::admission::stopped) return run_alone({.starter = from}, request);  // nothing will start
  slot_guard slot(limiter, pass);
  const batch_scope scope{.limiter = &limiter, .home = &executor, .starter = from, .lender = pass.lender};
  const std::size_t most = std::min({limit, executor.limit(), request.size, application_limit()});
  run_admitted(executor, pass.how == executor_limiter::admission::borrowed ? 1 : most, scope, slot, request);
}

// ── Free calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Runs the batch on an executor of this size that it has alone.
void run_on_borrowed(std::size_t size, bool named, std::size_t runners, const batch_request& request) {
  const executor_cache::loan executor = executor_cache::borrow(size, named);
  const batch_scope scope{.home = executor.get(), .starter = origin()};
  batch running(request, runners, scope);
  run_to_the_end(running, request, [&] {
    arena& home = executor->workplace();
    named ? running.run_on_reserves(home, /*enters=*/true, 0) : running.run_on_workers(home, /*enters=*/true, 0);
  });
  running.finish();  // may call the progress callback
}

/// The arena of a free call with a named limit. Larger ones are of few sizes, so that a batch of two does not ask for an
/// arena of a hundred thousand.
std::size_t named_size(std::size_t limit, std::size_t runners) {
  constexpr std::size_t of_any_size = 1'024;
  return limit <= of_any_size ? limit : std::min(limit, std::bit_ceil(std::max(runners, of_any_size)));
}

void run_free(std::size_t limit, const batch_request& request) {
  const scope_entry* const here = current_entry();
  executor_core* const around = here != nullptr ? here->entered().home : nullptr;
  const auto alone = [&] { run_alone({.home = around, .starter = origin()}, request); };

  if (limit != automatic) {
    const bool is_number = limit != unlimited;
    const std::size_t most = is_number ? limit : most_unlimited;
    const std::size_t runners = std::min({most, request.size, application_limit()});
    if (runners == 1) return alone();
    return run_on_borrowed(named_size(is_number ? limit : std::bit_ceil(runners), runners), /*named=*/true, runners,
                           request);
  }
  // Automatic batches in each other stay in one arena, so that they never have more than the cores at work.
  if (around != nullptr && !around->named()) {
    const std::size_t runners = std::min(around->limit(), request.size);
    if (runners == 1) return alone();
    batch running(request, runners, {.home = around, .starter = here});
    run_to_the_end(running, request, [&] { running.run_on_workers(around->workplace(), /*enters=*/false, 0); });
    return running.finish();  // may call the progress callback
  }
  const std::size_t cores = available_concurrency();
  const std::size_t runners = std::min(cores, request.size);
  return runners == 1 ? alone() : run_on_borrowed(cores, /*named=*/false, runners, request);
}

}  // namespace

bool is_executor_of_one(const executor_core* executor) noexcept { return executor != nullptr && executor->limit() == 1; }

void throw_empty_task(std::size_t index) {
  throw std::invalid_argument("tasks[" + std::to_string(index) + "] is an empty function");
}

void throw_empty_mapper() { throw std::invalid_argument("the mapper is an empty function"); }

void run_batch(executor_core* executor, const batch_request& request) {
  const std::size_t limit = checked_concurrency(request.options.concurrency);
  if (request.size > work_distributor::max_tasks) throw std::length_error("a batch holds at most 2^40 tasks");
  if (request.size == 0) return;
  if (request.options.stop.stop_requested()) {  // nothing will start: no need to wait for a slot, or for threads
    return run_alone({}, request);
  }
  const scope_entry* const here = current_entry();
  struct on_return {
    const scope_entry* const here;
    ~on_return() {
      if (here != nullptr && here->lent().load(std::memory_order_relaxed)) here->entered().limiter->resume(*here);
    }
  } const back{here};
  if (executor != nullptr) {
    run_on_executor(*executor, limit, request);
  } else {
    run_free(limit, request);
  }
}

}  // namespace fanout::detail
