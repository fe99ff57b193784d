#include "threads/reserve_group.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include "fanout/limits.hpp"
#include "threads/arena.hpp"

namespace fanout::detail::reserves {
namespace {

using namespace std::chrono_literals;

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

std::atomic<std::size_t> reserves_made{0};  // of all groups

}  // namespace

group::group(std::size_t stack_size)
    : stack_size_(stack_size),
      line_({spin_time, /*most_spinning=*/available_concurrency() - 1, hesitate_time, keep_alive_time}) {}

group::reserve::reserve(group& of) : whose(of), number(reserves_made.fetch_add(1, std::memory_order_relaxed) + 1) {}

void group::release_idle(std::size_t most_left) noexcept {
  if (is_forked_child()) return;
  const std::lock_guard lock(growing_);
  line_.retire_all_but(most_left);
  join_ended();
}

void group::end_idle() noexcept {
  if (is_forked_child()) return;
  const std::lock_guard lock(growing_);
  for (int i = 0; !line_.retire_all() && i != 1'000; ++i) std::this_thread::sleep_for(1ms);
  join_ended();
}

void group::end_slow() noexcept {
  if (is_forked_child() || !own_thread::has_process_priority()) return;
  const std::lock_guard lock(growing_);
  line_.retire_if([](const line::member& idle) { return static_cast<const reserve&>(idle).slow; });
  join_ended();
}

group::growth group::grow(std::size_t missing, std::size_t& made) noexcept {
  growth how = growth::done;
  for (; missing != 0 && how == growth::done; --missing) {
    how = create();
    if (how == growth::done) ++made;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return starting_ == 0; });
  return std::exchange(failed_, false) ? growth::refused : how;
}

group::growth group::create() noexcept {
  reserve* const made = take_unused();
  if (made == nullptr) return growth::no_memory;
  const auto start = [](void* of) {
    auto& self = *static_cast<reserve*>(of);
    self.whose.live(self);
  };
  for (int attempts_left = attempts;; --attempts_left) {
    {
      const std::lock_guard lock(mutex_);  // `made->thread` is complete before the thread can end
      if (made->thread.start(made->number, stack_size_, start, made)) {
        ++starting_;
        ++alive_;
        return growth::done;
      }
    }
    if (attempts_left == 0 || !has_ended_some_) {
      put_unused(*made);
      return growth::refused;
    }
    std::this_thread::sleep_for(1ms);
  }
}

void group::live(reserve& self) noexcept {
  self.slow = !own_thread::adopt_process_settings();
  if (self.slow) slow_.fetch_add(1, std::memory_order_relaxed);
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

void group::end(reserve& self) noexcept {
  if (self.slow) slow_.fetch_sub(1, std::memory_order_relaxed);
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

void group::join_ended() noexcept {
  reserve* last = nullptr;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return alive_ <= line_.threads(); });
    last = std::exchange(last_ended_, nullptr);
  }
  if (last != nullptr) join(*last);
}

void group::join(reserve& ended) noexcept {
  ended.thread.join();
  put_unused(ended);
}

group::reserve* group::take_unused() noexcept {
  const std::lock_guard lock(mutex_);
  if (unused_ == nullptr) return new (std::nothrow) reserve(*this);
  reserve* const taken = std::exchange(unused_, unused_->next_unused);
  taken->retired = false;
  return taken;
}

void group::put_unused(reserve& left) noexcept {
  const std::lock_guard lock(mutex_);
  left.next_unused = std::exchange(unused_, &left);
}

}  // namespace fanout::detail::reserves
