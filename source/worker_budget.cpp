#include "worker_budget.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>

#include "fanout/error.hpp"
#include "fanout/limits.hpp"
#include "thread_trial.hpp"

namespace fanout::detail::worker_budget {
namespace {

using tbb::global_control;

std::atomic<std::size_t> workers_seen{0};  // a lower bound of oneTBB's threads; each counts itself, once

struct worker_mark {
  worker_mark() noexcept { workers_seen.fetch_add(1, std::memory_order_relaxed); }
  ~worker_mark() { workers_seen.fetch_sub(1, std::memory_order_relaxed); }
};

constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

/// What all shares come to. All members are guarded by the mutex.
struct ledger {
  std::mutex mutex;
  std::size_t promised = 0;  // workers, over all shares that are promises
  std::size_t ordinary = 0;  // workers of the largest share that is not, and …
  std::size_t ordinary_shares = 0;
  std::size_t proven = 0;       // workers that could be created when last asked
  std::size_t most = no_limit;  // workers that oneTBB is allowed, because no more could be created when last asked
  std::unique_ptr<global_control> control;
};

// Never destroyed: executors may be, by static destruction, in any order.
ledger& process_ledger() {
  static ledger& ledger_of_process = *new ledger;
  return ledger_of_process;
}

std::size_t most_workers() { return max_concurrency() - 1; }

std::size_t workers_needed(std::size_t promised, std::size_t ordinary) {
  return std::min(promised + ordinary, most_workers());
}

/// With the workers that other users of oneTBB have anyway: the CPUs of the affinity mask, since 2022.3 within the CPU
/// quota; but one.
std::size_t workers_allowed(std::size_t promised) {
  return std::min(promised + static_cast<std::size_t>(tbb::info::default_concurrency()) - 1, most_workers());
}

/// Replaces the control by one for the shares of the ledger. The new one is made before the old one goes, so that
/// the limit moves once, and not by way of oneTBB's default.
void apply(ledger& books) {
  std::unique_ptr<global_control> next;
  if (books.promised != 0) {
    const std::size_t needed = workers_needed(books.promised, books.ordinary);
    const std::size_t workers = std::max(needed, std::min(workers_allowed(books.promised), books.most));
    next = std::make_unique<global_control>(global_control::max_allowed_parallelism, workers + 1);
  }
  books.control = std::move(next);
}

/// How many workers there can be, those that exist included, if `wanted` are asked for.
std::size_t workers_possible(std::size_t wanted) {
  const std::size_t seen = std::min(workers_seen.load(std::memory_order_relaxed), wanted);
  return seen + create_together(wanted - seen, global_control::active_value(global_control::thread_stack_size));
}

/// oneTBB creates as many workers as it is allowed, not as many as are needed: it goes on counting the demand of an arena
/// for a moment after its last batch. So all that it is to be allowed are tried; where they cannot be had but those that
/// are needed can, it is allowed no more than could be had.
void prove(ledger& books, std::size_t needed, std::size_t allowed) {
  if (needed <= std::max(books.proven, workers_seen.load(std::memory_order_relaxed))) return;
  allowed = std::max(needed, allowed);
  const std::size_t possible = workers_possible(allowed);
  // Where addresses are limited, fewer than were asked for have only been reckoned.
  if (possible < needed) throw resource_error(needed + 1, possible + 1);
  if (possible < allowed) {
    const std::size_t of_needed = workers_possible(needed);
    if (of_needed < needed) throw resource_error(needed + 1, of_needed + 1);
  }
  books.proven = needed;
  books.most = possible < allowed ? possible : no_limit;
}

}  // namespace

share::share(std::size_t workers, bool promised) : workers_(workers), promised_(promised) {
  ledger& books = process_ledger();
  const std::lock_guard lock(books.mutex);
  const std::size_t all_promised = books.promised + (promised ? workers : 0);
  const std::size_t ordinary = promised ? books.ordinary : std::max(books.ordinary, workers);
  prove(books, workers_needed(all_promised, ordinary), all_promised != 0 ? workers_allowed(all_promised) : 0);
  const std::size_t before = books.promised;
  books.promised = all_promised;
  if (promised && workers != 0) {
    try {
      apply(books);
    } catch (...) {
      books.promised = before;
      throw;
    }
  }
  if (!promised) {
    books.ordinary = ordinary;
    ++books.ordinary_shares;
  }
}

share::~share() {
  ledger& books = process_ledger();
  const std::lock_guard lock(books.mutex);
  if (promised_) {
    books.promised -= workers_;
    if (workers_ != 0) {
      try {
        apply(books);
      } catch (const std::bad_alloc&) {  // the budget stays too high until it next changes: harmless
      }
    }
  } else if (--books.ordinary_shares == 0) {
    books.ordinary = 0;
  }
  // What is not needed any more need not be possible later.
  books.proven = std::min(books.proven, workers_needed(books.promised, books.ordinary));
}

namespace {

std::atomic<std::size_t> ordinary_helpers{0};  // at work now; a count alone, it orders nothing

bool take_ordinary() noexcept {
  const std::size_t most = available_concurrency() - 1;
  std::size_t at_work = ordinary_helpers.load(std::memory_order_relaxed);
  while (at_work < most) {
    if (ordinary_helpers.compare_exchange_weak(at_work, at_work + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

permit::permit(bool promised) noexcept : counted_(!promised), granted_(promised || take_ordinary()) {}

permit::~permit() {
  if (counted_ && granted_) ordinary_helpers.fetch_sub(1, std::memory_order_relaxed);
}

bool permit_is_free() noexcept {
  return ordinary_helpers.load(std::memory_order_relaxed) < available_concurrency() - 1;
}

std::size_t current_limit() noexcept { return global_control::active_value(global_control::max_allowed_parallelism); }

void note_worker() noexcept { static thread_local const worker_mark mark; }

}  // namespace fanout::detail::worker_budget
