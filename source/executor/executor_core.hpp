#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "threads/arena.hpp"
#include "executor/batch_scope.hpp"
#include "executor/executor_limiter.hpp"
#include "base/intrusive_list.hpp"
#include "threads/reserves.hpp"

namespace fanout::detail {

/// The parts of an executor: an arena, the promise of its reserves, and, if any thread may call it, a limiter.
class executor_core : public list_entry<executor_core> {
 public:
  enum class sharing {
    by_all,      // a user's executor
    one_caller,  // of the executor cache: one free call at a time borrows it, so the arena's size is its limit
  };

  /// `named`: the limit was named by a caller, so the helpers are reserves; otherwise they are workers of oneTBB. An
  /// executor of the cache holds no promise of reserves: the free call that borrows it obtains its own promise.
  /// `stack_size`: that of the reserves in bytes; 0 is the system's default.
  executor_core(std::size_t limit, bool named, sharing use, std::size_t stack_size = 0);
  executor_core(const executor_core&) = delete;
  executor_core& operator=(const executor_core&) = delete;
  ~executor_core();

  /// Records, while a batch of an executor runs, the entry in which it was started. Does nothing if the limit is
  /// named.
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

  /// The promise of a reserve that leads a batch beside its caller. Such a leader has a slot, so there are never more
  /// of them at work than the limit, however many batches wait.
  class leader_promise {
   public:
    /// Throws `resource_error` or `std::bad_alloc`.
    explicit leader_promise(executor_core& where);
    leader_promise(const leader_promise&) = delete;
    leader_promise& operator=(const leader_promise&) = delete;
    ~leader_promise();

   private:
    executor_core& where_;
  };

  /// The scope of the calling thread if it is a worker of oneTBB in the arena of an automatic executor; otherwise an
  /// empty scope. It is unknown which of the running batches the worker works for, so `starter` is the innermost
  /// entry that is around all of them.
  static batch_scope scope_of_worker();

  std::size_t limit() const { return limit_; }
  bool named() const { return named_; }
  arena& workplace() { return arena_; }
  reserves::group& helpers() const { return reserves_.whose(); }
  executor_limiter* limiter() { return limiter_ ? &*limiter_ : nullptr; }

  /// The number of runners with which the next adaptive batch begins: the best that the last one has found. 0 if the
  /// executor is not adaptive, and batches use the whole limit.
  std::size_t adapt_from() const { return adapt_from_.load(std::memory_order_relaxed); }
  void adapt_from(std::size_t runners) { adapt_from_.store(runners, std::memory_order_relaxed); }

 private:
  /// Of the executor cache: it has at most one visit at a time.
  bool has_one_caller() const { return !limiter_; }

  const std::size_t limit_;  // of the runners of one batch; `limiter_` enforces it over all batches
  const bool named_;
  std::atomic<std::size_t> adapt_from_{0};  // a hint for the next batch, which orders nothing
  std::atomic<std::size_t> visits_from_outside_{0};
  intrusive_list<visit> visits_;  // of batches that were started in a task; guarded by the mutex of the registry
  reserves::promise reserves_;
  std::mutex leading_;                                       // guards the next two
  std::size_t led_ = 0;                                      // promises that live
  std::vector<std::unique_ptr<reserves::promise>> leaders_;  // as many as were ever needed at once
  arena arena_;
  std::optional<executor_limiter> limiter_;
};

}  // namespace fanout::detail
