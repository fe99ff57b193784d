#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/primitives.hpp"

namespace fanout::detail {

/// A set of slot numbers below `size`, last in, first out. Any number of threads may push and pop at once. A pop
/// happens after the push of the same slot.
///
/// One word links to the first slot, and each slot links to the next (R. K. Treiber, "Systems Programming: Coping
/// with Parallelism", IBM RJ 5118, 1986). Push and pop are lock-free and do not allocate.
template <class Primitives>
class basic_slot_stack {
 public:
  /// Empty.
  explicit basic_slot_stack(std::size_t size) : next_(size) {}

  /// Requires that the slot is not in the stack.
  void push(std::size_t slot) noexcept {
    std::uint64_t seen = first_.load(std::memory_order_relaxed);
    do {
      next_[slot].store(link_of(seen), std::memory_order_relaxed);
    } while (!first_.compare_exchange_weak(seen, after(seen, static_cast<std::uint32_t>(slot) + 1),
                                           std::memory_order_release, std::memory_order_relaxed));
  }

  /// False if it is empty.
  bool try_pop(std::size_t& slot) noexcept {
    std::uint64_t seen = first_.load(std::memory_order_acquire);
    while (link_of(seen) != 0) {
      const std::size_t top = link_of(seen) - 1;
      // Out of date if another thread has popped this slot meanwhile. The word has changed then, and the exchange
      // fails.
      const std::uint32_t next = next_[top].load(std::memory_order_relaxed);
      if (first_.compare_exchange_weak(seen, after(seen, next), std::memory_order_acquire)) {
        slot = top;
        return true;
      }
    }
    return false;
  }

 private:
  /// A link is the number of a slot plus one, or 0 for none. The upper bits of the word count its changes, so that an
  /// exchange fails after any change (the ABA problem). 2^40 changes take hours, and a pop takes less.
  static constexpr unsigned link_bits = 24;
  static std::uint32_t link_of(std::uint64_t word) {
    return static_cast<std::uint32_t>(word & ((1U << link_bits) - 1));
  }
  static std::uint64_t after(std::uint64_t seen, std::uint32_t link) {
    return (((seen >> link_bits) + 1) << link_bits) | link;
  }

  std::vector<typename Primitives::template atomic<std::uint32_t>> next_;
  alignas(128)
      typename Primitives::template atomic<std::uint64_t> first_{0};  // all threads write it: a line of its own
};

using slot_stack = basic_slot_stack<std_primitives>;

}  // namespace fanout::detail
