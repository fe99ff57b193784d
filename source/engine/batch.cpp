#include "engine/batch.hpp"

#include <algorithm>
#include <new>
#include <thread>
#include <type_traits>
#include <utility>

#include "engine/batch_watch.hpp"

namespace fanout::detail {
namespace {

/// The tasks of a chunk are counted when it ends, so chunks of a batch that reports its progress are no larger than
/// this.
constexpr std::size_t largest_reported_chunk = 64;

std::size_t largest_chunk(const batch_request& request, const progress& progress) {
  if (request.whole_chunks) return work_distributor::max_tasks;
  if (progress.wants_each() || request.options.stop_when.is_set() || attempt::is_wanted(request.options))
    return 1;
  return progress.wanted() ? largest_reported_chunk : work_distributor::max_tasks;
}

}  // namespace

void batch_control::fail(std::size_t index) noexcept { record_failure(index); }

batch::batch(const batch_request& request, std::size_t runners, const batch_scope& scope, std::size_t adapt_from)
    : batch_control(runners != 1 && !has_heavy_fence(), request.options.seed),
      request_(request),
      scope_(scope),
      progress_(request.options.on_progress, request.options.progress_interval, request.size),
      distributor_(request.size, runners, largest_chunk(request, progress_), fenced(),
                   request.whole_chunks),
      many_runners_(runners > few_runners_.size() ? new runner[runners] : nullptr),
      runners_(many_runners_ ? many_runners_.get() : make_few(runners), runners),
      runs_attempts_(attempt::is_wanted(request.options)),
      clock_(request.options.task_timeout != no_limit),
      verdict_(request.options, request.deadline, /*failures_stop=*/!request.one_is_enough),
      stop_for_tasks_(request.stops) {
  scope_.awaited_as = request.watch;
  if (adapt_from != 0) adaptation_.emplace(adapt_from, runners);
  is_plain_ = !progress_.wanted() && !verdict_.has_rule() && !adaptation_;
}

batch::runner* batch::make_few(std::size_t count) noexcept {
  static_assert(std::is_trivially_destructible_v<runner>);
  for (std::size_t each = 1; each != count; ++each) new (&few_runners_[each]) runner;
  return new (&few_runners_[0]) runner;
}

void batch::admit(const batch_scope& scope) {
  scope_ = scope;
  scope_.awaited_as = request_.watch;
  in_limiter_ = scope.limiter != nullptr;
}

// ── Where it runs ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Called by the leader when it has found no task to start. False if there is one all the same, see
/// `executor_limiter::try_close`; then it must go on. `surely`: it starts none in any case. A second call does nothing.
bool batch::leave_limiter(bool surely) noexcept {
  if (!in_limiter_) return true;
  const std::size_t slots = scope_.has_own_slot() && !has_no_slot_ ? 1 : 0;
  if (surely) {
    scope_.limiter->close(*this, slots);
  } else if (!scope_.limiter->try_close(*this, slots)) {
    return false;
  }
  in_limiter_ = false;
  if (borrowed_ != nullptr) scope_.limiter->give_back(*borrowed_);
  return true;
}

/// `number`: of the leader's runner, which is kept for it while it steps aside.
inline void batch::lead_tasks(std::size_t number, helper_calls* helpers) noexcept {
  if (run(role::leader, number, scope_, helpers) == fate::makes_way) [[unlikely]] go_on_leading(number, helpers);
}

void batch::run_alone(arena* home) {
  const auto lead = [this, number = take_index()] { lead_tasks(number, nullptr); };
  try {
    do {
      home != nullptr ? home->enter(lead) : lead();
    } while (!leave_limiter());
  } catch (...) {
    leave_limiter(/*surely=*/true);
    throw;
  }
}

void batch::run_on_reserves(arena& home, reserves::group& helpers, bool enters) {
  home_ = &home;
  calls_.choose(helpers);
  if (scope_.limiter == nullptr) {
    calls_.call_promised(first_helpers());
  } else {
    try {
      // An executor of n slots is promised n - 1 reserves, because a leader holds one of the slots. But if this batch
      // is nested, the leader of the outer batch may have given back its slot already, and reserves may hold all n.
      if (!scope_.has_own_slot()) calls_.promise(1);
    } catch (const std::exception&) {  // refused by the system: one slot may wait until a reserve has come back
    }
    scope_.limiter->request(*this, first_helpers());
  }
  const auto lead = [this, number = take_index()] { lead_tasks(number, this); };
  std::exception_ptr no_memory;
  try {
    do {
      enters ? home.enter(lead) : lead();
    } while (!leave_limiter());
  } catch (...) {  // no memory to enter the arena; helpers may be at work already
    no_memory = std::current_exception();
    stop();
  }
  leave_limiter(/*surely=*/true);
  if (scope_.limiter == nullptr) static_cast<void>(calls_.withdraw());
  calls_.wait();
  if (no_memory) std::rethrow_exception(no_memory);
}

void batch::serve() noexcept {
  fate how = fate::over;
  if (wants_help()) {
    try {
      home_->enter([&] { how = help(*this); });
    } catch (...) {  // no memory to enter the arena
      break_off(std::current_exception());
    }
  }
  if (scope_.limiter == nullptr) return;
  if (how == fate::over && scope_.limiter->try_close(*this, 1)) return;
  how == fate::makes_way ? scope_.limiter->make_way(this) : scope_.limiter->leave();
}

void batch::run_on_workers(arena& home, bool enters) {
  try {
    enters ? home.fan_out(*this, first_helpers()) : home.fan_out_from_inside(*this, first_helpers());
  } catch (...) {
    leave_limiter(/*surely=*/true);  // the leader may not have run, which would have done it
    throw;
  }
}

void batch::lead(helper_calls& helpers) noexcept {
  const std::size_t number = take_index();
  do {
    lead_tasks(number, &helpers);
  } while (!leave_limiter());
}

void batch::assist(helper_calls& helpers) noexcept {
  if (scope_.limiter == nullptr) return static_cast<void>(help(helpers));
  while (scope_.limiter->join(*this)) {
    const fate how = help(helpers);
    if (how == fate::over && scope_.limiter->try_close(*this, 1)) return;
    if (how != fate::makes_way) return scope_.limiter->leave();
    scope_.limiter->make_way(nullptr);
  }
}

// ── The runners ─────────────────────────────────────────────────────────────────────────────────────────────────────

bool batch::wants_help() const noexcept { return !stopped() && !distributor_.all_taken(runners_); }

// Not where chunks are started as wholes. Nor where something is around each task, which has begun when the task
// starts: then a chunk is a single task.
void batch::ask_to_pause() noexcept {
  if (runs_attempts_ || request_.whole_chunks) return;
  for (runner& each : runners_) each.work.mine.ask_to_pause();
}

batch::fate batch::help(helper_calls& helpers) noexcept {
  if (adaptation_ && !adaptation_->enter()) return fate::unwanted;
  return run(role::helper, take_index(), scope_, &helpers);
}

void batch::go_on_leading(std::size_t number, helper_calls* helpers) noexcept {
  batch_scope scope = scope_;  // of this thread alone, because it may borrow a slot
  while (step_aside(scope) && run(role::leader, number, scope, helpers) == fate::makes_way) continue;
}

/// Waits for a slot if the leader has to give its own back. False if no task is left to start.
bool batch::step_aside(batch_scope& scope) noexcept {
  if (adaptation_) adaptation_->leader_steps_aside();
  const auto [how, lender] = scope_.limiter->step_aside(*this, scope_.starter, request_.options.stop, scope_.awaited_as,
                                                        request_.stops);
  if (adaptation_) adaptation_->leader_comes_back();
  has_no_slot_ = how != executor_limiter::admission::slot;
  if (how == executor_limiter::admission::borrowed) scope.lender = borrowed_ = lender;
  if (how != executor_limiter::admission::stopped) return true;
  // Perhaps `cancel` has not been called yet by the thread that requests the stop, and will not be after the end.
  if (request_.options.stop.stop_requested()) cancel();
  return false;
}

// Also for the leader: oneTBB changes the settings of a thread that enters an arena, to those of the thread that
// created it, and may even let another thread lead if the arena has no free slot. And what a task changes ends here.
batch::fate batch::run(role who, std::size_t number, const batch_scope& scope, helper_calls* helpers) noexcept {
  const with_float_settings same(float_settings_);
  const bool holds_slot = who == role::helper ? scope.limiter != nullptr : scope.has_own_slot();
  executor_limiter* const limiter = holds_slot ? scope.limiter : nullptr;
  const scope_entry here(scope, holds_slot, number);
  runner& me = runners_[number];
  // Not `stopped()`: the flag of the chunk is set a little before. A runner that went on claiming tasks until then
  // would skip them while others may still start later ones, and would call `around` for each.
  for (std::size_t ended = 0; !me.work.mine.stopped();) {
    if (limiter != nullptr && limiter->may_be_too_many() && must_make_way(who)) [[unlikely]]
      return leave_early(me, who, fate::makes_way);
    task_range tasks = me.work.mine.resume();  // what this runner, or the one before in its place, has left
    if (tasks.empty()) {
      tasks = distributor_.next(number, runners_, ended);
      if (tasks.empty()) break;
    } else {
      me.work.pace.taken += ended;
    }
    ended = (runs_attempts_ ? run_attempt(me, tasks) : run_tasks(me, tasks)) - tasks.first;
    // Release: a thread that has summed the counts may read what the tasks wrote.
    me.completed.store(me.completed.load(std::memory_order_relaxed) + ended, std::memory_order_release);
    if (is_plain_) continue;
    if (progress_.wanted()) report_progress();
    if (verdict_.has_rule()) ask_rule();
    if (adaptation_) {
      const bool may_leave = who == role::helper && !me.work.mine.has_paused();  // others may have found no task left
      if (may_leave && adaptation_->leave_if_too_many()) return leave_early(me, who, fate::unwanted);
      if (helpers != nullptr) adapt(*helpers);
    }
  }
  return fate::over;
}

/// Whether the runner, which holds a slot, has to give it back; a leader finds out when it steps aside. No runner
/// does if no task is left to start: the one that finds that out sends away a leader that waits.
bool batch::must_make_way(role who) noexcept {
  if (!wants_help()) return false;
  if (who == role::leader) return request_.watch == nullptr || !request_.watch->leader_keeps_slot();
  if (!scope_.limiter->is_one_too_many(*this)) return false;
  if (adaptation_) adaptation_->leave();
  return true;
}

batch::fate batch::leave_early(runner& me, role who, fate how) noexcept {
  me.work.pace.since = {};  // the time until the next runner begins is not that of a task
  me.work.pace.taken = 0;
  if (who == role::helper) me.left.store(true, std::memory_order_release);  // a leader comes back
  return how;
}

// No more runners are counted as at work than `runners_` has elements. A helper that was counted out, and not yet its
// successor, leaves its element a few instructions later, so the wait for a free element is short.
std::size_t batch::take_index_of_other() noexcept {
  for (;;) {
    for (runner& each : runners_) {
      if (each.left.load(std::memory_order_relaxed) && each.left.exchange(false, std::memory_order_acquire))
        return static_cast<std::size_t>(&each - runners_.data());
    }
    std::this_thread::yield();
  }
}

void batch::adapt(helper_calls& helpers) noexcept {
  const std::size_t most = std::min(runners_.size(), scope_.limiter->allowed());
  std::size_t more = adaptation_->update(most, adaptation::clock::now(), [this] { return completed(); });
  try {
    for (; more != 0; --more) helpers.call_helper();
  } catch (...) {  // no memory to call a helper: the batch goes on without it
  }
}

// ── How it ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

void batch::report_progress() noexcept {
  try {
    progress_.update([this] { return completed(); });
  } catch (...) {
    break_off(std::current_exception());
  }
}

void batch::ask_rule() noexcept {
  if (verdict_.ends_by_rule(completed(), request_.size)) stop();
}

void batch::have_enough() noexcept {
  if (verdict_.have_enough() || verdict_.is_decided()) stop();
}

void batch::record_failure(std::size_t index) noexcept {
  if (attempt* const here = attempt_of_this_thread(); here != nullptr) return here->fail(std::current_exception());
  if (verdict_.fail(index, std::current_exception())) stop();
}

void batch::note_failure(const std::exception_ptr& cause) noexcept {
  if (attempt* const here = attempt_of_this_thread(); here != nullptr) return here->fail(cause);
  verdict_.count_failure();
}

// ── Tasks that run in something ─────────────────────────────────────────────────────────────────────────────────────

attempt* batch::attempt_of_this_thread() const noexcept {
  return runs_attempts_ ? runners_[current_entry()->runner()].inside : nullptr;
}

// The task is a chunk of its own, or a share. It is not started if the batch has been stopped in the meantime.
std::size_t batch::run_attempt(runner& me, task_range task) noexcept {
  if (stopped()) return task.first;
  attempt here(request_.options, {task.first, *this, me.work.mine}, me.work.mine, request_.stops);
  me.inside = &here;
  std::size_t ended = task.first;
  const std::exception_ptr failure = here.run([&] { ended = run_tasks(me, task); });
  me.inside = nullptr;
  if (!failure) return ended;
  if (request_.keep_failure != nullptr) {
    request_.keep_failure(request_.tasks.object, task.first, failure, /*attempts=*/1);
    verdict_.count_failure();
  } else if (verdict_.fail(task.first, failure)) {
    stop();
  }
  if (ended != task.first) return ended;
  me.work.mine.count_start();  // it has failed without its body, which counts
  me.work.mine.count_end();
  return task.first + 1;
}

void batch::break_off(std::exception_ptr cause) noexcept {
  if (verdict_.break_off(std::move(cause))) stop();
}

void batch::cancel() noexcept {
  if (completed() == request_.size) return;  // nothing is left to cancel
  if (verdict_.cancel()) stop();
}

// The flags in the chunks keep tasks from starting. They are set before `stopped_`, which is stored with release: a
// thread whose task has seen the stop sees the flag of its chunk, and starts no other task.
void batch::stop() noexcept {
  for (runner& each : runners_) each.work.mine.stop();
  stopped_.store(true, std::memory_order_release);
  stop_for_tasks_.request();
}

std::stop_token batch::stop_token(const chunk& its_chunk) {
  std::stop_token ours = stop_for_tasks_.token([this] { return stopped(); });
  if (!runs_attempts_) return ours;
  attempt* const here = runners_[runner_of(its_chunk)].inside;
  return here != nullptr ? here->token(ours) : ours;
}

// A chunk lies at the beginning of its runner.
std::size_t batch::runner_of(const chunk& its_chunk) const noexcept {
  return static_cast<std::size_t>(reinterpret_cast<const runner*>(&its_chunk) - runners_.data());
}

std::size_t batch::completed() const {
  std::size_t sum = 0;
  for (const runner& each : runners_) sum += each.completed.load(std::memory_order_acquire);
  return sum;
}

// The ends are read first, so that no task is seen to have ended before it was started.
batch_progress batch::counts() const {
  batch_progress sum{.failed = verdict_.failed()};
  for (const runner& each : runners_) sum.completed += each.work.mine.ended();
  for (const runner& each : runners_) sum.started += each.work.mine.started();
  return sum;
}

void batch::finish() {
  if (request_.cancellation_is_data && verdict_.is_cancelled()) return;
  if (!verdict_.is_success()) {
    verdict_.pronounce(verdict_.is_cancelled() ? completed() : 0, request_.size, /*all_ran=*/false);
  }
  if (!progress_.wanted()) return;
  const with_float_settings same(float_settings_);
  progress_.finish();
}

}  // namespace fanout::detail
