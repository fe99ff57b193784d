#include "engine/task_scope.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/deferred_cancellation.hpp"
#include "engine/agenda.hpp"
#include "executor/position.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/limits.hpp"
#include "fanout/task_scope.hpp"

namespace fanout::detail {
namespace {

using namespace std::chrono_literals;

/// How long a runner that has found no task looks for new ones. To call a reserve takes microseconds, so a stream of
/// tasks should not have to do it again and again.
constexpr auto look_time = 50us;

/// How long a runner uses a slot that others wait for. A scope may never be without tasks.
constexpr auto slot_time = 1ms;

/// A scope without tasks gives memory for small tasks back if it has more than this, in blocks of 4 KiB.
constexpr std::size_t most_blocks_kept = 16;

std::size_t limit_of(const executor_core* on, const run_options& options) {
  const concurrency_limit& named = options.concurrency;
  check_options(options);
  if (agenda::is_wanted(options))
    throw std::invalid_argument("a task_scope takes no priority, admission or retry: use a batch");
  if (options.max_pending == 0) throw std::invalid_argument("max_pending must be at least 1; got 0");
  std::size_t most = named == unlimited   ? most_unlimited
                     : named == automatic ? available_concurrency()
                                          : named.number();
  if (on != nullptr) most = named.is_number() ? std::min(most, on->limit()) : on->limit();
  return std::min(most, application_limit());
}

}  // namespace

task_scope_core::task_scope_core(executor_core* on, run_options&& options, const stop_functions* stops,
                                 const surroundings& around)
    : batch_control(/*fenced=*/false, options.seed),
      options_(std::move(options)),
      limit_(limit_of(on, options_)),
      listener_(around.listener),
      caller_replaces_(around.caller_replaces),
      can_call_(application_limit() != 1 && !around.calls_nobody),
      borrowed_(on == nullptr ? executor_cache::borrow(limit_, /*named=*/true) : nullptr),
      home_(on != nullptr ? *on : *borrowed_),
      scope_{.limiter = home_.limiter(),
             .home = &home_,
             .starter = around.starter,
             .awaited_as = around.awaited_as != nullptr ? around.awaited_as : this},
      runs_attempts_(attempt::is_wanted(options_)),
      clock_(options_.task_timeout != no_limit),
      verdict_(options_, this),
      functions_(stops),
      stop_(stops),
      progress_(options_.on_progress, options_.progress_interval, 0),
      line_(limit_, options_.max_pending, can_call_),
      many_seats_(limit_ > few_seats_.size() ? new seat[limit_] : nullptr),
      seats_(many_seats_ ? many_seats_.get() : few_seats_.data(), limit_),
      on_stop_(stops) {
  calls_.choose(home_.helpers());
  // A named executor of n is promised n - 1 reserves. All n slots may be held by those of scopes.
  if (can_call_ && on != nullptr && on->named()) {
    leader_.emplace(home_);
  } else if (can_call_) {
    reserves_.emplace(limit_, home_.helpers());
  }
  // No entry: the scope may outlive the task that made it.
  if (on != nullptr) visit_.emplace(home_, around.starter);
  for (seat& each : seats_) each.next_free = std::exchange(free_seat_, &each);
  on_stop_.begin(std::move(options_.stop),
                 {this, [](void* it) noexcept { static_cast<task_scope_core*>(it)->cancel(); }});
  set_deadline(options_.timeout);
}

// ── Adding ──────────────────────────────────────────────────────────────────────────────────────────────────────────

bool task_scope_core::add_copy(const closure_kind& kind, const void* task, if_full then) {
  static std::atomic<unsigned> threads{0};
  static thread_local unsigned favourite = threads.fetch_add(1, std::memory_order_relaxed);
  closure& copy = store_.make(favourite);
  copy.kind = &kind;
  std::memcpy(copy.task(), task, kind.copied);
  const line::fate done = add(copy, then);
  if (done != line::fate::added) store::ended_tasks(store_).add(copy);
  return accept(done);
}

bool task_scope_core::add_made(closure& made, if_full then) {
  const line::fate done = add(made, then);
  if (done == line::fate::ignored) made.kind->drop(made);
  return accept(done);
}

bool task_scope_core::accept(line::fate done) {
  if (done == line::fate::closed) throw std::logic_error("a task was added to a scope that has been joined");
  return done != line::fate::full;
}

task_scope_core::line::fate task_scope_core::add(closure& task, if_full then) {
  auto done = line_.add(false, task);
  while (done.what == line::fate::full && then == if_full::wait) {
    bool beyond = may_be_own_task();
    if (!beyond) {
      const room found = wait_for_room();
      done = line_.add(false, task);
      beyond = done.what == line::fate::full && found == room::never;
    }
    if (beyond) done = line_.add(true, task);
  }
  if (done.calls) request_runner();
  return done.what;
}

/// Whether the calling thread works for a task of this scope.
bool task_scope_core::is_own_task() const { return is_inside(current_entry(), scope_.awaited_as); }

bool task_scope_core::runs_caller() const noexcept {
  const scope_entry* const here = current_entry();
  return here != nullptr && here->entered().awaited_as == scope_.awaited_as;
}

/// A worker of oneTBB in the scope's arena might, with a piece of a loop.
bool task_scope_core::may_be_own_task() const {
  return current_entry() != nullptr ? is_own_task() : executor_core::scope_of_worker().home == &home_;
}

// ── The runners ─────────────────────────────────────────────────────────────────────────────────────────────────────

void task_scope_core::request_runner() noexcept {
  limiter() != nullptr ? limiter()->request(*this, 1) : calls_.call(1);
}

/// Not for a thread that adds: it asks by itself, and may hold a mutex that the listener locks.
void task_scope_core::call_runner() noexcept {
  request_runner();
  if (listener_ != nullptr && waits_for_slot()) listener_->comes_to_wait_for_slot();
}

void task_scope_core::call_off(std::size_t coming) noexcept {
  if (line_.call_off(coming)) call_runner();
}

// On a reserve, which holds a slot if the scope is that of an executor.
void task_scope_core::serve() noexcept {
  if (line_.arrive()) call_runner();
  bool makes_way = false;
  in_arena([&] { makes_way = run_tasks(scope_, limiter() != nullptr, leaves::after_a_look); });
  if (limiter() != nullptr) give_back_slot(makes_way);
}

/// The task line has requested another slot, if it needs one.
void task_scope_core::give_back_slot(bool makes_way) noexcept {
  makes_way ? limiter()->make_way(nullptr) : limiter()->leave();
}

/// True if the runner must make way: see executor_limiter::is_one_too_many.
bool task_scope_core::run_tasks(const batch_scope& scope, bool holds_slot, leaves when) noexcept {
  const with_float_settings same(float_settings_);
  const seat_taken place(*this);
  seat& mine = *place;
  const scope_entry here(scope, holds_slot, runner_of(mine.mine));
  const bool has_bound = options_.max_pending != line::unbounded;
  slot_use slot(*this, holds_slot);
  store::ended_tasks ended(store_);
  for (;;) {
    if (slot.makes_way()) {
      if (line_.leave()) call_runner();
      return true;
    }
    closure* const next = line_.take();
    if (next != nullptr) {
      if (has_bound) tell_slot_waits(/*of_room=*/true);
      const bool is_copy = next->kind->copied != 0;
      run(*next, mine);
      if (is_copy) ended.add(*next);
      const bool leaves_now = (when == leaves::when_there_is_room && line_.has_room_now()) || slot.should_end();
      if (!leaves_now) continue;
      if (line_.leave()) call_runner();
      return false;
    }
    ended.count();
    const auto [how, over, calls] = line_.pause(when == leaves::after_a_look);
    if (calls) call_runner();
    if (over) {
      tell_slot_waits(/*of_room=*/false);
      store_.give_back(most_blocks_kept);
    }
    if (how == line::rest::leave || (how == line::rest::look && !look_for_more())) return false;
  }
}

bool task_scope_core::slot_use::makes_way() { return is_held_ && of_.limiter()->is_one_too_many(); }

// A runner that steps aside requests another slot, behind those who wait.
bool task_scope_core::slot_use::should_end() {
  if (!is_held_ || !of_.limiter()->may_be_wanted()) return false;
  const auto now = std::chrono::steady_clock::now();
  if (now - since_ < slot_time) return false;
  since_ = now;
  return of_.limiter()->is_wanted_by_others(of_);
}

// A slot that someone else waits for is not kept for tasks that may come.
bool task_scope_core::look_for_more() noexcept {
  const auto end = std::chrono::steady_clock::now() + look_time;
  const auto [works, calls] = line_.look([&] {
    return std::chrono::steady_clock::now() < end && !ended_.load(std::memory_order_relaxed) &&
           (limiter() == nullptr || !limiter()->may_be_wanted());
  });
  if (calls) call_runner();
  return works;
}

void task_scope_core::run_attempt(closure& next, seat& mine) noexcept {
  const started_task started{next.index, *this, mine.mine};
  attempt here(options_, started, mine.mine, functions_);
  mine.inside = &here;
  bool has_run = false;
  const std::exception_ptr failure = here.run([&] {
    has_run = true;
    next.kind->run(next, started);
  });
  if (!has_run) next.kind->drop(next);
  mine.inside = nullptr;
  if (failure && verdict_.fail(started.index, failure)) stop_tasks();
}

// Release: a thread that has summed the counts may read what the tasks wrote.
void task_scope_core::run(closure& next, seat& mine) noexcept {
  runs_attempts_ ? run_attempt(next, mine) : next.kind->run(next, {next.index, *this, mine.mine});
  mine.completed.store(mine.completed.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  if (verdict_.has_rule() && verdict_.ask_rule(completed())) stop_tasks();
  if (!progress_.wanted()) return;
  try {
    progress_.update([this] { return completed(); }, [this] { return line_.added_now(); });
  } catch (...) {
    if (verdict_.break_off(std::current_exception())) stop_tasks();
  }
}

// There are as many seats as runners at most. One that has left frees its seat a few instructions later, so the
// wait for a free seat is short.
task_scope_core::seat_taken::seat_taken(task_scope_core& of)
    : of_(of), seat_([&of]() -> seat& {
        for (;; std::this_thread::yield()) {
          const std::lock_guard lock(of.mutex_);
          if (of.free_seat_ != nullptr) return *std::exchange(of.free_seat_, of.free_seat_->next_free);
        }
      }()) {}

task_scope_core::seat_taken::~seat_taken() {
  const std::lock_guard lock(of_.mutex_);
  seat_.next_free = std::exchange(of_.free_seat_, &seat_);
}

// ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void task_scope_core::join() {
  if (is_own_task()) throw std::logic_error("a task cannot join its own scope");
  if (!begin_to_join()) throw std::logic_error("the scope has been joined");
  struct until_then {
    std::atomic<phase>& of;
    ~until_then() { of.store(phase::joined, std::memory_order_release); }
  } const joins{phase_};
  end();
  finish();
}

bool task_scope_core::begin_to_join() noexcept {
  phase expected = phase::open;
  if (!phase_.compare_exchange_strong(expected, phase::joining, std::memory_order_relaxed)) return false;
  joined_by_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  return true;
}

// If a task calls `exit` while another thread joins a static scope, the destructor comes during the join. The last
// call of the progress callback, and the destructors of tasks that never started, are on the thread that joins.
void task_scope_core::drop() noexcept {
  if (phase_.load(std::memory_order_acquire) == phase::joined) return;
  if (is_own_task() || joined_by_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
    std::fputs("fanout: a task scope is being destroyed by one of its own tasks or callbacks\n", stderr);
    std::abort();
  }
  cancel();
  if (begin_to_join()) return end();
  while (phase_.load(std::memory_order_acquire) != phase::joined) std::this_thread::sleep_for(1ms);
}

void task_scope_core::end() noexcept {
  const position here;
  const deferred_cancellation until_all_have_ended;
  do {
    static_cast<void>(wait(here.entry(), /*for_room=*/false, /*works=*/true));
    drop_unstarted();
  } while (!line_.try_close());
  ended_.store(true, std::memory_order_relaxed);
  limiter() != nullptr ? limiter()->close(*this, 0) : static_cast<void>(calls_.withdraw());
  calls_.wait();
  on_stop_.end();
  drop_deadline();
  visit_.reset();
  leader_.reset();
  reserves_.reset();
  borrowed_.reset();
}

void task_scope_core::drop_unstarted() noexcept {
  store::ended_tasks ended(store_);
  while (closure* const each = line_.take_unstarted()) {
    const bool is_copy = each->kind->copied != 0;
    each->kind->drop(*each);
    if (is_copy) ended.add(*each);
  }
}

void task_scope_core::finish() {
  const std::size_t total = line_.added();
  verdict_.pronounce(completed(), total, untouched_by_stop_.load(std::memory_order_acquire) == total);
  if (!progress_.wanted()) return;
  const with_float_settings same(float_settings_);
  progress_.finish(total);
}

void task_scope_core::cancel() noexcept {
  if (!verdict_.cancel()) return;
  stop_tasks();
}

// The line keeps tasks from starting. It is stopped before `stopped_` is set: a thread whose task has seen the stop
// takes no other task. `stopped_` is set before the tasks' source is looked for: so `token` either finds it set, or
// has made its source before.
void task_scope_core::stop_tasks() noexcept {
  const auto [nothing_left, added] = line_.stop();
  stopped_.store(true, std::memory_order_release);
  if (nothing_left) untouched_by_stop_.store(added, std::memory_order_release);
  tell_slot_waits(/*of_room=*/false);
  stop_.request();
}

void task_scope_core::record_failure(std::size_t index) noexcept {
  if (runs_attempts_) return seats_[current_entry()->runner()].inside->fail(std::current_exception());
  if (verdict_.fail(index, std::current_exception())) stop_tasks();
}

std::stop_token task_scope_core::stop_token(const chunk& its_chunk) {
  std::stop_token ours = stop_.token([this] { return stopped(); });
  if (!runs_attempts_) return ours;
  attempt* const here = seats_[runner_of(its_chunk)].inside;
  return here != nullptr ? here->token(ours) : ours;
}

// A chunk lies at the beginning of its seat.
std::size_t task_scope_core::runner_of(const chunk& its_chunk) const noexcept {
  return static_cast<std::size_t>(reinterpret_cast<const seat*>(&its_chunk) - seats_.data());
}

bool task_scope_core::waits_for_slot() {
  if (limiter() == nullptr) return false;
  // In the order in which a thread goes from one to the next when it takes the place of a reserve.
  if (limiter()->is_queued(*this) || about_to_wait_.load(std::memory_order_acquire) != 0) return true;
  const std::lock_guard lock(mutex_);
  return !slot_waits_.empty();
}

std::size_t task_scope_core::completed() const {
  std::size_t sum = 0;
  for (const seat& each : seats_) sum += each.completed.load(std::memory_order_acquire);
  return sum;
}

// Each number is read before one that is at least as large. A failure is counted before its task has ended.
batch_progress task_scope_core::counts() {
  batch_progress seen;
  seen.completed = completed();
  seen.failed = std::min(verdict_.failed(), seen.completed);
  seen.started = line_.taken();
  seen.total = line_.added_now();
  return seen;
}

// ── What the headers use ────────────────────────────────────────────────────────────────────────────────────────────

void drop_task_scope(task_scope_core& core) noexcept { core.drop(); }

void task_scope_deleter::operator()(task_scope_core* core) const noexcept { delete core; }

task_scope_engine make_task_scope(executor_core* on, run_options&& options, const stop_functions* stops) {
  return task_scope_engine(new task_scope_core(on, std::move(options), stops));
}

bool add_copy(task_scope_core& core, const closure_kind& kind, const void* task, if_full then) {
  return core.add_copy(kind, task, then);
}

bool add_made(task_scope_core& core, closure& made, if_full then) { return core.add_made(made, then); }

void throw_empty_scope_task() { throw std::invalid_argument("the task is an empty function"); }

}  // namespace fanout::detail

namespace fanout {

void task_scope::engine_join() { core_->join(); }
void task_scope::request_stop() noexcept { core_->cancel(); }
bool task_scope::runs_caller() const noexcept { return core_->runs_caller(); }
batch_progress task_scope::progress() const noexcept { return core_->counts(); }

}  // namespace fanout
