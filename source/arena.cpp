#include "arena.hpp"

// isolated_task_group, which spawns and waits under a tag of its own wherever it is called from.
#define TBB_PREVIEW_ISOLATED_TASK_GROUP 1
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "annex.hpp"
#include "fanout/limits.hpp"
#include "tsan.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {

/// A `tbb::task_arena` is *damaged* when it had no memory to spawn a task. Where a thread spawns its first task in an
/// arena, oneTBB notes the size of a list for its tasks and then finds no memory for the list; the next task that is
/// spawned in that place is written through a null pointer (arena_slot.h, allocate_task_pool, in 2021.1 to 2023.2). So
/// nobody spawns in it any more: it is replaced, and kept for those who are still inside.
struct arena::native_arena {
  explicit native_arena(const shape& made_for)
      : arena(static_cast<int>(made_for.workers + reserved(made_for)), static_cast<unsigned>(reserved(made_for)),
              made_for.promised ? tbb::task_arena::priority::high : tbb::task_arena::priority::normal),
        helpers(made_for.workers) {
    if (made_for.workers != 0) arena.initialize();
  }

  /// Slots for threads that oneTBB does not send here: those that call, and the workers that come through the annex. Each
  /// of them finds one at once; if it had to wait for it, it might wait for a thread that waits for it.
  static std::size_t reserved(const shape& made_for) { return made_for.seats + made_for.workers; }

  tbb::task_arena arena;
  annex::places helpers;
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

/// A task group that can be waited for although oneTBB had no memory to run something in it. It counts a task before it
/// has memory for it (until 2021.13), or at least before it has memory to spawn it, and then would wait for ever for what
/// never runs. No public call takes that back, so this lowers the group's own counter: the one place where fanout knows
/// more of oneTBB than its interface. A version where the counter is not there does not compile.
class helper_group : public tbb::isolated_task_group {
 public:
  using isolated_task_group::isolated_task_group;

  /// As `defer`. Throws `std::bad_alloc`; then nothing has changed.
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

  /// As `run`. Throws `std::bad_alloc`; then the arena may be damaged. (What oneTBB throws where it cannot create a
  /// worker comes when the task has been spawned, and changes nothing here.)
  void try_run(tbb::task_handle&& made) {
    try {
      run(std::move(made));
    } catch (const std::bad_alloc&) {
      uncount();
      throw;
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

/// A team's helpers: how they are called, and waited for.
class task_group_crew final : public crew, private annex::caller {
 public:
  /// `by_annex`: calls them through the annex.
  task_group_crew(team& team, tbb::task_arena& home, annex::places& helpers, std::atomic<bool>& damaged,
                  bool promised, bool by_annex)
      : caller(helpers),
        team_(team),
        home_(home),
        helpers_(helpers),
        damaged_(damaged),
        promised_(promised),
        by_annex_(by_annex) {}

  // The destructor of a tbb::task_group throws if nobody has waited for it.
  ~task_group_crew() noexcept override = default;

  void call_helper() override {
    if (!call_through_annex(1)) spawn_all(1);
  }

  /// Calls this many helpers, if there is memory for it.
  void call(std::size_t helpers) noexcept {
    try {
      if (!call_through_annex(helpers)) spawn_all(helpers);
    } catch (...) {
      note_failure();
    }
  }

  void lead() {
    isolate([this] { team_.lead(*this); });
  }

  /// Runs nothing but what was called here: who waits for an inner batch never picks up another task of an outer one.
  /// Throws what a call for helpers failed with.
  void wait() {
    if (by_annex_) annex::of_process().close(*this);
    group_.wait();
    helpers_ended_.acquire();
    give_back_places(places_held_.load(std::memory_order_relaxed));  // of helpers that could not be called
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  bool call_through_annex(std::size_t helpers) { return by_annex_ && annex::of_process().call(*this, helpers); }

  void spawn_all(std::size_t helpers) {
    helpers_.take(helpers);
    places_held_.fetch_add(helpers, std::memory_order_relaxed);
    spawn_branches(helpers);
  }

  void give_back_places(std::size_t places) noexcept {
    places_held_.fetch_sub(places, std::memory_order_relaxed);
    helpers_.give_back(places);
  }

  /// Two branches of a tree.
  void spawn_branches(std::size_t helpers) {
    if (helpers == 0) return;
    const std::size_t half = helpers / 2;
    spawn(helpers - half);
    if (half != 0) spawn(half);
    if (promised_) insist();
  }

  /// Calls a helper that calls the others of its branch.
  void spawn(std::size_t branch) {
    run(tsan::handed_over([this, branch] {
      help(branch);
      helpers_ended_.release();
    }));
  }

  void help(std::size_t branch) noexcept {
    if (std::this_thread::get_id() != caller_) worker_budget::note_worker();
    if (!team_.wants_help()) return give_back_places(branch);
    try {
      spawn_branches(branch - 1);
    } catch (...) {
      note_failure();
    }
    isolate([this] { team_.assist(*this); });
    give_back_places(1);
  }

  /// A worker has come through the annex.
  void welcome() noexcept override {
    worker_budget::note_worker();
    if (!team_.wants_help()) return;
    try {
      home_.execute(tsan::handed_over([this] { isolate([this] { team_.assist(*this); }); }));
    } catch (...) {  // no memory to enter the arena
      note_failure();
    }
  }

  void note_failure() noexcept {
    if (!has_failed_.test_and_set(std::memory_order_relaxed)) failure_ = std::current_exception();
    team_.give_up();
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
    tbb::task_handle made = group_.try_defer(std::forward<F>(f));
    try {
      group_.try_run(std::move(made));
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
  tbb::task_arena& home_;
  annex::places& helpers_;
  std::atomic<std::size_t> places_held_{0};  // for those that were spawned; a count alone, it orders nothing
  std::atomic<bool>& damaged_;
  const bool promised_;
  const bool by_annex_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic_flag has_failed_;
  std::exception_ptr failure_;  // of the call that failed first; read after the wait
  // Each task of the group releases its wait_context at its end, and the wait acquires it.
  [[no_unique_address]] tsan::edge helpers_ended_;
  // Isolated, or a cancelled enclosing context would skip the team without a word: oneTBB issue 253.
  tbb::task_group_context context_{tbb::task_group_context::isolated};
  helper_group group_{context_};
};

/// Whether the calling thread may be a worker of oneTBB's that runs a task of the user's. (One that came through the
/// annex may have the first place in its arena; but its team is company. And any thread may have another place: no harm.)
bool may_be_busy_worker() noexcept { return tbb::this_task_arena::current_thread_index() > 0; }

}  // namespace

void arena::fan_out(team& team, std::size_t helpers) {
  native_arena& there = sound_one();
  const bool from_worker = may_be_busy_worker();
  there.arena.execute(tsan::handed_over([&] { fan_out_here(there, team, helpers, from_worker); }));
}

void arena::fan_out_from_inside(team& team, std::size_t helpers) {
  native_arena& here = sound_one();
  if (here.replaced != nullptr) return fan_out(team, helpers);  // the thread may be in the one that was replaced
  fan_out_here(here, team, helpers, may_be_busy_worker());
}

void arena::fan_out_here(native_arena& here, team& team, std::size_t helpers, bool from_worker) const {
  const annex::team counted(team.most_helpers(), made_for_.promised);
  // A call through the annex makes oneTBB ask for many workers, and for fewer when they have come; and with those it
  // forgets the ones that a spawn of this team had asked for and that were not awake yet (market::adjust_demand). The
  // worker that finds the annex empty comes here then, which is enough for a team of one helper.
  const bool workers_may_be_missing =
      counted.has_company() || (made_for_.promised && (from_worker || team.most_helpers() > 1));
  task_group_crew crew(team, here.arena, here.helpers, here.damaged, made_for_.promised, workers_may_be_missing);
  crew.call(helpers);
  crew.lead();
  crew.wait();
}

}  // namespace fanout::detail
