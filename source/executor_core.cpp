#include "executor_core.hpp"

#include <mutex>

namespace fanout::detail {
namespace {

/// The executors whose arenas have workers.
struct registry {
  std::mutex mutex;
  intrusive_list<executor_core> automatic;
};

registry& of_process() {
  static registry& only = *new registry;  // never destroyed: executors may be static objects
  return only;
}

}  // namespace

// Slots of the arena for threads that enter it are for callers and reserves. A thread that waits in the arena for workers
// has given back its slot of the limiter, which another one may have by then.
executor_core::executor_core(std::size_t limit, bool named, sharing use)
    : limit_(limit),
      named_(named),
      reserves_(named && use == sharing::by_all ? limit - 1 : 0),
      arena_({.workers = named ? 0 : limit - 1,
              .others = named                    ? limit
                        : use == sharing::by_all ? 2 * limit
                                                 : 1}) {
  if (use == sharing::by_all) limiter_.emplace(limit);
  if (named) return;
  const std::lock_guard lock(of_process().mutex);
  of_process().automatic.add(*this);
}

executor_core::~executor_core() {
  if (named_) return;
  const std::lock_guard lock(of_process().mutex);
  of_process().automatic.remove(*this);
}

executor_core* executor_core::around_worker() {
  if (!arena::may_be_worker()) return nullptr;
  const std::lock_guard lock(of_process().mutex);
  executor_core* each = of_process().automatic.first();
  while (each != nullptr && !each->arena_.is_current()) each = intrusive_list<executor_core>::next(*each);
  return each;
}

}  // namespace fanout::detail
