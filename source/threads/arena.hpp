#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

/// What fanout asks of oneTBB to run tasks: an arena, to enter it, and to fan out in it.
namespace fanout::detail {

/// The most threads that may work for one batch as far as the application has a say: what a `tbb::global_control` of its
/// own allows, where that is fewer than oneTBB would have by itself. No limit otherwise. Only read, never set.
std::size_t application_limit() noexcept;

/// Lets a runner call for more helpers while it works.
class helper_calls {
 public:
  /// Throws `std::bad_alloc`.
  virtual void call_helper() = 0;

 protected:
  ~helper_calls() = default;
};

/// The threads that work together on one batch, on workers of oneTBB. No exception leaves a function that oneTBB calls.
class team {
 public:
  virtual void lead(helper_calls& helpers) noexcept = 0;    // the part of the calling thread, once
  virtual void assist(helper_calls& helpers) noexcept = 0;  // the part of a helper; it finds out whether there is work
  virtual bool wants_help() const noexcept = 0;             // false once a helper would find no work, for good
  virtual void give_up() noexcept = 0;  // the helpers could not all be called: the batch will fail

 protected:
  ~team() = default;
};

/// A `tbb::task_arena`.
class arena {
 public:
  struct shape {
    std::size_t workers;  // threads of oneTBB that may be in it at once
    std::size_t others;   // threads that enter it, at once
  };

  explicit arena(const shape& made_for);
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  ~arena();

  /// Calls `part.run()` on this thread, inside the arena. A thread that waits for oneTBB inside of it takes no work from
  /// outside. Requires that no more threads have entered than the shape says: then there is a slot. Throws
  /// `std::bad_alloc`, before the call.
  template <class Part>
  void enter(const Part& part) {
    enter_with(const_cast<void*>(static_cast<const void*>(&part)),
               [](void* object) { (*static_cast<const Part*>(object))(); });
  }

  /// Calls `team.lead` on the calling thread, inside the arena, and `team.assist` up to `helpers` times, each on a worker
  /// as one comes free or, last, on the calling thread; no more of them once the team wants no help. Returns when all
  /// have returned.
  ///
  /// The calling thread calls two helpers, and each helper calls two more before it assists. So a thief soon finds one
  /// wherever it looks: had the calling thread called all, a hundred workers would look for that one thread among a
  /// hundred, at microseconds a look.
  ///
  /// A thread that waits here runs nothing but this team's assistance. Cancellation of an enclosing
  /// `task_group_context` does not reach the team. Throws `std::bad_alloc`, after everything that was called has
  /// returned, if oneTBB finds no memory. The arena is usable all the same.
  void fan_out(team& team, std::size_t helpers);

  /// The same for a thread that has entered this arena already. It takes no second slot: a thread that went on into an
  /// arena of the user's keeps the one it has here, and there might be no other to come back to. Then the helpers are
  /// workers of the user's arena.
  void fan_out_from_inside(team& team, std::size_t helpers);

  /// Whether the calling thread is in this arena just now, however it came there. Requires that it is in one.
  bool is_current() const noexcept;

  /// False if the calling thread is certainly no worker of oneTBB's in some arena.
  static bool may_be_worker() noexcept;

  /// The `tbb::task_arena`.
  void* native() const noexcept;

  /// Makes oneTBB's own data for the calling thread, which would be made when it first enters an arena. False if there
  /// is no memory for it.
  static bool prepare_thread() noexcept;

 private:
  struct native_arena;

  native_arena& sound_one();
  void enter_with(void* object, void (*call)(void* object));

  const shape made_for_;
  std::mutex mutex_;  // guards the replacement
  std::unique_ptr<native_arena> newest_;
  std::atomic<native_arena*> native_;  // the newest; released when it is complete
};

}  // namespace fanout::detail
