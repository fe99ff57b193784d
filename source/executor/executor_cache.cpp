#include "executor/executor_cache.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

#include "base/never_destroyed.hpp"
#include "base/program_tsan.hpp"

namespace fanout::detail::executor_cache {
namespace {

/// The limit on the slots of all executors in the list together. It allows a few megabytes of arenas, and is enough
/// for every limit that sixteen threads use at once.
constexpr std::size_t most_idle_slots = 16'384;

struct cache {
  /// The executor that was given back last, unless it is lent again. A thread that calls one batch after the other
  /// finds it here, without the mutex, which would cost a tenth of a small batch. The thread that takes it out
  /// (acquire) sees what the thread did that put it in (release).
  std::atomic<executor_core*> last{nullptr};

  std::mutex mutex;  // guards the rest
  std::vector<std::unique_ptr<executor_core>> idle;  // the others, in the order of their last use
  std::size_t slots = 0;

  std::unique_ptr<executor_core> take_last() {
    if (last.load(std::memory_order_relaxed) == nullptr) return nullptr;
    executor_core* const taken = last.exchange(nullptr, std::memory_order_acquire);
    if (taken != nullptr) program_tsan::acquire(taken);
    return std::unique_ptr<executor_core>(taken);
  }

  /// Returns the one that was there before.
  std::unique_ptr<executor_core> put_last(std::unique_ptr<executor_core> returned) {
    program_tsan::release(returned.get());
    executor_core* const before = last.exchange(returned.release(), std::memory_order_acq_rel);
    if (before != nullptr) program_tsan::acquire(before);
    return std::unique_ptr<executor_core>(before);
  }

  /// Adds one to the list. Requires the mutex.
  void keep(std::unique_ptr<executor_core> returned) noexcept {
    try {
      while (!idle.empty() && slots + returned->limit() > most_idle_slots) {
        slots -= idle.front()->limit();
        idle.erase(idle.begin());
      }
      const std::size_t added = returned->limit();
      idle.push_back(std::move(returned));
      slots += added;
    } catch (const std::bad_alloc&) {  // no memory to keep the executor: `returned` destroys it
    }
  }
};

// When the process ends, oneTBB may have been destroyed before, or a batch may still run.
cache& of_process() {
  static never_destroyed<cache> only;
  return *only;
}

}  // namespace

loan borrow(std::size_t limit, bool named) {
  cache& shared = of_process();
  const auto fits = [&](const auto& each) { return each->limit() == limit && each->named() == named; };
  std::unique_ptr<executor_core> core = shared.take_last();
  if (core != nullptr && fits(core)) return loan(core.release());
  {
    const std::lock_guard lock(shared.mutex);
    if (core != nullptr) shared.keep(std::move(core));
    const auto found = std::find_if(shared.idle.rbegin(), shared.idle.rend(), fits);
    if (found != shared.idle.rend()) {
      core = std::move(*found);
      shared.idle.erase(std::next(found).base());
      shared.slots -= limit;
    }
  }
  if (core == nullptr) core = std::make_unique<executor_core>(limit, named, executor_core::sharing::one_caller);
  return loan(core.release());
}

void clear() noexcept {
  cache& shared = of_process();
  const std::unique_ptr<executor_core> last = shared.take_last();
  std::vector<std::unique_ptr<executor_core>> idle;
  const std::lock_guard lock(shared.mutex);
  idle.swap(shared.idle);
  shared.slots = 0;
}

void give_back::operator()(executor_core* core) const noexcept {
  cache& shared = of_process();
  std::unique_ptr<executor_core> before = shared.put_last(std::unique_ptr<executor_core>(core));
  if (before == nullptr) return;
  const std::lock_guard lock(shared.mutex);
  shared.keep(std::move(before));
}

}  // namespace fanout::detail::executor_cache
