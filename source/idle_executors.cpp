#include "idle_executors.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "fanout/error.hpp"

namespace fanout::detail::idle_executors {
namespace {

/// How many slots the idle executors may have together: some megabytes of arenas, and enough for every limit that
/// sixteen threads use at once.
constexpr std::size_t most_idle_slots = 4096;

struct shelf {
  std::mutex mutex;
  std::vector<std::unique_ptr<executor_core>> idle;  // the one used last is at the end
  std::size_t slots = 0;
};

// Never destroyed: at the end of the process oneTBB may be gone before it, or a batch still be running.
shelf& process_shelf() {
  static shelf& shelf_of_process = *new shelf;
  return shelf_of_process;
}

std::unique_ptr<executor_core> take(shelf& from, std::size_t limit, bool named) {
  const std::lock_guard lock(from.mutex);
  const auto found = std::find_if(from.idle.rbegin(), from.idle.rend(), [&](const auto& core) {
    return core->limit() == limit && core->named() == named;
  });
  if (found == from.idle.rend()) return nullptr;
  std::unique_ptr<executor_core> core = std::move(*found);
  from.idle.erase(std::next(found).base());
  from.slots -= limit;
  return core;
}

/// Destroys all that are idle; false if none was.
bool give_up_all(shelf& idle) {
  std::vector<std::unique_ptr<executor_core>> given_up;  // destroyed when the mutex is free again
  const std::lock_guard lock(idle.mutex);
  given_up.swap(idle.idle);
  idle.slots = 0;
  return !given_up.empty();
}

}  // namespace

std::unique_ptr<executor_core> make(std::size_t limit, bool named, executor_core::sharing use) {
  try {
    return std::make_unique<executor_core>(limit, named, use);
  } catch (const resource_error&) {
    if (!give_up_all(process_shelf())) throw;
  }
  return std::make_unique<executor_core>(limit, named, use);
}

loan borrow(std::size_t limit, bool named) {
  std::unique_ptr<executor_core> core = take(process_shelf(), limit, named);
  if (core == nullptr) core = make(limit, named, executor_core::sharing::one_caller);
  return loan(core.release());
}

void give_back::operator()(executor_core* core) const noexcept {
  std::unique_ptr<executor_core> returned(core);
  std::vector<std::unique_ptr<executor_core>> surplus;  // destroyed when the mutex is free again
  shelf& idle = process_shelf();
  const std::lock_guard lock(idle.mutex);
  try {
    surplus.reserve(1);
    while (!idle.idle.empty() && idle.slots + returned->limit() > most_idle_slots) {
      idle.slots -= idle.idle.front()->limit();
      surplus.push_back(std::move(idle.idle.front()));
      idle.idle.erase(idle.idle.begin());
    }
    const std::size_t slots = returned->limit();
    idle.idle.push_back(std::move(returned));
    idle.slots += slots;
  } catch (const std::bad_alloc&) {  // no memory to keep it: it is destroyed
  }
}

}  // namespace fanout::detail::idle_executors
