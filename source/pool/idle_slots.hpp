#pragma once

#include <cstddef>
#include <optional>

#include "pool/slot_queue.hpp"
#include "pool/slot_stack.hpp"

namespace fanout::detail {

/// The idle slots of a pool, those with a resource in them, in the order in which they are to be lent. Any number of
/// threads may push and pop at once.
class idle_slots {
 public:
  /// Empty. Lends slots in rotation, or the one that came back last first.
  idle_slots(std::size_t size, bool rotates) {
    if (rotates) {
      queue_.emplace(size);
    } else {
      stack_.emplace(size);
    }
  }

  /// Requires that the slot is not among them. Does not allocate.
  void push(std::size_t slot) noexcept { queue_ ? queue_->push(slot) : stack_->push(slot); }

  /// False if there is none.
  bool try_pop(std::size_t& slot) noexcept { return queue_ ? queue_->try_pop(slot) : stack_->try_pop(slot); }

 private:
  std::optional<slot_queue> queue_;  // one of the two
  std::optional<slot_stack> stack_;
};

}  // namespace fanout::detail
