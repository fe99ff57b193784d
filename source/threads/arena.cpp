#include "threads/arena.hpp"

#include <dlfcn.h>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include <atomic>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/deferred_cancellation.hpp"
#include "machine/affinity.hpp"
#include "threads/process_end.hpp"
#include "threads/tsan.hpp"

namespace fanout::detail {
namespace {

/// oneTBB's workers stay when no arena is left, in the code of its library. If a plugin that contains fanout is the
/// only user of that library, both would be unloaded together, and the workers would crash. So the library stays
/// loaded.
void keep_one_tbb_loaded() {
  Dl_info library;
  if (::dladdr(reinterpret_cast<void*>(&TBB_runtime_version), &library) != 0)
    ::dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/// The number of threads that oneTBB uses by default. oneTBB reads the mask of the main thread when it is first used,
/// keeps it, and gives its workers that mask. If OpenMP had bound the main thread before that, oneTBB would have no
/// workers. So this is called before fanout uses oneTBB. (If the application has used it before, nothing can be
/// done.)
std::size_t one_tbb_concurrency() {
  static const std::size_t threads = [] {
    keep_one_tbb_loaded();
    expect_exit_on_worker();
    const widened_main_thread while_one_tbb_looks;
    return static_cast<std::size_t>(tbb::info::default_concurrency());
  }();
  return threads;
}

}  // namespace

std::size_t application_limit() noexcept {
  // The value of a `global_control` is behind a virtual function of a static object.
  if (one_tbb_ends()) return std::numeric_limits<std::size_t>::max();
  const std::size_t by_default = one_tbb_concurrency();
  const std::size_t allowed = tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
  return allowed < by_default ? allowed : std::numeric_limits<std::size_t>::max();
}

/// A `tbb::task_arena` is *damaged* when oneTBB had no memory to spawn a task in it. When a thread spawns its first
/// task in an arena slot, oneTBB sets the size of the slot's task pool before it allocates the pool. If the
/// allocation fails, the next task spawned in that slot is written through a null pointer (arena_slot.h,
/// allocate_task_pool, in 2021.1 to 2023.2). So fanout spawns nothing more in a damaged arena: it replaces the arena,
/// and keeps it for the threads that are still inside.
struct arena::native_arena : tbb::task_arena {
  explicit native_arena(const shape& made_for)
      : task_arena(static_cast<int>(made_for.workers + made_for.others), static_cast<unsigned>(made_for.others)) {
    initialize();
  }

  /// Attached to the arena that the calling thread is in.
  explicit native_arena(attach current) : task_arena(current) {}

  /// `my_arena` is a protected member: oneTBB has no public call that tells which arena a thread is in.
  bool is_same_as(const native_arena& other) const {
    return my_arena.load(std::memory_order_relaxed) == other.my_arena.load(std::memory_order_relaxed);
  }

  std::atomic<bool> damaged{false};  // a thread that gets a slot of the arena sees what its last holder has set
  std::unique_ptr<native_arena> replaced{};
};

arena::arena(const shape& made_for) : made_for_(made_for) {
  one_tbb_concurrency();
  newest_ = std::make_unique<native_arena>(made_for);
  native_ = newest_.get();
}

arena::~arena() = default;

void* arena::native() const noexcept {
  return static_cast<tbb::task_arena*>(native_.load(std::memory_order_acquire));
}

bool arena::is_current() const noexcept {
  const native_arena current{tbb::task_arena::attach{}};
  for (const native_arena* each = native_.load(std::memory_order_acquire); each != nullptr; each = each->replaced.get())
    if (each->is_same_as(current)) return true;
  return false;
}

bool arena::may_be_worker() noexcept { return tbb::this_task_arena::current_thread_index() > 0; }

bool arena::prepare_thread() noexcept {
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  try {
    one_tbb_concurrency();
    tbb::this_task_arena::isolate([] {});
    return true;
  } catch (...) {
    return false;
  }
}

arena::native_arena& arena::undamaged_arena() {
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

void arena::enter_with(void* object, void (*call)(void* object)) {
  undamaged_arena().execute(
      tsan::handed_over([=] { tbb::this_task_arena::isolate([=] { call(object); }); }));
}

namespace {

/// A task group whose wait ends even if oneTBB had no memory to run a task in it. oneTBB counts a task before it has
/// memory for it (until 2021.13), or at least before it has memory to spawn it; then the wait would last forever,
/// because that task never runs. No public call undoes the count, so this class decrements the group's internal
/// counter. With a version of oneTBB that has no such counter, fanout does not compile.
class helper_group : public tbb::task_group {
 public:
  using task_group::task_group;

  /// Like `defer`, but if it throws `std::bad_alloc`, the group is unchanged.
  template <class F>
  tbb::task_handle try_defer(F&& f) {
#if TBB_VERSION_MAJOR < 2022
    try {
      return defer(std::forward<F>(f));
    } catch (const std::bad_alloc&) {
      uncount();
      throw;
    }
#else
    return defer(std::forward<F>(f));
#endif
  }

  /// Like `run`, but if it throws `std::bad_alloc`, the group is unchanged. Then the arena may be damaged. Ignores
  /// the `std::runtime_error` that oneTBB throws if it cannot create a worker: by then the task has been spawned, and
  /// the thread that waits for it will run it.
  void try_run(tbb::task_handle&& made) {
    try {
      run(std::move(made));
    } catch (const std::bad_alloc&) {
      uncount();
      throw;
    } catch (const std::runtime_error&) {
    }
  }

 private:
  void uncount() {
#if TBB_VERSION_MAJOR < 2022
    m_wait_ctx.release();
#else
    tbb::detail::r1::get_thread_reference_vertex(&m_wait_vertex)->release();
#endif
  }
};

/// Calls the helpers of a team, and waits for them.
class task_group_helpers final : public helper_calls {
 public:
  task_group_helpers(team& team, std::atomic<bool>& damaged) : team_(team), damaged_(damaged) {}

  // Not implicit, because the destructor of a tbb::task_group may throw: it does if nobody has waited for the group.
  ~task_group_helpers() noexcept = default;

  void call_helper() override {
    has_late_.store(true, std::memory_order_relaxed);
    spawn(1, late_);
    look_again(late_);
  }

  /// Spawns the first two helpers.
  void call_first(std::size_t helpers) noexcept {
    called_.release();
    call(helpers);
  }

  /// Spawns two helpers, each of which calls half of the others.
  void call(std::size_t helpers) noexcept {
    if (helpers == 0) return;
    try {
      const std::size_t half = helpers / 2;
      spawn(helpers - half, group_);
      if (half != 0) spawn(half, group_);
      look_again(group_);
    } catch (...) {
      if (!has_failed_.test_and_set(std::memory_order_relaxed)) failure_ = std::current_exception();
      team_.give_up();
    }
  }

  /// Isolated, so that a wait inside a user's task does not run `assist` of this team or another. The late helpers
  /// that this thread spawns inside the isolation can only be run inside it, so it also waits for them here.
  void lead() {
    tbb::this_task_arena::isolate([this] {
      team_.lead(*this);
      is_over_.store(true, std::memory_order_relaxed);
      wait_for_late();
    });
  }

  /// Rethrows the exception of the first call of helpers that failed.
  void wait() {
    group_.wait();
    wait_for_late();
    helpers_ended_.acquire();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void wait_for_late() {
    if (has_late_.load(std::memory_order_relaxed)) late_.wait();
  }

  /// Calls a helper, which calls the others of its branch.
  void spawn(std::size_t branch, helper_group& group) {
    spawn_task(group, [this, branch] {
      called_.acquire();
      help(branch);
      helpers_ended_.release();
    });
  }

  /// Lets oneTBB look again whether it must wake workers for the helpers that this thread has spawned. A spawn stores
  /// the task and then loads the state of the arena, on purpose without a fence between (advertise_new_work in
  /// oneTBB's arena.h, in 2021.8 to 2023.2: it "never promises parallelism"). So the load may be done first. If the
  /// last worker finds the arena empty in between, it sees no task and leaves, and the spawn wakes nobody. Then the
  /// leader would run the helper itself, when it has no other task: never, if its task waits for another one. The
  /// fence here is between the spawn of the helpers and the load of a further spawn: either that load sees that the
  /// worker leaves, or the worker sees the helpers.
  void look_again(helper_group& group) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    spawn_task(group, [this] {
      called_.acquire();
      helpers_ended_.release();
    });
  }

  template <class F>
  void spawn_task(helper_group& group, F&& f) {
    if (damaged_.load(std::memory_order_relaxed)) throw std::bad_alloc();
    tbb::task_handle made = group.try_defer(tsan::handed_over(std::forward<F>(f)));
    try {
      group.try_run(std::move(made));
    } catch (const std::bad_alloc&) {
      damaged_.store(true, std::memory_order_relaxed);
      throw;
    }
  }

  // `is_over_` saves the leader of a small batch, which waits for this helper, the time in which the cache lines of
  // all runners are fetched.
  void help(std::size_t branch) noexcept {
    if (is_over_.load(std::memory_order_relaxed) || !team_.wants_help()) return;
    const deferred_cancellation until_it_returns;
    call(branch - 1);
    tbb::this_task_arena::isolate([this] { team_.assist(*this); });
  }

  team& team_;
  std::atomic<bool>& damaged_;
  std::atomic<bool> is_over_{false};  // a hint for helpers: the leader has found that no task is left to start
  std::atomic_flag has_failed_;
  std::exception_ptr failure_;  // of the first call that failed; written by that thread, read after the wait
  // oneTBB orders this: each task of the group releases the wait_context at its end, and the wait acquires it.
  tsan::edge helpers_ended_;
  tsan::edge called_;  // and this: a task begins after its spawn
  // Isolated: if an enclosing context were cancelled, oneTBB would silently skip the team's tasks (oneTBB issue 253).
  tbb::task_group_context context_{tbb::task_group_context::isolated};
  helper_group group_{context_};
  helper_group late_{context_};  // helpers that runners call while they work
  std::atomic<bool> has_late_{false};
};

/// All of it in one isolation, so that a thread that waits here runs no other task of the arena.
void fan_out_here(std::atomic<bool>& damaged, team& team, std::size_t helpers) {
  tbb::this_task_arena::isolate([&] {
    task_group_helpers called(team, damaged);
    called.call_first(helpers);
    called.lead();
    called.wait();
  });
}

}  // namespace

void arena::fan_out(team& team, std::size_t helpers) {
  native_arena& there = undamaged_arena();
  there.execute(tsan::handed_over([&] { fan_out_here(there.damaged, team, helpers); }));
}

void arena::fan_out_from_inside(team& team, std::size_t helpers) {
  native_arena& here = undamaged_arena();
  if (here.replaced != nullptr) return fan_out(team, helpers);  // the thread may still be in a replaced arena
  fan_out_here(here.damaged, team, helpers);
}

}  // namespace fanout::detail
