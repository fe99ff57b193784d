#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

/// How fanout uses oneTBB to run tasks: it creates an arena, enters it, and spawns helpers in it.
namespace fanout::detail {

/// The number of threads that the application lets work for one batch: the value of its `tbb::global_control`, if
/// that is below oneTBB's default; otherwise no limit. fanout reads that value and never sets one.
std::size_t application_limit() noexcept;

/// Lets a runner call more helpers while it works.
class helper_calls {
 public:
  /// Throws `std::bad_alloc`.
  virtual void call_helper() = 0;

 protected:
  ~helper_calls() = default;
};

/// What the threads that work on one batch run when the helpers are workers of oneTBB. No exception leaves a function
/// that oneTBB calls.
class team {
 public:
  virtual void lead(helper_calls& helpers) noexcept = 0;    // on the calling thread, once
  virtual void assist(helper_calls& helpers) noexcept = 0;  // on a helper; there may be no work left
  virtual bool wants_help() const noexcept = 0;  // false if a helper would find no work; then it stays false
  virtual void give_up() noexcept = 0;           // some helpers could not be called: the batch will fail

 protected:
  ~team() = default;
};

/// A `tbb::task_arena`.
class arena {
 public:
  struct shape {
    std::size_t workers;  // oneTBB's workers that may be in the arena at once
    std::size_t others;   // other threads that may have entered it at once
  };

  explicit arena(const shape& made_for);
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  ~arena();

  /// Calls `part()` on this thread, inside the arena. If `part` waits for oneTBB, it runs no work from outside `part`
  /// meanwhile. Requires that, with this thread, at most `shape::others` threads are inside, so that a slot is free.
  /// Throws `std::bad_alloc`, before the call.
  template <class Part>
  void enter(const Part& part) {
    enter_with(const_cast<void*>(static_cast<const void*>(&part)),
               [](void* object) { (*static_cast<const Part*>(object))(); });
  }

  /// Calls `team.lead` on the calling thread, inside the arena, and `team.assist` up to `helpers` times: each on a
  /// worker that becomes free or, at the end, on the calling thread. Calls no more of them once the team wants no
  /// help. Returns when all have returned.
  ///
  /// Helpers are spawned as a tree: the calling thread spawns two, and each helper spawns two more before it assists.
  /// So a worker that looks for a task to steal soon finds one. If the calling thread spawned all of them, a hundred
  /// workers would each have to find that one thread among a hundred, at microseconds per attempt.
  ///
  /// A thread that waits here runs nothing except `team.assist`. Cancellation of an enclosing `task_group_context`
  /// does not reach the team. Throws `std::bad_alloc` if oneTBB finds no memory, after everything that was called has
  /// returned; the arena stays usable.
  void fan_out(team& team, std::size_t helpers);

  /// The same for a thread that has entered this arena already. It takes no second slot, because there might be none:
  /// a task that has entered an arena of the user's still holds its slot here. The helpers are then workers of the
  /// user's arena.
  void fan_out_from_inside(team& team, std::size_t helpers);

  /// Whether the calling thread is in this arena now, however it got there. Requires that it is in some arena.
  bool is_current() const noexcept;

  /// False if the calling thread is certainly not a worker of oneTBB in an arena.
  static bool may_be_worker() noexcept;

  /// The `tbb::task_arena`.
  void* native() const noexcept;

  /// Prepares a thread of fanout: creates oneTBB's own data for it, so that entering an arena later does not have to,
  /// and lets nobody cancel it. False if there is no memory.
  static bool prepare_thread() noexcept;

 private:
  struct native_arena;

  native_arena& undamaged_arena();
  void enter_with(void* object, void (*call)(void* object));

  const shape made_for_;
  std::mutex mutex_;  // guards `newest_`
  std::unique_ptr<native_arena> newest_;
  std::atomic<native_arena*> native_;  // points to `newest_`; stored with release once that is complete
};

}  // namespace fanout::detail
