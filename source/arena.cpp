#include "arena.hpp"

// isolated_task_group, which spawns and waits under a tag of its own wherever it is called from.
#define TBB_PREVIEW_ISOLATED_TASK_GROUP 1
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include <atomic>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "tsan.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {

/// A `tbb::task_arena` is *damaged* when it had no memory to spawn a task. Where a thread spawns its first task in an
/// arena, oneTBB notes the size of a list for its tasks and then finds no memory for the list; the next task that is
/// spawned in that place is written through a null pointer (arena_slot.h, allocate_task_pool, in 2021.1 to 2023.2). So
/// nobody spawns in it any more: it is replaced, and kept for those who are still inside.
struct arena::native_arena {
  explicit native_arena(const shape& made_for)
      : arena(static_cast<int>(made_for.workers + made_for.seats), static_cast<unsigned>(made_for.seats),
              made_for.promised ? tbb::task_arena::priority::high : tbb::task_arena::priority::normal) {
    if (made_for.workers != 0) arena.initialize();
  }

  tbb::task_arena arena;
  std::atomic<bool> damaged{false};  // whoever gets a place in the arena sees what was set by the thread that left it
  std::unique_ptr<native_arena> replaced{};
};

arena::arena(const shape& made_for)
    : made_for_(made_for), newest_(std::make_unique<native_arena>(made_for)), native_(newest_.get()) {}

arena::~arena() = default;

void* arena::native() const noexcept { return &native_.load(std::memory_order_acquire)->arena; }

arena::native_arena& arena::sound_one() {
  native_arena* const seen = native_.load(std::memory_order_acquire);
  if (!seen->damaged.load(std::memory_order_relaxed)) return *seen;
  const std::lock_guard lock(mutex_);
  if (newest_->damaged.load(std::memory_order_relaxed)) {
    auto next = std::make_unique<native_arena>(made_for_);
    next->replaced = std::move(newest_);
    newest_ = std::move(next);
    native_.store(newest_.get(), std::memory_order_release);
  }
  return *newest_;
}

namespace {

/// A task group that can be waited for although oneTBB had no memory to run something in it. It counts what is to run
/// before it has memory for it (until 2021.13), or at least before it has memory to spawn it, and then would wait for
/// ever for what never runs.
class helper_group : public tbb::isolated_task_group {
 public:
  using isolated_task_group::isolated_task_group;

  /// As `run`. Throws `std::bad_alloc`; then the arena may be damaged. (What oneTBB throws where it cannot create a
  /// worker comes when the task has been spawned, and changes nothing here.)
  template <class F>
  void try_run(F&& f) {
#if TBB_VERSION_MAJOR < 2022
    try {
      run(std::forward<F>(f));
    } catch (const std::bad_alloc&) {
      m_wait_ctx.release();
      throw;
    }
#else
    tbb::task_handle made = defer(std::forward<F>(f));  // nothing has been counted if that throws
    try {
      run(std::move(made));
    } catch (const std::bad_alloc&) {
      tbb::detail::r1::get_thread_reference_vertex(&m_wait_vertex)->release();
      throw;
    }
#endif
  }
};

class task_group_crew final : public crew {
 public:
  task_group_crew(team& team, bool promised, std::atomic<bool>& damaged)
      : team_(team), promised_(promised), damaged_(damaged) {}

  void call_helper() override { spawn(1); }

  /// Calls this many helpers, if there is memory for it: two branches of a tree.
  void call(std::size_t helpers) noexcept {
    if (helpers == 0) return;
    try {
      const std::size_t half = helpers / 2;
      spawn(helpers - half);
      if (half != 0) spawn(half);
      if (promised_) insist();
    } catch (...) {
      if (!has_failed_.test_and_set(std::memory_order_relaxed)) failure_ = std::current_exception();
      team_.give_up();
    }
  }

  void lead() {
    isolate([this] { team_.lead(*this); });
  }

  /// Runs nothing but what was called here: who waits for an inner batch never picks up another task of an outer one.
  /// Throws what a call for helpers failed with.
  void wait() {
    group_.wait();
    helpers_ended_.acquire();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  /// Calls a helper that calls the others of its branch.
  void spawn(std::size_t branch) {
    run(tsan::handed_over([this, branch] {
      help(branch);
      helpers_ended_.release();
    }));
  }

  void help(std::size_t branch) noexcept {
    if (std::this_thread::get_id() != caller_) worker_budget::note_worker();
    if (!team_.wants_help()) return;
    call(branch - 1);
    isolate([this] { team_.assist(*this); });
  }

  /// Makes sure that the helpers called just now will be seen by idle workers. oneTBB's spawn asks "does everybody know
  /// that there is work?" without a fence behind the publication of the task, and says why: it "allows parallelism,
  /// but never promises parallelism, the missed wakeup is not a correctness problem" (arena.h, advertise_new_work, in
  /// 2021.8 as in 2023.2). Here it would be one, a named limit is a promise. One more spawn, behind a fence, asks again.
  void insist() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    run(tsan::handed_over([] {}));
  }

  template <class F>
  void run(F&& f) {
    if (damaged_.load(std::memory_order_relaxed)) throw std::bad_alloc();
    try {
      group_.try_run(std::forward<F>(f));
    } catch (const std::bad_alloc&) {
      damaged_.store(true, std::memory_order_relaxed);
      throw;
    }
  }

  /// A wait inside a task (a tbb::parallel_for of the user's, say) takes no assistance of this team or another.
  template <class Part>
  static void isolate(const Part& part) {
    tbb::this_task_arena::isolate(part);
  }

  team& team_;
  const bool promised_;
  std::atomic<bool>& damaged_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic_flag has_failed_;
  std::exception_ptr failure_;  // of the call that failed first; read after the wait
  // Each task of the group releases its wait_context at its end, and the wait acquires it.
  [[no_unique_address]] tsan::edge helpers_ended_;
  // Isolated, or a cancelled enclosing context would skip the team without a word: oneTBB issue 253.
  tbb::task_group_context context_{tbb::task_group_context::isolated};
  helper_group group_{context_};
};

}  // namespace

void arena::fan_out(team& team, std::size_t helpers) {
  native_arena& there = sound_one();
  there.arena.execute(tsan::handed_over([&] { fan_out_here(there, team, helpers); }));
}

void arena::fan_out_from_inside(team& team, std::size_t helpers) {
  native_arena& here = sound_one();
  if (here.replaced != nullptr) return fan_out(team, helpers);  // the thread may be in the one that was replaced
  fan_out_here(here, team, helpers);
}

void arena::fan_out_here(native_arena& here, team& team, std::size_t helpers) const {
  task_group_crew crew(team, made_for_.promised, here.damaged);
  crew.call(helpers);
  crew.lead();
  crew.wait();
}

}  // namespace fanout::detail
