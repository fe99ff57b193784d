#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "support.hpp"
#include "fanout/fanout.hpp"
#include "admitting.hpp"
#include "loops.hpp"
#include "observer.hpp"
#include "payload.hpp"
#include "plan.hpp"
#include "world.hpp"

/// The tasks and the callback of a batch of the stress test, which do what the plan says.
namespace stress {

class running_batch {
 public:
  /// `outer_task`: the index of the task of the outer batch that runs this one.
  running_batch(std::shared_ptr<const batch_plan> plan, world& shared_world, running_batch* outer_batch,
                std::size_t outer_task)
      : what(*plan),
        shared(shared_world),
        seen(plan->size, !plan->bare, !plan->bare && plan->unequal.is_any()),
        plan_(std::move(plan)),
        outer_(outer_batch),
        outer_task_(outer_task) {
    // Nested automatic free calls together use no more threads than there are cores. Those that are submitted have
    // their own, and so have unequal tasks.
    if (what.place != place::free || what.limit != fanout::automatic || what.call == call::with_pool || what.grows() ||
        what.unequal.is_any())
      return;
    const bool shares = outer_ != nullptr && outer_->automatic_at_work && !what.is_submitted();
    automatic_at_work = shares ? outer_->automatic_at_work : std::make_shared<support::gauge>();
  }
  running_batch(const running_batch&) = delete;
  running_batch& operator=(const running_batch&) = delete;

  template <class Perform>
  auto perform(std::size_t index, const fanout::task_context& context, const Perform& make_result) {
    visit here(seen, index, context.attempt(), stop_seen_in{context, has_own_stops()});
    const admitting::share mine(admission, index);
    const auto at_executor = visit_if<support::gauge::visit>(executor ? &executor->at_work : nullptr);
    const auto at_automatic = visit_if<support::gauge::visit>(automatic_at_work.get());
    if (context.index() != index) seen.notice("the context of a task has another index");
    if (what.call != call::stream && what.call != call::invoke && context.seed() != fanout::detail::seed_of_task(what.size, index))
      seen.notice("the seed of a task does not follow from that of its batch and its index");
    act(index, context, here);
    return make_result();
  }

  template <class Perform>
  auto perform_bare(std::size_t index, const Perform& make_result) {
    const observer::visit here(seen, index, 1, [] { return false; });
    if (!what.habits.empty()) act_without_context(what.of(index));
    return make_result();
  }

  void request_stop() {
    if (what.token == token::own && own_stop.request_stop()) seen.stop_was_requested();
  }

  const batch_plan& what;
  world& shared;
  observer seen;
  admitting admission{what.unequal, what.size, shared, seen};
  measured_executor* executor = nullptr;         // the one that its tasks run on; null for a free call
  measured_executor* called_in_loops = nullptr;  // the one that the turns of its tasks' loops call

  /// What the tasks in which it runs hold of a shared budget.
  std::uint64_t held_around(std::size_t budget) const {
    if (outer_ == nullptr) return 0;
    return outer_->what.unequal.cost(budget, outer_task_) + outer_->held_around(budget);
  }

 protected:
  ~running_batch() = default;

  /// Where it throws, it is noted as the task that has failed.
  void around(const fanout::task_context& context, const std::function<void()>& body) {
    const std::size_t index = context.index();
    seen.note_around(index);
    const bool may_throw = index % 3 == 0 && what.of(index) == action::nothing;
    if (what.around == around_use::throws_instead && may_throw) {
      visit here(seen, index, context.attempt(), stop_seen_in{context, has_own_stops()});
      fail(context, here);
    }
    try {
      body();
    } catch (...) {
      if (what.around != around_use::swallows) throw;
    }
    if (what.around == around_use::throws_afterwards && may_throw && seen.fails_after_its_end(index))
      throw planted_failure(seen, index, context.attempt());
  }

  void on_progress(std::size_t completed, std::size_t total) {
    observer::report here(seen, completed, total);
    if (here.number() == what.callback.sleeps_at) std::this_thread::sleep_for(std::chrono::microseconds(200));
    if (here.number() == what.callback.stops_at) request_stop();
    if (here.number() != what.callback.throws_at) return;
    here.throws();
    throw callback_failure();
  }

  std::stop_source own_stop;
  std::shared_ptr<support::gauge> automatic_at_work;

 private:
  /// A task with a limit of time sees a stop that is not that of its batch, and cannot tell which it is.
  struct stop_seen_in {
    const fanout::task_context& context;
    bool may_be_its_own;
    bool operator()() const { return !may_be_its_own && context.stop_requested(); }
  };
  bool has_own_stops() const { return what.task_timeout != fanout::no_limit; }
  using visit = observer::visit<stop_seen_in>;

  template <class Visit>
  static std::optional<Visit> visit_if(support::gauge* visited) {
    return visited != nullptr ? std::optional<Visit>(std::in_place, *visited) : std::nullopt;
  }

  /// Calls a function that runs batches elsewhere. Meanwhile the task is not counted as at work for its executor, or
  /// for its automatic batch.
  template <class Call>
  void elsewhere(const Call& call) {
    const auto from_executor = visit_if<support::gauge::absence>(executor ? &executor->at_work : nullptr);
    const auto from_automatic = visit_if<support::gauge::absence>(automatic_at_work.get());
    call();
  }

  void act(std::size_t index, const fanout::task_context& context, visit& here) {
    using std::chrono::microseconds;
    switch (what.of(index)) {
      case action::nothing:
        return;
      case action::last_1_ms:
        return std::this_thread::sleep_for(std::chrono::milliseconds(1));
      case action::last_10_ms:
        return std::this_thread::sleep_for(std::chrono::milliseconds(10));
      case action::compute:
        return support::compute_for(microseconds(index % 20));
      case action::sleep:
        return std::this_thread::sleep_for(microseconds(50 + index % 200));
      case action::allocate:
        return allocate(index);
      case action::throw_failure:
        if (what.fails(index, context.attempt())) fail(context, here);
        return;
      case action::wait_for_stop:
        return wait_for_stop(context, here);
      case action::request_stop:
        return request_stop();
      case action::request_outer_stop:
        if (outer_ != nullptr) outer_->request_stop();
        return;
      case action::use_token:
        return use_token(context);
      case action::use_lease:
        return use_lease(index, context);
      case action::make_executor:
        return elsewhere([&] { make_executor(1 + index % largest_made_executor); });
      case action::nest:
        return elsewhere([&] { run_inner(context); });
      case action::meet:
        return meet([&context] { return context.stop_requested(); });
      case action::loop:
        return elsewhere([this] { run_loop(what.loop, *called_in_loops, seen); });
    }
  }

  /// Does what a bare task can do.
  void act_without_context(action does) {
    if (does == action::last_1_ms) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (does == action::last_10_ms) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (does == action::meet) meet([] { return false; });
  }

  [[noreturn]] void fail(const fanout::task_context& context, visit& here) {
    here.throws();
    if (context.index() % 4 == 3) throw planted_number{context.index(), context.attempt()};
    throw planted_failure(seen, context.index(), context.attempt());
  }

  void wait_for_stop(const fanout::task_context& context, visit& here) {
    using namespace std::chrono_literals;
    const bool must_be_told = what.tasks_wait_for_their_end();
    const auto end = std::chrono::steady_clock::now() + (must_be_told ? support::patience : 300us);
    while (!context.stop_requested() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10us);
    if (!context.stop_requested() && must_be_told) seen.notice("a task was not told that its time was over");
    if (context.stop_requested() && (!must_be_told || context.index() % 2 == 0)) fail(context, here);
  }

  static void allocate(std::size_t index) {
    std::vector<char> memory(std::size_t{1024} << (index % 10));
    std::iota(memory.begin(), memory.end(), '\0');
  }

  void use_token(const fanout::task_context& context) {
    const std::stop_token token = context.stop_token();
    std::atomic<bool> called{false};
    const std::stop_callback on_stop(token, [&called] { called = true; });
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    if (called && !context.stop_requested()) seen.notice("the token of a context was requested, its flag is not set");
    if (context.stop_requested() && !context.stop_token().stop_requested())
      seen.notice("the flag of a context is set, a token that it gives is not requested");
  }

  void use_lease(std::size_t index, const fanout::task_context& context) {
    try {
      std::optional<fanout::lease<used>> lent;
      if (index % 4 == 0) lent = shared.leases.acquire();
      if (index % 4 == 1) lent = shared.leases.acquire(context.stop_token());
      if (index % 4 == 2) lent = shared.leases.try_acquire_for(std::chrono::microseconds(100));
      if (index % 4 == 3) lent = shared.leases.try_acquire();
      if (!lent) return;
      use(**lent);
      (*lent)->broken = index % 7 == 0;  // the validation before the next lease finds this
      if (index % 5 == 0) lent->discard();
    } catch (const fanout::operation_cancelled&) {
      if (!context.stop_requested()) seen.notice("a wait for a lease was cancelled, and no stop requested");
    }
  }

 public:
  /// Uses a resource, and notes if it is used by another task at the same time.
  void use(used& resource) {
    if (resource.taken.exchange(true)) seen.notice("two tasks have one resource");
    std::this_thread::yield();
    resource.taken = false;
  }

 private:
  void make_executor(std::size_t limit) {
    fanout::executor made({.concurrency = limit});
    const auto squares = [this](fanout::executor& used) {
      const auto all = used.map(std::views::iota(0, 4), [](int item) { return item * item; });
      if (all != std::vector{0, 1, 4, 9}) seen.notice("an executor made in a task lost results");
    };
    squares(made);
    fanout::executor moved(std::move(made));
    squares(moved);
    if (limit == 4) fanout::release_idle();
  }

  void run_inner(const fanout::task_context& context);

  /// Waits until all tasks that meet are in flight; they are no more than may be. If one has given up, the others do
  /// as well.
  template <class StopSeen>
  void meet(const StopSeen& stop_seen) {
    const auto end = std::chrono::steady_clock::now() + support::patience;
    std::unique_lock lock(mutex_);
    const bool is_last = seen.came_to_meet() == meeting_;
    if (is_last) changed_.notify_all();
    while (seen.at_meeting() < meeting_ && !given_up_ && !stop_seen() && shared.workers_suffice()) {
      changed_.wait_for(lock, std::chrono::milliseconds(1));
      if (given_up_ || std::chrono::steady_clock::now() < end) continue;
      seen.met_in_vain();
      given_up_ = true;
    }
  }

  const std::shared_ptr<const batch_plan> plan_;
  running_batch* const outer_;
  const std::size_t outer_task_;

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::size_t meeting_ = what.meeting();
  bool given_up_ = false;
};

template <class T>
struct task {
  running_batch* batch;
  std::size_t index;
  T operator()(const fanout::task_context& context) const {
    return batch->perform(index, context, [this] { return result_of<T>(batch->seen, index); });
  }
};

/// Runs a bare task, as cheaply as possible.
template <class T>
struct bare_task {
  running_batch* batch;
  std::size_t index;
  T operator()() const {
    return batch->perform_bare(index, [this] { return result_of<T>(batch->seen, index); });
  }
};

template <class T>
struct pooled_task {
  running_batch* batch;
  std::size_t index;
  T operator()(used& resource, const fanout::task_context& context) const {
    batch->use(resource);
    return batch->perform(index, context, [this] { return result_of<T>(batch->seen, index); });
  }
};

}  // namespace stress
