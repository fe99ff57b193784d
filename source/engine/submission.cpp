#include "engine/submission.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/deferred_cancellation.hpp"
#include "base/never_destroyed.hpp"
#include "engine/agenda.hpp"
#include "executor/batch_scope.hpp"
#include "executor/position.hpp"

namespace fanout::detail {
namespace {

run_options with_stop(run_options options, std::stop_token stop) {
  options.stop = std::move(stop);
  return options;
}

/// Submissions whose handles were destroyed by their own batches. The thread of such a batch cannot free the memory
/// that it returns to, so another one does, at the next occasion.
class kept_submissions {
 public:
  void add(submission_core& one) {
    const std::lock_guard lock(mutex_);
    kept_.add(one);
    any_.store(true, std::memory_order_relaxed);
  }

  void free_those_that_are_left() noexcept {
    if (!any_.load(std::memory_order_relaxed)) return;
    intrusive_list<submission_core> left;
    {
      const std::lock_guard lock(mutex_);
      for (submission_core* each = kept_.first(); each != nullptr;) {
        submission_core& found = *std::exchange(each, intrusive_list<submission_core>::next(*each));
        if (!found.is_left()) continue;
        kept_.remove(found);
        left.add(found);
      }
      any_.store(!kept_.empty(), std::memory_order_relaxed);
    }
    while (!left.empty()) {
      submission_core& first = *left.first();
      left.remove(first);
      first.destroy_all();
    }
  }

 private:
  std::atomic<bool> any_{false};  // a hint for those who submit
  std::mutex mutex_;
  intrusive_list<submission_core> kept_;
};

kept_submissions& kept_in_process() {
  static never_destroyed<kept_submissions> only;  // batches may end when the process does
  return *only;
}

}  // namespace

// The stop of the submitter is forwarded before the leader is called: if the first task requests it, no other may
// start.
submission_core::submission_core(executor_core* on, std::size_t size, const run_options& options, submitted_work work,
                                 const stop_functions* stops)
    : executor_(on),
      size_(size),
      work_(work),
      functions_(stops),
      options_(with_stop(options, stop_.get_token())) {
  kept_in_process().free_those_that_are_left();
  calls_.choose(on != nullptr ? on->helpers() : reserves::with_stack(0));
  if (on != nullptr) promise_.emplace(*on);
  const deferred_cancellation until_it_is_called;
  forwarded_.begin(options.stop,
                   {this, [](void* it) noexcept { static_cast<submission_core*>(it)->stop_from_outside(); }});
  set_deadline(options.timeout);
  try {
    call_leader();
  } catch (...) {
    drop_deadline();
    throw;
  }
}

submission_core::~submission_core() {
  const deferred_cancellation until_the_end;
  if (!claim_.is_over()) {
    request_stop();
    if (is_within(position().entry())) {
      std::fputs("fanout: the handle of a batch is being destroyed by one of the batch's own tasks or callbacks\n",
                 stderr);
      std::abort();
    }
    wait();
  }
  forwarded_.end();     // a stop that is being forwarded may be what ended the batch
  drop_deadline();      // or the end of its time
  calls_.wait();
}

void submission_core::call_leader() {
  const std::lock_guard lock(calling_);
  if (is_called_off_) return;
  if (limiter() != nullptr) {
    limiter()->request(*this, 1);
  } else {
    calls_.call_promised(1);
  }
  is_called_ = true;
}

void submission_core::call_off() noexcept {
  const std::lock_guard lock(calling_);
  is_called_off_ = true;
  if (!is_called_) return;
  limiter() != nullptr ? limiter()->close(*this, 0) : static_cast<void>(calls_.withdraw());
}

// On a reserve, which holds a slot if this is the batch of an executor.
void submission_core::serve() noexcept {
  if (limiter() != nullptr && limiter()->is_one_too_many()) return limiter()->make_way(wants_help() ? this : nullptr);
  if (!claim_.take()) {
    if (limiter() != nullptr) limiter()->leave();
    return;
  }
  // A leader gives its slot back when it starts no more tasks, and may then wait long for its helpers. Without a
  // reserve in its place, the next leader would hold that slot and not come, while the helpers wait for it. It also
  // gives its slot back if the limit has been lowered and others use too many, or if it takes its tasks from an
  // agenda.
  std::optional<reserves::promise> in_its_place;
  if (limiter() != nullptr) {
    watch_.give_slot();
    try {
      if (size_ > 1 || agenda::is_wanted(options_)) in_its_place.emplace(1, executor_->helpers());
    } catch (const std::exception&) {  // refused by the system: the next leader may have to wait for this one
    }
    if (!in_its_place) watch_.let_leader_keep_slot();
  }
  run(/*may_outlive_handle=*/true);
  if (watch_.take_slot()) limiter()->leave();  // the batch did not begin
  call_off();
  in_its_place.reset();
  promise_.reset();
  const bool is_kept = is_kept_;
  claim_.end();  // if there is a handle, it may be destroyed now
  if (is_kept) kept_in_process().add(*this);
}

// Runs the batch on this thread, unless another has taken it.
bool submission_core::run_if_open(bool may_outlive_handle) noexcept {
  if (!claim_.take()) return false;
  call_off();
  run(may_outlive_handle);
  calls_.wait();
  promise_.reset();
  const bool is_kept = is_kept_;
  claim_.end();
  if (is_kept) kept_in_process().add(*this);
  return true;
}

// The destructors of the callback, the tasks and the mapper may destroy the handle.
void submission_core::run(bool may_outlive_handle) noexcept {
  const with_float_settings same(float_settings_);
  run_by_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  work_.run(work_.object, {executor_, options_, watch_, this});
  can_be_kept_ = may_outlive_handle;
  options_.on_progress = nullptr;
  work_.end(work_.object);
  can_be_kept_ = false;
  run_by_.store(std::thread::id(), std::memory_order_relaxed);
}

bool submission_core::keep() noexcept {
  if (run_by_.load(std::memory_order_relaxed) != std::this_thread::get_id() || !can_be_kept_) return false;
  is_kept_ = true;
  return true;
}

// The last call of the progress callback and the destructors of the tasks are in no batch scope, but on the thread
// that runs the batch.
bool submission_core::is_within(const scope_entry* here) const {
  return run_by_.load(std::memory_order_relaxed) == std::this_thread::get_id() || is_inside(here, &watch_);
}

void submission_core::wait() {
  if (claim_.is_over()) return;
  const deferred_cancellation until_the_end;
  const position here;
  if (is_within(here.entry())) throw std::logic_error("a task or callback cannot wait for its own batch");
  if (run_if_open(/*may_outlive_handle=*/false)) return;
  executor_limiter::wait_for(here.entry(), &watch_, [this] { claim_.wait(); });
}

// If the batch has not begun, it ends here: it waits for nothing any more, and its tasks do not start.
void submission_core::request_stop() noexcept {
  const deferred_cancellation until_it_is_requested;
  detail::request_stop(stop_, functions_);
  run_if_open(/*may_outlive_handle=*/false);
}

void submission_core::stop_from_outside() noexcept {
  const deferred_cancellation until_it_is_requested;
  detail::request_stop(stop_, functions_);
  run_if_open(/*may_outlive_handle=*/true);
}

bool submission_core::wait_until(std::chrono::steady_clock::time_point limit) {
  const deferred_cancellation until_then;
  return claim_.wait_until(limit);
}

batch_progress submission_core::progress() const {
  batch_progress seen = watch_.look();
  seen.total = size_;
  return seen;
}

// ── What the headers use ────────────────────────────────────────────────────────────────────────────────────────────

submission::submission(executor_core* on, std::size_t size, const run_options& options, submitted_work work,
                       const stop_functions* stops)
    : core_(new submission_core(on, size, options, work, stops)) {}

submission::~submission() = default;

bool submission::is_over() const noexcept { return core_->is_over(); }
void submission::wait() const { core_->wait(); }
bool submission::wait_until(std::chrono::steady_clock::time_point limit) const { return core_->wait_until(limit); }
void submission::request_stop() const noexcept { core_->request_stop(); }
bool submission::keep() const noexcept { return core_->keep(); }
batch_progress submission::progress() const noexcept { return core_->progress(); }
void submission::core_deleter::operator()(submission_core* core) const noexcept { delete core; }

}  // namespace fanout::detail
