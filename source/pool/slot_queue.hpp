#pragma once

#include <oneapi/tbb/concurrent_queue.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/primitives.hpp"
#include "pool/slot_stack.hpp"

namespace fanout::detail {

/// Memory for the pages of a queue, all of it reserved by the constructor. Any number of threads may take and give
/// back.
class page_store {
 public:
  explicit page_store(std::size_t pages) : memory_(new page[pages]), free_(pages) {
    for (std::size_t each = pages; each != 0; --each) free_.push(each - 1);
  }

  /// Waits for a page to come back if all are taken.
  void* take() noexcept {
    std::size_t taken = 0;
    while (!free_.try_pop(taken)) std_primitives::yield();
    return &memory_[taken];
  }

  void give_back(void* returned) noexcept {
    free_.push(static_cast<std::size_t>(static_cast<page*>(returned) - memory_.get()));
  }

  struct alignas(128) page {
    std::byte bytes[256];
  };

 private:
  const std::unique_ptr<page[]> memory_;
  slot_stack free_;
};

/// A set of slot numbers below `size`, first in, first out. Any number of threads may push and pop at once. A pop
/// happens after the push of the same slot. Push and pop neither allocate nor throw.
///
/// It is a `tbb::concurrent_bounded_queue` whose pages come from a `page_store`. oneTBB splits the queue into 8
/// micro-queues. A push or pop first draws a ticket, and each micro-queue serves its tickets in order.
///
/// **A push never finds the queue full.** At most `size` of the first n pushes are the first of their slot. Each
/// other push follows a pop of the same slot, so n - size pops happen before those pushes. The push with ticket n - 1
/// happens after all these pops, because tickets are drawn from one counter by sequentially consistent
/// read-modify-writes. So it sees that at least n - size items are gone.
///
/// **The reserved pages are enough.** Take a micro-queue with m slots, including those whose push or pop is in
/// progress. It needs at most 1 + (m + 30) / 32 pages of 32 items, because its first page may be partly popped. The 8
/// micro-queues together hold at most `size` slots, and need at most 16 + size / 32 pages. In addition, the thread
/// that pops the last item of a page gives the page back only after it has advanced the micro-queue. So whenever a
/// push needs a page and all are taken, at least one is held by such a thread, which waits for nothing before it
/// gives the page back. Other pushes may take that page first, but not forever: each later push into the micro-queue
/// of a waiting push waits for it, so all slots would end up in such micro-queues.
///
/// **A pop that finds the queue empty** has read the counter of push tickets. For each push whose ticket it sees,
/// another pop has drawn the same ticket and owns the slot. This is what the fences of `basic_pool_line` rely on.
///
/// **A pop may wait for another thread**: for the push with its ticket to store the item, and for earlier pops of its
/// micro-queue. Neither a push nor a pop waits for anything outside the queue between drawing its ticket and moving
/// its item. So a thread may pop while it holds a mutex that others lock before they push, or after. The wait is
/// short unless the other thread is preempted. Under a real-time scheduler a thread that waits for one of lower
/// priority on the same core would wait forever; `slot_stack` has no such wait.
class slot_queue {
 public:
  /// Empty.
  explicit slot_queue(std::size_t size)
      : pages_(3 * micro_queues + size / items_per_page), queue_(allocator<item>(pages_)) {
    queue_.set_capacity(static_cast<std::ptrdiff_t>(size));
  }

  /// Requires that the slot is not in the queue.
  void push(std::size_t slot) noexcept { queue_.push(static_cast<item>(slot)); }

  /// False if it is empty.
  bool try_pop(std::size_t& slot) noexcept {
    item popped = 0;
    if (!queue_.try_pop(popped)) return false;
    slot = popped;
    return true;
  }

 private:
  using item = std::uint32_t;
  static constexpr std::size_t micro_queues = 8;
  static constexpr std::size_t items_per_page = 32;

  /// The queue allocates one page at a time and nothing else.
  template <class T>
  class allocator {
   public:
    using value_type = T;

    explicit allocator(page_store& pages) noexcept : pages_(&pages) {}
    template <class U>
    allocator(const allocator<U>& other) noexcept  // NOLINT(google-explicit-constructor): oneTBB converts it
        : pages_(other.pages_) {}

    T* allocate(std::size_t /*one*/) noexcept {
      static_assert(sizeof(T) <= sizeof(page_store::page) && alignof(T) <= alignof(page_store::page));
      static_assert(sizeof(T) >= items_per_page * sizeof(item), "a page of this oneTBB holds fewer items");
      return static_cast<T*>(pages_->take());
    }
    void deallocate(T* page, std::size_t /*one*/) noexcept { pages_->give_back(page); }

    template <class U>
    bool operator==(const allocator<U>& other) const noexcept {
      return pages_ == other.pages_;
    }

   private:
    template <class>
    friend class allocator;
    page_store* pages_;
  };

  page_store pages_;  // outlives the queue
  tbb::concurrent_bounded_queue<item, allocator<item>> queue_;
};

}  // namespace fanout::detail
