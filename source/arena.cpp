#include "arena.hpp"

// isolated_task_group, which spawns and waits under a tag of its own wherever it is called from.
#define TBB_PREVIEW_ISOLATED_TASK_GROUP 1
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <exception>
#include <thread>

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
  explicit task_group_crew(team& team) : team_(team) {}

  void call_helper() override {
    group_.run([this] {
      if (std::this_thread::get_id() != caller_) worker_budget::note_worker();
      isolate([this] { team_.assist(*this); });
    });
  }

  /// Makes sure that the helpers called so far will be seen by idle workers. oneTBB's spawn asks "does everybody know
  /// that there is work?" without a fence behind the publication of the task, and says why: it "allows parallelism,
  /// but never promises parallelism, the missed wakeup is not a correctness problem" (arena.h, advertise_new_work).
  /// Here it would be one, a named limit is a promise. One more spawn, behind a fence, asks again.
  void insist() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    group_.run([] {});
  }

  void lead() {
    isolate([this] { team_.lead(*this); });
  }

  /// Runs nothing but what was called here: who waits for an inner batch never picks up another task of an outer one.
  void wait() { group_.wait(); }

 private:
  /// A wait inside a task (a tbb::parallel_for of the user's, say) takes no assistance of this team or another.
  template <class Part>
  static void isolate(const Part& part) {
    tbb::this_task_arena::isolate(part);
  }

  team& team_;
  const std::thread::id caller_ = std::this_thread::get_id();
  // Isolated, or a cancelled enclosing context would skip the team without a word: oneTBB issue 253.
  tbb::task_group_context context_{tbb::task_group_context::isolated};
  tbb::isolated_task_group group_{context_};
};

}  // namespace

void arena::fan_out(team& team, std::size_t helpers) {
  native_->arena.execute([&] { fan_out_from_inside(team, helpers); });
}

void arena::fan_out_from_inside(team& team, std::size_t helpers) const {
  task_group_crew crew(team);
  std::exception_ptr no_memory;
  try {
    for (std::size_t called = 0; called != helpers; ++called) crew.call_helper();
    if (promised_) crew.insist();
  } catch (...) {
    no_memory = std::current_exception();
    team.give_up();
  }
  crew.lead();
  crew.wait();
  if (no_memory) std::rethrow_exception(no_memory);
}

}  // namespace fanout::detail
