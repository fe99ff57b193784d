#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <new>

#include "fanout/error.hpp"
#include "threads/own_thread.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail::reserves {

/// Ends the idle reserves of all groups but this one that are promised to nobody. False if there are none.
bool release_idle_of_others(const group& asking) noexcept;

/// The reserves whose stacks have one size: creates their threads and ends them. The line says when each works.
/// Never destroyed: static objects may use the library until the process ends.
class group {
 public:
  using line = basic_reserve_line<std_primitives, duty>;

  explicit group(std::size_t stack_size);

  std::size_t stack_size() const { return stack_size_; }
  line& calls() { return line_; }
  const line& calls() const { return line_; }

  /// Creates reserves until `promise()`, which returns how many are missing, returns 0. Throws `resource_error` if a
  /// thread cannot be created although no other group has an idle one, or `std::bad_alloc`; before that, ends the
  /// threads that it has created.
  template <class Promise>
  void ensure(std::size_t wanted, const Promise& promise) {
    if (slow_.load(std::memory_order_relaxed) != 0) end_slow();
    if (promise() == 0) return;
    counts refused;
    growth how = grow_for(promise, refused);
    if (how == growth::refused && release_idle_of_others(*this)) how = grow_for(promise, refused);
    if (how == growth::no_memory) throw std::bad_alloc();
    if (how == growth::refused) throw resource_error(refused.promised + wanted + 1, refused.available + 1);
  }

  /// Ends idle reserves that are promised to nobody, except `most_left` of them. Waits until the threads have ended.
  void release_idle(std::size_t most_left) noexcept;

  /// Ends all idle reserves, promised or not. Waits until the threads have ended.
  void end_idle() noexcept;

 private:
  struct reserve : line::member {
    explicit reserve(group& of);
    group& whose;
    own_thread thread;
    const std::size_t number;
    bool slow = false;  // written by its thread before it joins the line
    reserve* next_unused = nullptr;
  };

  enum class growth { done, refused, no_memory };

  struct counts {
    std::size_t promised = 0;
    std::size_t available = 0;
  };

  template <class Promise>
  growth grow_for(const Promise& promise, counts& at_refusal) {
    std::unique_lock lock(growing_);
    growth how = growth::done;
    std::size_t made = 0;
    for (std::size_t missing = promise(); missing != 0; missing = promise()) {
      at_refusal.promised = line_.promised();
      how = grow(missing, made);
      if (how == growth::done) continue;
      at_refusal.available = line_.threads();
      line_.retire(made);
      lock.unlock();
      join_ended();
      break;
    }
    return how;
  }

  /// Creates `missing` threads, adds their number to `made`, and waits until each is ready to work or has failed.
  growth grow(std::size_t missing, std::size_t& made) noexcept;
  growth create() noexcept;

  /// The function of a reserve's thread. It joins the line, where it can be promised, only when nothing can fail any
  /// more.
  void live(reserve& self) noexcept;

  /// Each thread that ends joins the one that ended before it, so at most one is left to be joined.
  void end(reserve& self) noexcept;

  bool retire_all_but(std::size_t left) noexcept;
  bool retire_all() noexcept;

  /// Waits until all retired reserves have ended. Does not wait on a reserve: each thread that ends waits for the one
  /// before it, so the calling thread may be one that another waits for, and in the destructor of a thread-local
  /// object.
  void join_ended() noexcept;
  void join(reserve& ended) noexcept;

  /// Ends idle reserves that run at a lower priority than the process, because such a thread has created them. Does
  /// nothing if the calling thread is such a thread itself: it could not create better ones.
  void end_slow() noexcept;

  // The `reserve` of an ended thread is never deleted, because a thread that has called it may be about to notify it.
  // It is used for another thread instead. (If that one is notified, it sees that it was not called, and goes on
  // waiting.)
  reserve* take_unused() noexcept;
  void put_unused(reserve& left) noexcept;

  bool is_forked_child() const noexcept { return ::getpid() != process_; }  // it has none of the threads

  const std::size_t stack_size_;
  line line_;
  const ::pid_t process_ = ::getpid();
  std::atomic<std::size_t> slow_{0};  // how many run at a lower priority; a hint, which orders nothing

  std::mutex growing_;  // one thread at a time creates or retires reserves
  std::mutex joining_;  // one thread at a time waits for those that have ended; never locked by a reserve

  std::atomic<bool> has_ended_some_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::size_t starting_ = 0;
  bool failed_ = false;    // a thread had no memory to start
  std::size_t alive_ = 0;  // threads that have not begun to end
  reserve* last_ended_ = nullptr;
  reserve* unused_ = nullptr;
};

}  // namespace fanout::detail::reserves
