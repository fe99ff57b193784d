#pragma once

#include <cstddef>

#include "threads/reserve_line.hpp"

/// Reserves: the threads that keep named limits. They are plain threads of the process, shared by all executors and
/// free calls.
///
/// oneTBB has one worker fewer than there are cores, however many threads an arena may hold: eight sleeping tasks in
/// a `tbb::task_arena(8)` run two at a time on two cores. Only a `global_control` gives it more, and that changes
/// every arena of the application. So fanout keeps named limits with threads of its own. A reserve enters the
/// executor's arena as any thread of the application would.
///
/// Each live executor with a named limit n is promised n - 1 reserves, each running free call as many as it has
/// helpers. There are always at least as many reserves as are promised. They are created when they are promised, so a
/// lack of threads is reported before any task runs. Idle reserves park. Those that are promised to nobody end after
/// 5 seconds without use; all but 32 of them end when an executor is destroyed.
namespace fanout::detail::reserves {

/// The work that reserves are called for.
class duty {
 public:
  /// Called on a reserve, once for each call that it answers.
  virtual void serve() noexcept = 0;

  /// False if another reserve would find nothing to do; then it stays false. May be called under a mutex.
  virtual bool wants_help() const noexcept = 0;

 protected:
  ~duty() = default;
};

/// The reserves whose stacks have the same size. A call is answered by reserves of its group only.
class group;

/// The group of a stack size in bytes; 0 is the system's default. Groups are never destroyed. Throws
/// `std::bad_alloc`.
group& with_stack(std::size_t size);

/// A promise of some reserves, for as long as the object lives.
class promise {
 public:
  /// Throws `resource_error` if the process may not create the threads, or `std::bad_alloc`; then nothing has
  /// changed.
  explicit promise(std::size_t threads, group& of = with_stack(0));
  promise(const promise&) = delete;
  promise& operator=(const promise&) = delete;
  ~promise();

  group& whose() const { return group_; }

 private:
  group& group_;
  const std::size_t threads_;
};

/// The calls of one batch for help.
class calls {
 public:
  explicit calls(duty& what) : line_(what) {}

  /// Chooses whose reserves are called. Call it before the first of the others.
  void choose(group& whose) { group_ = &whose; }
  calls(const calls&) = delete;
  calls& operator=(const calls&) = delete;

  /// Calls `count` reserves. Requires a promise of them that outlives the calls: see `reserves::promise`.
  void call(std::size_t count) noexcept;

  /// Promises `count` reserves until `withdraw`, and calls them. Throws `resource_error` or `std::bad_alloc`; then it
  /// has called none.
  void call_promised(std::size_t count);

  /// Promises `count` reserves until `withdraw`. Throws `resource_error` or `std::bad_alloc`.
  void promise(std::size_t count);

  /// Takes back the calls that no reserve has answered, and returns their number.
  std::size_t withdraw() noexcept;

  /// Whether every reserve that answered has returned from `serve`.
  bool have_ended() const noexcept { return line_.open.load(std::memory_order_acquire) == 0; }

  /// Waits until every reserve that answered has returned from `serve`. Requires that `withdraw` was called.
  void wait() noexcept;

 private:
  basic_reserve_line<std_primitives, duty>::calls line_;
  group* group_ = nullptr;
  std::size_t promised_ = 0;
};

/// Ends the reserves that are idle now and promised to nobody, and returns when their threads have ended.
void release_idle() noexcept;

/// Ends all reserves that are idle now, promised or not, and returns when their threads have ended.
void end_idle() noexcept;

/// The number of reserves, at work or idle, of all groups. For tests.
std::size_t existing() noexcept;

}  // namespace fanout::detail::reserves
