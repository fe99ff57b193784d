#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/intrusive_list.hpp"
#include "base/stop_forwarder.hpp"
#include "engine/attempt.hpp"
#include "engine/batch_deadline.hpp"
#include "engine/progress.hpp"
#include "engine/task_line.hpp"
#include "engine/task_store.hpp"
#include "engine/verdict.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_cache.hpp"
#include "executor/executor_core.hpp"
#include "executor/executor_limiter.hpp"
#include "fanout/detail/task_scope.hpp"
#include "threads/floating_point.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail {

/// Memory for several closures of small tasks: a page.
struct alignas(64) closure_block {
  static constexpr std::size_t closure_size = sizeof(closure) + largest_copied_task;
  static constexpr unsigned places = 63;
  static constexpr std::size_t purses = 16;  // a few threads that add may get one each

  struct alignas(closure_size) place {
    std::array<std::byte, closure_size> bytes;
  };

  closure& make(unsigned in) noexcept {
    closure& made = *new (&memory[in]) closure;
    made.place = in & 0xffU;
    return made;
  }
  static closure_block& of(closure& made) noexcept {
    auto* const first = reinterpret_cast<std::byte*>(&made) - made.place * closure_size;
    return *reinterpret_cast<closure_block*>(first - offsetof(closure_block, memory));
  }

  closure_block* next = nullptr;
  std::atomic<unsigned> left{0};  // tasks that have not ended: see basic_task_store::end
  std::array<place, places> memory;
};

/// The engine's part of a task_scope. Its runners are reserves, which it calls when tasks are added, and threads that
/// wait for it: who joins, and who adds where that thread itself stands in the way of the reserves.
class task_scope_core final : public batch_control,
                              private reserves::duty,
                              private executor_limiter::helped,
                              private executor_limiter::bounded,
                              private batch_deadline {
 public:
  /// Who is told when the scope comes to wait for a slot although nothing was added: for instance because a runner left
  /// when a task came.
  class slot_listener {
   public:
    virtual void comes_to_wait_for_slot() noexcept = 0;

   protected:
    ~slot_listener() = default;
  };

  /// What the threads of a scope that does not outlive the task that made it can know about it.
  struct surroundings {
    const scope_entry* starter = nullptr;  // see batch_scope
    const void* awaited_as = nullptr;      // the scope itself if null
    bool calls_nobody = false;             // only threads that wait for it work
    slot_listener* listener = nullptr;
    bool caller_replaces = false;          // who waits for it takes the place of any reserve that is coming: see `wait`
  };

  task_scope_core(executor_core* on, run_options&& options, const stop_functions* stops, const surroundings& around);
  task_scope_core(executor_core* on, run_options&& options, const stop_functions* stops)
      : task_scope_core(on, std::move(options), stops, surroundings{}) {}
  task_scope_core(const task_scope_core&) = delete;
  task_scope_core& operator=(const task_scope_core&) = delete;
  ~task_scope_core() override = default;  // after `join` or `drop`

  bool add_copy(const closure_kind& kind, const void* task, if_full then);
  bool add_made(closure& made, if_full then);
  void join();
  void drop() noexcept;
  void cancel() noexcept;
  batch_progress counts();

  // For a batch whose tasks are run by those of a scope:

  /// Works, until no task is left for the moment. `from`: the entry of the calling thread; use a `position`.
  void help(const scope_entry* from) noexcept { static_cast<void>(wait(from, /*for_room=*/false, /*works=*/true)); }

  /// Whether the tasks that were added last have to wait for a slot of the executor.
  bool waits_for_slot();

  /// Whether a runner should come back to the scope, which may have to leave its slot to others: a hint.
  bool is_slot_wanted() const {
    return limiter() != nullptr && (limiter()->may_be_wanted() || limiter()->may_be_too_many());
  }

  /// How many runners there may be now.
  std::size_t most_now() const { return limiter() != nullptr ? std::min(limit_, limiter()->allowed()) : limit_; }

  /// Gives back a slot that was obtained for the calling thread.
  void leave_slot() { limiter()->leave(); }

  /// See batch_scope.
  const void* awaited_as() const { return scope_.awaited_as; }
  bool runs_caller() const noexcept;
  std::size_t runner_of(const chunk& its_chunk) const noexcept override;

  /// The chunk of the runner that runs this task of the scope.
  static chunk& chunk_of(const started_task& task) noexcept { return const_cast<chunk&>(task.its_chunk); }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  using line = basic_task_line<std_primitives, closure>;
  using store = basic_task_store<std_primitives, closure, closure_block>;

  /// Each on cache lines of its own, because every runner writes its own all the time.
  struct alignas(128) seat {
    chunk mine;  // stands for the runner in task_context
    std::atomic<std::size_t> completed{0};
    attempt* inside = nullptr;  // what its task runs in, if in anything; written by its runner between tasks
    seat* next_free = nullptr;
  };

  /// Takes a seat for as long as the object lives.
  class seat_taken {
   public:
    explicit seat_taken(task_scope_core& of);
    seat_taken(const seat_taken&) = delete;
    seat_taken& operator=(const seat_taken&) = delete;
    ~seat_taken();
    seat& operator*() const { return seat_; }

   private:
    task_scope_core& of_;
    seat& seat_;
  };

  /// A thread that waits for a slot in order to work, until the slot comes or what the thread waits for.
  struct slot_wait : list_entry<slot_wait> {
    slot_wait(task_scope_core& scope, bool wants_room);
    slot_wait(const slot_wait&) = delete;
    slot_wait& operator=(const slot_wait&) = delete;
    ~slot_wait();
    task_scope_core& of;
    const bool for_room;
    std::stop_source ends;
  };

  enum class leaves { when_nothing_is_left, after_a_look, when_there_is_room };

  /// When a runner that holds a slot has last given others the chance to get it.
  class slot_use {
   public:
    slot_use(task_scope_core& scope, bool is_held) : of_(scope), is_held_(is_held) {}
    /// Because more slots are used than are allowed, or because others wait for it.
    bool makes_way();
    bool should_end();

   private:
    task_scope_core& of_;
    const bool is_held_;
    std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  };

  // batch_deadline
  bool is_stopped() const noexcept override { return stopped(); }
  void stop() noexcept override { cancel(); }

  // batch_control
  void record_failure(std::size_t index) noexcept override;
  std::stop_token stop_token(const chunk& its_chunk) override;

  // reserves::duty, and executor_limiter::helped
  void serve() noexcept override;
  bool wants_help() const noexcept override { return !ended_.load(std::memory_order_relaxed); }
  void call_helpers(std::size_t count) noexcept override { calls_.call(count); }
  std::size_t withdraw_helpers() noexcept override { return calls_.withdraw(); }

  // executor_limiter::bounded
  const batch_scope& scope() const noexcept override { return scope_; }
  std::size_t most_runners() const noexcept override { return limit_; }
  std::size_t runners() noexcept override { return line_.runners(); }
  void let_exceed() noexcept override { line_.wake(); }

  executor_limiter* limiter() const { return scope_.limiter; }

  line::fate add(closure& task, if_full then);
  static bool accept(line::fate done);
  void request_runner() noexcept;
  void call_runner() noexcept;
  void call_off(std::size_t coming) noexcept;
  std::size_t withdraw() noexcept { return limiter() != nullptr ? limiter()->withdraw(*this) : calls_.withdraw(); }

  template <class Part>
  void in_arena(const Part& part) noexcept;
  bool run_tasks(const batch_scope& scope, bool holds_slot, leaves when) noexcept;
  void give_back_slot(bool makes_way) noexcept;
  bool look_for_more() noexcept;
  void run(closure& next, seat& mine) noexcept;
  void run_attempt(closure& next, seat& mine) noexcept;

  bool is_own_task() const;
  bool may_be_own_task() const;
  enum class room { comes, never };
  room wait_for_room();
  bool begin_to_join() noexcept;
  void end() noexcept;
  void drop_unstarted() noexcept;
  void finish();
  room wait(const scope_entry* from, bool for_room, bool works) noexcept;
  void work_on_slot(const scope_entry* from, bool for_room) noexcept;
  bool reached(bool for_room);
  void tell_slot_waits(bool of_room) noexcept;

  void stop_tasks() noexcept;
  std::size_t completed() const;

  run_options options_;  // not changed after the constructor
  const std::size_t limit_;
  slot_listener* const listener_;
  const bool caller_replaces_;
  const bool can_call_;  // false if only threads that wait for it may work
  executor_cache::loan borrowed_;  // of a scope with a limit of its own, until it is joined
  executor_core& home_;
  const batch_scope scope_;
  std::optional<reserves::promise> reserves_;
  std::optional<executor_core::leader_promise> leader_;
  std::optional<executor_core::visit> visit_;
  const float_settings float_settings_ = float_settings::of_this_thread();

  const bool runs_attempts_;
  const clock_kept clock_;
  verdict verdict_;
  const stop_functions* const functions_;  // see batch_request
  stop_for_tasks stop_;
  progress progress_;
  store store_;
  line line_;
  reserves::calls calls_{*this};
  std::atomic<bool> ended_{false};      // no task is left, and none can be added
  // By the thread that joins or drops. Released at the end of the join, which is the last that it does here, and
  // acquired by the destructor.
  enum class phase { open, joining, joined };
  std::atomic<phase> phase_{phase::open};
  std::atomic<std::thread::id> joined_by_{};  // written by that thread, and compared by each with its own
  std::atomic<std::size_t> untouched_by_stop_{none};  // the number of tasks, if all had ended when the stop came

  std::array<seat, 4> few_seats_;
  std::unique_ptr<seat[]> many_seats_;
  const std::span<seat> seats_;

  std::mutex mutex_;  // guards what follows
  seat* free_seat_ = nullptr;
  intrusive_list<slot_wait> slot_waits_;

  /// Threads that have taken, or are about to take, the place of a reserve that waits for a slot, and that are not in
  /// `slot_waits_` yet. Counted by these threads; read by any that asks whether the scope waits for a slot.
  std::atomic<std::size_t> about_to_wait_{0};

  stop_forwarder on_stop_;  // used by the constructor, and by the thread that joins
};

/// Without memory to enter the arena, the tasks run outside of it, because they were accepted.
template <class Part>
void task_scope_core::in_arena(const Part& part) noexcept {
  bool entered = false;
  try {
    home_.workplace().enter([&] {
      entered = true;
      part();
    });
  } catch (...) {
    if (!entered) part();
  }
}

}  // namespace fanout::detail
