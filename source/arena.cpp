#include "arena.hpp"

// isolated_task_group, which spawns and waits under a tag of its own wherever it is called from.
#define TBB_PREVIEW_ISOLATED_TASK_GROUP 1
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <exception>
#include <thread>

#include "tsan.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {

struct arena::native_arena {
  tbb::task_arena arena;
};

arena::arena(const shape& made_for)
    : native_(new native_arena{tbb::task_arena(
          static_cast<int>(made_for.workers + made_for.seats), static_cast<unsigned>(made_for.seats),
          made_for.promised ? tbb::task_arena::priority::high : tbb::task_arena::priority::normal)}),
      promised_(made_for.promised) {
  if (made_for.workers != 0) native_->arena.initialize();
}

arena::~arena() = default;

void* arena::native() const noexcept { return &native_->arena; }

namespace {

class task_group_crew final : public crew {
 public:
  task_group_crew(team& team, bool promised) : team_(team), promised_(promised) {}

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
    group_.run(tsan::handed_over([this, branch] {
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
    group_.run(tsan::handed_over([] {}));
  }

  /// A wait inside a task (a tbb::parallel_for of the user's, say) takes no assistance of this team or another.
  template <class Part>
  static void isolate(const Part& part) {
    tbb::this_task_arena::isolate(part);
  }

  team& team_;
  const bool promised_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic_flag has_failed_;
  std::exception_ptr failure_;  // of the call that failed first; read after the wait
  // Each task of the group releases its wait_context at its end, and the wait acquires it.
  [[no_unique_address]] tsan::edge helpers_ended_;
  // Isolated, or a cancelled enclosing context would skip the team without a word: oneTBB issue 253.
  tbb::task_group_context context_{tbb::task_group_context::isolated};
  tbb::isolated_task_group group_{context_};
};

}  // namespace

void arena::fan_out(team& team, std::size_t helpers) {
  native_->arena.execute(tsan::handed_over([&] { fan_out_from_inside(team, helpers); }));
}

void arena::fan_out_from_inside(team& team, std::size_t helpers) const {
  task_group_crew crew(team, promised_);
  crew.call(helpers);
  crew.lead();
  crew.wait();
}

}  // namespace fanout::detail
