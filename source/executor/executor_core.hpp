#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "threads/arena.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_limiter.hpp"
#include "base/intrusive_list.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail {

/// What an executor is made of: an arena, the promise of its reserves, and, where any thread may call it, a limiter.
class executor_core : public list_entry<executor_core> {
 public:
  enum class sharing {
    by_all,      // a user's executor
    one_caller,  // borrowed from the idle ones by one free call at a time: the arena's size is limit enough
  };

  /// `named`: the limit was named by a caller, so its helpers are reserves; else they are workers of oneTBB. A free call
  /// promises itself its reserves.
  executor_core(std::size_t limit, bool named, sharing use);
  executor_core(const executor_core&) = delete;
  executor_core& operator=(const executor_core&) = delete;
  ~executor_core();

  /// A batch of an executor, while it runs: where it was started. Of interest where the arena has workers.
  class visit : public list_entry<visit> {
   public:
    visit(executor_core& where, const scope_entry* from);
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit();

   private:
    friend executor_core;
    executor_core& where_;
    const scope_entry* const from_;
  };

  /// The scope of a worker of oneTBB that is in an executor's arena, and works for one of its batches: it is around
  /// whatever all batches that run there are around. Empty for a thread that is no such worker.
  static batch_scope scope_of_worker();

  std::size_t limit() const { return limit_; }
  bool named() const { return named_; }
  arena& workplace() { return arena_; }
  executor_limiter* limiter() { return limiter_ ? &*limiter_ : nullptr; }

  /// With how many runners a batch begins that seeks its best number: with what the last one came to. 0 if batches use
  /// the whole limit.
  std::size_t adapt_from() const { return adapt_from_.load(std::memory_order_relaxed); }
  void adapt_from(std::size_t runners) { adapt_from_.store(runners, std::memory_order_relaxed); }

 private:
  const std::size_t limit_;
  const bool named_;
  std::atomic<std::size_t> adapt_from_{0};  // a hint from batch to batch
  std::atomic<std::size_t> visits_from_outside_{0};
  intrusive_list<visit> visits_;  // from tasks
  reserves::share reserves_;
  arena arena_;
  std::optional<executor_limiter> limiter_;
};

}  // namespace fanout::detail
