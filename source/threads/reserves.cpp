#include "threads/reserves.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "threads/arena.hpp"
#include "fanout/error.hpp"
#include "fanout/limits.hpp"

namespace fanout::detail::reserves {
namespace {

using namespace std::chrono_literals;
using line = basic_reserve_line<std_primitives, duty>;

// An idle reserve spins for a while before it parks, so that a stream of short batches needs no system call to wake
// it. As many may spin at once as there are cores, without the caller's. (oneTBB's workers also spin, for about as
// long.) A reserve hesitates for as long as a batch of a few cheap tasks takes, so that it does not contend with the
// caller's next call for the mutex.
constexpr auto spin_time = 100us;
constexpr auto hesitate_time = 2us;
constexpr auto keep_alive_time = 5s;

// How often the creation of a thread is tried again once reserves have ended: the kernel still counts a thread
// against the limit for a moment after it was joined.
constexpr int attempts = 20;

struct reserve : line::member {
  std::thread thread;
  reserve* next_unused = nullptr;
};

/// All reserves of the process. Never destroyed: static objects may use the library until the process ends.
class process_reserves {
 public:
  process_reserves()
      : line_({spin_time, /*most_spinning=*/available_concurrency() - 1, hesitate_time, keep_alive_time}) {}

  line& calls() { return line_; }

  /// Creates reserves until `promise()`, which returns how many are missing, returns 0. Throws `resource_error` if a
  /// thread cannot be created, or `std::bad_alloc`; before that, ends the threads that it has created.
  template <class Promise>
  void ensure(std::size_t wanted, Promise promise) {
    if (promise() == 0) return;
    const std::lock_guard lock(growing_);
    std::size_t made = 0;
    for (std::size_t missing = promise(); missing != 0; missing = promise()) {
      const std::size_t promised = line_.promised();
      const growth how = grow(missing, made);
      if (how == growth::done) continue;
      const std::size_t available = line_.threads();
      line_.retire(made);
      join_ended();
      if (how == growth::no_memory) throw std::bad_alloc();
      throw resource_error(promised + wanted + 1, available + 1);
    }
  }

  void end_idle() noexcept {
    if (::getpid() != process_) return;  // a child of fork() has none of the threads
    const std::lock_guard lock(growing_);
    for (int i = 0; !line_.retire_all() && i != 1'000; ++i) std::this_thread::sleep_for(1ms);
    join_ended();
  }

 private:
  enum class growth { done, refused, no_memory };

  /// Creates `missing` threads, adds their number to `made`, and waits until each is ready to work or has failed.
  growth grow(std::size_t missing, std::size_t& made) noexcept {
    growth how = growth::done;
    for (; missing != 0 && how == growth::done; --missing) {
      how = create();
      if (how == growth::done) ++made;
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return starting_ == 0; });
    return std::exchange(failed_, false) ? growth::refused : how;
  }

  growth create() noexcept {
    reserve* const made = take_unused();
    if (made == nullptr) return growth::no_memory;
    for (int attempts_left = attempts;; --attempts_left) {
      try {
        const std::lock_guard lock(mutex_);  // `made->thread` is assigned before the thread can end
        made->thread = std::thread([this, made] { live(*made); });
        ++starting_;
        ++alive_;
        return growth::done;
      } catch (const std::system_error&) {
        if (attempts_left == 0 || !has_ended_some_) {
          put_unused(*made);
          return growth::refused;
        }
      } catch (...) {
        put_unused(*made);
        return growth::no_memory;
      }
      std::this_thread::sleep_for(1ms);
    }
  }

  /// The function of a reserve's thread. It joins the line, where it can be promised, only when nothing can fail any
  /// more.
  void live(reserve& self) noexcept {
    const bool works = arena::prepare_thread();
    if (works) line_.add_thread(self);
    {
      const std::lock_guard lock(mutex_);
      failed_ |= !works;
      if (--starting_ == 0) changed_.notify_all();
    }
    if (works) {
      for (line::calls* answered = nullptr; (answered = line_.next(self, answered)) != nullptr;)
        answered->answered_by.serve();
    }
    end(self);
  }

  /// Each thread that ends joins the one that ended before it, so at most one is left to be joined.
  void end(reserve& self) noexcept {
    reserve* before = nullptr;
    {
      const std::lock_guard lock(mutex_);
      before = std::exchange(last_ended_, &self);
      --alive_;
      has_ended_some_ = true;
      changed_.notify_all();
    }
    if (before != nullptr) join(*before);
  }

  /// Waits until all retired reserves have ended.
  void join_ended() noexcept {
    reserve* last = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return alive_ <= line_.threads(); });
      last = std::exchange(last_ended_, nullptr);
    }
    if (last != nullptr) join(*last);
  }

  void join(reserve& ended) noexcept {
    ended.thread.join();
    put_unused(ended);
  }

  // The `reserve` of an ended thread is never deleted, because a thread that has called it may be about to notify it.
  // It is used for another thread instead. (If that one is notified, it sees that it was not called, and goes on
  // waiting.)

  reserve* take_unused() noexcept {
    const std::lock_guard lock(mutex_);
    if (unused_ == nullptr) return new (std::nothrow) reserve;
    reserve* const taken = std::exchange(unused_, unused_->next_unused);
    taken->retired = false;
    return taken;
  }

  void put_unused(reserve& left) noexcept {
    const std::lock_guard lock(mutex_);
    left.next_unused = std::exchange(unused_, &left);
  }

  line line_;
  const pid_t process_ = ::getpid();

  std::mutex growing_;  // one thread at a time creates or ends reserves

  std::atomic<bool> has_ended_some_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::size_t starting_ = 0;
  bool failed_ = false;    // a thread had no memory to start
  std::size_t alive_ = 0;  // threads that have not begun to end
  reserve* last_ended_ = nullptr;
  reserve* unused_ = nullptr;
};

process_reserves* created = nullptr;

process_reserves& of_process() {
  static process_reserves& only = *(created = new process_reserves);
  return only;
}

/// Before the library is unloaded, or the process ends, idle reserves end, because their code goes with it. Reserves
/// at work are left alone: nothing can be done for a batch that runs while its library is unloaded.
struct idle_threads_end_at_unload {
  ~idle_threads_end_at_unload() {
    if (created != nullptr) created->end_idle();
  }
};
const idle_threads_end_at_unload at_unload;

}  // namespace

promise::promise(std::size_t threads) : threads_(threads) {
  if (threads == 0) return;
  of_process().ensure(threads, [&] { return of_process().calls().promise(threads); });
}

promise::~promise() {
  if (threads_ != 0) of_process().calls().take_back_promise(threads_);
}

void calls::call(std::size_t count) noexcept { of_process().calls().call(line_, count, 0); }

void calls::call_promised(std::size_t count) {
  of_process().ensure(count, [&] { return of_process().calls().call(line_, count, count); });
  promised_ = count;
}

void calls::promise(std::size_t count) {
  of_process().ensure(count, [&] { return of_process().calls().promise(count); });
  promised_ = count;
}

std::size_t calls::withdraw() noexcept { return of_process().calls().withdraw(line_, std::exchange(promised_, 0)); }

void calls::wait() noexcept {
  // The last tasks of a short batch end within microseconds; to sleep and be woken would take longer. So this spins
  // for 20 µs, at first with short pauses.
  const int looks = available_concurrency() > 1 ? 70 : 1;
  for (int look = 0; look != looks; ++look) {
    if (line_.open.load(std::memory_order_acquire) == 0) return;
    look < 30 ? std_primitives::pause() : std_primitives::relax();
  }
  of_process().calls().wait(line_);
}

void end_idle() noexcept { of_process().end_idle(); }
std::size_t existing() noexcept { return of_process().calls().threads(); }

}  // namespace fanout::detail::reserves
