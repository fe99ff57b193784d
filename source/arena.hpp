#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

/// What fanout asks of oneTBB to run tasks: an arena, and one operation on it.
namespace fanout::detail {

/// The threads that a team has called for help; it may call for more while it works.
class crew {
 public:
  /// Lets `team.assist` be called once more. For a thread that leads or assists. Throws `std::bad_alloc`.
  virtual void call_helper() = 0;

 protected:
  ~crew() = default;
};

/// The threads that work together on one batch. No exception leaves a function that oneTBB calls.
class team {
 public:
  virtual void lead(crew& helpers) noexcept = 0;    // the part of the thread that has the batch, once
  virtual void assist(crew& helpers) noexcept = 0;  // the part of a helper; it finds out itself whether there is work
  virtual bool wants_help() const noexcept = 0;     // false once a helper would find no work, for good
  virtual std::size_t most_helpers() const noexcept = 0;  // at once, at any time; one at least
  virtual void give_up() noexcept = 0;                    // the helpers could not all be called: the batch will fail

 protected:
  ~team() = default;
};

/// A `tbb::task_arena`, made for a number of workers.
class arena {
 public:
  struct shape {
    std::size_t workers;  // threads of oneTBB that may be in it at once
    std::size_t seats;    // calling threads that may be in it at once, beside them
    bool promised;        // its workers were named by a caller: it gets them before other arenas
  };

  explicit arena(const shape& made_for);
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;
  ~arena();

  /// Calls `team.lead` on the calling thread and `team.assist` up to `helpers` times, each on a worker as one
  /// comes free or, last, on the calling thread; no more of them once the team wants no help. Returns when all have
  /// returned.
  ///
  /// The calling thread calls two helpers, and each helper calls two more before it assists. So a thief soon finds one
  /// wherever it looks: had the calling thread called all, a hundred workers would look for that one thread among a
  /// hundred, at microseconds a look.
  ///
  /// Where workers might be missing they are called through the annex.
  ///
  /// A thread that waits here runs nothing but this team's assistance. Cancellation of an enclosing
  /// `task_group_context` does not reach the team. Throws `std::bad_alloc`, after everything that was called has
  /// returned, if oneTBB finds no memory. The arena is usable all the same.
  void fan_out(team& team, std::size_t helpers);

  /// The same for a thread that came into this arena already. It takes no second slot: a thread that went on into an
  /// arena of the user's keeps the one it has here, and there might be no other to come back to. Then the helpers are
  /// workers of the user's arena.
  void fan_out_from_inside(team& team, std::size_t helpers);

  /// The `tbb::task_arena`.
  void* native() const noexcept;

 private:
  struct native_arena;

  native_arena& sound_one();
  void fan_out_here(native_arena& here, team& team, std::size_t helpers, bool from_worker) const;

  const shape made_for_;
  std::mutex mutex_;  // guards the replacement
  std::unique_ptr<native_arena> newest_;
  std::atomic<native_arena*> native_;  // the newest; released when it is complete
};

}  // namespace fanout::detail
