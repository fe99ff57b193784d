#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/primitives.hpp"

/// Free slots of a pool, by number: last in, first out.
///
/// What was given back last is lent first, while the caches still know it; what is not needed stays below, where
/// `max_idle` finds it. It is one word, a link to the first slot, and a link in each slot to the next (R. K. Treiber,
/// "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986). Neither push nor pop waits for anybody or
/// allocates. `tbb::concurrent_bounded_queue` does both: a thread that loses its core between its ticket and its item
/// holds up all who come after it.
namespace fanout::detail {

/// The links of the slots 0 … size - 1, for any number of stacks: a slot is in one of them at most.
template <class Primitives>
using basic_slot_links = std::vector<typename Primitives::template atomic<std::uint32_t>>;

/// Any number of threads may push and pop. Who pops a slot sees what was written before it was pushed.
template <class Primitives>
class basic_slot_stack {
 public:
  /// The links outlive the stack.
  explicit basic_slot_stack(basic_slot_links<Primitives>& links) : links_(links) {}

  /// Requires that the slot is in no stack.
  void push(std::size_t slot) noexcept {
    std::uint64_t seen = first_.load(std::memory_order_relaxed);
    do {
      links_[slot].store(link_of(seen), std::memory_order_relaxed);
    } while (!first_.compare_exchange_weak(seen, after(seen, static_cast<std::uint32_t>(slot) + 1),
                                           std::memory_order_release, std::memory_order_relaxed));
  }

  /// False if it is empty.
  bool try_pop(std::size_t& slot) noexcept {
    std::uint64_t seen = first_.load(std::memory_order_acquire);
    while (link_of(seen) != 0) {
      const std::size_t top = link_of(seen) - 1;
      // May be the link of another moment, if somebody else popped this slot meanwhile: then the word has changed.
      const std::uint32_t next = links_[top].load(std::memory_order_relaxed);
      if (first_.compare_exchange_weak(seen, after(seen, next), std::memory_order_acquire)) {
        slot = top;
        return true;
      }
    }
    return false;
  }

 private:
  /// A link is the number of a slot and one, or 0 for none. Above it the word counts its changes, so that it is never
  /// the same again (the ABA problem): 2^40 of them take hours, a pop takes less.
  static constexpr unsigned link_bits = 24;
  static std::uint32_t link_of(std::uint64_t word) {
    return static_cast<std::uint32_t>(word & ((1U << link_bits) - 1));
  }
  static std::uint64_t after(std::uint64_t seen, std::uint32_t link) {
    return (((seen >> link_bits) + 1) << link_bits) | link;
  }

  basic_slot_links<Primitives>& links_;
  alignas(128)
      typename Primitives::template atomic<std::uint64_t> first_{0};  // all threads write it: a line of its own
};

using slot_links = basic_slot_links<std_primitives>;
using slot_stack = basic_slot_stack<std_primitives>;

}  // namespace fanout::detail
