#include "engine/stream_run.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "base/deferred_cancellation.hpp"
#include "base/primitives.hpp"
#include "fanout/detail/machine.hpp"
#include "fanout/detail/spinning_place.hpp"
#include "fanout/limits.hpp"

namespace fanout::detail {
namespace {

using namespace std::chrono_literals;

// A worker that finds nothing to pull looks on for a moment, because to be called again takes microseconds. For the
// first part of this time it waits for as many places as it can use at once.
constexpr auto patience = 10us;
constexpr auto linger_time = 30us;

// An executor with a named limit is promised all its reserves but one, because usually a caller has one of its slots.
std::size_t promised_for(executor_core* executor, std::size_t workers) {
  return executor != nullptr && executor->named() ? 1 : workers;
}

}  // namespace

stream_run::stream_run(stream_control& of, executor_core* executor, const stream_options& options,
                       const stop_functions* stops)
    : stream_(of),
      executor_(executor),
      limiter_(executor != nullptr ? executor->limiter() : nullptr),
      most_workers_(std::min(most_mapped(executor, options.concurrency), of.capacity_)),
      scope_{.limiter = limiter_, .home = executor, .awaited_as = this},
      workers_(new stream_worker[most_workers_]),
      stop_for_tasks_(stops) {
  reserves::group& helpers = executor != nullptr ? executor->helpers() : reserves::with_stack(0);
  promise_.emplace(promised_for(executor, most_workers_), helpers);
  calls_.choose(helpers);
  if (executor != nullptr) visit_.emplace(*executor, nullptr);
}

stream_run::~stream_run() { stop_and_join(); }

void stream_run::call_worker() noexcept {
  const std::lock_guard lock(calling_);
  if (closing_.load(std::memory_order_relaxed) || !stream_.attendance_.count_in(most_workers_)) return;
  limiter_ != nullptr ? limiter_->request(*this, 1) : calls_.call(1);
}

// ── A worker ───────────────────────────────────────────────────────────────────────────────────────────────────────

void stream_run::serve() noexcept {
  fate how = fate::idle;
  if (wants_help()) {
    try {
      executor_ != nullptr ? executor_->workplace().enter([&] { how = work(); }) : static_cast<void>(work());
    } catch (...) {  // no memory to enter the arena
      break_off(std::current_exception());
    }
  }
  if (limiter_ != nullptr) how == fate::makes_way ? limiter_->make_way(this) : limiter_->leave();
}

// A worker that makes way is still counted: it has been called again, for when there is a slot.
stream_run::fate stream_run::work() noexcept {
  const with_float_settings same(float_settings_);
  do {
    fate how = fate::idle;
    stream_worker* const me = take_worker();
    if (me != nullptr) {  // otherwise the reader helps in the place of this one
      const scope_entry here(scope_, limiter_ != nullptr, static_cast<std::size_t>(me - workers_.get()));
      how = run_turns(*me);
      me->taken.store(false, std::memory_order_release);
    }
    if (how != fate::idle) return how;
    stream_.attendance_.count_out();
    if (me == nullptr) return how;
  } while (stream_.can_pull() && stream_.attendance_.count_in(most_workers_));
  return fate::idle;
}

stream_run::fate stream_run::run_turns(stream_worker& me) noexcept {
  const bool alone = most_workers_ == 1;
  for (bool takes_any = true;;) {
    if (stream_.stopped()) return fate::idle;
    if (limiter_ != nullptr && limiter_->is_one_too_many()) return fate::makes_way;
    if (!alone && steals_from_stuck(me)) continue;
    const std::size_t wanted = std::max<std::size_t>(1, me.most / 2);
    if ((std::exchange(takes_any, false) || stream_.attendance_.room() >= wanted) && stream_.turn(me) != 0) {
      if (!alone && count_out_if_superfluous(me)) return fate::counted_out;
      continue;
    }
    if (!stream_.may_pull()) {
      if (!alone && stream_.steal(me)) continue;
      return fate::idle;
    }
    takes_any = true;
    if (linger(patience, wanted)) continue;
    stream_.is_awaited_.store(false, std::memory_order_relaxed);
    stream_.attendance_.set_useful(most_workers_);
    if (!alone && stream_.steal(me)) continue;
    if (!linger(linger_time, 1)) return fate::idle;
  }
}

/// Looks for something to pull, unless another worker does. Only one does, so that the others give back their slots.
bool stream_run::linger(std::chrono::nanoseconds time, std::size_t wanted) noexcept {
  if (!stream_.attendance_.begin_to_linger()) return false;
  const auto found = [&] { return stream_.attendance_.room() >= wanted && stream_.can_pull(); };
  {
    basic_spinning_place<chunk_primitives>::spinner here(stream_.attendance_.lingers_at());
    here.look();
    for (int look = 0; look != 40 && !found() && stream_.may_pull(); ++look) std_primitives::pause();
    for (const auto end = clock::now() + time; !found() && stream_.may_pull() && clock::now() < end; here.look())
      std_primitives::relax();
  }
  stream_.attendance_.end_lingering();
  return stream_.can_pull();
}

/// Maps an item of another worker that has started none since this one looked last: then it is inside a long item, or
/// has no core. Looks at one other worker at a time, so that it costs little. False if it has mapped none.
bool stream_run::steals_from_stuck(stream_worker& me) noexcept {
  stream_worker& other = workers_[me.looked_at];
  if (&other != &me && other.left.load(std::memory_order_relaxed) != 0 && other.mine.started() == me.had_started) {
    if (stream_.steal(me)) return true;
    other.left.store(0, std::memory_order_relaxed);
  }
  me.looked_at = (me.looked_at + 1) % most_workers_;
  me.had_started = workers_[me.looked_at].mine.started();
  return false;
}

/// Counts the worker out if there are more than are useful, and another one goes on: one that is inside a long item
/// does not.
bool stream_run::count_out_if_superfluous(stream_worker& me) noexcept {
  if (!stream_.attendance_.are_too_many()) return false;
  std::size_t others = 0;
  for (std::size_t each = 0; each != most_workers_; ++each)
    if (&workers_[each] != &me) others += workers_[each].mine.started();
  if (std::exchange(me.others_had_started, others) == others) return false;
  return stream_.attendance_.count_out_if_too_many();
}

stream_worker* stream_run::take_worker() noexcept {
  for (std::size_t each = 0; each != most_workers_; ++each) {
    stream_worker& found = workers_[each];
    if (!found.taken.load(std::memory_order_relaxed) && !found.taken.exchange(true, std::memory_order_acquire))
      return &found;
  }
  return nullptr;
}

// ── The end ────────────────────────────────────────────────────────────────────────────────────────────────────────

void stream_run::cancel() noexcept {
  stream_.cancelled_.store(true, std::memory_order_release);
  tell_tasks_to_stop();
  wake_reader();
}

void stream_run::break_off(std::exception_ptr cause) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!breakage_) breakage_ = std::move(cause);
  }
  broken_.store(true, std::memory_order_release);
  tell_tasks_to_stop();
  wake_reader();
}

void stream_run::rethrow_breakage() const {
  if (broken_.load(std::memory_order_acquire)) std::rethrow_exception(breakage_);
}

void stream_run::tell_tasks_to_stop() noexcept {
  stream_.stopped_.store(true, std::memory_order_release);
  stop_for_tasks_.request();
}

std::stop_token stream_run::stop_token() {
  return stop_for_tasks_.token([this] { return stream_.stopped(); });
}

void stream_run::stop_and_join() noexcept {
  if (std::exchange(joined_, true)) return;
  const deferred_cancellation until_all_have_joined;
  if (is_inside(current_entry(), this)) {
    std::fputs("fanout: a stream is being destroyed by one of its own tasks\n", stderr);
    std::abort();
  }
  tell_tasks_to_stop();
  {
    const std::lock_guard lock(calling_);
    closing_.store(true, std::memory_order_relaxed);
  }
  limiter_ != nullptr ? limiter_->close(*this, 0) : static_cast<void>(calls_.withdraw());
  {
    const position here;
    executor_limiter::wait_for(here.entry(), this, [this] { calls_.wait(); });
  }
  drop_deadline();
  visit_.reset();
  promise_.reset();
}

// A chunk lies at the beginning of its worker.
std::size_t stream_run::number_of(const chunk& its_chunk) const noexcept {
  return static_cast<std::size_t>(reinterpret_cast<const stream_worker*>(&its_chunk) - workers_.get());
}

// Read in this order, each number is at most the next one, which only grows meanwhile. `max` is for the counts that
// are read without an order.
batch_progress stream_run::progress() const noexcept {
  batch_progress seen;
  for (std::size_t each = 0; each != most_workers_; ++each) seen.completed += workers_[each].mine.ended();
  for (std::size_t each = 0; each != most_workers_; ++each) {
    seen.failed += workers_[each].failed.load(std::memory_order_relaxed);
    seen.started += workers_[each].mine.started();
  }
  seen.failed = std::min(seen.failed, seen.completed);
  seen.started = std::max(seen.started, seen.completed);
  seen.total = std::max(seen.started, stream_.attendance_.pulled());
  return seen;
}

}  // namespace fanout::detail
