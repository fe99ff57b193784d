#include "executor/executor_cache.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

#include "base/never_destroyed.hpp"

namespace fanout::detail::executor_cache {
namespace {

/// The limit on the slots of all idle executors together. It allows a few megabytes of arenas, and is enough for
/// every limit that sixteen threads use at once.
constexpr std::size_t most_idle_slots = 16'384;

struct cache {
  std::mutex mutex;
  std::vector<std::unique_ptr<executor_core>> idle;  // in the order of their last use
  std::size_t slots = 0;
};

// When the process ends, oneTBB may have been destroyed before, or a batch may still run.
cache& of_process() {
  static never_destroyed<cache> only;
  return *only;
}

}  // namespace

loan borrow(std::size_t limit, bool named) {
  cache& shared = of_process();
  std::unique_ptr<executor_core> core;
  {
    const std::lock_guard lock(shared.mutex);
    const auto found = std::find_if(shared.idle.rbegin(), shared.idle.rend(), [&](const auto& each) {
      return each->limit() == limit && each->named() == named;
    });
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
  std::vector<std::unique_ptr<executor_core>> idle;
  const std::lock_guard lock(shared.mutex);
  idle.swap(shared.idle);
  shared.slots = 0;
}

void give_back::operator()(executor_core* core) const noexcept {
  std::unique_ptr<executor_core> returned(core);
  cache& shared = of_process();
  const std::lock_guard lock(shared.mutex);
  try {
    while (!shared.idle.empty() && shared.slots + returned->limit() > most_idle_slots) {
      shared.slots -= shared.idle.front()->limit();
      shared.idle.erase(shared.idle.begin());
    }
    const std::size_t slots = returned->limit();
    shared.idle.push_back(std::move(returned));
    shared.slots += slots;
  } catch (const std::bad_alloc&) {  // no memory to keep the executor: `returned` destroys it
  }
}

}  // namespace fanout::detail::executor_cache
