#pragma once

#include <cstddef>

#include "threads/reserve_line.hpp"

/// The threads that keep named limits: plain threads of the process, shared by all executors and free calls.
///
/// oneTBB has a worker for each core but one, however many threads an arena may hold: eight sleeping tasks in a
/// `tbb::task_arena(8)` run two at a time on two cores. It can be made to have more only by a `global_control`, which
/// changes every arena of the application. So a limit that was named is kept by threads of our own. A reserve enters the
/// executor's arena as any thread of the application would.
///
/// Each live executor with a named limit n is promised n - 1 reserves, each running free call as many as it has helpers.
/// There are always at least as many as were promised; making them is where a want of threads is found, before anything
/// runs. Idle ones park. Those that nobody was promised end after some seconds without use.
namespace fanout::detail::reserves {

/// What reserves are called for.
class duty {
 public:
  /// On a reserve, for each call that was answered.
  virtual void serve() noexcept = 0;

  /// False once there is nothing to do for anybody else who comes, for good. Called also under a mutex.
  virtual bool wants_help() const noexcept = 0;

 protected:
  ~duty() = default;
};

/// A promise of some reserves, for as long as it lives.
class share {
 public:
  /// Throws `resource_error` if the process may not create the threads; then nothing has changed.
  explicit share(std::size_t threads);
  share(const share&) = delete;
  share& operator=(const share&) = delete;
  ~share();

 private:
  const std::size_t threads_;
};

/// The calls of one batch for help.
class calls {
 public:
  explicit calls(duty& what) : line_(what) {}
  calls(const calls&) = delete;
  calls& operator=(const calls&) = delete;

  /// Calls so many reserves. Requires a promise for them that outlives the calls: see `share`.
  void call(std::size_t count) noexcept;

  /// The same, with a promise until `withdraw`. Throws `resource_error`, and then has called nobody.
  void call_promised(std::size_t count);

  /// Promises so many more until `withdraw`. Throws `resource_error` or `std::bad_alloc`.
  void promise(std::size_t count);

  /// Takes back what nobody has answered, and returns how many calls that were.
  std::size_t withdraw() noexcept;

  /// Waits until every reserve that answered has returned from `serve`. Requires `withdraw` before.
  void wait() noexcept;

 private:
  basic_reserve_line<std_primitives, duty>::calls line_;
  std::size_t promised_ = 0;
};

/// Ends all threads that are idle just now, and returns when they have ended.
void end_idle() noexcept;

/// How many there are, at work or idle: for tests.
std::size_t existing() noexcept;

}  // namespace fanout::detail::reserves
