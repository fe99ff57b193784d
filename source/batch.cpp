#include "batch.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "worker_budget.hpp"

namespace fanout::detail {
namespace {

std::size_t largest_bite(const progress& progress, std::size_t runners) {
  if (progress.wants_each()) return 1;
  // A runner that is alone binds nobody's tasks to itself; it only has to look at the clock for the progress.
  return runners == 1 && !progress.wanted() ? open_rest::max_block : claims::largest_usual_bite;
}

}  // namespace

void batch_control::fail(std::size_t index) noexcept { static_cast<batch*>(this)->record_failure(index); }
std::stop_token batch_control::stop_token() { return static_cast<batch*>(this)->token(); }

batch::batch(const batch_request& request, std::size_t runners, const frame& place, bool promised, gate* entrance,
             presence& caller, std::size_t adapt_from)
    : request_(request),
      frame_(place),
      promised_(promised),
      entrance_(entrance),
      caller_(caller),
      progress_(request.options.on_progress, request.options.progress_interval, request.size),
      claims_(request.size, runners, largest_bite(progress_, runners)),
      many_runners_(runners > few_runners_.size() ? new runner[runners] : nullptr),
      runners_(many_runners_ ? many_runners_.get() : few_runners_.data(), runners) {
  if (adapt_from != 0) adaptation_.emplace(adapt_from, runners);
}

void batch::lead(crew& helpers) noexcept {
  {
    const work here(caller_);
    run(role::leader, &helpers);
  }
  caller_.rest(&session_);
}

void batch::run_alone() noexcept {
  const work here(caller_);
  run(role::leader, nullptr);
}

void batch::assist(crew& helpers) noexcept {
  if (entrance_ == nullptr) {
    run_with_permit(helpers);
    return;
  }
  // oneTBB may have sent a thread here that waits in a task of another executor, if that task left its arena.
  const absence elsewhere;
  if (!entrance_->join(session_)) return;
  presence helper(*entrance_, presence::kind::helper);
  ending how = ending::not_wanted;
  {
    const work here(helper);
    how = run_with_permit(helpers);
  }
  helper.rest(how == ending::no_task ? &session_ : nullptr);
}

bool batch::wants_help() const noexcept { return !stopped() && !claims_.all_taken(runners_); }

batch::ending batch::run_with_permit(crew& helpers) noexcept {
  const worker_budget::permit permit(promised_);
  if (!permit.granted()) {
    sent_home_.fetch_add(1, std::memory_order_relaxed);
    return ending::not_wanted;
  }
  if (!adaptation_) return run(role::helper, &helpers);
  if (!adaptation_->enter()) return ending::not_wanted;
  return run(role::helper, &helpers);
}

batch::ending batch::run(role who, crew* helpers) noexcept {
  const frame_entry here(frame_);
  runner& me = adaptation_ ? take_place() : runners_[next_runner_.fetch_add(1, std::memory_order_relaxed)];
  while (!stopped()) {
    const bite tasks = claims_.next(me.claim, runners_);
    if (tasks.empty()) break;
    const std::size_t end = request_.tasks.run(request_.tasks.object, tasks.first, tasks.last, *this);
    // Release: who sums the counts may read what the tasks wrote.
    me.completed.store(me.completed.load(std::memory_order_relaxed) + (end - tasks.first), std::memory_order_release);
    if (progress_.wanted()) report_progress();
    if (sent_home_.load(std::memory_order_relaxed) != 0 && helpers != nullptr) call_back_helpers(*helpers);
    if (adaptation_ && me.claim.rest.look() == open_rest::view::empty) {  // who goes leaves no task behind
      if (who == role::helper && adaptation_->leave_if_too_many()) {
        me.taken.store(false, std::memory_order_release);
        return ending::not_wanted;
      }
      if (helpers != nullptr) adapt(*helpers);
    }
  }
  return ending::no_task;
}

// There are as many places as runners, and a runner leaves its place a few instructions after it was counted out.
batch::runner& batch::take_place() noexcept {
  for (;;) {
    for (runner& each : runners_) {
      if (each.taken.load(std::memory_order_relaxed) || each.taken.exchange(true, std::memory_order_acquire)) continue;
      each.claim.pace.since = {};  // what the runner before it took is not a measure of this one's time
      each.claim.pace.taken = 0;
      return each;
    }
    std::this_thread::yield();
  }
}

void batch::adapt(crew& helpers) noexcept {
  std::size_t more = adaptation_->update(adaptation::clock::now(), [this] { return completed(); });
  try {
    for (; more != 0; --more) helpers.call_helper();
  } catch (...) {  // no memory to call it: the batch goes on without
  }
}

void batch::call_back_helpers(crew& helpers) noexcept {
  if (!worker_budget::permit_is_free()) return;
  std::size_t waiting = sent_home_.load(std::memory_order_relaxed);
  while (waiting != 0) {
    if (sent_home_.compare_exchange_weak(waiting, waiting - 1, std::memory_order_relaxed)) {
      try {
        helpers.call_helper();
      } catch (...) {  // no memory to call it: the batch goes on without
      }
      return;
    }
  }
}

void batch::report_progress() noexcept {
  try {
    progress_.update([this] { return completed(); });
  } catch (...) {
    break_off(std::current_exception());
  }
}

bool batch::decide(verdict decision, verdict before) noexcept {
  return verdict_.compare_exchange_strong(before, decision, std::memory_order_acq_rel);
}

void batch::record_failure(std::size_t index) noexcept {
  std::exception_ptr cause = std::current_exception();
  if (request_.options.on_error == error_policy::stop && decide(verdict::failed)) {
    failed_index_ = index;
    cause_ = std::move(cause);
    stop();
    return;
  }
  // Under `stop`, what fails after the first failure is a consequence of it; what fails after a cancellation is told.
  if (verdict_.load(std::memory_order_relaxed) == verdict::failed) return;
  try {
    const std::lock_guard lock(mutex_);
    failures_.push_back({index, std::move(cause)});
  } catch (...) {  // no memory to keep it: a cancelled batch could not tell every failure either, as it promises
    break_off(std::current_exception());
    if (decide(verdict::broken, verdict::cancelled)) cause_ = std::current_exception();
  }
}

void batch::break_off(std::exception_ptr cause) noexcept {
  if (decide(verdict::broken)) cause_ = std::move(cause);
  stop();
}

void batch::cancel() noexcept {
  if (completed() == request_.size) return;  // nothing is left to cancel
  if (decide(verdict::cancelled)) stop();
}

// The flag is set before the mutex is taken: `token` either finds it set, or has left its source for this.
void batch::stop() noexcept {
  stopped_.store(true, std::memory_order_relaxed);
  std::optional<std::stop_source> asked;
  {
    const std::lock_guard lock(mutex_);
    asked = stop_source_;
  }
  if (asked) asked->request_stop();  // runs callbacks of the tasks, which may ask for a token: not under the mutex
}

std::stop_token batch::token() {
  std::optional<std::stop_source> source;
  {
    const std::lock_guard lock(mutex_);
    if (!stop_source_) stop_source_.emplace();
    source = stop_source_;
  }
  if (stopped()) source->request_stop();
  return source->get_token();
}

std::size_t batch::completed() const {
  std::size_t sum = 0;
  for (const runner& each : runners_) sum += each.completed.load(std::memory_order_acquire);
  return sum;
}

std::vector<task_error> batch::task_errors() {
  std::sort(failures_.begin(), failures_.end(),
            [](const failure& one, const failure& other) { return one.index < other.index; });
  std::vector<task_error> errors;
  errors.reserve(failures_.size());
  for (const failure& each : failures_) errors.emplace_back(each.index, each.cause);
  return errors;
}

void batch::finish() {
  switch (verdict_.load(std::memory_order_acquire)) {
    case verdict::failed:
      throw task_error(failed_index_, cause_);
    case verdict::broken:
      std::rethrow_exception(cause_);
    case verdict::cancelled:
      if (request_.cancellation_is_data) return;
      throw operation_cancelled(completed(), request_.size, task_errors());
    case verdict::undecided:
      if (!failures_.empty()) throw aggregate_error(task_errors(), request_.size);
      progress_.finish();
  }
}

}  // namespace fanout::detail
