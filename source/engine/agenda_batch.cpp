#include "engine/agenda_batch.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <thread>
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

run_options limited_to_runners(std::size_t runners) { return {.concurrency = runners}; }

}  // namespace

const closure_kind agenda_batch::ticket::kind_of_this{
    [](closure& self, const started_task& started) noexcept {
      auto& mine = static_cast<ticket&>(self);
      mine.batch->use(mine, started);
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
      inside_(runners),
      agenda_(request.size, options_.priority),
      tickets_(runners),
      left_(request.size),
      threads_(on, limited_to_runners(runners), request.stops,
               {.starter = from, .awaited_as = request.watch, .calls_nobody = on == nullptr && runners == 1}) {
  if (adapt_from != 0) adaptation_.emplace(adapt_from, runners);
  for (ticket& each : tickets_) {
    each.batch = this;
    each.next_free = std::exchange(free_ticket_, &each);
  }
  open_gates(options_.admit);
}

void agenda_batch::open_gates(const std::vector<admission>& admit) {
  using place = std::pair<std::uint64_t, std::size_t>;  // equal ones are asked in the order of the options
  std::vector<std::pair<place, const admission_rule*>> rules;
  rules.reserve(admit.size());
  for (const admission& each : admit) rules.emplace_back(place(each.rule()->order(), rules.size()), each.rule().get());
  std::sort(rules.begin(), rules.end());
  gates_.reserve(rules.size());
  for (const auto& [order, rule] : rules) gates_.push_back(rule->open(request_.size, *this));
}

// ── The caller ──────────────────────────────────────────────────────────────────────────────────────────────────────

void agenda_batch::run() {
  if (request_.watch != nullptr && request_.watch->take_slot()) threads_.leave_slot();
  {
    lock held(mutex_);
    ticket* const first = ticket_for_more();
    held.unlock();
    add(first);
  }
  for (bool over = false; !over;) {
    threads_.help(started_in);
    executor_limiter::wait_for(started_in, threads_.awaited_as(), [&] {
      lock held(mutex_);
      caller_sleeps_ = true;
      changed_.wait(held, [&] { return is_over() || out_ != 0; });
      caller_sleeps_ = false;
      over = is_over();
    });
  }
  alarm::cancel();
  threads_.join();
}

bool agenda_batch::is_over() const { return out_ == 0 && !asks_ && !leaves_ && (no_more_ || left_ == 0); }

void agenda_batch::finish() {
  if (request_.cancellation_is_data && verdict_.is_cancelled()) return;
  if (!verdict_.is_success()) {
    const std::size_t completed = completed_.load(std::memory_order_acquire);
    verdict_.pronounce(verdict_.is_cancelled() ? completed : 0, request_.size, /*all_ran=*/false);
  }
  if (!progress_.wanted()) return;
  const with_float_settings same(float_settings_);
  progress_.finish();
}

// The ends are read first, so that no task is seen to have ended before it was started.
batch_progress agenda_batch::counts() const {
  batch_progress seen{.failed = verdict_.failed()};
  seen.completed = completed_.load(std::memory_order_acquire);
  seen.started = started_.load(std::memory_order_relaxed);
  return seen;
}

// ── Tickets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

auto agenda_batch::take_ticket() noexcept -> ticket* {
  if (no_more_ || free_ticket_ == nullptr || out_ >= most_tickets()) return nullptr;
  ++out_;
  if (adaptation_) adaptation_->set_at_work(out_);
  tell_caller();
  return std::exchange(free_ticket_, free_ticket_->next_free);
}

auto agenda_batch::ticket_for_more() noexcept -> ticket* {
  return !asks_ && (head_ || agenda_.has_ready()) ? take_ticket() : nullptr;
}

void agenda_batch::give_back(ticket& mine) noexcept {
  mine.next_free = std::exchange(free_ticket_, &mine);
  --out_;
  if (adaptation_) adaptation_->set_at_work(out_);
  if (is_over()) tell_caller();
}

void agenda_batch::add(ticket* one) noexcept {
  if (one != nullptr) static_cast<void>(threads_.add_made(*one, if_full::wait));
}

bool agenda_batch::ask_again() noexcept {
  lock held(mutex_);
  has_to_ask_again_ = true;
  if (asks_) return true;
  ticket* const one = take_ticket();
  held.unlock();
  add(one);
  return !steps_aside(/*leaves_line=*/false);  // the line removes it
}

void agenda_batch::ring() noexcept {
  lock held(mutex_);
  looks_at_ = agenda::time_point::max();
  has_to_ask_again_ = true;
  ticket* const one = asks_ || left_ == 0 ? nullptr : take_ticket();
  held.unlock();
  add(one);
  if (one != nullptr) static_cast<void>(steps_aside(/*leaves_line=*/true));
}

/// Whether the batch waits for a place of its executor. Then the next task gives back what it has got from some of its
/// gates, because those who have the place may wait for that, and leaves the line of the next gate.
bool agenda_batch::steps_aside(bool leaves_line) noexcept {
  if (!threads_.waits_for_slot()) return false;
  lock held(mutex_);
  if (asks_ || leaves_ || no_more_ || passed_ == 0) return !asks_;
  leaves_ = true;  // the head is left alone meanwhile; not `asks_`, because who asks must give up after a stop
  held.unlock();
  if (leaves_line) gates_[passed_]->leave();
  leave_passed_gates();
  held.lock();
  agenda_.put_back(*std::exchange(head_, std::nullopt));
  leaves_ = false;
  if (is_over()) tell_caller();
  return true;
}

/// The caller is in no line, so this is short. (Who leaves the gates may be, and then waits only for gates before that.)
void agenda_batch::wait_while_leaving(lock& held) noexcept {
  while (leaves_) {
    held.unlock();
    std::this_thread::yield();
    held.lock();
  }
}

/// Has someone look at that time, unless someone does before. Does not throw, because the clock is kept.
void agenda_batch::look_at(agenda::time_point when) noexcept {
  if (when >= looks_at_) return;
  looks_at_ = when;
  alarm::set_again(when);
}

// ── Runners ─────────────────────────────────────────────────────────────────────────────────────────────────────────

// If others wait for the slot, the scope is given the chance to leave it to them after each task.
void agenda_batch::use(ticket& mine, const started_task& started) noexcept {
  chunk& its_chunk = task_scope_core::chunk_of(started);
  lock held(mutex_);
  for (;;) {
    const std::optional<agenda::work> next = out_ <= most_tickets() ? take(held) : std::nullopt;
    if (!next) return give_back(mine);
    ticket* const more = ticket_for_more();
    held.unlock();
    add(more);
    bool began = false;
    const std::exception_ptr failure = run_attempt(*next, its_chunk, began);
    bool ends = failure == nullptr || !wants_again(*next, failure);
    if (!began && !failure) {
      leave_out(*next);
    } else if (ends) {
      end(*next, failure);
    }
    held.lock();
    --in_flight_;
    if (!ends && !try_again(*next, failure)) {
      held.unlock();
      end(*next, failure);
      held.lock();
      ends = true;
    }
    if (ends) --left_;
    if (!threads_.is_slot_wanted()) continue;
    held.unlock();
    return add(&mine);
  }
}

std::optional<agenda::work> agenda_batch::take(lock& held) noexcept {
  if (no_more_) return std::nullopt;
  if (const agenda::time_point next = agenda_.next_time(); next != agenda::time_point::max()) {
    agenda_.wake(clock::now());
    look_at(agenda_.next_time());
  }
  if (!gates_.empty()) return take_admitted(held);
  if (!agenda_.has_ready()) return std::nullopt;
  ++in_flight_;
  return agenda_.take();
}

/// False if no other attempt may be made, or there is no memory to remember the task.
bool agenda_batch::try_again(const agenda::work& ended, const std::exception_ptr& cause) noexcept {
  if (no_more_) return false;
  const auto pause = pause_after(ended.attempt, options_.retry, seed_of_task(seed(), ended.index));
  try {
    agenda_.try_again(ended, cause, after(clock::now(), pause));
  } catch (...) {
    return false;
  }
  look_at(agenda_.next_time());
  return true;
}

// A task that waits at the first gate holds nothing, so another one that comes before it may still overtake it.
std::optional<agenda::work> agenda_batch::take_admitted(lock& held) noexcept {
  wait_while_leaving(held);
  has_to_ask_again_ = true;
  while (!no_more_ && !asks_ && has_to_ask_again_ && (head_ || agenda_.has_ready())) {
    if (!head_) head_ = agenda_.take();
    const std::size_t running = in_flight_;
    asks_ = true;
    has_to_ask_again_ = false;
    held.unlock();
    const admission_reply reply = ask(running);
    if (reply.what == admission_reply::kind::never) {
      if (head_->attempt == 1) started_.fetch_add(1, std::memory_order_relaxed);  // no count of ends is ahead of it
      end(*head_, reply.why);
      head_.reset();  // before `give_up`, which ends what is left
    }
    held.lock();
    if (no_more_) {
      held.unlock();
      give_up();
      held.lock();
      break;
    }
    asks_ = false;
    if (reply.what == admission_reply::kind::yes) {
      passed_ = 0;
      ++in_flight_;
      return std::exchange(head_, std::nullopt);
    } else if (reply.what == admission_reply::kind::never) {
      --left_;
      has_to_ask_again_ = true;
    } else {
      if (passed_ == 0) agenda_.put_back(*std::exchange(head_, std::nullopt));
      look_at(reply.until);
    }
  }
  return std::nullopt;
}

/// Asks the gates for the next task, on the thread that `asks_`. If one says never, the task has ended.
admission_reply agenda_batch::ask(std::size_t running) noexcept {
  try {
    admission_reply reply;
    while (reply.what == admission_reply::kind::yes && passed_ != gates_.size()) {
      reply = gates_[passed_]->ask(head_->index, running);
      if (reply.what == admission_reply::kind::yes) ++passed_;
    }
    if (reply.what != admission_reply::kind::never) return reply;
    leave_passed_gates();
    return reply;
  } catch (...) {
    break_off(std::current_exception());
    return {admission_reply::kind::wait};
  }
}

void agenda_batch::leave_passed_gates() noexcept {
  for (; passed_ != 0; --passed_) gates_[passed_ - 1]->end(head_->index);
}

// ── One attempt ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Returns why it has failed, or null. `began`: whether the task itself was called. Otherwise it was stopped while it
/// waited for a resource, unless it has failed.
std::exception_ptr agenda_batch::run_attempt(const agenda::work& what, chunk& its_chunk, bool& began) noexcept {
  if (what.attempt == 1) started_.fetch_add(1, std::memory_order_relaxed);
  its_chunk.set_attempt(what.attempt);
  attempt here(options_, {what.index, *this, its_chunk}, its_chunk, request_.stops);
  attempt*& inside = inside_[runner_of(its_chunk)];
  inside = &here;
  for (const auto& each : gates_) each->begin(what.index);
  std::exception_ptr failure = here.run([&] {
    began = request_.tasks.run(request_.tasks.object, {what.index, what.index + 1}, its_chunk, *this) != what.index;
  });
  for (const auto& each : gates_) each->end(what.index);
  inside = nullptr;
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

/// The task has ended: no other attempt is made.
void agenda_batch::end(const agenda::work& ended, const std::exception_ptr& failure) noexcept {
  if (failure) fail(ended, failure);
  // Release: a thread that reads the count may read what the tasks wrote.
  const std::size_t completed = completed_.fetch_add(1, std::memory_order_acq_rel) + 1;
  if (progress_.wanted()) {
    try {
      progress_.update([this] { return completed_.load(std::memory_order_acquire); });
    } catch (...) {
      break_off(std::current_exception());
    }
  }
  if (verdict_.has_rule() && completed != request_.size && (verdict_.ask_rule(completed) || verdict_.is_decided()))
    stop();
  if (!adaptation_) return;
  static_cast<void>(adaptation_->update(clock::now(), [this] { return completed_.load(std::memory_order_acquire); }));
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
  inside_[current_entry()->runner()]->fail(std::current_exception());
}

void agenda_batch::note_failure(const std::exception_ptr& cause) noexcept {
  inside_[current_entry()->runner()]->fail(cause);
}

std::stop_token agenda_batch::stop_token(const chunk& its_chunk) {
  std::stop_token ours = stop_for_tasks_.token([this] { return stopped(); });
  attempt* const here = inside_[runner_of(its_chunk)];
  return here != nullptr ? here->token(ours) : ours;
}

// ── How it ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

void agenda_batch::have_enough() noexcept {
  if (verdict_.have_enough() || verdict_.is_decided()) stop();
}

void agenda_batch::cancel() noexcept {
  if (completed_.load(std::memory_order_acquire) == request_.size) return;  // nothing is left to cancel
  if (verdict_.cancel()) stop();
}

void agenda_batch::break_off(std::exception_ptr cause) noexcept {
  if (verdict_.break_off(std::move(cause))) stop();
}

// Nothing starts before `stopped_` is set: a thread whose task has seen the stop takes no other task.
void agenda_batch::stop() noexcept {
  bool gives_up = false;
  {
    lock held(mutex_);
    wait_while_leaving(held);
    gives_up = !no_more_ && !asks_;  // otherwise the one who asks does it
    no_more_ = true;
    if (gives_up) asks_ = true;
  }
  stopped_.store(true, std::memory_order_release);
  stop_for_tasks_.request();
  if (gives_up) give_up();
}

/// The attempt is not made, because the batch was stopped: if there was one before, the task has failed as it did then.
void agenda_batch::leave_out(const agenda::work& each) noexcept {
  if (each.attempt == 1) return;
  fail({each.rank, each.index, each.attempt - 1}, each.before);
  completed_.fetch_add(1, std::memory_order_release);
}

/// For the thread that `asks_`, when nothing starts any more: nobody waits at the gates, and tasks that were to be tried
/// again have failed as they did before. Nobody else uses the agenda any more.
void agenda_batch::give_up() noexcept {
  leave_passed_gates();
  for (const auto& each : gates_) each->leave();
  if (head_) leave_out(*head_);
  head_.reset();
  agenda_.drop_all([this](const agenda::work& each) { leave_out(each); });
  const lock held(mutex_);
  asks_ = false;
  if (is_over()) tell_caller();
}

}  // namespace fanout::detail
