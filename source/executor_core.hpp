#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "arena.hpp"
#include "gate.hpp"
#include "worker_budget.hpp"

namespace fanout::detail {

/// What an executor is made of: an arena, its share of the worker budget, and, where any thread may call it, a gate.
class executor_core {
 public:
  enum class sharing {
    by_all,      // a user's executor
    one_caller,  // borrowed from the idle ones by one free call at a time: the arena's size is limit enough
  };

  /// `named`: the limit was named by a caller, so it is a promise beyond the cores.
  executor_core(std::size_t limit, bool named, sharing use)
      : limit_(limit),
        named_(named),
        workers_(limit - 1, named),
        arena_({.workers = limit - 1, .seats = use == sharing::by_all ? limit : 1, .promised = named}) {
    if (use == sharing::by_all) gate_.emplace(*this, limit);
  }

  std::size_t limit() const { return limit_; }
  bool named() const { return named_; }
  arena& workplace() { return arena_; }
  gate* entrance() { return gate_ ? &*gate_ : nullptr; }

  /// With how many runners a batch begins that seeks its best number: with what the last one came to. 0 if batches use
  /// the whole limit.
  std::size_t adapt_from() const { return adapt_from_.load(std::memory_order_relaxed); }
  void adapt_from(std::size_t runners) { adapt_from_.store(runners, std::memory_order_relaxed); }

 private:
  const std::size_t limit_;
  const bool named_;
  std::atomic<std::size_t> adapt_from_{0};  // a hint from batch to batch
  worker_budget::share workers_;  // before the arena: it has its workers as long as it lives
  arena arena_;
  std::optional<gate> gate_;
};

}  // namespace fanout::detail
