#include "engine/agenda_batch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "engine/batch_watch.hpp"
#include "executor/executor_limiter.hpp"
#include "fanout/detail/time_limit.hpp"
#include "fanout/error.hpp"

namespace fanout::detail {
namespace {

/// The pause after that attempt. The random part follows from the seed of the task.
std::chrono::nanoseconds pause_after(unsigned attempt, const retry_policy& policy, std::uint64_t seed) {
  const without_float_traps here;
  const auto longest = static_cast<double>(policy.longest_pause.count());
  const double planned = static_cast<double>(policy.pause.count()) * std::pow(policy.factor, attempt - 1);
  constexpr double numbers = 9007199254740992;  // 2^53
  const double random = static_cast<double>(seed_of_task(seed, attempt) >> 11U) / numbers * 2 - 1;  // from -1 to 1
  const double pause = std::min(std::min(planned, longest) * (1 + policy.jitter * random), longest);
  constexpr double most = 9e18;  // less than the largest number of nanoseconds
  return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(std::min(pause, most)));
}

/// Whether a task that has thrown this was told to end, or must not run: no other attempt is made then.
bool is_final(const std::exception_ptr& cause) noexcept {
  try {
    std::rethrow_exception(cause);
  } catch (const deadline_exceeded&) {  // of a batch inside the task
    return false;
  } catch (const operation_cancelled&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

const closure_kind agenda_batch::ticket::kind_of_this{
    [](closure& self, const started_task& started) noexcept {
      auto& mine = static_cast<ticket&>(self);
      mine.batch->desk_.use(mine, task_scope_core::chunk_of(started));
    },
    [](closure&) noexcept {}, 0};

agenda_batch::agenda_batch(const batch_request& request, executor_core* on, std::size_t runners,
                           const scope_entry* from, std::size_t adapt_from)
    : batch_control(/*fenced=*/false, request.options.seed),
      applicant(from),
      request_(request),
      options_(request.options),
      progress_(options_.on_progress, options_.progress_interval, request.size),
      verdict_(options_, request.deadline, /*failures_stop=*/!request.one_is_enough),
      stop_for_tasks_(request.stops),
      clock_(options_.task_timeout != no_limit || options_.retry.again != 0 || !options_.admit.empty()),
      now_(runners),
      tickets_(runners),
      desk_(*this, request.size, agenda(request.size, options_.priority), gates_, tickets_),
      threads_(on, limited_to(runners), request.stops,
               {.starter = from,
                .awaited_as = request.watch,
                .calls_nobody = on == nullptr && runners == 1,
                .listener = this,
                .caller_replaces = request.watch != nullptr}) {
  if (adapt_from != 0) adaptation_.emplace(adapt_from, runners);
  for (ticket& each : tickets_) each.batch = this;
  open_gates(options_.admit);
}

void agenda_batch::open_gates(const std::vector<admission>& admit) {
  using place = std::pair<std::uint64_t, std::size_t>;  // equal ones are asked in the order of the options
  std::vector<std::pair<place, const admission_rule*>> rules;
  rules.reserve(admit.size());
  for (const admission& each : admit) {
    if (each.rule() == nullptr) throw std::invalid_argument("run_options::admit has an admission that was moved from");
    rules.emplace_back(place(each.rule()->order(), rules.size()), each.rule().get());
  }
  std::sort(rules.begin(), rules.end());
  gates_.reserve(rules.size());
  for (const auto& [order, rule] : rules) gates_.push_back(rule->open(request_.size, *this));
}

// ── The caller ──────────────────────────────────────────────────────────────────────────────────────────────────────

void agenda_batch::run() {
  if (request_.watch != nullptr && request_.watch->take_slot()) threads_.leave_slot();
  desk_.open();
  for (bool over = false; !over;) {
    threads_.help(started_in);
    executor_limiter::wait_for(started_in, threads_.awaited_as(), [&] { over = desk_.sleep(); });
  }
  alarm::cancel();
  gates_.clear();  // whoever is about to say that the batch may ask again has said so now
  threads_.join();
}

void agenda_batch::finish() {
  if (request_.cancellation_is_data && verdict_.is_cancelled()) return;
  if (!verdict_.is_success()) {
    verdict_.pronounce(verdict_.is_cancelled() ? completed() : 0, request_.size, /*all_ran=*/false);
  }
  if (!progress_.wanted()) return;
  const with_float_settings same(float_settings_);
  progress_.finish();
}

// The ends are read first, so that no task is seen to have ended before it was started.
batch_progress agenda_batch::counts() const {
  batch_progress seen{.failed = verdict_.failed()};
  seen.completed = completed();
  seen.started = std::max(started_.load(std::memory_order_relaxed), seen.completed);  // one that was refused did not start
  return seen;
}

// ── Tickets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void agenda_batch::add(ticket* one) noexcept {
  if (one != nullptr) static_cast<void>(threads_.add_made(*one, if_full::wait));
}

bool agenda_batch::ask_again() noexcept {
  return desk_.ask_again() == desk::awake::asks || !threads_.waits_for_slot() ||
         !desk_.step_aside(/*leaves_line=*/false);  // the line removes it
}

void agenda_batch::ring() noexcept {
  desk_.ring();
  if (threads_.waits_for_slot()) static_cast<void>(desk_.step_aside(/*leaves_line=*/true));
}

// A gate may have told the batch to ask, when this thread was not known to need a slot.
void agenda_batch::comes_to_wait_for_slot() noexcept { static_cast<void>(desk_.step_aside(/*leaves_line=*/true)); }

// ── One attempt ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Returns why it has failed, or null.
std::exception_ptr agenda_batch::run_attempt(const agenda::work& what, chunk& its_chunk) noexcept {
  if (what.attempt == 1) started_.fetch_add(1, std::memory_order_relaxed);
  attempt here(options_, {what.index, *this, its_chunk}, its_chunk, request_.stops);
  attempt_of_runner& mine = now_[runner_of(its_chunk)];
  mine = {&here, what.attempt, /*began=*/false};
  for (const auto& each : gates_) each->begin(what.index);
  std::exception_ptr failure = here.run([&] {
    mine.began = request_.tasks.run(request_.tasks.object, {what.index, what.index + 1}, its_chunk, *this) != what.index;
  });
  for (const auto& each : gates_) each->end(what.index);
  mine.inside = nullptr;
  return failure;
}

bool agenda_batch::wants_again(const agenda::work& ended, const std::exception_ptr& cause) noexcept {
  if (ended.attempt > options_.retry.again || stopped() || is_final(cause)) return false;
  if (!options_.retry.when) return true;
  try {
    return options_.retry.when(cause);
  } catch (...) {
    require_exception();
    break_off(std::current_exception());
    return false;
  }
}

agenda::time_point agenda_batch::time_of_next(const agenda::work& ended) const noexcept {
  return after(clock::now(), pause_after(ended.attempt, options_.retry, seed_of_task(seed(), ended.index)));
}

/// The task has ended: no other attempt is made. If it was stopped while it waited for a resource, it has not begun.
void agenda_batch::end(const agenda::work& ended, const std::exception_ptr& failure) noexcept {
  if (!failure && !now_[current_entry()->runner()].began) {
    if (ended.attempt != 1) keep_failure(ended);
    return;
  }
  if (failure) fail(ended, failure);
  // Release: a thread that reads the count may read what the tasks wrote.
  const std::size_t ended_now = completed_.fetch_add(1, std::memory_order_acq_rel) + 1;
  if (progress_.wanted()) {
    try {
      progress_.update([this] { return completed(); });
    } catch (...) {
      break_off(std::current_exception());
    }
  }
  if (verdict_.has_rule() && verdict_.ends_by_rule(ended_now, request_.size)) stop();
  if (adaptation_)
    static_cast<void>(adaptation_->update(threads_.most_now(), clock::now(), [this] { return completed(); }));
}

void agenda_batch::fail(const agenda::work& ended, const std::exception_ptr& failure) noexcept {
  if (request_.keep_failure != nullptr) {
    request_.keep_failure(request_.tasks.object, ended.index, failure, ended.attempt);
    verdict_.count_failure();
  } else if (verdict_.fail(ended.index, failure, ended.attempt)) {
    stop();
  }
}

void agenda_batch::record_failure(std::size_t /*index*/) noexcept {
  now_[current_entry()->runner()].inside->fail(std::current_exception());
}

void agenda_batch::note_failure(const std::exception_ptr& cause) noexcept {
  now_[current_entry()->runner()].inside->fail(cause);
}

std::stop_token agenda_batch::stop_token(const chunk& its_chunk) {
  std::stop_token ours = stop_for_tasks_.token([this] { return stopped(); });
  attempt* const here = now_[runner_of(its_chunk)].inside;
  return here != nullptr ? here->token(ours) : ours;
}

// ── How it ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

void agenda_batch::have_enough() noexcept {
  if (verdict_.have_enough() || verdict_.is_decided()) stop();
}

void agenda_batch::cancel() noexcept {
  if (completed() == request_.size) return;  // nothing is left to cancel
  if (verdict_.cancel()) stop();
}

void agenda_batch::break_off(std::exception_ptr cause) noexcept {
  if (verdict_.break_off(std::move(cause))) stop();
}

// Nothing starts before `stopped_` is set: a thread whose task has seen the stop takes no other task.
void agenda_batch::stop() noexcept {
  const bool gives_up = desk_.stop();
  stopped_.store(true, std::memory_order_release);
  stop_for_tasks_.request();
  if (gives_up) desk_.give_up();
}

void agenda_batch::keep_failure(const agenda::work& unstarted) noexcept {
  fail({unstarted.rank, unstarted.index, unstarted.attempt - 1}, unstarted.before);
  completed_.fetch_add(1, std::memory_order_release);
}

}  // namespace fanout::detail
