#include "threads/reserves.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/never_destroyed.hpp"
#include "fanout/limits.hpp"
#include "threads/reserve_group.hpp"

namespace fanout::detail::reserves {
namespace {

// How many idle reserves that are promised to nobody there are, of all groups together, after an executor was
// destroyed.
constexpr std::size_t most_left_idle = 32;

/// All groups: that of the system's stack size, which is used all the time, and the others, found by their size.
struct group_list {
  group_list();
  std::mutex mutex;
  std::vector<std::unique_ptr<group>> others;
  std::atomic<bool> has_others{false};  // a hint for those who use the usual stack size
  group usual{0};
};

std::atomic<group_list*> created{nullptr};

group_list::group_list() { created.store(this, std::memory_order_release); }

group_list& of_process() {
  static never_destroyed<group_list> only;
  return *only;
}

/// Calls `what` for each group that exists.
template <class What>
void for_each_group(const What& what) {
  group_list* const all = created.load(std::memory_order_acquire);
  if (all == nullptr) return;
  what(all->usual);
  std::unique_lock lock(all->mutex);
  for (std::size_t i = 0; i != all->others.size(); ++i) {
    group& each = *all->others[i];
    lock.unlock();
    what(each);
    lock.lock();
  }
}

/// Ends idle reserves that are promised to nobody until there are no more than `most`. Those of `last` end last.
void leave_idle(std::size_t most, const group& last) {
  std::size_t sum = 0;
  for_each_group([&](const group& each) { sum += each.calls().unpromised(); });
  for_each_group([&](group& each) {
    const std::size_t idle = each.calls().unpromised();
    if (sum <= most || &each == &last || idle == 0) return;
    each.release_idle(idle - std::min(idle, sum - most));
    sum -= std::min(idle, sum - most);
  });
}

/// Before the library is unloaded, or the process ends, idle reserves end, because their code goes with it. Reserves
/// at work are left alone: nothing can be done for a batch that runs while its library is unloaded.
struct idle_threads_end_at_unload {
  ~idle_threads_end_at_unload() { end_idle(); }
};
const idle_threads_end_at_unload at_unload;

}  // namespace

group& with_stack(std::size_t size) {
  group_list& all = of_process();
  if (size == 0) return all.usual;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  size = (size + page - 1) / page * page;
  const std::lock_guard lock(all.mutex);
  for (const auto& each : all.others)
    if (each->stack_size() == size) return *each;
  group& added = *all.others.emplace_back(std::make_unique<group>(size));
  all.has_others.store(true, std::memory_order_relaxed);
  return added;
}

promise::promise(std::size_t threads, group& of) : group_(of), threads_(threads) {
  if (threads != 0) of.ensure(threads, [&] { return of.calls().promise(threads); });
}

promise::~promise() {
  if (threads_ == 0) return;
  const std::size_t left = group_.calls().take_back_promise(threads_);
  if (left > most_left_idle) group_.release_idle(most_left_idle);
  if (of_process().has_others.load(std::memory_order_relaxed)) leave_idle(most_left_idle, group_);
}

void calls::call(std::size_t count) noexcept { group_->calls().call(line_, count, 0); }

void calls::call_promised(std::size_t count) {
  group_->ensure(count, [&] { return group_->calls().call(line_, count, count); });
  promised_ = count;
}

void calls::promise(std::size_t count) {
  group_->ensure(count, [&] { return group_->calls().promise(count); });
  promised_ = count;
}

std::size_t calls::withdraw() noexcept { return group_->calls().withdraw(line_, std::exchange(promised_, 0)); }

void calls::wait() noexcept {
  // The last tasks of a short batch end within microseconds; to sleep and be woken would take longer. So this spins
  // for 20 µs, at first with short pauses.
  const int looks = available_concurrency() > 1 ? 70 : 1;
  for (int look = 0; look != looks; ++look) {
    if (line_.open.load(std::memory_order_acquire) == 0) return;
    look < 30 ? std_primitives::pause() : std_primitives::relax();
  }
  group_->calls().wait(line_);
}

bool release_idle_of_others(const group& asking) noexcept {
  const std::size_t before = existing();
  for_each_group([&](group& each) {
    if (&each != &asking) each.release_idle(0);
  });
  return existing() < before;
}

void release_idle() noexcept {
  for_each_group([](group& each) { each.release_idle(0); });
}

void end_idle() noexcept {
  for_each_group([](group& each) { each.end_idle(); });
}

std::size_t existing() noexcept {
  std::size_t sum = 0;
  for_each_group([&sum](group& each) { sum += each.calls().threads(); });
  return sum;
}

}  // namespace fanout::detail::reserves
