#include "reserves.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "arena.hpp"
#include "fanout/error.hpp"
#include "fanout/limits.hpp"

namespace fanout::detail::reserves {
namespace {

using namespace std::chrono_literals;
using line = basic_reserve_line<std_primitives>;

// An idle reserve looks for calls for a while before it parks, so that a stream of short batches wakes nobody by a system
// call; as many as there are cores besides the caller's. (oneTBB's workers do the same, for about as long.)
constexpr auto spin_time = 100us;
constexpr auto keep_time = 5s;

// How often a thread is asked for again that the system refused just after others had ended: the kernel counts a thread
// for a moment after it was joined.
constexpr int attempts = 20;

struct resources_refused {};

struct reserve : line::member {
  std::thread thread;
  reserve* next_unused = nullptr;
};

/// The reserves of the process. Never destroyed: static objects may use the library until the process ends.
class cache {
 public:
  cache() : line_({.spin = spin_time, .most_spinning = available_concurrency() - 1, .keep = keep_time}) {}

  line& calls() { return line_; }

  /// Until `promise()` says that no reserve is missing any more. Throws `resource_error` if one cannot be created, or
  /// `std::bad_alloc`; the threads that were created for this end again then.
  template <class Promise>
  void make_sure(std::size_t wanted, Promise promise) {
    if (promise() == 0) return;
    const std::lock_guard lock(growing_);
    std::size_t made = 0;
    for (std::size_t missing = promise(); missing != 0; missing = promise()) {
      const std::size_t promised = line_.promised();
      try {
        grow(missing, made, attempts);
      } catch (const resources_refused&) {
        const std::size_t available = line_.threads();
        retire_and_join(made, /*keep_promises=*/true);
        throw resource_error(promised + wanted + 1, available + 1);
      } catch (const std::bad_alloc&) {
        retire_and_join(made, /*keep_promises=*/true);
        throw;
      }
    }
  }

  void end_idle() noexcept {
    if (::getpid() != process_) return;  // a child of fork() has none of the threads
    const std::lock_guard lock(growing_);
    for (int i = 0; line_.is_moving() && i != 1'000; ++i) std::this_thread::sleep_for(1ms);
    retire_and_join(static_cast<std::size_t>(-1), /*keep_promises=*/false);
  }

  /// As many more as were called beyond those that there are. It does not matter if there are none to be had; a caller may
  /// hold a mutex, so nothing is tried twice.
  void relieve() noexcept {
    try {
      const std::lock_guard lock(growing_);
      std::size_t made = 0;
      grow(line_.missing(), made, /*attempts_left=*/0);
    } catch (...) {
    }
  }

 private:
  /// Creates so many threads, counts them in `made`, and waits until each is in working order. Throws `resources_refused`
  /// or `std::bad_alloc`.
  void grow(std::size_t missing, std::size_t& made, int attempts_left) {
    bool refused = false;
    bool no_memory = false;
    try {
      for (; missing != 0 && !refused; --missing) {
        refused = !create(attempts_left);
        if (!refused) ++made;
      }
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
    std::unique_lock lock(starting_mutex_);
    started_.wait(lock, [this] { return starting_ == 0; });
    if (no_memory) throw std::bad_alloc();
    if (std::exchange(failed_, false) || refused) throw resources_refused();
  }

  /// False if the system refuses the thread. Throws `std::bad_alloc`.
  bool create(int attempts_left) {
    reserve* const made = take_unused();
    for (;; --attempts_left) {
      try {
        const std::lock_guard lock(starting_mutex_);  // the thread does not end before this knows its handle
        made->thread = std::thread([this, made] { live(*made); });
        ++starting_;
        return true;
      } catch (const std::system_error&) {
        if (!has_ended_some_.load(std::memory_order_relaxed) || attempts_left <= 0) {
          put_unused(*made);
          return false;
        }
      } catch (...) {
        put_unused(*made);
        throw;
      }
      std::this_thread::sleep_for(1ms);
    }
  }

  /// What a reserve's thread does. It is in the line, where it can be promised, once nothing can fail any more.
  void live(reserve& self) noexcept {
    const bool works = arena::prepare_thread();
    {
      const std::lock_guard lock(ended_mutex_);
      ++alive_;
    }
    if (works) line_.add_thread();
    {
      const std::lock_guard lock(starting_mutex_);
      if (!works) failed_ = true;
      if (--starting_ == 0) started_.notify_one();
    }
    if (works) {
      const auto duty_of = [](line::calls& each) -> duty& {
        return static_cast<reserves::calls::line_entry&>(each).answered_by;
      };
      const auto wants_help = [&](line::calls& each) { return duty_of(each).wants_help(); };
      for (line::calls* answered = nullptr; (answered = line_.next(self, answered, wants_help)) != nullptr;)
        duty_of(*answered).serve();
    }
    end(self);
  }

  /// Each thread that ends joins the one that ended before it, so that one at most is left to be joined.
  void end(reserve& self) noexcept {
    reserve* before = nullptr;
    {
      const std::lock_guard lock(ended_mutex_);
      before = std::exchange(last_ended_, &self);
      --alive_;
      has_ended_some_.store(true, std::memory_order_relaxed);
      ended_.notify_all();
    }
    if (before != nullptr) join(*before);
  }

  void retire_and_join(std::size_t most, bool keep_promises) noexcept {
    line_.retire(most, keep_promises);
    reserve* last = nullptr;
    {
      std::unique_lock lock(ended_mutex_);
      ended_.wait(lock, [this] { return alive_ <= line_.threads(); });
      last = std::exchange(last_ended_, nullptr);
    }
    if (last != nullptr) join(*last);
  }

  void join(reserve& ended) noexcept {
    ended.thread.join();
    put_unused(ended);
  }

  // What a thread has left is never deleted, because one that called it may still be about to notify it; it is used for
  // another thread. (That one finds that it was not called, and waits on.)

  reserve* take_unused() {
    {
      const std::lock_guard lock(ended_mutex_);
      if (unused_ != nullptr) {
        reserve* const taken = std::exchange(unused_, unused_->next_unused);
        taken->retired = false;
        return taken;
      }
    }
    return new reserve;
  }

  void put_unused(reserve& left) noexcept {
    const std::lock_guard lock(ended_mutex_);
    left.next_unused = std::exchange(unused_, &left);
  }

  line line_;
  const pid_t process_ = ::getpid();

  std::mutex growing_;  // held by the one that creates threads

  std::mutex starting_mutex_;  // guards what follows, of the threads that are being created
  std::condition_variable started_;
  std::size_t starting_ = 0;
  bool failed_ = false;

  std::mutex ended_mutex_;  // guards what follows
  std::condition_variable ended_;
  std::size_t alive_ = 0;  // threads that work, or fail to, and have not begun to end
  reserve* last_ended_ = nullptr;
  reserve* unused_ = nullptr;
  std::atomic<bool> has_ended_some_{false};  // a hint
};

cache* created = nullptr;

cache& of_process() {
  static cache& only = *(created = new cache);
  return only;
}

/// When the library is unloaded, or the process ends, idle threads end first: their code would be gone. Those that are at
/// work are left alone; a batch that runs while its library is unloaded is beyond help.
struct at_unload {
  ~at_unload() {
    if (created != nullptr) created->end_idle();
  }
};
const at_unload end_threads;

}  // namespace

share::share(std::size_t threads) : threads_(threads) {
  if (threads == 0) return;
  of_process().make_sure(threads, [&] { return of_process().calls().promise(threads); });
}

share::~share() {
  if (threads_ != 0) of_process().calls().take_back_promise(threads_);
}

void calls::call(std::size_t count) noexcept {
  of_process().calls().call(line_, count, 0);
  if (line_.late) of_process().relieve();
}

void calls::call_promised(std::size_t count) {
  of_process().make_sure(count, [&] { return of_process().calls().call(line_, count, count); });
  promised_ = count;
  if (line_.late) of_process().relieve();
}

std::size_t calls::withdraw() noexcept { return of_process().calls().withdraw(line_, std::exchange(promised_, 0)); }

void calls::wait() noexcept {
  // The last tasks of short batches end within microseconds: sleeping and being woken would take longer.
  constexpr auto patience = 20us;
  if (line_.open.load(std::memory_order_acquire) == 0) return;
  if (available_concurrency() > 1) {
    const auto end = std::chrono::steady_clock::now() + patience;
    do {
      std_primitives::relax();
      if (line_.open.load(std::memory_order_acquire) == 0) return;
    } while (std::chrono::steady_clock::now() < end);
  }
  of_process().calls().wait(line_);
}

void end_idle() noexcept { of_process().end_idle(); }
std::size_t existing() noexcept { return of_process().calls().threads(); }

}  // namespace fanout::detail::reserves
