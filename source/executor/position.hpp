#pragma once

#include <atomic>
#include <optional>

#include "executor/batch_scope.hpp"
#include "executor/executor_core.hpp"
#include "executor/executor_limiter.hpp"

namespace fanout::detail {

/// Where the calling thread is while it starts or waits for something: makes sure that it has an entry if it works
/// for a batch, and takes back the slot of that entry if it was lent meanwhile.
///
/// A worker of oneTBB may run a piece of a loop that a task of an automatic batch has started. Then it is in the
/// arena of the batch, but in no batch scope. This class gives it an entry, so a batch that it starts knows the
/// batches around it. If the worker calls the executor of that task, directly or through another executor, the call
/// works under this entry: it must not wait for a slot that is held by a task which waits for the loop.
class position {
 public:
  position() {
    if (here_ != nullptr) return;
    scope_ = executor_core::scope_of_worker();
    if (scope_.home != nullptr) here_ = &entry_.emplace(scope_, /*holds_slot=*/false);
  }
  position(const position&) = delete;
  position& operator=(const position&) = delete;
  ~position() {
    if (here_ != nullptr && here_->lent().load(std::memory_order_relaxed)) here_->entered().limiter->resume(*here_);
  }

  /// The innermost entry of the thread; null outside of all batches.
  const scope_entry* entry() const { return here_; }

 private:
  const scope_entry* here_ = current_entry();
  batch_scope scope_;
  std::optional<scope_entry> entry_;
};

}  // namespace fanout::detail
