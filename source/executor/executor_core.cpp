#include "executor/executor_core.hpp"

#include <algorithm>
#include <mutex>

#include "base/never_destroyed.hpp"

namespace fanout::detail {
namespace {

/// The automatic executors: those whose arenas have workers.
struct registry {
  std::mutex mutex;
  intrusive_list<executor_core> automatic;
};

registry& of_process() {
  static never_destroyed<registry> only;  // executors may be static objects
  return *only;
}

}  // namespace

// `others` are callers and reserves. An automatic executor needs room for more callers than its limit: a leader that
// waits for its workers stays in the arena when it has given back its slot of the limiter, which another caller may
// get.
executor_core::executor_core(std::size_t limit, bool named, sharing use, std::size_t stack_size)
    : limit_(limit),
      named_(named),
      reserves_(named && use == sharing::by_all ? limit - 1 : 0, reserves::with_stack(stack_size)),
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

executor_core::visit::visit(executor_core& where, const scope_entry* from) : where_(where), from_(from) {
  if (where_.named_) return;
  if (from == nullptr && where_.has_one_caller()) {
    where_.visits_from_outside_.store(1, std::memory_order_relaxed);
  } else if (from == nullptr) {
    where_.visits_from_outside_.fetch_add(1, std::memory_order_relaxed);
  } else {
    const std::lock_guard lock(of_process().mutex);
    where_.visits_.add(*this);
  }
}

executor_core::visit::~visit() {
  if (where_.named_) return;
  if (from_ == nullptr && where_.has_one_caller()) {
    where_.visits_from_outside_.store(0, std::memory_order_relaxed);
  } else if (from_ == nullptr) {
    where_.visits_from_outside_.fetch_sub(1, std::memory_order_relaxed);
  } else {
    const std::lock_guard lock(of_process().mutex);
    where_.visits_.remove(*this);
  }
}

// The helpers of a named executor are n - 1 reserves, and a leader is one of n threads that have slots. Where the
// helpers are workers, each leader needs a reserve. The promises are kept for the next batch.
executor_core::leader_promise::leader_promise(executor_core& where) : where_(where) {
  const std::lock_guard lock(where.leading_);
  const std::size_t most = where.named_ ? 1 : where.limit_;
  const std::size_t wanted = std::min(where.led_ + 1, most);
  if (where.leaders_.size() < wanted)
    where.leaders_.push_back(std::make_unique<reserves::promise>(1, where.helpers()));
  ++where.led_;
}

executor_core::leader_promise::~leader_promise() {
  const std::lock_guard lock(where_.leading_);
  --where_.led_;
}

// The count is relaxed: the worker sees the visit of its own batch, because that was counted before the batch was
// spawned. Visits of other batches may begin and end at any time.
batch_scope executor_core::scope_of_worker() {
  if (!arena::may_be_worker()) return {};
  const std::lock_guard lock(of_process().mutex);
  executor_core* core = of_process().automatic.first();
  while (core != nullptr && !core->arena_.is_current()) core = intrusive_list<executor_core>::next(*core);
  if (core == nullptr) return {};
  batch_scope scope{.limiter = core->limiter(), .home = core};
  if (core->visits_from_outside_.load(std::memory_order_relaxed) != 0) return scope;
  for (const visit* each = core->visits_.first(); each != nullptr; each = core->visits_.next(*each))
    scope.starter = each == core->visits_.first() ? each->from_ : innermost_common(scope.starter, each->from_);
  return scope;
}

}  // namespace fanout::detail
